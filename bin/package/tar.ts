/** Writes .tar.gz. Node has no tar, and the system's differ in what they put into it. */
import { constants, gzipSync } from 'node:zlib'
import { foldersOf, modeOf, sorted, type Tree } from './tree.ts'

const BLOCK = 512

/**
 * Source  POSIX.1-2017 pax, "ustar Interchange Format". gzip: RFC 1952; its time is 0, and its system 255.
 * Errors  throws for a path that does not fit: 255 bytes.
 */
export function tarGz(tree: Tree, epoch: number): Buffer {
  const parts: Buffer[] = []
  for (const folder of foldersOf(tree)) parts.push(header(`${folder}/`, { type: '5', mode: 0o755, size: 0, epoch }))
  for (const [path, item] of sorted(tree)) {
    if ('link' in item) {
      parts.push(header(path, { type: '2', mode: 0o777, size: 0, epoch, link: item.link }))
      continue
    }
    const { length } = item.bytes
    parts.push(header(path, { type: '0', mode: modeOf(item), size: length, epoch }), item.bytes)
    parts.push(Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK))
  }
  parts.push(Buffer.alloc(2 * BLOCK))
  const packed = gzipSync(Buffer.concat(parts), { level: constants.Z_DEFAULT_COMPRESSION })
  packed[9] = 255 // which system made it
  return packed
}

interface Facts {
  type: '0' | '2' | '5'
  mode: number
  size: number
  epoch: number
  link?: string
}

function header(path: string, { type, mode, size, epoch, link = '' }: Facts): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
  const [prefix, name] = split(path)
  block.write(name, 0, 'utf8')
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(epoch, 136, 12)
  block.write('        ', 148, 'latin1')
  block.write(type, 156, 'latin1')
  block.write(link, 157, 'utf8')
  block.write('ustar\u000000', 257, 'latin1')
  block.write('root', 265, 'latin1')
  block.write('root', 297, 'latin1')
  block.write(prefix, 345, 'utf8')
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function split(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path]
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, name]
  }
  throw new Error(`The path is too long for a tar archive: ${path}`)
}
