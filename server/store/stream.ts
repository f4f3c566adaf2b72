/**
 * The stream: recorded telemetry (`wire/recording.ts`) in order of arrival. The one truth; everything else follows.
 *
 * Shape   a position is a place in one partition: 1, 2, 3 …, never reused; skipped are only those of records that were
 *         lost. There is one partition today, and every position belongs to it.
 * Errors  `publish` rejects with Fault 'store.unwritable' (disk full, read-only) and keeps nothing of that call; later
 *         calls may succeed. `read` throws Fault 'store.damaged' with the place, unless `onDamaged` takes it.
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
  /** The spool's life that `seq` counts in. With both, the number is done with: it raises `acked`, and is kept once. */
  epoch?: number
  code: FaultCode
  where: string
  /** What came, as JSON, cut to 4,096 characters. */
  raw: string
}

/** `last` is `first - 1` when nothing was stored. `duplicates` are indexes into the records of the call. */
export interface Published {
  first: number
  last: number
  duplicates: number[]
}

/** What to do about a damaged block: reported, and reading goes on behind it; without a handler, reading throws. */
export interface OnDamage {
  onDamaged?: (fault: Fault) => void
}

/** Positions that were acknowledged and are no more: after < position <= upTo. None (after = upTo): see `fault`. */
export interface Missing {
  after: number
  upTo: number
  /** 'store.damaged', with the place and what to do. */
  fault: Fault
}

export interface Stream {
  /** Made when the stream was: a state that stands on another stream is recognized by it. */
  readonly id: string
  /** What was lost since it was last open, found by this opening and by no later one. Null: nothing. */
  readonly missing: Missing | null
  /**
   * All of it durable, or none. Calls are applied in the order they were made; concurrent calls share one commit.
   * (device, epoch, seq) is unique: an event whose number is stored already is left out and named in `duplicates`,
   * the others get positions in their order. A `conflict` event is unique by its id as well, and a feed line by its
   * event's, until `trim` passes the time it came.
   */
  publish(records: readonly Recorded[], rejected?: readonly Rejected[]): Promise<Published>
  /** The last position written; 0 for none. */
  last(): Promise<number>
  /** Called after commits with the last position; the answer ends it. */
  onPublished(listener: (last: number) => void): () => void
  /** Everything after `position` up to the last one as of the call, in order, in blocks of up to some thousand. */
  read(afterPosition: number, damage?: OnDamage): AsyncIterable<readonly Stored[]>
  /** The highest seq stored, or rejected, for this life of this spool; 0 for none. */
  acked(device: string, epoch: number): Promise<number>
  /** A hash of the record at `position`; null where there is none, or none that can be read. */
  digest(position: number): Promise<string | null>
  /**
   * Deletes events, connections, feed lines and rejected that came before `time`. Contracts, devices, labels and clocks
   * stay, and so do positions and what is known as received. Resolves with how many records went.
   */
  trim(time: number): Promise<number>
  close(): Promise<void>
}
