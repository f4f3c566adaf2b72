/** The interface of derivers: state machines over the log's records that emit derived events. Listed in index.ts. */

import type * as z from 'zod'
import type { Contract } from '../../wire/contract.ts'
import type { Category, Event, EventOf } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, RecordedConnection } from '../../wire/recording.ts'
import type { Keeper } from './kit/kept.ts'
import type { Changed, World } from './kit/world.ts'

export { LATENESS_MS } from './kit/lateness.ts'

/** One event, or the start of one session, with its context: who held the laptop, and their contract. */
export interface Seen {
  event: Event | null
  connection: (RecordedConnection & { geo: AddressFacts }) | null
  /** The facts about the address in the event: of a login or of work in a repository, or of the remote end
   * of a session. Null: there is none. */
  peer: AddressFacts | null
  /** The facts about the address from which a login's second factor was approved. Null: there is none. */
  approval: AddressFacts | null
  /** True: the event's sequence number was used before by another event. Only the conflict is derived from it. */
  conflict: boolean
  device: string | null
  worker: string | null
  /** Event time, epoch ms. */
  time: number
  receivedAt: number
  /** The spool epoch that the event's sequence number counts in; null for events without one. */
  epoch: number | null
  contract: Contract | null
  firstBoot: number | null
  facts: CatalogueFacts | undefined
}

type Fields<E> = E extends unknown ? Omit<E, 'id' | 'seq' | 'product' | 'collector' | 'time'> : never
/** A derived event before it is stamped. */
export type Draft = Fields<EventOf<Exclude<Category, 'collection_gap'>>>

/** What a deriver can read: a category of events, or 'session' for the start of a connection. */
export type Reading = Category | 'session'

/** The subject and time of a derived event. `device` null: it is about the worker, on any laptop. */
export interface About {
  device: string | null
  worker: string | null
  time: number
}

/**
 * Emits a derived event. Its id is a hash over deriver, device or worker, time and `key`: an event with the same ones
 * replaces the earlier one, and null retracts it.
 */
export type Emit = (about: About, key: string, draft: Draft | null) => void

/** As `Emit`, where the subject is known from the context. */
export type Report = (time: number, key: string, draft: Draft | null) => void

/**
 * Shape   `take` receives the records of the log, never derived events. `advance` is called when the log's clock has
 *         reached `now`: every few minutes of its time, and before results are compared.
 *         After `advance(t)`, the derived events in force are a function of the set of records taken and of `t`. The
 *         order of records makes no difference, as long as none arrives more than `LATENESS_MS` after the latest time
 *         of its subject.
 *         State is kept by subject, so that a restart resumes from what was saved, and bounded per subject (see
 *         'Memory' in each file). Everything that decides what is emitted is saved, or follows from what is saved.
 * Errors  none: input was validated at ingest; what cannot be judged is ignored.
 */
export interface Deriver extends Keeper {
  /** What `take` is called for. Absent: everything. */
  reads?: readonly Reading[]
  take(seen: Seen, emit: Emit): void
  advance?(now: number, emit: Emit): void
  /** The server was down from `from` to `to`, so no laptop could have been heard. */
  serverDown?(from: number, to: number): void
  /**
   * A contract, an approval, a holding or a tool's tenant became known, perhaps after the events it is about: judge
   * those of this worker or laptop again at the next `advance`, as far back as they are kept.
   */
  changed?(changed: Changed): void
  /** What the fleet has in common in its learning period has changed (`World.isCommonHere`). */
  commonChanged?(): void
  /** A laptop was revoked or, after that, enrolled again: `World.revocationsOf` has changed. */
  revoked?(device: string): void
}

/** A deriver's name, thresholds and factory. */
export interface DeriverKind {
  name: string
  /** Named thresholds with defaults; each docstring says the unit, the source and the purpose. */
  thresholds: z.ZodType
  make(thresholds: unknown, world: World): Deriver
}

/** `thresholds` is a strict object in which every field has a default. */
export function deriverKind<T extends z.ZodType>(
  name: string,
  thresholds: T,
  make: (thresholds: z.output<T>, world: World) => Deriver,
): DeriverKind {
  return { name, thresholds, make: (given, world) => make(thresholds.parse(given ?? {}), world) }
}
