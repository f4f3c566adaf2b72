/**
 * Stores every event on disk before it is sent, until the server has it, and for some time afterwards.
 *
 * Shape   a folder of append-only segments and a cursor. `append` numbers an event and passes it to the kernel within a
 *         tick; `flush` makes it durable; `lease` returns durable events; `commit` records that the server has them;
 *         `rollback` makes leased events available again, `rewind` events that the server acknowledged and has lost.
 * Units   bytes on disk; ages by the spool's own clock (clock.ts), which does not depend on the wall clock.
 * Errors  a torn tail is truncated; damage affects only the events that it touches, and is reported as a collection_gap
 *         about 'spool'. Events that are dropped, because the spool is full or the disk fails, are reported by
 *         category. Only `open` throws: Fault 'agent.running' or
 *         'store.unwritable', or node:fs's errors about the files.
 */
import { fdatasync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Product } from '../../wire/common.ts'
import { AGENT_CATEGORIES, CATEGORIES, type Observation, type ObservationOf } from '../../wire/event.ts'
import { HOUR } from '../../wire/time.ts'
import { gap } from '../collect.ts'
import { acquireLock } from '../lock.ts'
import { type Random, uuid7 } from '../uuid.ts'
import { SpoolClock } from './clock.ts'
import { Cursor } from './cursor.ts'
import { evict, expiredKept, KEPT, type KeptLimits, keptBytes, type Progress, unsentBytes } from './eviction.ts'
import { FRAME_TEXT_BYTES, frame, isStorable } from './frames.ts'
import { type Leased, Reader } from './reader.ts'
import { eventsIn, scan, syncFolder, writeAt } from './segment.ts'
import { type Disk, type Framed, Segments } from './segments.ts'

export type { Leased } from './reader.ts'
export type { Disk } from './segments.ts'

const SEGMENT_BYTES = 1_048_576
/** A segment with few events is closed, too, so that acknowledged events are kept only a little beyond their limit. */
const SEGMENT_MS = 6 * HOUR
/** Events that are held in memory while the disk fails; twice as much for those with a high priority. */
const QUEUE_BYTES = 4 * 1_048_576
const WRITE_BYTES = 65_536
const FULL = new Set(['ENOSPC', 'EDQUOT'])

export interface SpoolOptions {
  folder: string
  product: Product
  now: () => number
  /** Ms since boot, including sleep. */
  booted: () => number
  random: Random
  /** For events that the server has not acknowledged. */
  maxBytes: number
  maxAgeMs: number
  /** For acknowledged events. */
  kept?: KeptLimits
  segmentBytes?: number
  disk?: Disk
}

export class Spool {
  readonly epoch: number
  /** How long it was not written before it was opened, in this boot; null: not known, or the laptop was booted since. */
  readonly untouchedMs: number | null
  readonly #options: SpoolOptions
  readonly #kept: KeptLimits
  readonly #cursor: Cursor
  readonly #clock: SpoolClock
  readonly #segments: Segments
  readonly #reader = new Reader()
  readonly #release: () => void
  /** Not yet durable: the kernel has the first `#written`, the rest is only here. */
  #queue: Framed[] = []
  #queueBytes = 0
  #written = 0
  #isWriteScheduled = false
  #next: number
  #synced: number
  #acked: number
  #everAcked: number
  #leased: number
  #lastFlush: Promise<void> = Promise.resolve()
  #nextFlush: Promise<void> | null = null
  #damaged = 0
  #lostByServer = 0
  #dropped = new Map<string, { total: number; unreported: number }>()
  #trouble: string | null = null
  #isClosed = false

  static open(options: SpoolOptions): Spool {
    const release = acquireLock(join(options.folder, 'lock'))
    try {
      return new Spool(options, release)
    } catch (cause) {
      release()
      throw cause
    }
  }

