/**
 * One file of the spool: a header and frames.
 *
 * Shape   `<first seq>.seg`; renamed to `<first seq>.<since>.kept` when the server has acknowledged all of it, so that
 *         after a restart the agent knows how long it has been kept. Header: magic (8) · epoch (8), which is needed if
 *         both slots of the cursor are damaged.
 * Units   `since`, `startedAt`, `newestAt` by the spool's clock; `bytes` on disk.
 * Errors  a torn tail is truncated; damage affects only the frames that it touches. Other errors are node:fs's.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type Frame, isEpoch, isStorable, readFrames } from './frames.ts'

const SEGMENT_MAGIC = Buffer.from('TWSPOOL1')
export const SEGMENT_HEADER_BYTES = 16
const NAME = /^(\d{16})\.(?:seg|(\d{1,16})\.kept)$/

export interface Segment {
  path: string
  first: number
  last: number
  bytes: number
  startedAt: number
  newestAt: number
  /** When the server acknowledged all of it. Null: it did not, or has lost it. */
  acknowledgedAt: number | null
  /** Events by category. */
  categories: Map<string, number>
}

export function emptySegment(path: string, first: number): Segment {
  return {
    path,
    first,
    last: first - 1,
    bytes: SEGMENT_HEADER_BYTES,
    startedAt: 0,
    newestAt: 0,
    acknowledgedAt: null,
    categories: new Map(),
  }
}

