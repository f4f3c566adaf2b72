/**
 * Everything stored besides telemetry, by aggregate. Each aggregate has an interface of its own; where it matters, one
 * transaction covers several. All engines pass the same test suite.
 *
 * Shape   any text can be stored and is returned unchanged, with NUL, lone surrogates and at any length, ids included.
 *         Several handles, threads and processes may use one database: nothing is cached, and each call sees what
 *         every finished call of the others wrote.
 * Errors  Fault 'store.unwritable' when nothing was written, 'store.damaged' when stored data cannot be read; both
 *         name the place. Later calls may succeed.
 */
import { Fault } from '../../wire/fault.ts'
import type { Cluster } from '../model/assessment.ts'
import type { Verdict } from '../model/case.ts'
import type { Change } from '../model/change.ts'
import type { Enrolled, Revocation } from '../model/device.ts'
import type { Finding } from '../model/finding.ts'
import type { Standing } from '../model/standing.ts'
import type { AuditEntry, NewUser, User, UserChange } from '../model/user.ts'

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
  /** Adds a laptop without a token, or replaces it. Never clears a revocation. */
  save(enrolled: Enrolled): Promise<void>
  /** One-time enrollment tokens, by SHA-256 of the secret. */
  addToken(token: { hash: string; worker: string | null; createdAt: number; expiresAt: number }): Promise<void>
  /**
   * Uses up the token and stores the laptop, in one transaction. Its first boot is never later than stored before.
   * Only a token made after a revocation clears it. Resolves with the token's worker, and the laptop as stored.
   * Errors  Fault 'enroll.token' when the token is unknown, used or expired; 'device.revoked'. Both change nothing.
   */
  enroll(hash: string, laptop: Enrolled, now: number): Promise<{ worker: string | null; laptop: Enrolled }>
  /**
   * Stores the revocation with its audit entry, in one transaction; one of a revoked laptop replaces the earlier one.
   * Null: no such laptop.
   */
  revoke(device: string, revocation: Revocation, entry: AuditEntry): Promise<Enrolled | null>
  /** The laptops revoked at `time` or later, in order of the id. */
  revokedSince(time: number): Promise<Enrolled[]>
}

export interface Users {
  list(): Promise<User[]>
  byName(name: string): Promise<User | null>
  byId(id: number): Promise<User | null>
  /** Errors  Fault 'api.invalid' when the name is taken. Ids of deleted users are never used again. */
  add(user: NewUser): Promise<User>
  /**
   * Sets the password, and another name if there is one. Null: no such user.
   * Errors  Fault 'api.invalid' when the name is taken.
   */
  setPassword(id: number, passwordHash: string, name?: string): Promise<User | null>
  /**
   * Changes the user and adds the audit entries, in one transaction. Null: no such user.
   * Errors  Fault 'api.forbidden' when no admin who can sign in would be left: see `keepAdmin`.
   */
  change(id: number, change: UserChange, entries: readonly AuditEntry[]): Promise<User | null>
  /** The same for a removal. False: no such user. The name may be used again. */
  remove(id: number, entry: AuditEntry): Promise<boolean>
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
  /** Stores a verdict with its change and audit entry, in one transaction. Verdicts are never deleted. */
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
  /** Writes only if the value is `expected` (null: no value); else returns false. */
  compareAndSet(key: string, expected: string | null, value: string): Promise<boolean>
}

/**
 * One evaluation of the stream by one ruleset. A change of the rules starts another beside the active one. When it has
 * caught up, it is activated and the previous one is dropped.
 */
export interface Evaluation {
  id: string
  /** JSON of what evaluates: rules, filters, thresholds, catalogue, switches, engine. */
  ruleset: string
  /** The stream's id, the last evaluated position, and the hash of the record there. */
  stream: string
  position: number
  digest: string | null
  /** The log's clock, epoch ms. */
  time: number
  active: boolean
}

export interface Begun extends Pick<Evaluation, 'id' | 'ruleset' | 'stream'> {
  /** The id of the evaluation to amend. */
  base?: string | undefined
}

/** State of one part of an evaluation about one subject. */
export interface KeptRow {
  part: string
  subject: string
  /** JSON. Null: delete it. */
  state: string | null
}