  private constructor(options: SpoolOptions, release: () => void) {
    this.#options = options
    this.#kept = options.kept ?? KEPT
    this.#release = release
    this.#cursor = new Cursor(join(options.folder, 'cursor'))
    const state = this.#cursor.read()
    const found = scan(options.folder, { acked: state?.acked ?? 0, last: state?.last ?? 0 })
    this.#damaged = found.damaged
    this.epoch = state?.epoch ?? found.epoch ?? Buffer.from(options.random(6)).readUIntBE(0, 6)
    const booted = options.booted()
    this.untouchedMs = state?.clock && booted >= state.clock.booted ? booted - state.clock.booted : null
    // Without a saved clock, continue from the time of the newest event: the minimum.
    this.#clock = new SpoolClock(options.booted, state?.clock ?? null, found.newestAt || options.now())
    this.#acked = state?.acked ?? 0
    this.#everAcked = state?.everAcked ?? 0
    this.#leased = this.#acked
    this.#synced = Math.max(this.#everAcked, state?.last ?? 0, found.last)
    this.#next = this.#synced + 1
    this.#segments = new Segments(options.folder, this.epoch, options.disk ?? realDisk, found.segments)
    this.#segments.acknowledge(this.#acked, this.#clock.now)
    this.#cursor.write(this.#cursorState())
    this.#cursor.syncNow()
    const last = found.segments.at(-1)
    if (last?.path.endsWith('.seg') && !this.#isSegmentFull()) this.#segments.reopenLast()
    syncFolder(options.folder)
    // Before anything else, so that no later event can hide that numbers are missing before it.
    this.#reportLosses()
  }

  /** The last seq that was assigned; 0 for none. */
  get last(): number {
    return this.#next - 1
  }
  /** The last durable seq; nothing above it is leased. */
  get synced(): number {
    return this.#synced
  }
  get acked(): number {
    return this.#acked
  }
  /** Events that wait for `flush`. */
  get unsynced(): number {
    return this.#queue.length
  }
  /** Bytes of the segments that the server never acknowledged completely. */
  get unsentBytes(): number {
    return unsentBytes(this.#segments, this.#progress())
  }
  /** Bytes of the acknowledged segments, which are kept in case the server loses them. */
  get keptBytes(): number {
    return keptBytes(this.#segments, this.#progress())
  }
  /** Events that the server does not have. The number includes dropped and damaged ones. */
  get unsent(): number {
    const held = this.#segments.all.map((segment) => {
      if (segment.last <= this.#acked) return 0
      return Math.max(1, eventsIn(segment) - Math.max(0, this.#acked - segment.first + 1))
    })
    return held.reduce((sum, events) => sum + events, 0) + (this.#queue.length - this.#written)
  }
  /** Events dropped in this run, by category. */
  get dropped(): Record<string, number> {
    return Object.fromEntries([...this.#dropped].map(([category, { total }]) => [category, total]))
  }
  /** Why the disk cannot be written at the moment; null if it can. */
  get trouble(): string | null {
    return this.#trouble
  }

  setLimits(limits: { maxBytes: number; maxAgeMs: number }): void {
    Object.assign(this.#options, limits)
  }

  /**
   * Numbers the event and passes it to the kernel within a tick. False: dropped and counted, because the disk fails. Its
   * number is used up, so that the server misses exactly the events that are counted.
   */
  append(observation: Observation): boolean {
    if (this.#isClosed) return false // another process may be using the folder by now
    const { category, ...rest } = observation
    const room = CATEGORIES[category].priority >= 8 ? 2 * QUEUE_BYTES : QUEUE_BYTES
    const id = uuid7(this.#options.now(), this.#options.random)
    // The category comes first: `categoryOf` reads it without parsing the rest.
    const text = JSON.stringify({ category, id, seq: this.#next, product: this.#options.product, ...rest })
    if (this.#queueBytes + text.length > room || Buffer.byteLength(text) > FRAME_TEXT_BYTES) {
      this.#next++
      this.#drop(category)
      this.#scheduleWrite()
      return false
    }
    const writtenAt = this.#queue.length === 0 ? this.#clock.tick() : this.#clock.now
    const bytes = frame(this.#next, writtenAt, text)
    this.#queue.push({ seq: this.#next, writtenAt, category, bytes })
    this.#queueBytes += bytes.length
    this.#next++
    this.#scheduleWrite()
    return true
  }

  #scheduleWrite(): void {
    if (this.#isWriteScheduled) return
    this.#isWriteScheduled = true
    setImmediate(() => {
      this.#isWriteScheduled = false
      if (this.#isClosed) return
      // While the disk fails, only `flush` retries, so that not every event causes a failing write.
      if (this.#trouble === null) this.#write()
      else this.#saveCursor()
    })
  }

  /** Makes everything durable that was appended before the call, unless the disk fails. Never rejects. */
  flush(): Promise<void> {
    this.#nextFlush ??= this.#lastFlush.then(() => {
      this.#nextFlush = null
      return this.#isClosed ? undefined : this.#sync()
    })
    this.#lastFlush = this.#nextFlush
    return this.#nextFlush
  }

  /** The next durable events that are neither acknowledged nor leased; at least one if there is one. */
  lease(maxEvents: number, maxBytes: number): Leased[] {
    const leased = this.#reader.read(this.#segments.all, {
      after: this.#leased,
      upTo: this.#synced,
      maxEvents,
      maxBytes,
    })
    this.#leased = leased.at(-1)?.seq ?? this.#leased
    return leased
  }

  /** The server has everything up to `seq`. */
  commit(seq: number): void {
    if (seq <= this.#acked) return
    this.#acked = Math.min(seq, this.#synced)
    this.#everAcked = Math.max(this.#everAcked, this.#acked)
    this.#leased = Math.max(this.#leased, this.#acked)
    this.#saveCursor()
    this.#segments.acknowledge(this.#acked, this.#clock.tick())
    if (this.#segments.unmarked.length > 0) void this.flush()
  }

  /** Makes events available again that were leased and not acknowledged. */
  rollback(): void {
    this.#leased = this.#acked
    this.#reader.reset()
  }

  /**
   * The server has nothing above `seq`, although it acknowledged more: it was restored from a backup. Makes the events
   * that are still stored available again, with the same ids and numbers. Returns their number, and the maximum number
   * of events that are lost, which is also reported as a gap.
   */
  rewind(seq: number): { resendable: number; lost: number } {
    if (seq >= this.#acked) return { resendable: 0, lost: 0 }
    const resendable = this.#storedBetween(seq, this.#acked)
    const lost = this.#acked - seq - resendable
    this.#lostByServer += lost
    // Report first, then save the cursor: after a kill in between, it is reported twice instead of never.
    this.#reportLosses()
    this.#write()
    this.#segments.unacknowledge(seq)
    this.#acked = seq
    this.rollback()
    if (this.#trouble === null) this.#saveCursor()
    return { resendable, lost }
  }

  /**
   * The server has numbers up to `seq` of this epoch, which were used by a newer copy of this folder: new events come
   * after them. False: they already do, or it is no number of an agent's.
   */
  skipTo(seq: number): boolean {
    if (seq < this.#next || !isStorable(2 * seq)) return false
    this.#next = seq + 1
    return true
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.flush()
    this.#isClosed = true
    await this.#lastFlush // a flush that an append started meanwhile
    this.#segments.close()
    await this.#cursor.sync().catch(() => {}) // the next start can rebuild it from the segments
    this.#cursor.close()
    this.#release()
  }

  #progress(): Progress {
    return { acked: this.#acked, everAcked: this.#everAcked, leased: this.#leased, synced: this.#synced }
  }

  /** While the disk fails, with the numbers of events that are in memory only: a kill must not lose them uncounted. */
  #cursorState() {
    const { state: clock } = this.#clock
    const last = this.#trouble === null ? this.#synced : this.last
    return { epoch: this.epoch, acked: this.#acked, everAcked: this.#everAcked, last, clock }
  }

  #storedBetween(from: number, to: number): number {
    try {
      return this.#segments.eventsBetween(from, to)
    } catch (cause) {
      this.#diskFailed(cause)
      return 0
    }
  }

  #isSegmentFull(): boolean {
    const last = this.#segments.all.at(-1)
    if (!last) return false
    const isOld = last.startedAt > 0 && this.#clock.now - last.startedAt >= SEGMENT_MS
    return isOld || last.bytes >= (this.#options.segmentBytes ?? SEGMENT_BYTES)
  }

  /** Passes the queue to the kernel. On a full disk, acknowledged events are deleted to make room. */
  #write(): void {
    for (;;)
      try {
        while (this.#written < this.#queue.length) this.#writeSome()
        this.#trouble = null
        return
      } catch (cause) {
        if (this.#diskFailed(cause)) continue
        this.#saveCursor()
        return
      }
  }

  #writeSome(): void {
    const frames: Framed[] = []
    let bytes = 0
    for (let at = this.#written; at < this.#queue.length && bytes < WRITE_BYTES; at++) {
      frames.push(this.#queue[at]!)
      bytes += this.#queue[at]!.bytes.length
    }
    // Check the age here, too: events from before a long sleep must not be kept as long as those after it.
    if (this.#written === 0 && this.#isSegmentFull()) this.#segments.close()
    this.#segments.write(frames)
    this.#written += frames.length
  }

  async #sync(): Promise<void> {
    this.#clock.tick()
    this.#reportLosses()
    this.#write()
    if (this.#written > 0) {
      const upTo = this.#written
      try {
        await this.#segments.sync()
      } catch (cause) {
        // The state of the disk is unknown, and a second sync would succeed (the kernel marks the pages clean).
        this.#diskFailed(cause)
        this.#segments.undoWrite(this.#queue.slice(0, this.#written), this.#synced)
        this.#written = 0
        this.#saveCursor()
        return
      }
      this.#synced = this.#queue[upTo - 1]!.seq
      for (const { bytes } of this.#queue.splice(0, upTo)) this.#queueBytes -= bytes.length
      this.#written -= upTo
      this.#saveCursor()
      if (this.#written === 0 && this.#isSegmentFull()) this.#segments.close()
    }
    await this.#deleteExpired()
    if (this.#written > 0) return // no segment can be closed now; the next flush comes soon
    await evict({
      segments: this.#segments,
      progress: () => this.#progress(),
      limits: this.#options,
      now: this.#clock.now,
      onDrop: (category) => this.#drop(category),
      onFailure: (cause) => this.#diskFailed(cause),
    })
    this.#reportLosses()
    this.#write()
  }

  #saveCursor(): void {
    try {
      this.#cursor.write(this.#cursorState())
    } catch (cause) {
      // Not a full disk, because it is written in place. Without it, events are sent again, which the server detects.
      this.#diskFailed(cause)
    }
  }

  async #deleteExpired(): Promise<void> {
    const now = this.#clock.now
    this.#segments.mark()
    if (expiredKept(this.#segments, this.#progress(), now, this.#kept).length === 0) return
    try {
      // The cursor first: without the segments, only it has the next seq.
      await this.#cursor.sync()
    } catch (cause) {
      this.#diskFailed(cause)
      return
    }
    for (const segment of expiredKept(this.#segments, this.#progress(), now, this.#kept)) this.#segments.remove(segment)
  }

  /** Records the error. True: the disk was full and space was freed, so a retry makes sense. */
  #diskFailed(cause: unknown): boolean {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
    this.#trouble = code
    const oldest = this.#segments.closed.find((it) => it.acknowledgedAt !== null)
    if (!oldest || !FULL.has(code)) return false
    try {
      this.#cursor.syncNow()
    } catch {
      return false
    }
    this.#segments.remove(oldest)
    return true
  }

  #drop(category: string): void {
    const { total, unreported } = this.#dropped.get(category) ?? { total: 0, unreported: 0 }
    this.#dropped.set(category, { total: total + 1, unreported: unreported + 1 })
  }

  /** Reports losses as gaps, as soon as the disk can be written again. */
  #reportLosses(): void {
    if (this.#trouble !== null) this.#write()
    if (this.#trouble !== null) return
    const stamp = { time: this.#options.now(), collector: 'spool' }
    for (const [category, drop] of this.#dropped) {
      const { unreported } = drop
      if (unreported === 0) continue
      drop.unreported = 0
      const why = 'dropped: the spool was full, they were too old or too large, or the disk failed'
      if (!this.append(gap(stamp, category, 'overflow', why, unreported))) drop.unreported += unreported
    }
    if (this.#damaged > 0 && this.append(aboutAllCategories(gap(stamp, 'spool', 'unparsed', DAMAGED, this.#damaged))))
      this.#damaged = 0
    if (
      this.#lostByServer > 0 &&
      this.append(aboutAllCategories(gap(stamp, 'spool', 'overflow', LOST_BY_SERVER, this.#lostByServer)))
    )
      this.#lostByServer = 0
  }
}

const DAMAGED = 'events damaged on disk, or never written there because it failed, at most'
const LOST_BY_SERVER = 'acknowledged once, lost by the server, and no longer kept here, at most'

/** The categories of the lost events are unknown, so the gap is about all of them. */
function aboutAllCategories(gap: ObservationOf<'collection_gap'>): ObservationOf<'collection_gap'> {
  return { ...gap, Categories: AGENT_CATEGORIES.filter((it) => it !== 'collection_gap') }
}

const realDisk: Disk = { write: writeAt, sync: promisify(fdatasync) }