export function segmentHeader(epoch: number): Buffer {
  const head = Buffer.alloc(SEGMENT_HEADER_BYTES)
  SEGMENT_MAGIC.copy(head)
  head.writeDoubleLE(epoch, 8)
  return head
}

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${String(first).padStart(16, '0')}.seg`)
}

/** Updates the counts for an event that was written at the end. */
export function addEvent(segment: Segment, seq: number, writtenAt: number, category: string): void {
  countEvents(segment, category, 1)
  segment.last = seq
  segment.startedAt ||= writtenAt
  segment.newestAt = Math.max(segment.newestAt, writtenAt)
}

export function countEvents(segment: Segment, category: string, events: number): void {
  segment.categories.set(category, (segment.categories.get(category) ?? 0) + events)
}

export function eventsIn(segment: Segment): number {
  return segment.categories.values().reduce((sum, events) => sum + events, 0)
}

export function categoryOf(text: Buffer): string {
  const start = '{"category":"'.length
  return text.toString('latin1', start, text.indexOf('"', start))
}

/** The complete frames, and their bytes. */
function* framesOf(segment: Segment): Generator<{ found: Frame; bytes: Buffer }> {
  const body = readFileSync(segment.path).subarray(SEGMENT_HEADER_BYTES, segment.bytes)
  for (const found of readFrames(body))
    if (found.kind === 'frame') yield { found, bytes: body.subarray(found.start, found.end) }
}

/** The number of its events with `from` < seq <= `to`. */
export function eventsBetween(segment: Segment, from: number, to: number): number {
  if (segment.last <= from || segment.first > to) return 0
  if (segment.first > from && segment.last <= to) return eventsIn(segment)
  let events = 0
  for (const { found } of framesOf(segment)) if (found.seq > from && found.seq <= to) events++
  return events
}

export function readChunk(segment: Segment, at: number, maxBytes: number): Buffer {
  const fd = openSync(segment.path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, segment.bytes - at))
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, at))
  } finally {
    closeSync(fd)
  }
}

/** Rewrites it with the frames for which `keeps` is true. Null: there are none, and the file is unchanged. */
export function rewriteSegment(segment: Segment, epoch: number, keeps: (frame: Frame) => boolean): Segment | null {
  const slimmer = { ...emptySegment(segment.path, segment.first), acknowledgedAt: segment.acknowledgedAt }
  const kept = [segmentHeader(epoch)]
  for (const { found, bytes } of framesOf(segment)) {
    if (!keeps(found)) continue
    kept.push(bytes)
    slimmer.bytes += bytes.length
    addEvent(slimmer, found.seq, found.writtenAt, categoryOf(found.text))
  }
  if (slimmer.bytes === SEGMENT_HEADER_BYTES) return null
  replaceFile(segment.path, Buffer.concat(kept))
  return slimmer
}

/**
 * Splits it into two files: up to `seq`, and the rest. After a crash in between, the rest is in both files; `scan` uses
 * the first event of each number.
 */
export function splitSegment(segment: Segment, epoch: number, seq: number): [Segment, Segment] {
  const low = emptySegment(segment.path, segment.first)
  let high: Segment | null = null
  const kept = [segmentHeader(epoch)]
  for (const { found, bytes } of framesOf(segment)) {
    if (found.seq > seq) high ??= emptySegment(segmentPath(dirname(segment.path), found.seq), found.seq)
    addEvent(high ?? low, found.seq, found.writtenAt, categoryOf(found.text))
    if (high === null) {
      low.bytes = SEGMENT_HEADER_BYTES + found.end
      continue
    }
    kept.push(bytes)
    high.bytes += bytes.length
  }
  if (high === null) throw new Error(`no event above ${seq} in ${segment.path}`)
  replaceFile(high.path, Buffer.concat(kept))
  syncFolder(dirname(segment.path))
  truncateSync(segment.path, low.bytes)
  return [low, high]
}

/** Records in the file name when the server acknowledged it. */
export function markKept(segment: Segment): void {
  const path = markedPath(segment)
  renameSync(segment.path, path)
  segment.path = path
}

export function isMarked(segment: Segment): boolean {
  return segment.path === markedPath(segment)
}

function markedPath({ path, first, acknowledgedAt }: Segment): string {
  return join(dirname(path), `${String(first).padStart(16, '0')}.${acknowledgedAt}.kept`)
}

/** A file that claims a number no agent reaches would make the next number unusable. */
function isSegmentName(name: string): boolean {
  const first = NAME.exec(name)?.[1]
  return first !== undefined && isStorable(Number(first))
}

/**
 * Reads the folder. `damaged` counts events by the numbers that are missing around damage, so it may be too high if
 * some of them had been dropped; events that the server has, up to `acked`, are not counted.
 */
export function scan(folder: string, known: { acked: number; last: number }) {
  const segments: Segment[] = []
  let epoch: number | null = null
  let last = 0
  let newestAt = 0
  let damaged = 0
  let isAfterDamage = false
  // A folder could not be read or removed, and a pipe not be read to its end.
  const files = readdirSync(folder, { withFileTypes: true }).filter((it) => it.isFile())
  const names = files.map((it) => it.name)
  for (const name of names.filter((it) => it.endsWith('.tmp'))) unlinkSync(join(folder, name))
  for (const name of names.filter(isSegmentName).sort()) {
    const path = join(folder, name)
    const whole = readFileSync(path)
    const [, first = '', since = null] = NAME.exec(name) ?? []
    const segment = emptySegment(path, Number(first))
    if (segments.length === 0) last = Math.max(last, segment.first - 1)
    if (whole.length >= SEGMENT_HEADER_BYTES && whole.subarray(0, 8).equals(SEGMENT_MAGIC)) {
      const written = whole.readDoubleLE(8)
      if (isEpoch(written)) epoch = written
    }
    for (const found of readFrames(whole.subarray(SEGMENT_HEADER_BYTES))) {
      if (found.kind === 'damage') {
        isAfterDamage = true
        continue
      }
      segment.bytes = SEGMENT_HEADER_BYTES + found.end
      if (found.seq <= last) continue
      if (isAfterDamage) damaged += Math.max(0, found.seq - 1 - Math.max(last, known.acked))
      isAfterDamage = false
      last = found.seq
      addEvent(segment, found.seq, found.writtenAt, categoryOf(found.text))
    }
    if (segment.last < segment.first) unlinkSync(path)
    else {
      if (whole.length > segment.bytes) truncateSync(path, segment.bytes)
      if (since !== null && segment.last <= known.acked) segment.acknowledgedAt = Number(since)
      newestAt = Math.max(newestAt, segment.newestAt)
      segments.push(segment)
    }
  }
  damaged += Math.max(0, known.last - Math.max(last, known.acked))
  return { segments, epoch, last, newestAt, damaged }
}

export function writeAt(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}

function replaceFile(path: string, bytes: Buffer): void {
  const draft = `${path}.tmp`
  const fd = openSync(draft, 'w', 0o600)
  try {
    writeAt(fd, bytes, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
}

/** Makes a new file name durable. Windows has no such call, and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
