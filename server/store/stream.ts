/**
 * The stream: recorded telemetry (`wire/recording.ts`) in order of arrival. Everything else is derived from it.
 *
 * Shape   a position is a place in one partition: 1, 2, 3 …, never reused, with gaps only where records were lost.
 *         There is one partition today, and every position belongs to it.
 * Errors  `publish` rejects with Fault 'store.unwritable' (disk full, read-only) and stores nothing of that call; later
 *         calls may succeed. `read` throws Fault 'store.damaged' with the place, unless `onDamaged` is given.
 */
import type { Fault, FaultCode } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'

export interface Stored {
  position: number
  record: Recorded
}

export interface Rejected {
  device: string
  receivedAt: number
  seq: number | null
  /** The spool's epoch. With `epoch` and `seq`, the rejected event counts as acknowledged, and is stored once. */
  epoch?: number
  code: FaultCode
  where: string
  /** What was received, as JSON, cut to 4,096 characters. */
  raw: string
}

/** `last` is `first - 1` when nothing was stored. `duplicates` are indexes into the records of the call. */
export interface Published {
  first: number
  last: number
  duplicates: number[]
}

/** Called for each damaged block; reading continues after it. Without a handler, reading throws. */
export interface OnDamage {
  onDamaged?: (fault: Fault) => void
}

/** Acknowledged positions that are missing: after < position <= upTo. If after = upTo, see `fault`. */
export interface Missing {
  after: number
  upTo: number
  /** 'store.damaged', with the place and what to do. */
  fault: Fault
}

export interface Stream {
  /** Random, from the stream's creation: shows whether an evaluation belongs to this stream. */
  readonly id: string
  /** What was lost since it was last open; reported at the next opening only. Null: nothing. */
  readonly missing: Missing | null
  /**
   * All records become durable, or none. Calls apply in the order they were made; concurrent calls share a commit.
   * (device, epoch, seq) is unique: an event whose number is already stored is omitted and listed in `duplicates`; the
   * others get positions in their order. A `conflict` event is also unique by its id, and a feed line by its event's
   * id, until `trim` passes the time of its arrival.
   */
  publish(records: readonly Recorded[], rejected?: readonly Rejected[]): Promise<Published>
  /** The last position written; 0 for none. */
  last(): Promise<number>
  /** Calls `listener` after commits with the last position. Returns a function that stops this. */
  onPublished(listener: (last: number) => void): () => void
  /** Everything after `afterPosition` up to the last position at the time of the call, in order, in blocks. */
  read(afterPosition: number, damage?: OnDamage): AsyncIterable<readonly Stored[]>
  /** The highest stored or rejected seq of this epoch of this spool; 0 for none. */
  acked(device: string, epoch: number): Promise<number>
  /** A hash of the record at `position`; null when there is none, or it cannot be read. */
  digest(position: number): Promise<string | null>
  /**
   * Deletes events, connections, feed lines and rejected events that arrived before `time`. Contracts, devices,
   * revocations, labels and clock lines stay, and so do positions and received numbers. Resolves with the number of deleted records.
   */
  trim(time: number): Promise<number>
  close(): Promise<void>
}
