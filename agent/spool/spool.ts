/**
 * Where every event is before anything else sees it, until the server has it.
 *
 * Shape   a folder of append-only segments, each named after its first seq, and a cursor. `append` numbers an event
 *         and hands it to the kernel within a tick; `flush` makes it durable; `lease` gives out what is durable;
 *         `commit` says the server has it; `rollback` makes what was leased leasable again.
 * Units   bytes as they lie on disk; `maxAgeMs` since the event was written down, by the laptop's clock.
 * Errors  a torn tail is cut; damage costs the events it touches, and is reported in the stream as a collection_gap
 *         about 'spool'. What is dropped, because the spool is full or the disk refuses, is reported by category.
 *         Only `open` throws: Fault 'agent.running', or what node:fs says about the folder.
 */
import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Product } from '../../wire/common.ts'
import { CATEGORIES, type Observation } from '../../wire/event.ts'
import { gap } from '../collect.ts'
import { takeLock } from '../lock.ts'
import { type Random, uuid7 } from '../uuid.ts'
import { Cursor, type Place } from './cursor.ts'
import { FRAME_TEXT_BYTES, frame, readFrames } from './frames.ts'

const SEGMENT_BYTES = 1_048_576
/** A segment begins with this and the epoch, for the day when both slots of the cursor are gone. */
const SEGMENT_MAGIC = Buffer.from('TWSPOOL1')
const SEGMENT_HEAD = 16
/** Events that wait in memory while the disk refuses; twice that for what is worth most. */
const QUEUE_BYTES = 4 * 1_048_576
const WRITE_BYTES = 65_536
/** When full, it is emptied to this share, so that a full spool does not rewrite itself at every event. */
const ROOM_AFTER_DROP = 0.9

/** What a failing disk is made of, for tests. */
export interface Disk {
  write(fd: number, bytes: Buffer, at: number): void
  sync(fd: number): Promise<void>
}

export interface SpoolOptions {
  folder: string
  product: Product
  now: () => number
  random: Random
  maxBytes: number
  maxAgeMs: number
  segmentBytes?: number
  disk?: Disk
}

/** One event, as the JSON it is sent as. */
export interface Leased {
  seq: number
  text: Buffer
}

interface Segment {
  path: string
  first: number
  last: number
  bytes: number
  newestAt: number
  /** Events by category. */
  categories: Map<string, number>
}

interface Waiting {
  seq: number
  at: number
  category: string
  bytes: Buffer
}

