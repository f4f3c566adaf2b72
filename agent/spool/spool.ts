/**
 * Where every event is before anything else sees it, until the server has it, and for a while after.
 *
 * Shape   a folder of append-only segments and a cursor. `append` numbers an event and hands it to the kernel within a
 *         tick; `flush` makes it durable; `lease` gives out what is durable; `commit` says the server has it;
 *         `rollback` makes what was leased leasable again, `rewind` what the server acknowledged and has forgotten.
 * Units   bytes as they lie on disk; ages by the spool's own clock (clock.ts), which no set of the wall clock moves.
 * Errors  a torn tail is cut; damage costs the events it touches, and is reported in the stream as a collection_gap
 *         about 'spool'. What is dropped, because the spool is full or the disk refuses, is reported by category.
 *         Only `open` throws: Fault 'agent.running', or what node:fs says about the folder.
 */
import { fdatasync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Product } from '../../wire/common.ts'
import { CATEGORIES, type Category, type Observation, type ObservationOf } from '../../wire/event.ts'
import { gap } from '../collect.ts'
import { takeLock } from '../lock.ts'
import { type Random, uuid7 } from '../uuid.ts'
import { SpoolClock } from './clock.ts'
import { Cursor } from './cursor.ts'
import { FRAME_TEXT_BYTES, frame } from './frames.ts'
import { type Leased, Reader } from './reader.ts'
import { beyondKept, KEPT, type KeptBounds, keptBytes, type Marks, makeRoom, unsentBytes } from './room.ts'
import { eventsIn, scan, syncFolder, writeAt } from './segment.ts'
import { type Disk, type Framed, Segments } from './segments.ts'

export type { Leased } from './reader.ts'
export type { Disk } from './segments.ts'

const SEGMENT_BYTES = 1_048_576
/** A slow laptop's segment ends too, so that what is acknowledged is kept little longer than its bound says. */
const SEGMENT_MS = 6 * 3_600_000
/** Events that wait in memory while the disk refuses; twice that for what is worth most. */
const QUEUE_BYTES = 4 * 1_048_576
const WRITE_BYTES = 65_536
const FULL = new Set(['ENOSPC', 'EDQUOT'])

export interface SpoolOptions {
  folder: string
  product: Product
  now: () => number
  /** Ms since the laptop was started, sleep included. */
  booted: () => number
  random: Random
  /** Of what the server has not acknowledged. */
  maxBytes: number
  maxAgeMs: number
  /** Of what it has. */
  kept?: KeptBounds
  segmentBytes?: number
  disk?: Disk
}

export class Spool {
  readonly epoch: number
  readonly #options: SpoolOptions
  readonly #kept: KeptBounds
  readonly #cursor: Cursor
  readonly #clock: SpoolClock
  readonly #segments: Segments
  readonly #reader = new Reader()
  readonly #release: () => void
  /** Not yet durable: the first `#written` are in the kernel, the rest only here. */
  #queue: Framed[] = []
  #queueBytes = 0
  #written = 0
  #writeSoon = false
  #next: number
  #synced: number
  #acked: number
  #everAcked: number
  #leased: number
  #running: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | null = null
  #damaged = 0
  #forgotten = 0
  #dropped = new Map<string, { total: number; unreported: number }>()
  #trouble: string | null = null
  #isClosed = false

