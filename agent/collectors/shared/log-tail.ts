/**
 * Follows logs that grow and are rotated, and that anybody may write to.
 *
 * Shape   returns the complete lines since the previous call. The caller keeps the position (inode and byte offset),
 *         also across restarts. A file with another inode (rotation), or that became shorter, is read from its
 *         beginning, after the rest of the old file if that is now `<path>.1`.
 * Units   at most `MAX_READ` bytes per call; of a new log, only its last `MAX_READ` bytes.
 * Errors  lines that are too long, and what a fast log has beyond `MAX_READ`, are omitted and counted in `lostBytes`.
 *         Rejects as node:fs does if the file cannot be read.
 */
import type { Host } from '../../host/host.ts'

export const MAX_READ = 262_144
const MAX_LINE = 8_192

export interface Position {
  inode: number
  offset: number
}
export interface Tail {
  lines: string[]
  position: Position
  /** Bytes that were not read, or were in lines that are too long. */
  lostBytes: number
}

export async function tail(host: Host, path: string, before: Position | null): Promise<Tail> {
  const { inode, size } = await host.stat(path)
  if (before !== null && before.inode === inode && before.offset <= size)
    return readFrom(host, path, inode, size, before.offset)
  const rest = before === null ? NOTHING : await readRest(host, `${path}.1`, before)
  // Of a new log, read the end; of a log that replaced another, everything.
  const found = await readFrom(host, path, inode, size, before === null ? Math.max(0, size - MAX_READ) : 0)
  if (before === null && size > MAX_READ) found.lines.shift() // incomplete
  return { ...found, lines: [...rest.lines, ...found.lines], lostBytes: rest.lostBytes + found.lostBytes }
}

/** The unread rest of the rotated log. If the file is gone, the number of lost bytes is unknown. */
async function readRest(host: Host, path: string, before: Position): Promise<Pick<Tail, 'lines' | 'lostBytes'>> {
  const old = await host.stat(path).catch(() => null)
  if (old === null || old.inode !== before.inode || old.size < before.offset) return NOTHING
  return readFrom(host, path, old.inode, old.size, before.offset).catch(() => ({
    lines: [],
    lostBytes: old.size - before.offset,
  }))
}
const NOTHING: Pick<Tail, 'lines' | 'lostBytes'> = { lines: [], lostBytes: 0 }

async function readFrom(host: Host, path: string, inode: number, size: number, from: number): Promise<Tail> {
  if (size <= from) return { lines: [], position: { inode, offset: from }, lostBytes: 0 }
  const skipped = Math.max(0, size - from - MAX_READ)
  const start = from + skipped
  const bytes = await host.readPart(path, start, MAX_READ)
  // Windows programs under Wine, and AnyDesk, write UTF-16, in which every second byte of ASCII text is zero.
  const wide = bytes.length > 1 && (bytes.subarray(0, 64).includes(0) || bytes.readUInt16LE(0) === 0xfeff)
  const step = wide ? 2 : 1
  const end = lastNewline(bytes, wide, start)
  // An incomplete line is read again later, unless it fills the buffer: then it is too long, and skipped.
  if (end === 0)
    return bytes.length < MAX_READ
      ? { lines: [], position: { inode, offset: start }, lostBytes: skipped }
      : { lines: [], position: { inode, offset: start + bytes.length }, lostBytes: skipped + bytes.length }
  // UTF-16 characters start at even offsets of the file.
  const first = wide ? start % 2 : 0
  const text = bytes
    .subarray(first, end)
    .toString(wide ? 'utf16le' : 'utf8')
    .replace(/^\ufeff/, '')
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/\r$/, ''))
  const fit = lines.filter((line) => line.length <= MAX_LINE)
  const tooLong = lines.reduce((sum, line) => sum + (line.length > MAX_LINE ? line.length * step : 0), 0)
  return { lines: fit, position: { inode, offset: start + end }, lostBytes: skipped + tooLong }
}

/** The end of the last complete line, or 0. */
function lastNewline(bytes: Buffer, wide: boolean, start: number): number {
  if (!wide) return bytes.lastIndexOf(10) + 1
  for (let at = bytes.length - 2; at >= 0; at--)
    if (bytes[at] === 10 && bytes[at + 1] === 0 && (start + at) % 2 === 0) return at + 2
  return 0
}