export class Spool {
  readonly epoch: number
  readonly #options: SpoolOptions
  readonly #disk: Disk
  readonly #cursor: Cursor
  readonly #release: () => void
  /** Oldest first. The last one is being written to when `#fd` is not null. */
  #segments: Segment[]
  #fd: number | null = null
  /** Not yet durable: the first `#written` are in the kernel, the rest only here. */
  #queue: Waiting[] = []
  #queueBytes = 0
  #written = 0
  #writeSoon = false
  #next: number
  #synced: number
  #acked: number
  #leased: number
  #read: { segment: Segment; at: number } | null = null
  #running: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | null = null
  #damaged = 0
  #dropped = new Map<string, { total: number; unsaid: number }>()
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
    this.#disk = options.disk ?? realDisk
    this.#release = release
    this.#cursor = new Cursor(join(options.folder, 'cursor'))
    const place = this.#cursor.read()
    const found = scan(options.folder, place)
    this.#segments = found.segments
    this.#damaged = found.damaged
    this.epoch = place?.epoch ?? found.epoch ?? Buffer.from(options.random(6)).readUIntBE(0, 6)
    this.#acked = place?.acked ?? 0
    this.#leased = this.#acked
    this.#synced = Math.max(this.#acked, place?.last ?? 0, found.last)
    this.#next = this.#synced + 1
    this.#cursor.write({ epoch: this.epoch, acked: this.#acked, last: this.#synced })
    this.#cursor.syncNow()
    this.#continueLastSegment()
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
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }
  /** Events the server has not acknowledged; too many by those dropped or damaged among them. */
  get unsent(): number {
    const held = this.#segments.map((segment) => {
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
    const room = CATEGORIES[category].keep >= 8 ? 2 * QUEUE_BYTES : QUEUE_BYTES
    const at = this.#options.now()
    const id = uuid7(at, this.#options.random)
    // The category comes first: `scan` and `#rewrite` read it without parsing the rest.
    const text = JSON.stringify({ category, id, seq: this.#next, product: this.#options.product, ...rest })
    if (this.#queueBytes + text.length > room || Buffer.byteLength(text) > FRAME_TEXT_BYTES) {
      this.#drop(category, 1)
      return false
    }
    const bytes = frame(this.#next, at, text)
    this.#queue.push({ seq: this.#next, at, category, bytes })
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
    const leased: Leased[] = []
    let bytes = 0
    for (const segment of this.#segments) {
      if (segment.last <= this.#leased || segment.first > this.#synced) continue
      let at = this.#read?.segment === segment ? this.#read.at : SEGMENT_HEAD
      while (at < segment.bytes) {
        const chunk = readChunk(segment, at, maxBytes + FRAME_TEXT_BYTES)
        if (chunk.length === 0) break
        const reachesEnd = at + chunk.length >= segment.bytes
        let used = 0
        for (const found of readFrames(chunk)) {
          // A frame cut by the end of the chunk is read again from its start.
          if (found.kind === 'damage' && found.end === chunk.length && !reachesEnd && found.start > 0) break
          if (found.kind === 'frame' && found.seq > this.#leased) {
            const isFull = leased.length >= maxEvents || (leased.length > 0 && bytes + found.text.length > maxBytes)
            if (isFull || found.seq > this.#synced) {
              this.#read = { segment, at: at + found.start }
              return leased
            }
            leased.push({ seq: found.seq, text: found.text })
            bytes += found.text.length
            this.#leased = found.seq
          }
          used = found.end
        }
        at += used
        this.#read = { segment, at }
      }
    }
    return leased
  }

  /** The server holds everything up to `seq`. */
  commit(seq: number): void {
    if (seq <= this.#acked) return
    this.#acked = Math.min(seq, this.#synced)
    this.#leased = Math.max(this.#leased, this.#acked)
    this.#note()
    if (this.#acknowledgedSegments().length > 0) void this.flush()
  }

  /** What was leased and not acknowledged is leased again. */
  rollback(): void {
    this.#leased = this.#acked
    this.#read = null
  }

  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    await this.#running // a flush that an append asked for meanwhile
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
    await this.#cursor.sync().catch(() => {}) // the segments hold what the cursor says, only later
    this.#cursor.close()
    this.#release()
  }

  #continueLastSegment(): void {
    const segment = this.#segments.at(-1)
    if (segment && segment.bytes < this.#segmentBytes) this.#fd = openSync(segment.path, 'r+')
  }

  get #segmentBytes(): number {
    return this.#options.segmentBytes ?? SEGMENT_BYTES
  }

  /** Hands what waits to the kernel. A failed write leaves bytes that the next one overwrites. */
  #write(): void {
    try {
      while (this.#written < this.#queue.length) {
        const batch: Buffer[] = []
        let bytes = 0
        for (let at = this.#written; at < this.#queue.length && bytes < WRITE_BYTES; at++) {
          batch.push(this.#queue[at]!.bytes)
          bytes += this.#queue[at]!.bytes.length
        }
        const segment = this.#fd === null ? this.#begin(this.#queue[this.#written]!.seq) : this.#segments.at(-1)!
        this.#disk.write(this.#fd!, Buffer.concat(batch, bytes), segment.bytes)
        for (const { seq, at, category } of this.#queue.slice(this.#written, this.#written + batch.length)) {
          count(segment, category, 1)
          segment.last = seq
          segment.newestAt = Math.max(segment.newestAt, at)
        }
        segment.bytes += bytes
        this.#written += batch.length
      }
      this.#trouble = null
    } catch (cause) {
      this.#trouble = String((cause as NodeJS.ErrnoException).code ?? cause)
    }
  }

  #begin(first: number): Segment {
    const path = join(this.#options.folder, segmentName(first))
    const head = Buffer.alloc(SEGMENT_HEAD)
    SEGMENT_MAGIC.copy(head)
    head.writeDoubleLE(this.epoch, 8)
    const fd = openSync(path, 'w+', 0o600)
    try {
      this.#disk.write(fd, head, 0)
      syncFolder(this.#options.folder)
    } catch (cause) {
      closeSync(fd)
      unlinkSync(path)
      throw cause
    }
    const segment = { path, first, last: first - 1, bytes: SEGMENT_HEAD, newestAt: 0, categories: new Map() }
    this.#fd = fd
    this.#segments.push(segment)
    return segment
  }

  async #sync(): Promise<void> {
    this.#report()
    this.#write()
    if (this.#written > 0) {
      const upTo = this.#written
      try {
        await this.#disk.sync(this.#fd!)
      } catch (cause) {
        this.#forgetUnsynced(cause)
        return
      }
      this.#synced = this.#queue[upTo - 1]!.seq
      for (const { bytes } of this.#queue.splice(0, upTo)) this.#queueBytes -= bytes.length
      this.#written -= upTo
      this.#note()
      if (this.#written === 0 && this.#segments.at(-1)!.bytes >= this.#segmentBytes) this.#endSegment()
    }
    await this.#removeAcknowledged()
    await this.#makeRoom()
  }

  /**
   * After a failed sync nobody knows what the disk holds, and asking again would say 'fine' (the kernel marks the
   * pages clean). So what was not durable is cut off and written again, to a new segment.
   */
  #forgetUnsynced(cause: unknown): void {
    this.#trouble = String((cause as NodeJS.ErrnoException).code ?? cause)
    const segment = this.#segments.at(-1)!
    for (const { category, bytes } of this.#queue.slice(0, this.#written)) {
      count(segment, category, -1)
      segment.bytes -= bytes.length
    }
    segment.last = Math.max(segment.first - 1, this.#synced)
    this.#written = 0
    try {
      ftruncateSync(this.#fd!, segment.bytes)
    } catch {
      // Then these events lie there twice; `scan` takes the first of each number.
    }
    this.#endSegment()
    if (segment.bytes <= SEGMENT_HEAD) this.#remove(segment)
  }

  #endSegment(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #note(): void {
    try {
      this.#cursor.write({ epoch: this.epoch, acked: this.#acked, last: this.#synced })
    } catch (cause) {
      // Written in place, so not for want of room. A lost note costs a resend, which the server recognises.
      this.#trouble = String((cause as NodeJS.ErrnoException).code ?? cause)
    }
  }

  #acknowledgedSegments(): Segment[] {
    const ended = this.#fd === null ? this.#segments : this.#segments.slice(0, -1)
    return ended.filter((segment) => segment.last <= this.#acked)
  }

  async #removeAcknowledged(): Promise<void> {
    if (this.#acknowledgedSegments().length === 0) return
    try {
      // First the cursor: once the segments are gone, it alone knows the next seq.
      await this.#cursor.sync()
    } catch (cause) {
      this.#trouble = String((cause as NodeJS.ErrnoException).code ?? cause)
      return
    }
    for (const segment of this.#acknowledgedSegments()) this.#remove(segment)
  }

  #remove(segment: Segment): void {
    this.#segments = this.#segments.filter((it) => it !== segment)
    if (this.#read?.segment === segment) this.#read = null
    try {
      unlinkSync(segment.path)
    } catch {
      // Read again at the next start, skipped as acknowledged, and tried again.
    }
  }

  async #makeRoom(): Promise<void> {
    const oldest = this.#options.now() - this.#options.maxAgeMs
    if (this.bytes > this.#options.maxBytes || this.#segments.some((it) => it.newestAt < oldest)) {
      if (this.#written > 0) return // the segment cannot be ended now; the next flush comes soon
      this.#endSegment()
    }
    for (const segment of this.#ended()) {
      if (segment.newestAt < oldest) this.#rewrite(segment, () => true)
    }
    if (this.bytes <= this.#options.maxBytes) return
    const target = this.#options.maxBytes * ROOM_AFTER_DROP
    for (let keep = 0; keep <= 9; keep++) {
      const holds = (segment: Segment) => segment.categories.keys().some((category) => keepOf(category) === keep)
      for (const segment of this.#ended().filter(holds)) {
        let excess = this.bytes - target
        if (excess <= 0) return
        this.#rewrite(segment, (category, bytes) => {
          if (keepOf(category) !== keep || excess <= 0) return false
          excess -= bytes
          return true
        })
        await breathe()
      }
      // What is left of these is on its way, not synced yet or was written meanwhile: it goes first, at the next flush.
      if (this.#segments.some(holds)) return
    }
  }

  #ended(): Segment[] {
    return this.#fd === null ? [...this.#segments] : this.#segments.slice(0, -1)
  }

  /** Leaves out what the server has and what `gives` gives up; never what is on its way, never the newest event. */
  #rewrite(segment: Segment, gives: (category: string, bytes: number) => boolean): void {
    const kept: Buffer[] = []
    const slimmer: Segment = { ...segment, newestAt: 0, bytes: SEGMENT_HEAD, categories: new Map() }
    const given = new Map<string, number>()
    try {
      const whole = readFileSync(segment.path).subarray(0, segment.bytes)
      kept.push(whole.subarray(0, SEGMENT_HEAD))
      for (const found of readFrames(whole.subarray(SEGMENT_HEAD))) {
        if (found.kind === 'damage' || found.seq <= this.#acked) continue
        const category = categoryOf(found.text)
        const bytes = found.end - found.start
        if (found.seq > this.#leased && found.seq < this.#synced && gives(category, bytes)) {
          given.set(category, (given.get(category) ?? 0) + 1)
          continue
        }
        kept.push(whole.subarray(SEGMENT_HEAD + found.start, SEGMENT_HEAD + found.end))
        count(slimmer, category, 1)
        slimmer.bytes += bytes
        slimmer.newestAt = Math.max(slimmer.newestAt, found.writtenAt)
      }
      if (slimmer.bytes <= SEGMENT_HEAD) this.#remove(segment)
      else {
        replaceFile(segment.path, Buffer.concat(kept))
        this.#segments = this.#segments.map((it) => (it === segment ? slimmer : it))
        if (this.#read?.segment === segment) this.#read = null
      }
    } catch (cause) {
      // No room even to make room, or unreadable: it stays as it is, and is tried again.
      this.#trouble = String((cause as NodeJS.ErrnoException).code ?? cause)
      return
    }
    for (const [category, events] of given) this.#drop(category, events)
  }

  #drop(category: string, events: number): void {
    const { total, unsaid } = this.#dropped.get(category) ?? { total: 0, unsaid: 0 }
    this.#dropped.set(category, { total: total + events, unsaid: unsaid + events })
  }

  /** Losses are told in the stream itself, as soon as it can be written again. */
  #report(): void {
    if (this.#trouble !== null) this.#write()
    if (this.#trouble !== null) return
    const stamp = { time: this.#options.now(), collector: 'spool' }
    for (const [category, drop] of this.#dropped) {
      const { unsaid } = drop
      if (unsaid === 0) continue
      drop.unsaid = 0
      const why = 'dropped: the spool was full, they were too old or too large, or the disk refused'
      if (!this.append(gap(stamp, category, 'overflow', why, unsaid))) drop.unsaid += unsaid
    }
    if (this.#damaged > 0) {
      const isKept = this.append(gap(stamp, 'spool', 'unparsed', 'events damaged on disk, at most', this.#damaged))
      if (isKept) this.#damaged = 0
    }
  }
}

const syncLater = promisify(fdatasync)
const realDisk: Disk = {
  write: (fd, bytes, at) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
  },
  sync: syncLater,
}

/**
 * What lies in the folder. `damaged` counts events by the numbers that are missing around damage, so it may be too
 * high where an overflow had dropped some of them; acknowledged ones are not counted.
 */
function scan(folder: string, place: Place | null) {
  const acked = place?.acked ?? 0
  const segments: Segment[] = []
  let epoch: number | null = null
  let last = 0
  let damaged = 0
  let isAfterDamage = false
  const names = readdirSync(folder)
  for (const name of names.filter((it) => it.endsWith('.tmp'))) unlinkSync(join(folder, name))
  for (const name of names.filter((it) => /^\d{16}\.seg$/.test(it)).sort()) {
    const path = join(folder, name)
    const whole = readFileSync(path)
    const first = Number(name.slice(0, 16))
    const segment: Segment = { path, first, last: first - 1, bytes: SEGMENT_HEAD, newestAt: 0, categories: new Map() }
    last = Math.max(last, segments.length === 0 ? first - 1 : 0)
    if (whole.subarray(0, 8).equals(SEGMENT_MAGIC) && whole.length >= SEGMENT_HEAD) epoch = whole.readDoubleLE(8)
    for (const found of readFrames(whole.subarray(SEGMENT_HEAD))) {
      if (found.kind === 'damage') {
        isAfterDamage = true
        continue
      }
      segment.bytes = SEGMENT_HEAD + found.end
      if (found.seq <= last) continue
      if (isAfterDamage) damaged += Math.max(0, found.seq - 1 - Math.max(last, acked))
      isAfterDamage = false
      last = found.seq
      segment.last = found.seq
      segment.newestAt = Math.max(segment.newestAt, found.writtenAt)
      count(segment, categoryOf(found.text), 1)
    }
    if (segment.last < segment.first) unlinkSync(path)
    else {
      if (whole.length > segment.bytes) truncateSync(path, segment.bytes)
      segments.push(segment)
    }
  }
  damaged += Math.max(0, (place?.last ?? 0) - Math.max(last, acked))
  return { segments, epoch, last, damaged }
}

function count(segment: Segment, category: string, events: number): void {
  segment.categories.set(category, (segment.categories.get(category) ?? 0) + events)
}

function eventsIn(segment: Segment): number {
  return segment.categories.values().reduce((sum, events) => sum + events, 0)
}

function categoryOf(text: Buffer): string {
  const start = '{"category":"'.length
  return text.toString('latin1', start, text.indexOf('"', start))
}

function keepOf(category: string): number {
  return Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category as keyof typeof CATEGORIES].keep : 0
}

function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.seg`
}

function readChunk(segment: Segment, at: number, maxBytes: number): Buffer {
  const fd = openSync(segment.path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, segment.bytes - at))
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, at))
  } finally {
    closeSync(fd)
  }
}

function replaceFile(path: string, bytes: Buffer): void {
  const draft = `${path}.tmp`
  const fd = openSync(draft, 'w', 0o600)
  try {
    realDisk.write(fd, bytes, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
}

/** Makes a new name durable. Windows has no such call, and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
