/**
 * What is kept, behind two small faces with one shared test suite each: the telemetry log and the state.
 *
 * The log is recorded telemetry (`wire/recording.ts`), in order of arrival, durable before `append` resolves. The
 * state is everything that is a row: devices, contracts, findings, users, audit.
 */
import type { Category } from '../../wire/event.ts'
import type { Contract, Device } from '../../wire/contract.ts'
import type { Event } from '../../wire/event.ts'
import type { FaultCode } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'

export interface Stored {
  /** 1, 2, 3 …: the place in the log. Never reused, never skipped. */
  position: number
  record: Recorded
}

export interface Rejected {
  device: string
  receivedAt: number
  seq: number | null
  code: FaultCode
  where: string
  /** What came, as JSON, cut to 4,096 characters. */
  raw: string
}

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

/**
 * Errors  `append` rejects with Fault 'store.unwritable' (disk full, read-only) and keeps nothing of that call;
 *         later calls may succeed. Reading a damaged segment throws Fault 'store.damaged' with its number.
 */
export interface TelemetryLog {
  /** All of it durable, or none. Calls are applied in the order they were made; concurrent calls share one commit. */
  append(records: readonly Recorded[], rejected?: readonly Rejected[]): Promise<{ first: number; last: number }>
  /** The last position written; 0 for none. */
  last(): number
  /** Everything after `position`, in order. */
  read(afterPosition?: number): AsyncIterable<Stored>
  /** Event records that fit, newest first, at most `limit`. */
  events(query: LogQuery, limit: number): Promise<Stored[]>
  counts(query: LogQuery): Promise<HourCount[]>
  /** The highest seq stored for this life of this spool; 0 for none. */
  acked(device: string, epoch: number): number
  /** The event stored under this number, or null: used only when a number comes again. */
  bySeq(device: string, epoch: number, seq: number): Promise<Event | null>
  rejected(device: string, limit: number): Promise<Rejected[]>
  close(): Promise<void>
}

export interface Enrolled {
  device: string
  /** Raw Ed25519 public key, base64url. */
  publicKey: string
  platform: string
  version: string
  fingerprint: string | null
  enrolledAt: number
  revokedAt: number | null
  firstBoot: number
}


/**
 * Shape   `id` a hash of rule id, rule version, group and window; a later event of the same group and window adds to
 *         the row and never makes a second. `events` the earliest ten by (time, id).
 */
export interface Finding {
  id: string
  rule: string
  ruleVersion: string
  title: string
  level: string | null
  family: string
  strength: 1 | 2 | 3 | 4
  halfLifeDays: number | null
  pattern: 'high' | 'critical' | null
  worker: string | null
  device: string | null
  group: string
  /** Event time of the earliest and the latest event in it. */
  time: number
  lastTime: number
  count: number
  says: string
  events: Event[]
}

export interface User {
  id: number
  name: string
  role: 'admin' | 'analyst' | 'viewer'
  passwordHash: string | null
  createdAt: number
}

export interface AuditEntry {
  at: number
  user: string | null
  action: string
  about: string | null
  detail: string | null
}

export interface State {
  enrolled(device: string): Enrolled | null
  allEnrolled(): Enrolled[]
  saveEnrolled(enrolled: Enrolled): void
  /** One-time enrolment tokens, by SHA-256 of the secret. */
  addToken(token: { hash: string; worker: string | null; createdAt: number; expiresAt: number }): void
  /** Uses the token up, or null when it is unknown, used or expired. */
  takeToken(hash: string, now: number): { worker: string | null } | null

  saveFindings(findings: readonly Finding[]): void
  findings(query: { worker?: string; since?: number; limit?: number }): Finding[]
  finding(id: string): Finding | null
  clearFindings(): void

  /** The pipeline's state as of a log position, or null. Written whole. */
  saveSnapshot(snapshot: { position: number; state: string }): void
  snapshot(): { position: number; state: string } | null

  contracts(): Contract[]
  saveContract(contract: Contract): void
  devices(): Device[]
  saveDevice(device: Device): void

  users(): User[]
  user(name: string): User | null
  saveUser(user: Omit<User, 'id'>): User
  setPassword(userId: number, passwordHash: string): void
  /** Sessions and one-time links, by SHA-256 of the secret. */
  addSession(session: { hash: string; userId: number; createdAt: number; expiresAt: number; once: boolean }): void
  session(hash: string, now: number): { userId: number; once: boolean } | null
  endSession(hash: string): void

  audit(entry: AuditEntry): void
  auditTrail(limit: number): AuditEntry[]

  /** Small named values: keys, salts, schema facts. */
  get(key: string): string | null
  set(key: string, value: string): void
  close(): void
}
