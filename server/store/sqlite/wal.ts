/**
 * Checks a database's write-ahead log after the process that wrote it ended. SQLite reads it up to the first frame
 * that does not match its checksum and silently ignores the rest, even when some of the rest is already in the
 * database.
 *
 * Source  https://sqlite.org/fileformat2.html#walformat
 */
import { readFileSync } from 'node:fs'

const HEADER = 32
const FRAME_HEADER = 24
const MAGIC = 0x377f0682

/**
 * 'torn': it ends in unfinished frames, as after a kill. 'broken': after a frame that does not match come more frames
 * of the same or of later transactions.
 */
export type WalState = 'absent' | 'empty' | 'whole' | 'torn' | 'broken'

export function inspectWal(file: string): WalState {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    return 'absent'
  }
  if (bytes.length === 0) return 'empty'
  const magic = bytes.length < HEADER ? 0 : bytes.readUInt32BE(0)
  if ((magic & ~1) >>> 0 !== MAGIC) return 'broken'
  // The last bit of the magic number gives the byte order of the checksums.
  const add = adding(bytes, (magic & 1) === 0)
  let sum = add([0, 0], 0, 24)
  if (!matches(bytes, sum, 24)) return 'broken'

  const size = FRAME_HEADER + bytes.readUInt32BE(8)
  const isCurrent = (at: number) => bytes.readBigUInt64BE(at + 8) === bytes.readBigUInt64BE(16)
  for (let at = HEADER; at + size <= bytes.length; at += size) {
    if (isCurrent(at)) {
      sum = add(add(sum, at, at + 8), at + FRAME_HEADER, at + size)
      if (matches(bytes, sum, at + 16)) continue
    }
    for (let later = at + size; later + size <= bytes.length; later += size) if (isCurrent(later)) return 'broken'
    // What follows is from an earlier pass over the file, unless it begins like a frame of this pass.
    return isCurrent(at) ? 'torn' : 'whole'
  }
  return (bytes.length - HEADER) % size === 0 ? 'whole' : 'torn'
}

type Sum = readonly [number, number]

function adding(bytes: Buffer, little: boolean) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return ([first, second]: Sum, from: number, to: number): Sum => {
    for (let at = from; at < to; at += 8) {
      first = (first + view.getUint32(at, little) + second) >>> 0
      second = (second + view.getUint32(at + 4, little) + first) >>> 0
    }
    return [first, second]
  }
}

function matches(bytes: Buffer, [first, second]: Sum, at: number): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second
}