export interface Commit {
  position: number
  digest: string | null
  time: number
  /** If one commit names an item twice, the last counts; `gone` counts after `findings`, and likewise for standings. */
  kept: readonly KeptRow[]
  findings: readonly Finding[]
  /** Ids of deleted findings. */
  gone: readonly string[]
  standings: readonly Standing[]
  /** Workers who have no standing any more. */
  standingsGone: readonly string[]
  /** All current clusters; omitted: unchanged. */
  clusters?: readonly Cluster[]
  /** Added to the feed only if the evaluation is active. */
  changes: readonly Change[]
}

/**
 * Shape   for an unknown evaluation, reads find nothing and writes are refused.
 */
export interface Evaluations {
  /** In the order of `begin`. */
  list(): Promise<Evaluation[]>
  active(): Promise<Evaluation | null>
  /**
   * Creates an inactive, empty evaluation at position 0. One with a `base` is to amend that evaluation: from now on the
   * store remembers the kept rows that commits to the base replace.
   * Errors  Fault 'store.superseded' when the id is taken, or the base unknown.
   */
  begin(evaluation: Begun): Promise<void>
  /**
   * All or nothing. The standings of a commit get the next revision. Several commits may have the same position, to
   * write much data in parts.
   * Errors  Fault 'store.superseded' when the evaluation was dropped, or is past the commit's position because another
   *         process writes it.
   */
  commit(id: string, commit: Commit): Promise<void>
  /**
   * Makes it the active one, adds the changes between the two to the feed, and drops the others. One transaction; the
   * rows of dropped evaluations are deleted afterwards in the background.
   * Errors  Fault 'store.superseded' when it was dropped.
   */
  activate(id: string, changes: readonly Change[]): Promise<void>
  /**
   * Completes an evaluation that was begun with a base, without copying any rows. The base, which must be the active
   * evaluation, gets this id and ruleset; its kept rows become what they were at `begin`; then `commit` is applied,
   * and the other evaluations are dropped. One transaction.
   * Errors  Fault 'store.superseded' when either was dropped, or the base is past the commit's position.
   */
  amend(id: string, commit: Commit): Promise<void>
  /** Removes it at once; its rows are deleted afterwards in the background. */
  drop(id: string): Promise<void>
  /** The rows of parts whose name begins with `prefix`, in blocks, as of the first read. */
  kept(id: string, prefix?: string): AsyncIterable<readonly KeptRow[]>
  /** Null: no such row. */
  keptOf(id: string, part: string, subject: string): Promise<string | null>
  /** By id, in blocks, as of the first read. */
  findings(id: string): AsyncIterable<readonly Finding[]>
  /** About a worker, or about a laptop without a holder: by time, then id. */
  findingsOf(id: string, subject: string): Promise<Finding[]>
  finding(id: string, finding: string): Promise<Finding | null>
  standing(id: string, worker: string): Promise<Standing | null>
  /**
   * Standings with a revision above `since`, workers whose standing was removed since, and the highest revision.
   * Revisions belong to one evaluation: after an activation, start at 0.
   */
  standingsSince(id: string, since: number): Promise<{ revision: number; standings: Standing[]; gone: string[] }>
  /** In the order of the commit. */
  clusters(id: string): Promise<Cluster[]>
}

export interface TakenChange {
  /** 1, 2, 3 … without gaps, ascending in the order of writes: a consumer resumes from here. */
  seq: number
  change: Change
}

/** A change whose id is already in the feed is skipped. */
export interface ChangeFeed {
  /** In order, after `seq`, at most `limit`. */
  after(seq: number, limit: number): Promise<TakenChange[]>
  /** The seq of the newest change, even if trimmed; 0 for none. */
  last(): Promise<number>
  /** The last seq that a consumer has handled; 0 for none yet, null for an unknown consumer. */
  position(consumer: string): Promise<number | null>
  setPosition(consumer: string, seq: number): Promise<void>
  /** Deletes changes before `time`. Resolves with their number. */
  trim(time: number): Promise<number>
}

export function nameTaken(name: string): Fault {
  return new Fault('api.invalid', {
    where: 'name',
    why: 'This name is taken.',
    todo: 'Choose another name.',
    facts: { name },
  })
}

export function superseded(evaluation: string): Fault {
  return new Fault('store.superseded', { where: evaluation, todo: 'Start again from the active evaluation.' })
}
