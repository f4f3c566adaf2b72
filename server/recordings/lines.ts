/**
 * Newline-delimited JSON, any size in constant memory: a file, a gzipped file, or standard input.
 *
 * Shape   blocks of lines, as they are read, with back-pressure; null for a line longer than `MAX_LINE_BYTES`. A last
 *         line without a newline counts; a byte order mark is skipped.
 * Errors  Fault 'events.invalid' when the input cannot be read, after the lines before that point.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Fault } from '../../wire/fault.ts'

/** The same as in replay. An event from an agent has at most about 100 KB. */
export const MAX_LINE_BYTES = 4 * 1_048_576
const NEWLINE = 0x0a
/** Small enough that a block and its text are collected with V8's young objects: of 256 KiB they cost 70 MiB more. */
const READ_BYTES = 65_536

export async function* eventLines(file: string): AsyncGenerator<(string | null)[]> {
  const where = file === '-' ? 'standard input' : file
  try {
    yield* linesOf(file === '-' ? process.stdin : opened(file))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    throw new Fault('events.invalid', { where, ...(REASONS[code] ?? { why: (cause as Error).message }), cause })
  }
}

const REASONS: Record<string, { why: string; todo?: string }> = {
  ENOENT: { why: 'There is no such file.' },
  EACCES: { why: 'This user may not read it.' },
  EISDIR: { why: 'It is a folder.', todo: 'Name a file.' },
  Z_BUF_ERROR: { why: 'The gzip file is truncated; the lines before that point were read.' },
  Z_DATA_ERROR: { why: 'The file is not gzip, or is damaged; the lines before that point were read.' },
}

function opened(file: string): AsyncIterable<Buffer> {
  const bytes = createReadStream(file, { highWaterMark: READ_BYTES })
  // Errors of both streams surface where the lines are read.
  return /\.gz$/i.test(file) ? pipeline(bytes, createGunzip({ chunkSize: READ_BYTES }), () => {}) : bytes
}

export async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<(string | null)[]> {
  /** The beginning of a line whose end has not been read yet. */
  let begun: Buffer[] = []
  let begunBytes = 0
  let tooLong = false
  let first = true
  for await (const chunk of source) {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end >= 0) {
      const lines = split(Buffer.concat([...begun, chunk.subarray(0, end)]))
      if (first && lines[0]?.startsWith('\ufeff')) lines[0] = lines[0].slice(1)
      if (tooLong) lines[0] = null
      first = tooLong = false
      begun = []
      begunBytes = 0
      yield lines
    }
    const rest = chunk.subarray(end + 1)
    begunBytes += rest.length
    tooLong ||= begunBytes > MAX_LINE_BYTES
    if (tooLong) begun = []
    // A copy, because a slice would keep the whole chunk in memory.
    else if (rest.length > 0) begun.push(Buffer.from(rest))
  }
  if (tooLong) yield [null]
  else if (begunBytes > 0)
    yield [
      Buffer.concat(begun)
        .toString('utf8')
        .replace(first ? /^\ufeff/ : /(?!)/, ''),
    ]
}

/** A newline byte is never part of another UTF-8 character, so splitting before decoding is safe. */
function split(block: Buffer): (string | null)[] {
  const lines = block.toString('utf8').split('\n')
  return lines.some((line) => line.length > MAX_LINE_BYTES)
    ? lines.map((line) => (line.length > MAX_LINE_BYTES ? null : line))
    : lines
}
