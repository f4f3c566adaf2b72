/** Reads the texts in a .tar.gz, with limits: rule sets are published as such archives. */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** SigmaHQ's whole repository unpacks to some 100 MB. */
const MAX_UNPACKED = 1_073_741_824
const MAX_HEADER_BYTES = 65_536
const BLOCK = 512

/**
 * Yields the files that `wanted` names, in the archive's order; `text` is null for those of more than `maxBytes`.
 *
 * Shape   names as in the archive, without a leading '../'; names that lead out of the archive are omitted.
 * Errors  a plain Error when it is not gzip or tar, is truncated, or unpacks to more than one GiB.
 * Source  POSIX.1-2017 pax, "ustar Interchange Format"; type L is GNU's way to write a long name.
 */
export async function* textsIn(
  path: string,
  { wanted, maxBytes }: { wanted: (name: string) => boolean; maxBytes: number },
): AsyncGenerator<{ name: string; text: string | null }> {
  const unpacked = createGunzip()
  // An error comes out where `unpacked` is read.
  pipeline(createReadStream(path), unpacked, () => {})
  const take = taker(unpacked)
  let longName: string | null = null
  for (;;) {
    const header = await take(BLOCK, true)
    if (header[0] === 0) return
    const field = (from: number, to: number) => header.toString('utf8', from, to).split('\0')[0]!
    const size = Number.parseInt(field(124, 136), 8)
    if (!(size >= 0) || !isHeader(header)) throw new Error('This is not a tar archive.')
    const type = field(156, 157)
    const prefix = field(257, 263) === 'ustar' ? field(345, 500) : ''
    const name: string = longName ?? (prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`)
    longName = null
    const describes = type === 'x' || type === 'L'
    const clean = name.replace(/^\.\//, '')
    const chosen = (type === '0' || type === '') && isInside(clean) && wanted(clean)
    const keep = describes ? size <= MAX_HEADER_BYTES : chosen && size <= maxBytes
    const content = await take(size, keep)
    await take(Math.ceil(size / BLOCK) * BLOCK - size, false)
    if (describes) longName = keep ? longNameIn(type, content.toString('utf8')) : null
    if (chosen) yield { name: clean, text: keep ? content.toString('utf8') : null }
  }
}

/** The sum of the header's bytes, its own field counted as blanks. */
function isHeader(header: Buffer): boolean {
  let sum = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!
  return sum === Number.parseInt(header.toString('latin1', 148, 156), 8)
}

function longNameIn(type: string, content: string): string | null {
  return type === 'L' ? content.split('\0')[0]! : (/(?:^|\n)\d+ path=([^\n]*)\n/.exec(content)?.[1] ?? null)
}

function isInside(name: string): boolean {
  return !name.startsWith('/') && !name.includes('\\') && !name.split('/').includes('..')
}

/** Reads or skips a number of bytes of a stream. The end of a stream reads as zeros. */
function taker(source: AsyncIterable<Buffer>): (bytes: number, keep: boolean) => Promise<Buffer> {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  let seen = 0
  return async (bytes, keep) => {
    const kept: Buffer[] = []
    for (let missing = bytes; missing > 0; ) {
      if (rest.length === 0) {
        const { value, done } = await chunks.next()
        if (done && missing === bytes && bytes === BLOCK) return Buffer.alloc(BLOCK)
        if (done) throw new Error('The archive is cut short.')
        rest = value
        seen += rest.length
        if (seen > MAX_UNPACKED) throw new Error('The archive unpacks to more than a GiB.')
      }
      const part = rest.subarray(0, missing)
      if (keep) kept.push(part)
      missing -= part.length
      rest = rest.subarray(part.length)
    }
    return Buffer.concat(kept)
  }
}
