/**
 * Several files in one file that `tar` can read and write.
 *
 * Shape   regular files only, in POSIX ustar; a size above 8 GiB is written in binary, as GNU tar does.
 * Errors  Fault 'store.damaged' with the place when the file has another format, or ends too early.
 * Source  IEEE Std 1003.1-2024, pax: ustar interchange format.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { Fault } from '../../../wire/fault.ts'

const BLOCK = 512
const PIECE = 1_048_576
const LARGEST_OCTAL = 8 ** 11

/** `modified` in epoch ms. Only its owner may read the file. */
export async function writeArchive(
  file: string,
  entries: readonly { name: string; path: string }[],
  modified: number,
): Promise<void> {
  const archive = await open(file, 'wx', 0o600)
  try {
    for (const { name, path } of entries) await addEntry(archive, name, path, modified)
    await archive.writeFile(Buffer.alloc(2 * BLOCK))
    await archive.sync()
  } finally {
    await archive.close()
  }
}

async function addEntry(archive: FileHandle, name: string, path: string, modified: number): Promise<void> {
  const source = await open(path)
  try {
    const { size } = await source.stat()
    await archive.writeFile(headerOf(name, size, modified))
    for (let at = 0; at < size; ) {
      const { bytesRead, buffer } = await source.read({
        buffer: Buffer.alloc(PIECE),
        length: Math.min(PIECE, size - at),
      })
      if (bytesRead === 0)
        throw new Fault('store.damaged', { where: path, why: 'It became shorter.', todo: 'Try again.' })
      await archive.writeFile(buffer.subarray(0, bytesRead))
      at += bytesRead
    }
    await archive.writeFile(Buffer.alloc(padding(size)))
  } finally {
    await source.close()
  }
}

/** Each entry's contents must be read to their end before the next entry. */
export async function* readArchive(file: string): AsyncIterable<{ name: string; contents: AsyncIterable<Buffer> }> {
  const archive = await open(file)
  try {
    for (let at = 0; ; ) {
      const header = await exactly(archive, at, BLOCK, file)
      if (header.every((it) => it === 0)) return
      const { name, size } = parsed(header, file, at)
      yield { name, contents: contentsOf(archive, at + BLOCK, size, file) }
      at += BLOCK + size + padding(size)
    }
  } finally {
    await archive.close()
  }
}

async function* contentsOf(archive: FileHandle, from: number, size: number, file: string): AsyncIterable<Buffer> {
  for (let at = 0; at < size; at += PIECE) yield await exactly(archive, from + at, Math.min(PIECE, size - at), file)
}

async function exactly(archive: FileHandle, position: number, length: number, file: string): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  for (let at = 0; at < length; ) {
    const { bytesRead } = await archive.read(buffer, at, length - at, position + at)
    if (bytesRead === 0) throw damaged(file, position + at, 'it ends here')
    at += bytesRead
  }
  return buffer
}

function headerOf(name: string, size: number, modified: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100)
  header.write('0000600\0', 100)
  header.write('0000000\0'.repeat(2), 108)
  if (size < LARGEST_OCTAL) header.write(`${octal(size, 11)}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(size), 128)
  }
  header.write(`${octal(Math.floor(modified / 1_000), 11)}\0`, 136)
  // A regular file.
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  header.write(`${octal(checksum(header), 6)}\0 `, 148)
  return header
}

function parsed(header: Buffer, file: string, at: number): { name: string; size: number } {
  const text = (from: number, to: number) => header.toString('utf8', from, to).replace(/\0.*$/s, '').trim()
  if (text(257, 262) !== 'ustar' || Number.parseInt(text(148, 156), 8) !== checksum(header))
    throw damaged(file, at, 'no header is here')
  const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(124, 136), 8)
  return { name: text(0, 100), size }
}

/** The sum of all bytes, with blanks in place of the checksum itself. */
function checksum(header: Buffer): number {
  let sum = 0
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte
  return sum
}

const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
const padding = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK

function damaged(file: string, at: number, reason: string): Fault {
  const why = 'This is not a backup, or it is truncated.'
  return new Fault('store.damaged', { where: `${file}, byte ${at}`, why, todo: 'Use another one.', facts: { reason } })
}
