/**
 * The spool's files, oldest first, and the one that is being written to.
 *
 * Shape   frames go to the end of the open segment; one that is large or old enough is ended, and never written to
 *         again. What the server has acknowledged is kept for a while in segments of its own.
 * Errors  throws as node:fs does; the list then says what the files hold, as far as that is known.
 */
import { closeSync, ftruncateSync, openSync, unlinkSync } from 'node:fs'
import { basename } from 'node:path'
import type { Frame } from './frames.ts'
import {
  addEvent,
  countEvents,
  emptySegment,
  eventsBetween,
  isMarked,
  markKept,
  rewriteSegment,
  SEGMENT_HEAD,
  type Segment,
  segmentHead,
  segmentPath,
  splitSegment,
  syncFolder,
} from './segment.ts'

/** What a failing disk is made of, for tests. */
export interface Disk {
  write(fd: number, bytes: Buffer, at: number): void
  sync(fd: number): Promise<void>
}

/** A frame on its way to the disk. */
export interface Framed {
  seq: number
  writtenAt: number
  category: string
  bytes: Buffer
}

export class Segments {
  readonly #folder: string
  readonly #epoch: number
  readonly #disk: Disk
  #all: Segment[]
  /** Of the last one, while it is open. */
  #fd: number | null = null

  constructor(folder: string, epoch: number, disk: Disk, found: Segment[]) {
    this.#folder = folder
    this.#epoch = epoch
    this.#disk = disk
    this.#all = found
  }

  get all(): readonly Segment[] {
    return this.#all
  }
  get ended(): readonly Segment[] {
    return this.#fd === null ? this.#all : this.#all.slice(0, -1)
  }
  /** The one that is being written to. */
  get open(): Segment | null {
    return this.#fd === null ? null : this.#all.at(-1)!
  }

  /** Goes on with the last segment after a restart. */
  reopenLast(): void {
    const last = this.#all.at(-1)
    if (last && this.#fd === null) this.#fd = openSync(last.path, 'r+')
  }

  /** In the kernel, not yet on the disk: see `sync`. A failed write leaves bytes that the next one overwrites. */
  write(frames: readonly Framed[]): void {
    const segment = this.open ?? this.#begin(frames[0]!.seq)
    const bytes = Buffer.concat(frames.map((it) => it.bytes))
    this.#disk.write(this.#fd!, bytes, segment.bytes)
    for (const { seq, writtenAt, category } of frames) addEvent(segment, seq, writtenAt, category)
    segment.bytes += bytes.length
    segment.acknowledgedAt = null
  }

  sync(): Promise<void> {
    return this.#disk.sync(this.#fd!)
  }

  /** Cuts off again what `sync` could not make durable, down to what is numbered `last`, and ends the segment. */
  takeBack(frames: readonly Framed[], last: number): void {
    const segment = this.open!
    for (const { category, bytes } of frames) {
      countEvents(segment, category, -1)
      segment.bytes -= bytes.length
    }
    segment.last = Math.max(segment.first - 1, last)
    try {
      ftruncateSync(this.#fd!, segment.bytes)
    } catch {
      // Then these events lie there twice; `scan` takes the first of each number.
    }
    this.end()
    if (segment.bytes <= SEGMENT_HEAD) this.remove(segment)
  }

  end(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  remove(segment: Segment): void {
    this.#replace(segment, [])
    try {
      unlinkSync(segment.path)
    } catch {
      // Read again at the next start, and tried again.
    }
  }

  /** Leaves out the events that `gives` gives up. Only of ended segments. */
  rewrite(segment: Segment, keeps: (frame: Frame) => boolean): void {
    const slimmer = rewriteSegment(segment, this.#epoch, keeps)
    if (slimmer === null) this.remove(segment)
    else this.#replace(segment, [slimmer])
  }

  /** Afterwards no ended segment holds numbers on both sides of `seq`. */
  splitAt(seq: number): void {
    const segment = this.ended.find((it) => it.first <= seq && it.last > seq)
    if (segment === undefined) return
    const [low, high] = splitSegment(segment, this.#epoch, seq)
    this.#replace(segment, [low, high])
    if (low.bytes === SEGMENT_HEAD) this.remove(low)
  }

  /** The server has everything up to `seq`. */
  acknowledge(seq: number, now: number): void {
    for (const segment of this.#all) if (segment.last <= seq) segment.acknowledgedAt ??= now
  }

  /** The server has nothing above `seq`. */
  forget(seq: number): void {
    for (const segment of this.#all) if (segment.last > seq) segment.acknowledgedAt = null
  }

  /** Ended ones whose names do not say yet since when they are kept. */
  get unmarked(): readonly Segment[] {
    return this.ended.filter((it) => it.acknowledgedAt !== null && !isMarked(it))
  }

  mark(): void {
    for (const segment of this.unmarked)
      try {
        markKept(segment)
      } catch {
        // After a restart it is kept from then on.
      }
  }

  /** How many events numbered above `from`, and up to `to`, can be sent again. */
  eventsBetween(from: number, to: number): number {
    return this.#all.reduce((sum, segment) => sum + eventsBetween(segment, from, to), 0)
  }

  #begin(first: number): Segment {
    const segment = emptySegment(segmentPath(this.#folder, first), first)
    const fd = openSync(segment.path, 'w+', 0o600)
    try {
      this.#disk.write(fd, segmentHead(this.#epoch), 0)
      syncFolder(this.#folder)
    } catch (cause) {
      closeSync(fd)
      unlinkSync(segment.path)
      throw cause
    }
    this.#fd = fd
    this.#all.push(segment)
    return segment
  }

  #replace(segment: Segment, by: readonly Segment[]): void {
    const at = this.#all.indexOf(segment)
    if (at < 0) throw new Error(`${basename(segment.path)} is not in the spool`)
    this.#all = [...this.#all.slice(0, at), ...by, ...this.#all.slice(at + 1)]
  }
}
