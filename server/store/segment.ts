/** The storage format of records, in every engine: JSON lines in a zstd frame with a checksum. */
import { createHash } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Recorded } from '../../wire/recording.ts'

const HOUR_MS = 3_600_000

export const hourOf = (time: number) => Math.floor(time / HOUR_MS)
export const hourStart = (hour: number) => hour * HOUR_MS

/** JSON.stringify escapes newlines, NUL and lone surrogates, so that a record is one line of well-formed UTF-8. */
export const lineOf = (record: Recorded) => JSON.stringify(record)
export const recordOf = (line: string) => JSON.parse(line) as Recorded
export const digestOf = (line: string) => createHash('sha256').update(line).digest('hex')

/** Level 1 for data rewritten within minutes, 3 for data that stays. */
export function pack(lines: readonly string[], level: 1 | 3): Buffer {
  return zstdCompressSync(lines.join('\n'), {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  })
}

/** Errors  throws when a byte was changed or is missing. */
export function unpackBytes(blob: Uint8Array): Buffer {
  // Output in one piece: joining pieces takes twice as long.
  return zstdDecompressSync(blob, { chunkSize: Math.min(MOST_AT_ONCE, sizeOf(blob) + 64) })
}

const MOST_AT_ONCE = 16_777_216

/**
 * The size of the unpacked content, which the frame's header says for whatever `pack` made (RFC 8878, 3.1.1.1); of
 * other input, a guess.
 */
function sizeOf(blob: Uint8Array): number {
  const header = new DataView(blob.buffer, blob.byteOffset, Math.min(blob.byteLength, 14))
  // The flags: a content size of 4 bytes or of 2, in a single segment without a dictionary.
  const flags = header.byteLength === 14 ? header.getUint8(4) & 0b1110_0011 : 0
  if (flags === 0b1010_0000) return header.getUint32(5, true)
  if (flags === 0b0110_0000) return header.getUint16(5, true) + 256
  return 16 * blob.length
}

/** Errors  throws when a byte was changed or is missing, or when these are not the `count` lines that were packed. */
export function unpack(blob: Uint8Array, count: number): string[] {
  const lines = unpackBytes(blob).toString('utf8').split('\n')
  if (lines.length !== count) throw new Error(`${lines.length} lines instead of ${count}`)
  return lines
}

/** What the store looks events up by. `seq` null: not numbered by a spool. */
export interface EventFacts {
  device: string
  category: string
  time: number
  epoch: number
  seq: number | null
  id: string
  conflict: boolean
}

/** When telemetry was received. Null for records that are not telemetry, such as contracts: they outlive it. */
export function arrivalOf(record: Recorded): number | null {
  switch (record.type) {
    case 'event':
      return record.receivedAt
    case 'connection':
    case 'rarity':
      return record.time
    case 'feed':
      return record.receivedAt ?? record.time
    case 'contract':
    case 'approval':
    case 'learning':
    case 'device':
    case 'revocation':
    case 'label':
    case 'clock':
      return null
  }
}

/** Null for a record that is not an event. */
export function factsOf(record: Recorded): EventFacts | null {
  if (record.type !== 'event') return null
  const { device, epoch = 0, conflict = false, event } = record
  return { device, category: event.category, time: event.time, epoch, seq: event.seq, id: event.id, conflict }
}

/** The category that scans filter by. Null: neither an event nor a feed line. */
export function categoryOf(record: Recorded): string | null {
  return record.type === 'event' || record.type === 'feed' ? record.event.category : null
}

/** Records that every scan returns: without them, events cannot be interpreted. */
export function isLandmark({ type }: Recorded): boolean {
  return LANDMARKS.has(type)
}

const LANDMARKS: ReadonlySet<Recorded['type']> = new Set([
  'contract',
  'approval',
  'learning',
  'device',
  'revocation',
  'clock',
])
