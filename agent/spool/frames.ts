/**
 * The frame format of the spool: one frame per event, so that damage affects only the frames that it touches.
 *
 * Shape   magic (4) · crc32 of all that follows (4) · bytes of text (4) · seq (6) · written at (6) · JSON text.
 *         The magic contains a byte that never occurs in UTF-8, so no event's text can look like the start of a frame.
 * Units   numbers little-endian; `writtenAt` epoch ms by the laptop's clock.
 */
import { crc32 } from 'node:zlib'

const MAGIC = Buffer.from([0xf5, 0x54, 0x57, 0x01])
export const FRAME_HEAD = 24
/** Longer than any event whose strings are within the limits of its schema. */
export const FRAME_TEXT_BYTES = 262_144

export interface Frame {
  kind: 'frame'
  seq: number
  writtenAt: number
  start: number
  end: number
  text: Buffer
}
/** Bytes that are not a complete frame. At the end of the file, they are a torn tail. */
export interface Damage {
  kind: 'damage'
  start: number
  end: number
}

/** Half of what a frame's six bytes hold, so that counting on never exceeds them. */
const MAX_STORED = 2 ** 47

/** Whether an agent can have written this as an event's number or a time. */
export function isStorable(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= MAX_STORED
}

/** An epoch is 48 random bits. */
export function isEpoch(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value < 2 ** 48
}

export function frame(seq: number, writtenAt: number, text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const buffer = Buffer.allocUnsafe(FRAME_HEAD + bytes)
  MAGIC.copy(buffer)
  buffer.writeUInt32LE(bytes, 8)
  buffer.writeUIntLE(seq, 12, 6)
  buffer.writeUIntLE(writtenAt, 18, 6)
  buffer.write(text, FRAME_HEAD)
  buffer.writeUInt32LE(crc32(buffer.subarray(8)), 4)
  return buffer
}

/** Every complete frame, and the damage between them. */
export function* readFrames(buffer: Buffer): Generator<Frame | Damage> {
  let at = 0
  let damagedFrom = -1
  while (at < buffer.length) {
    const found = frameAt(buffer, at)
    if (found) {
      if (damagedFrom >= 0) yield { kind: 'damage', start: damagedFrom, end: at }
      damagedFrom = -1
      yield found
      at = found.end
      continue
    }
    if (damagedFrom < 0) damagedFrom = at
    const next = buffer.indexOf(MAGIC, at + 1)
    at = next < 0 ? buffer.length : next
  }
  if (damagedFrom >= 0) yield { kind: 'damage', start: damagedFrom, end: buffer.length }
}

function frameAt(buffer: Buffer, start: number): Frame | null {
  if (start + FRAME_HEAD > buffer.length || MAGIC.compare(buffer, start, start + 4) !== 0) return null
  const bytes = buffer.readUInt32LE(start + 8)
  const end = start + FRAME_HEAD + bytes
  if (bytes > FRAME_TEXT_BYTES || end > buffer.length) return null
  if (crc32(buffer.subarray(start + 8, end)) !== buffer.readUInt32LE(start + 4)) return null
  const seq = buffer.readUIntLE(start + 12, 6)
  const writtenAt = buffer.readUIntLE(start + 18, 6)
  if (seq > MAX_STORED || writtenAt > MAX_STORED) return null
  return {
    kind: 'frame',
    seq,
    writtenAt,
    start,
    end,
    text: buffer.subarray(start + FRAME_HEAD, end),
  }
}
