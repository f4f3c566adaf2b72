/**
 * What is kept besides the telemetry, by aggregate: each of these an interface of its own, all of them one transaction
 * wide where it matters. Every engine passes the same suite.
 *
 * Shape   any text is taken and comes back as it was, NUL and half a surrogate pair included; an id of any length too.
 *         Several handles, threads and processes may use one database: nothing is cached, and each call sees what every
 *         finished call of the others wrote.
 * Errors  Fault 'store.unwritable' when nothing was written, 'store.damaged' when what is there cannot be read; both
 *         name the place. Later calls may succeed.
 */
import { Fault } from '../../wire/fault.ts'
import type { Cluster } from '../model/assessment.ts'
import type { Verdict } from '../model/case.ts'
import type { Change } from '../model/change.ts'
import type { Enrolled } from '../model/device.ts'
import type { Finding } from '../model/finding.ts'
import type { Standing } from '../model/standing.ts'
import type { AuditEntry, User } from '../model/user.ts'

export interface Store {
  devices: Devices
  users: Users
  cases: Cases
  audit: Audit
  values: Values
  evaluations: Evaluations
  changes: ChangeFeed
  close(): Promise<void>
}

export interface Devices {
  get(device: string): Promise<Enrolled | null>
  /** In order of the id, after `after`, at most `limit`. */
  list(page?: { after?: string; limit?: number }): Promise<Enrolled[]>
  save(enrolled: Enrolled): Promise<void>
  /** One-time enrollment tokens, by SHA-256 of the secret. */
  addToken(token: { hash: string; worker: string | null; createdAt: number; expiresAt: number }): Promise<void>
  /** Uses the token up, or null when it is unknown, used or expired. */
  takeToken(hash: string, now: number): Promise<{ worker: string | null } | null>
}

export interface Users {
  list(): Promise<User[]>
  byName(name: string): Promise<User | null>
  byId(id: number): Promise<User | null>
  /** Errors  Fault 'api.invalid' when the name is taken. The id of a user who is gone never comes back. */
  add(user: Omit<User, 'id'>): Promise<User>
  /** Nothing happens when there is no such user. */
  setPassword(id: number, passwordHash: string): Promise<void>
  /** Sessions and one-time links, by SHA-256 of the secret. */
  addSession(session: {
    hash: string
    userId: number
    createdAt: number
    expiresAt: number
    once: boolean
  }): Promise<void>
  session(hash: string, now: number): Promise<{ userId: number; once: boolean } | null>
  endSession(hash: string): Promise<void>
}

export interface Cases {
  /** A person's verdict with the change and the audit entry that say so, in one transaction; kept for good. */
  decide(verdict: Verdict, change: Change, entry: AuditEntry): Promise<void>
  /** Newest first. */
  verdictsOf(worker: string): Promise<Verdict[]>
  /** The newest verdict of each worker. */
  latest(): Promise<Map<string, Verdict>>
}

export interface Audit {
  add(entry: AuditEntry): Promise<void>
  /** Newest first. */
  newest(limit: number): Promise<AuditEntry[]>
}

/** Small named values: keys, salts, the policy. */
export interface Values {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  /** False, and nothing written, unless the value is `expected` (null: not there). */
  compareAndSet(key: string, expected: string | null, value: string): Promise<boolean>
}

/**
 * One judgement of the stream by one ruleset. A change of the rules makes another beside the active one; when that has
 * caught up it is activated, and the one before is dropped.
 */
export interface Evaluation {
  id: string
  /** What judged: rules, filters, thresholds, catalogue, switches, engine. JSON. */
  ruleset: string
  /** The stream it stands on, and the last position that was judged; `digest` of the record there. */
  stream: string
  position: number
  digest: string | null
  /** The log's clock, epoch ms. */
  time: number
  active: boolean
}

/** State of one part of judgement about one subject. */
export interface KeptRow {
  part: string
  subject: string
  /** As JSON.stringify writes it. Null: it is gone. */
  state: string | null
}

