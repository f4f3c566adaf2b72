/** What a deriver is: a small state machine over the event stream. One file each, listed in index.ts. */
import type { Contract } from '../../wire/contract.ts'
import type { Category, Event, EventOf } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, RecordedConnection } from '../../wire/recording.ts'

/** One event, or one session's beginning, with what was known beside it. */
export interface Seen {
  event: Event | null
  connection: (RecordedConnection & { geo: AddressFacts }) | null
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
/** A derived event before it is stamped. Its id is a hash over deriver, device, time and `key`. */
export type Draft = Fields<EventOf<Exclude<Category, 'collection_gap'>>>

/** `key` tells apart what one deriver emits for one device at one time. */
export type Emit = (draft: Draft, key: string) => void

/**
 * Shape   `take` sees base events and what derivers listed before it emitted. `advance` is told that the log's clock
 *         reached `now`: what depends on nothing having come is decided there, and stamped with the time it became so.
 *         State is plain JSON, so that a restart resumes where the snapshot was taken.
 * Errors  none: input was validated at ingest; what a deriver cannot judge it leaves alone.
 */
export interface Deriver {
  name: string
  take(seen: Seen, emit: Emit): void
  advance?(now: number, emitFor: (device: string, time: number, draft: Draft, key: string) => void): void
  /** The server was not listening from `from` to `to`: nobody could have been heard. */
  deaf?(from: number, to: number): void
  save(): unknown
  load(state: unknown): void
}
