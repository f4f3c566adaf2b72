/**
 * What is kept, behind two small faces with one shared test suite each: the telemetry log and the state.
 *
 * The log is recorded telemetry (`wire/recording.ts`), in order of arrival, durable before `append` resolves. The
 * state is everything that is a row: enrolled devices, findings, users, audit.
 */

import type { Category, Event } from '../../wire/event.ts'
import { Fault, type FaultCode } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { Verdict } from '../model/case.ts'
import type { Enrolled } from '../model/device.ts'
import type { Finding } from '../model/finding.ts'
import type { AuditEntry, User } from '../model/user.ts'

export interface Stored {
  /** 1, 2, 3 …: the place in the log. Never reused, never skipped. */
  position: number
  record: Recorded
}

export interface Rejected {
  device: string
  receivedAt: number
  seq: number | null
  /** The spool's life that `seq` counts in. With both, the number is done with: it raises `acked`, and is kept once. */
  epoch?: number
  code: FaultCode
  where: string
  /** What came, as JSON, cut to 4,096 characters. */
  raw: string
}

/** Of each device; what is older is counted only. */
export const REJECTED_PER_DEVICE = 1_000

export interface LogQuery {
  devices?: readonly string[]
  categories?: readonly Category[]
  /** Event time, epoch ms, half open: from <= time < to. */
  from?: number
  to?: number
}

export interface HourCount {
  /** Epoch ms of the hour's start. */
  hour: number
  device: string
  category: Category
  events: number
}

/** `last` is `first - 1` when nothing was stored. `duplicates` are indexes into the records of the call. */
export interface Appended {
  first: number
  last: number
  duplicates: number[]
}

/** What to do about a damaged segment: told, reading goes on behind it; without a handler, the reading throws. */
export interface OnDamage {
  onDamaged?: (fault: Fault) => void
}

/**
 * Errors  `append` rejects with Fault 'store.unwritable' (disk full, read-only) and keeps nothing of that call;
 *         later calls may succeed. Reading a damaged segment throws Fault 'store.damaged' with its number.
 */
export interface TelemetryLog {
  /**
   * All of it durable, or none. Calls are applied in the order they were made; concurrent calls share one commit.
   * (device, epoch, seq) is unique: an event whose number is stored already is left out and named in `duplicates`,
   * the others get positions in their order. A `conflict` event is unique by its id as well, and a feed line by its
   * event's, until `retain` passes the time it came.
   */
  append(records: readonly Recorded[], rejected?: readonly Rejected[]): Promise<Appended>
  /** The last position written; 0 for none. */
  last(): number
  /** Everything after `position` up to `last()` as of the call, in order. */
  read(afterPosition?: number, damage?: OnDamage): AsyncIterable<Stored>
  /** Event records that fit, newest first by event time (then position), at most `limit`. */
  events(query: LogQuery, limit: number, damage?: OnDamage): Promise<Stored[]>
  /** By hour, device, category. An hour that the query touches is counted whole. */
  counts(query: LogQuery): Promise<HourCount[]>
  /** The highest seq stored, or rejected, for this life of this spool; 0 for none. */
  acked(device: string, epoch: number): number
  /** The event stored under this number, or null: used only when a number comes again. */
  bySeq(device: string, epoch: number, seq: number): Promise<Event | null>
  /** Newest first. The newest 1,000 of a device are kept. */
  rejected(device: string, limit: number): Promise<Rejected[]>
  /** How many were ever rejected, kept or not. */
  rejectedTotal(device: string): number
  /**
   * Deletes events, connections, feed lines and rejected that came before `time`, segment by segment: one goes when the
   * last of it came before. Contracts, devices, labels and clocks stay, and so do positions and what is known as
   * received. Answers how many records went. What cannot be read stays.
   */
  retain(time: number): Promise<number>
  close(): Promise<void>
}

export interface Progress {
  /** The last log position that was judged. */
  position: number
  /** `Pipeline.save()`: JSON. */
  pipeline: string
  /** The rules it was judged by; others mean judging anew. */
  rules: string
}

export interface State {
  enrolled(device: string): Enrolled | null
  allEnrolled(): Enrolled[]
  saveEnrolled(enrolled: Enrolled): void
  /** One-time enrolment tokens, by SHA-256 of the secret. */
  addToken(token: { hash: string; worker: string | null; createdAt: number; expiresAt: number }): void
  /** Uses the token up, or null when it is unknown, used or expired. */
  takeToken(hash: string, now: number): { worker: string | null } | null

  /**
   * Findings that changed or are gone (by id) and the pipeline's state as of a log position, in one transaction: after a kill the two
   * speak of the same moment, so that judging the rest of the log counts nothing twice.
   */
  saveProgress(progress: Progress, changed: readonly Finding[], gone: readonly string[]): void
  progress(): Progress | null
  /** Newest first by `lastTime`; `since` is a `lastTime` that is still in. */
  findings(query: { worker?: string; since?: number; limit?: number }): Finding[]
  finding(id: string): Finding | null
  /** Forgets findings and progress: the log is judged anew. */
  clearFindings(): void

  /** What a person decided about a worker; kept for good. */
  addVerdict(verdict: Verdict): void
  /** Newest first. */
  verdicts(worker?: string): Verdict[]

  users(): User[]
  user(name: string): User | null
  /** Errors  Fault 'api.invalid' when the name is taken. */
  saveUser(user: Omit<User, 'id'>): User
  setPassword(userId: number, passwordHash: string): void
  /** Sessions and one-time links, by SHA-256 of the secret. */
  addSession(session: { hash: string; userId: number; createdAt: number; expiresAt: number; once: boolean }): void
  session(hash: string, now: number): { userId: number; once: boolean } | null
  endSession(hash: string): void

  audit(entry: AuditEntry): void
  /** Newest first. */
  auditTrail(limit: number): AuditEntry[]

  /** Small named values: keys, salts, schema facts. */
  get(key: string): string | null
  set(key: string, value: string): void
  close(): void
}

export function nameTaken(name: string): Fault {
  return new Fault('api.invalid', { where: 'name', todo: 'Choose another name: this one is taken.', facts: { name } })
}
