/** Unpacks our own .tar.gz. Its signature was checked before. */
import { chmodSync, closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { Fault } from '../../wire/fault.ts'

const BLOCK = 512
/** A package is some 130 MB unpacked. */
const MAX_UNPACKED = 1_073_741_824

/**
 * Unpacks `file` into `to`, without the archive's own first folder.
 *
 * Shape   regular files and folders only; files are executable or not, and writable by their owner only.
 * Errors  Fault 'package.invalid' for anything else, for a name that leads out, and for a cut archive; node:fs's.
 * Source  POSIX.1-2017 pax, "ustar Interchange Format".
 */
export async function unpack(file: string, to: string): Promise<void> {
  const refuse = (why: string) =>
    new Fault('package.invalid', { where: file, why, todo: 'Build it again with `npm run package`.' })
  const take = taker(createReadStream(file).pipe(createGunzip()), refuse)
  for (;;) {
    const header = await take.whole(BLOCK)
    if (header[0] === 0) return
    const field = (from: number, size: number) => header.toString('utf8', from, from + size).split('\0')[0]!
    const prefix = field(345, 155)
    const name = prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`
    const size = Number.parseInt(field(124, 12), 8)
    const type = field(156, 1)
    if (field(257, 5) !== 'ustar' || !(size >= 0)) throw refuse('It is no archive of ours.')
    const parts = name.split('/').filter((it) => it !== '')
    if (name.startsWith('/') || name.includes('\\') || parts.some((it) => it === '..' || it === '.'))
      throw refuse(`It has the name '${name}'.`)
    const path = join(to, ...parts.slice(1))
    if (type === '5') mkdirSync(path, { recursive: true, mode: 0o755 })
    else if (type === '0' && parts.length > 1)
      await writeFile(path, size, (Number.parseInt(field(100, 8), 8) & 0o100) !== 0 ? 0o755 : 0o644)
    else throw refuse(`'${name}' is no file.`)
    await take.whole((BLOCK - (size % BLOCK)) % BLOCK)
  }

  async function writeFile(path: string, size: number, mode: number): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    const fd = openSync(path, 'wx', mode)
    try {
      for (let left = size; left > 0; ) {
        const chunk = await take.some(left)
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
        left -= chunk.length
      }
    } finally {
      closeSync(fd)
    }
    chmodSync(path, mode) // whatever the umask is
  }
}

function taker(source: AsyncIterable<Buffer>, refuse: (why: string) => Fault) {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  let total = 0
  async function some(most: number): Promise<Buffer> {
    while (rest.length === 0) {
      const next = await chunks.next().catch((cause: Error) => {
        throw refuse(`It cannot be unpacked (${cause.message}).`)
      })
      if (next.done) throw refuse('It is cut off.')
      rest = next.value
      total += rest.length
      if (total > MAX_UNPACKED) throw refuse('It unpacks to more than one GiB.')
    }
    const chunk = rest.subarray(0, most)
    rest = rest.subarray(chunk.length)
    return chunk
  }
  async function whole(size: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let left = size; left > 0; left -= parts.at(-1)!.length) parts.push(await some(left))
    return Buffer.concat(parts)
  }
  return { some, whole }
}
