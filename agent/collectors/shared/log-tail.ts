/**
 * Follows logs that grow, are rotated, and may be written to by anybody.
 *
 * Shape   whole lines that came since the last look. The place is kept by whoever calls, so that a restart goes on where
 *         it was: inode and byte offset. A file that was put in its place (rotation), or became shorter, is read from
 *         its beginning, after the rest of the old one where that lies beside it as `<path>.1`.
 * Units   at most `MAX_LOOK` bytes a look; of a log seen for the first time, only its last `MAX_LOOK`.
 * Errors  a line longer than that is left out and counted in `lost`, as is what a fast log had more than we read.
 *         Rejects as node:fs does when the file cannot be read.
 */
import type { Host } from '../../host/host.ts'

export const MAX_LOOK = 262_144
const MAX_LINE = 8_192

export interface Place {
  inode: number
  offset: number
}
export interface Tail {
  lines: string[]
  place: Place
  /** Bytes that were not read, or were in lines too long to be what we look for. */
  lost: number
}

export async function tail(host: Host, path: string, before: Place | null): Promise<Tail> {
  const { inode, size } = await host.stat(path)
  if (before !== null && before.inode === inode && before.offset <= size)
    return grown(host, path, inode, size, before.offset)
  const rest = before === null ? NOTHING : await restOf(host, `${path}.1`, before)
  // Seen for the first time: its end. Put in place of another: all of it.
  const found = await grown(host, path, inode, size, before === null ? Math.max(0, size - MAX_LOOK) : 0)
  if (before === null && size > MAX_LOOK) found.lines.shift() // cut in the middle
  return { ...found, lines: [...rest.lines, ...found.lines], lost: rest.lost + found.lost }
}

/** What was not read of the log that was there before. Where it has gone, nobody knows how much that is. */
async function restOf(host: Host, path: string, before: Place): Promise<Pick<Tail, 'lines' | 'lost'>> {
  const old = await host.stat(path).catch(() => null)
  if (old === null || old.inode !== before.inode || old.size < before.offset) return NOTHING
  return grown(host, path, old.inode, old.size, before.offset).catch(() => ({
    lines: [],
    lost: old.size - before.offset,
  }))
}
const NOTHING: Pick<Tail, 'lines' | 'lost'> = { lines: [], lost: 0 }

async function grown(host: Host, path: string, inode: number, size: number, from: number): Promise<Tail> {
  if (size <= from) return { lines: [], place: { inode, offset: from }, lost: 0 }
  const skipped = Math.max(0, size - from - MAX_LOOK)
  const start = from + skipped
  const bytes = await host.readPart(path, start, MAX_LOOK)
  // Windows' programs under Wine, and AnyDesk, write UTF-16: every second byte of plain text is zero.
  const wide = bytes.length > 1 && (bytes.subarray(0, 64).includes(0) || bytes.readUInt16LE(0) === 0xfeff)
  const step = wide ? 2 : 1
  const end = lastNewline(bytes, wide, start)
  // A torn line waits for its end, unless it fills all we read: then it is none of ours.
  if (end === 0)
    return bytes.length < MAX_LOOK
      ? { lines: [], place: { inode, offset: start }, lost: skipped }
      : { lines: [], place: { inode, offset: start + bytes.length }, lost: skipped + bytes.length }
  // UTF-16 is read from an even place of the file on.
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
  return { lines: fit, place: { inode, offset: start + end }, lost: skipped + tooLong }
}

/** Where the last whole line ends, or 0. */
function lastNewline(bytes: Buffer, wide: boolean, start: number): number {
  if (!wide) return bytes.lastIndexOf(10) + 1
  for (let at = bytes.length - 2; at >= 0; at--)
    if (bytes[at] === 10 && bytes[at + 1] === 0 && (start + at) % 2 === 0) return at + 2
  return 0
}