export interface Commit {
  position: number
  digest: string | null
  time: number
  /** Where one commit names a thing twice, the last counts, and `gone` after `findings`, likewise for standings. */
  kept: readonly KeptRow[]
  findings: readonly Finding[]
  /** Ids of findings that are no more. */
  gone: readonly string[]
  standings: readonly Standing[]
  /** Workers who have none any more. */
  standingsGone: readonly string[]
  /** All clusters as they are now; left out: unchanged. */
  clusters?: readonly Cluster[]
  /** Told by the active evaluation only; one that is not active yet tells nothing. */
  changes: readonly Change[]
}

/**
 * Shape   of an evaluation that is not there, reading finds nothing; writing to it is refused.
 */
export interface Evaluations {
  /** In the order they were begun. */
  list(): Promise<Evaluation[]>
  active(): Promise<Evaluation | null>
  /** A new one at position 0 with nothing in it. Not active. Errors  Fault 'store.superseded' when the id is taken. */
  begin(evaluation: Omit<Evaluation, 'active' | 'position' | 'digest' | 'time'>): Promise<void>
  /**
   * All of it or nothing. The standings of a commit get the next revision. A commit at the position of the one before
   * is taken: that is how much is written in several.
   * Errors  Fault 'store.superseded' when the evaluation was dropped, or has come further than the commit's position:
   *         somebody else judges it.
   */
  commit(id: string, commit: Commit): Promise<void>
  /**
   * Makes it the active one, with the changes that tell what is different, and drops the others. One transaction; the
   * rows of those that were dropped are deleted afterwards, and hold nobody up.
   * Errors  Fault 'store.superseded' when it was dropped.
   */
  activate(id: string, changes: readonly Change[]): Promise<void>
  /** As if it had never been. Its rows are deleted as `activate` does it. */
  drop(id: string): Promise<void>
  /** Of parts whose name begins with `prefix`, in blocks that show one moment: that of the first. */
  kept(id: string, prefix?: string): AsyncIterable<readonly KeptRow[]>
  /** Null: nothing kept. */
  keptOf(id: string, part: string, subject: string): Promise<string | null>
  /** In blocks that show one moment, in order of id. */
  findings(id: string): AsyncIterable<readonly Finding[]>
  /** About a worker, or a laptop that nobody held: in order of time, then id. */
  findingsOf(id: string, subject: string): Promise<Finding[]>
  finding(id: string, finding: string): Promise<Finding | null>
  standing(id: string, worker: string): Promise<Standing | null>
  /**
   * Standings whose revision is above `since`, who is gone since, and the highest revision now. Revisions belong to
   * one evaluation: after an activation, ask from 0.
   */
  standingsSince(id: string, since: number): Promise<{ revision: number; standings: Standing[]; gone: string[] }>
  /** In the order of the commit. */
  clusters(id: string): Promise<Cluster[]>
}

export interface TakenChange {
  /** 1, 2, 3 …: where a consumer goes on from. What is written later has a higher one, and no number is left out. */
  seq: number
  change: Change
}

/** A change whose id is in the feed already is passed over, so that the same one told twice is one. */
export interface ChangeFeed {
  /** In order, after `seq`, at most `limit`. */
  after(seq: number, limit: number): Promise<TakenChange[]>
  /** The seq of the newest, trimmed or not; 0 for none. */
  last(): Promise<number>
  /** How far a named consumer has come; null for one that never said: 0 is one that waits for the first change. */
  position(consumer: string): Promise<number | null>
  setPosition(consumer: string, seq: number): Promise<void>
  /** Deletes those whose time is before `time`. Resolves with how many went. */
  trim(time: number): Promise<number>
}

export function nameTaken(name: string): Fault {
  return new Fault('api.invalid', { where: 'name', todo: 'Choose another name: this one is taken.', facts: { name } })
}

export function superseded(evaluation: string): Fault {
  return new Fault('store.superseded', { where: evaluation, todo: 'Start again from the active evaluation.' })
}
