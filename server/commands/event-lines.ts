/**
 * Newline-delimited JSON, any size in constant memory: a file, a gzipped file, or standard input.
 *
 * Shape   lines in blocks, as they come, with back-pressure; null for a line longer than `MAX_LINE_BYTES`. A last line
 *         without a newline counts; a byte order mark is skipped.
 * Errors  Fault 'events.invalid' for what cannot be read, after the lines before it.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Fault } from '../../wire/fault.ts'

/** As for replay. An event of an agent has at most some 100 KB. */
export const MAX_LINE_BYTES = 4 * 1_048_576
const NEWLINE = 0x0a
/** Large enough that the work per block is small compared with the work for its lines. */
const READ_BYTES = 262_144

export async function* eventLines(file: string): AsyncGenerator<(string | null)[]> {
  const where = file === '-' ? 'standard input' : file
  try {
    yield* linesOf(file === '-' ? process.stdin : opened(file))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    throw new Fault('events.invalid', { where, todo: REASONS[code] ?? (cause as Error).message, cause })
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'There is no such file.',
  EACCES: 'This user may not read it.',
  EISDIR: 'This is a folder; name a file.',
  Z_BUF_ERROR: 'The gzip file is cut short; the lines before that were read.',
  Z_DATA_ERROR: 'The file is not gzip, or damaged; the lines before that were read.',
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
    // A copy, or the whole chunk would stay in memory as long.
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

/** A newline is never part of another character's UTF-8, so the text may be cut after it is read. */
function split(block: Buffer): (string | null)[] {
  const lines = block.toString('utf8').split('\n')
  return lines.some((line) => line.length > MAX_LINE_BYTES)
    ? lines.map((line) => (line.length > MAX_LINE_BYTES ? null : line))
    : lines
}