  static open(options: SpoolOptions): Spool {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const release = takeLock(join(options.folder, 'lock'))
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
    // Without a clock of its own it goes on from its newest event: the least that its age can be.
    this.#clock = new SpoolClock(options.booted, state?.clock ?? null, found.newestAt || options.now())
    this.#acked = state?.acked ?? 0
    this.#everAcked = state?.everAcked ?? 0
    this.#leased = this.#acked
    this.#synced = Math.max(this.#everAcked, state?.last ?? 0, found.last)
    this.#next = this.#synced + 1
    this.#segments = new Segments(options.folder, this.epoch, options.disk ?? realDisk, found.segments)
    this.#segments.acknowledge(this.#acked, this.#clock.now)
    this.#cursor.write(this.#state())
    this.#cursor.syncNow()
    const last = found.segments.at(-1)
    if (last?.path.endsWith('.seg') && !this.#isLargeEnough()) this.#segments.reopenLast()
    syncFolder(options.folder)
  }

  /** The last seq given out; 0 for none. */
  get last(): number {
    return this.#next - 1
  }
  /** The last durable seq; nothing above it is ever leased. */
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
  /** Of segments that the server has never had all of. */
  get unsentBytes(): number {
    return unsentBytes(this.#segments, this.#marks())
  }
  /** Of segments that it acknowledged, and which are kept for the case that it forgets. */
  get keptBytes(): number {
    return keptBytes(this.#segments, this.#marks())
  }
  /** Events the server does not have; too many by those dropped or damaged among them. */
  get unsent(): number {
    const held = this.#segments.all.map((segment) => {
      if (segment.last <= this.#acked) return 0
      return Math.max(1, eventsIn(segment) - Math.max(0, this.#acked - segment.first + 1))
    })
    return held.reduce((sum, events) => sum + events, 0) + (this.#queue.length - this.#written)
  }
  /** Events given up so far in this run, by category. */
  get dropped(): Record<string, number> {
    return Object.fromEntries([...this.#dropped].map(([category, { total }]) => [category, total]))
  }
  /** Why the disk does not take events right now; null when it does. */
  get trouble(): string | null {
    return this.#trouble
  }

  bound(limits: { maxBytes: number; maxAgeMs: number }): void {
    Object.assign(this.#options, limits)
  }

  /** Numbers it and hands it to the kernel within a tick. False: refused and counted, because the disk refuses too. */
  append(observation: Observation): boolean {
    if (this.#isClosed) return false // the folder may be another process's by now
    const { category, ...rest } = observation
    const room = CATEGORIES[category].priority >= 8 ? 2 * QUEUE_BYTES : QUEUE_BYTES
    const id = uuid7(this.#options.now(), this.#options.random)
    // The category comes first: `categoryOf` reads it without parsing the rest.
    const text = JSON.stringify({ category, id, seq: this.#next, product: this.#options.product, ...rest })
    if (this.#queueBytes + text.length > room || Buffer.byteLength(text) > FRAME_TEXT_BYTES) {
      this.#drop(category)
      return false
    }
    const writtenAt = this.#queue.length === 0 ? this.#clock.tick() : this.#clock.now
    const bytes = frame(this.#next, writtenAt, text)
    this.#queue.push({ seq: this.#next, writtenAt, category, bytes })
    this.#queueBytes += bytes.length
    this.#next++
    // While the disk refuses, only `flush` tries again: not every event a failing write.
    if (this.#trouble === null && !this.#writeSoon) {
      this.#writeSoon = true
      setImmediate(() => {
        this.#writeSoon = false
        if (!this.#isClosed) this.#write()
      })
    }
    return true
  }

  /** Makes durable what was appended before the call, as far as the disk allows. Never rejects. */
  flush(): Promise<void> {
    this.#waiting ??= this.#running.then(() => {
      this.#waiting = null
      return this.#isClosed ? undefined : this.#sync()
    })
    this.#running = this.#waiting
    return this.#waiting
  }

  /** The next durable events that are neither acknowledged nor leased. Always at least one when there is one. */
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

  /** The server holds everything up to `seq`. */
  commit(seq: number): void {
    if (seq <= this.#acked) return
    this.#acked = Math.min(seq, this.#synced)
    this.#everAcked = Math.max(this.#everAcked, this.#acked)
    this.#leased = Math.max(this.#leased, this.#acked)
    this.#note()
    this.#segments.acknowledge(this.#acked, this.#clock.tick())
    if (this.#segments.unmarked.length > 0) void this.flush()
  }

  /** What was leased and not acknowledged is leased again. */
  rollback(): void {
    this.#leased = this.#acked
    this.#reader.reset()
  }

  /**
   * The server holds nothing after `seq`, whatever it acknowledged: it was restored from a backup. What is kept is
   * leased again, with the same ids and numbers. Gives back how many events that is, and how many are gone for good,
   * at most; those are reported in the stream, too.
   */
  rewind(seq: number): { again: number; gone: number } {
    if (seq >= this.#acked) return { again: 0, gone: 0 }
    const again = this.#held(seq, this.#acked)
    const gone = this.#acked - seq - again
    this.#forgotten += gone
    // Reported before it is noted: killed in between, it is reported twice rather than never.
    this.#report()
    this.#write()
    this.#segments.forget(seq)
    this.#acked = seq
    this.rollback()
    if (this.#trouble === null) this.#note()
    return { again, gone }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.flush()
    this.#isClosed = true
    await this.#running // a flush that an append asked for meanwhile
    this.#segments.end()
    await this.#cursor.sync().catch(() => {}) // the segments hold what the cursor says, only later
    this.#cursor.close()
    this.#release()
  }

  #marks(): Marks {
    return { acked: this.#acked, everAcked: this.#everAcked, leased: this.#leased, synced: this.#synced }
  }

  #state() {
    const { state: clock } = this.#clock
    return { epoch: this.epoch, acked: this.#acked, everAcked: this.#everAcked, last: this.#synced, clock }
  }

  #held(from: number, to: number): number {
    try {
      return this.#segments.eventsBetween(from, to)
    } catch (cause) {
      this.#failed(cause)
      return 0
    }
  }

  #isLargeEnough(): boolean {
    const last = this.#segments.all.at(-1)
    if (!last) return false
    const isOld = last.startedAt > 0 && this.#clock.now - last.startedAt >= SEGMENT_MS
    return isOld || last.bytes >= (this.#options.segmentBytes ?? SEGMENT_BYTES)
  }

  /** Hands what waits to the kernel. On a full disk, what the server has gives way to what nobody else has. */
  #write(): void {
    for (;;)
      try {
        while (this.#written < this.#queue.length) this.#writeSome()
        this.#trouble = null
        return
      } catch (cause) {
        if (!this.#failed(cause)) return
      }
  }

  #writeSome(): void {
    const frames: Framed[] = []
    let bytes = 0
    for (let at = this.#written; at < this.#queue.length && bytes < WRITE_BYTES; at++) {
      frames.push(this.#queue[at]!)
      bytes += this.#queue[at]!.bytes.length
    }
    // Also before: what was written before a long sleep must not live as long as what comes after it.
    if (this.#written === 0 && this.#isLargeEnough()) this.#segments.end()
    this.#segments.write(frames)
    this.#written += frames.length
  }

  async #sync(): Promise<void> {
    this.#clock.tick()
    this.#report()
    this.#write()
    if (this.#written > 0) {
      const upTo = this.#written
      try {
        await this.#segments.sync()
      } catch (cause) {
        // Nobody knows what the disk holds now, and asking again would say 'fine' (the kernel marks the pages clean).
        this.#failed(cause)
        this.#segments.takeBack(this.#queue.slice(0, this.#written), this.#synced)
        this.#written = 0
        return
      }
      this.#synced = this.#queue[upTo - 1]!.seq
      for (const { bytes } of this.#queue.splice(0, upTo)) this.#queueBytes -= bytes.length
      this.#written -= upTo
      this.#note()
      if (this.#written === 0 && this.#isLargeEnough()) this.#segments.end()
    }
    await this.#keepAcknowledged()
    if (this.#written > 0) return // no segment can be ended now; the next flush comes soon
    await makeRoom({
      segments: this.#segments,
      marks: () => this.#marks(),
      bounds: this.#options,
      now: this.#clock.now,
      drop: (category) => this.#drop(category),
      failed: (cause) => this.#failed(cause),
    })
  }

  #note(): void {
    try {
      this.#cursor.write(this.#state())
    } catch (cause) {
      // Written in place, so not for want of room. A lost note costs a resend, which the server recognises.
      this.#failed(cause)
    }
  }

  async #keepAcknowledged(): Promise<void> {
    const now = this.#clock.now
    this.#segments.mark()
    if (beyondKept(this.#segments, this.#marks(), now, this.#kept).length === 0) return
    try {
      // First the cursor: once the segments are gone, it alone knows the next seq.
      await this.#cursor.sync()
    } catch (cause) {
      this.#failed(cause)
      return
    }
    for (const segment of beyondKept(this.#segments, this.#marks(), now, this.#kept)) this.#segments.remove(segment)
  }

  /** True when room was made for another try. */
  #failed(cause: unknown): boolean {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
    this.#trouble = code
    const oldest = this.#segments.ended.find((it) => it.acknowledgedAt !== null)
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

  /** Losses are reported in the stream itself, as soon as it can be written again. */
  #report(): void {
    if (this.#trouble !== null) this.#write()
    if (this.#trouble !== null) return
    const stamp = { time: this.#options.now(), collector: 'spool' }
    for (const [category, drop] of this.#dropped) {
      const { unreported } = drop
      if (unreported === 0) continue
      drop.unreported = 0
      const why = 'dropped: the spool was full, they were too old or too large, or the disk refused'
      if (!this.append(gap(stamp, category, 'overflow', why, unreported))) drop.unreported += unreported
    }
    if (this.#damaged > 0 && this.append(ofAny(gap(stamp, 'spool', 'unparsed', DAMAGED, this.#damaged))))
      this.#damaged = 0
    if (this.#forgotten > 0 && this.append(ofAny(gap(stamp, 'spool', 'overflow', FORGOTTEN, this.#forgotten))))
      this.#forgotten = 0
  }
}

const DAMAGED = 'events damaged on disk, at most'
const FORGOTTEN = 'acknowledged once, asked for again by the server, and no longer kept here, at most'
const AGENT_CATEGORIES = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].origin === 'agent')

/** Nobody knows what the lost events were about. */
function ofAny(gap: ObservationOf<'collection_gap'>): ObservationOf<'collection_gap'> {
  return { ...gap, Categories: AGENT_CATEGORIES.filter((it) => it !== 'collection_gap') }
}

const realDisk: Disk = { write: writeAt, sync: promisify(fdatasync) }
