/**
 * The spool's files, oldest first, and the open one that is being written.
 *
 * Shape   frames are appended to the open segment. When it is large or old enough it is closed, and never appended to
 *         again. Acknowledged events are kept in segments of their own.
 * Errors  throws as node:fs does; the list still reflects the content of the files, as far as it is known.
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
  SEGMENT_HEADER_BYTES,
  type Segment,
  segmentHeader,
  segmentPath,
  splitSegment,
  syncFolder,
} from './segment.ts'

/** Disk operations, which tests replace to simulate a failing disk. */
export interface Disk {
  write(fd: number, bytes: Buffer, at: number): void
  sync(fd: number): Promise<void>
}

/** A frame that is not yet durable. */
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
  /** Of the last segment, while it is open. */
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
  /** Segments that are not written to any more. */
  get closed(): readonly Segment[] {
    return this.#fd === null ? this.#all : this.#all.slice(0, -1)
  }
  /** The segment that is being written. */
  get open(): Segment | null {
    return this.#fd === null ? null : this.#all.at(-1)!
  }

  /** After a restart, continues to write to the last segment. */
  reopenLast(): void {
    const last = this.#all.at(-1)
    if (last && this.#fd === null) this.#fd = openSync(last.path, 'r+')
  }

  /** Passes the frames to the kernel; `sync` makes them durable. The next write overwrites the rest of a failed one. */
  write(frames: readonly Framed[]): void {
    const segment = this.open ?? this.#open(frames[0]!.seq)
    const bytes = Buffer.concat(frames.map((it) => it.bytes))
    this.#disk.write(this.#fd!, bytes, segment.bytes)
    for (const { seq, writtenAt, category } of frames) addEvent(segment, seq, writtenAt, category)
    segment.bytes += bytes.length
    segment.acknowledgedAt = null
  }

  sync(): Promise<void> {
    return this.#disk.sync(this.#fd!)
  }

  /** Truncates what `sync` could not make durable, so that `last` is the last number, and closes the segment. */
  undoWrite(frames: readonly Framed[], last: number): void {
    const segment = this.open!
    for (const { category, bytes } of frames) {
      countEvents(segment, category, -1)
      segment.bytes -= bytes.length
    }
    segment.last = Math.max(segment.first - 1, last)
    try {
      ftruncateSync(this.#fd!, segment.bytes)
    } catch {
      // Then these events are in two files; `scan` uses the first event of each number.
    }
    this.close()
    if (segment.bytes <= SEGMENT_HEADER_BYTES) this.remove(segment)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  remove(segment: Segment): void {
    this.#replace(segment, [])
    try {
      unlinkSync(segment.path)
    } catch {
      // The next start reads it again, and tries again to remove it.
    }
  }

  /** Removes the events for which `keeps` is false. Only for closed segments. */
  rewrite(segment: Segment, keeps: (frame: Frame) => boolean): void {
    const slimmer = rewriteSegment(segment, this.#epoch, keeps)
    if (slimmer === null) this.remove(segment)
    else this.#replace(segment, [slimmer])
  }

  /** Splits the closed segment, if any, that has numbers both up to `seq` and above. */
  splitAt(seq: number): void {
    const segment = this.closed.find((it) => it.first <= seq && it.last > seq)
    if (segment === undefined) return
    const [low, high] = splitSegment(segment, this.#epoch, seq)
    this.#replace(segment, [low, high])
    if (low.bytes === SEGMENT_HEADER_BYTES) this.remove(low)
  }

  /** The server has everything up to `seq`. */
  acknowledge(seq: number, now: number): void {
    for (const segment of this.#all) if (segment.last <= seq) segment.acknowledgedAt ??= now
  }

  /** The server has lost everything above `seq`. */
  unacknowledge(seq: number): void {
    for (const segment of this.#all) if (segment.last > seq) segment.acknowledgedAt = null
  }

  /** Closed, acknowledged segments whose file names do not have the time yet. */
  get unmarked(): readonly Segment[] {
    return this.closed.filter((it) => it.acknowledgedAt !== null && !isMarked(it))
  }

  mark(): void {
    for (const segment of this.unmarked)
      try {
        markKept(segment)
      } catch {
        // After a restart, the time counts from then on.
      }
  }

  /** The number of events with `from` < seq <= `to` that can be sent again. */
  eventsBetween(from: number, to: number): number {
    return this.#all.reduce((sum, segment) => sum + eventsBetween(segment, from, to), 0)
  }

  #open(first: number): Segment {
    const segment = emptySegment(segmentPath(this.#folder, first), first)
    const fd = openSync(segment.path, 'w+', 0o600)
    try {
      this.#disk.write(fd, segmentHeader(this.#epoch), 0)
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
