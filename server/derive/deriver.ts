/** What a deriver is: a small state machine over the record stream. One file each, listed in index.ts. */

import type * as z from 'zod'
import type { Contract } from '../../wire/contract.ts'
import type { Category, Event, EventOf } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, RecordedConnection } from '../../wire/recording.ts'
import { DAY } from '../../wire/time.ts'
import type { Keeper } from './kit/kept.ts'
import type { World } from './kit/world.ts'

/** One event, or one session's beginning, with what was known beside it. */
export interface Seen {
  event: Event | null
  connection: (RecordedConnection & { geo: AddressFacts }) | null
  /** Where the address in the event is: a login's, or the far end of a remote session. Null: it names none. */
  peer: AddressFacts | null
  /** True: an event whose number was used before for another one. Nothing is derived from it but the conflict. */
  conflict: boolean
  device: string | null
  worker: string | null
  /** Event time, epoch ms. */
  time: number
  receivedAt: number
  /** The spool's life that the event's number counts in; null on what no spool numbered. */
  epoch: number | null
  contract: Contract | null
  firstBoot: number | null
  facts: CatalogueFacts | undefined
}

type Fields<E> = E extends unknown ? Omit<E, 'id' | 'seq' | 'product' | 'collector' | 'time'> : never
/** A derived event before it is stamped. */
export type Draft = Fields<EventOf<Exclude<Category, 'collection_gap'>>>

/** A category of events; 'session': a connection's beginning. */
export type Reading = Category | 'session'

/** Whom and when a derived event is about. `device` null: the worker, whatever the laptop. */
export interface About {
  device: string | null
  worker: string | null
  time: number
}

/**
 * Puts a derived event where it stands: its id is a hash over deriver, device or worker, time and `key`, so that the
 * same again takes the place of the one before, and null takes it back.
 */
export type Emit = (about: About, key: string, draft: Draft | null) => void

/**
 * Shape   `take` sees the records of the log, never what derivers emitted. `advance` is told that the log's clock
 *         reached `now`: every few minutes of it, and when somebody is going to compare what stands.
 *         After `advance(t)`, what stands is a function of the set of records taken and of `t`: the order they came in
 *         makes no difference, as long as none comes later than `LATENESS_MS` after what its subject had reached.
 *         State is kept by subject, so that a restart resumes from what was written, and bounded per subject, as the
 *         file says. All that decides about what is emitted is kept, or follows from what is.
 * Errors  none: input was validated at ingest; what a deriver cannot judge it leaves alone.
 */
export interface Deriver extends Keeper {
  /** What `take` has to be called for. Left out: everything. */
  reads?: readonly Reading[]
  take(seen: Seen, emit: Emit): void
  advance?(now: number, emit: Emit): void
  /** The server was not listening from `from` to `to`: nobody could have been heard. */
  deaf?(from: number, to: number): void
}

/** A deriver's name, what can be tuned about it, and how one is made. */
export interface DeriverKind {
  name: string
  /** Named thresholds with defaults; the docstring of each says its unit, its source and what it is for. */
  thresholds: z.ZodType
  make(thresholds: unknown, world: World): Deriver
}

/** `thresholds` is a strict object in which everything has a default. */
export function deriverKind<T extends z.ZodType>(
  name: string,
  thresholds: T,
  make: (thresholds: z.output<T>, world: World) => Deriver,
): DeriverKind {
  return { name, thresholds, make: (given, world) => make(thresholds.parse(given ?? {}), world) }
}

/** Eight days: a spool keeps seven, so a laptop that comes back after a week is judged as if it had never been away. */
export const LATENESS_MS = 8 * DAY
