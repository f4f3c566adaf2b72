/**
 * A bill of materials: what macOS' installer notes of a package's files.
 *
 * Shape   a header, named variables, numbered blocks and their index; numbers are big-endian. The variable Paths leads to
 *         a tree of leaves with up to 256 paths each, in the order of their parents.
 * Source  the structures as bomutils' bom.h describes them: Apple does not. What it makes was read by bomutils' lsbom 0.2
 *         and by the crate apple-bom (through pyapplebom 0.1.2), never by a Mac.
 */

export interface BomEntry {
  /** './Library/Tellwire'; '.' is the root. */
  path: string
  /** With the kind of file: 0o040755, 0o100644. */
  mode: number
  bytes: Buffer | null
}

const HEADER = 512
const LEAF = 256
const FOLDER = 2
const FILE = 1
const ROOT = 0

export function bom(entries: readonly BomEntry[], epoch: number): Buffer {
  const blocks: Buffer[] = [Buffer.alloc(0)]
  const add = (...parts: (Buffer | number)[]) => blocks.push(Buffer.concat(parts.map(bytesOf))) - 1
  const tree = (child: number, blockSize: number, paths: number) =>
    add(Buffer.from('tree'), 1, child, blockSize, paths, Buffer.alloc(1))
  const empty = () => tree(add(leafHeader(1, 0, 0)), 4_096, 0)
  const variables = {
    BomInfo: add(1, entries.length + 1, 1, 0, 0, 0, 0),
    Paths: tree(paths(entries, epoch, blocks, add), 4_096, entries.length),
    HLIndex: empty(),
    VIndex: add(1, tree(add(leafHeader(1, 0, 0)), 128, 0), 0, Buffer.alloc(1)),
    Size64: empty(),
  }
  const named = Object.entries(variables).map(([name, block]) =>
    Buffer.concat([bytesOf(block), Buffer.from([name.length]), Buffer.from(name)]),
  )
  const vars = Buffer.concat([bytesOf(named.length), ...named])
  let at = HEADER + vars.length
  const pointers = blocks.map((block) => {
    const pointer = block.length === 0 ? [0, 0] : [at, block.length]
    at += block.length
    return Buffer.concat(pointer.map(bytesOf))
  })
  // The list of free blocks: none, and room for two, as Apple's has.
  const index = Buffer.concat([bytesOf(blocks.length), ...pointers, bytesOf(0), Buffer.alloc(16)])
  const header = Buffer.alloc(HEADER)
  header.write('BOMStore')
  for (const [n, it] of [1, blocks.length - 1, at, index.length, HEADER, vars.length].entries())
    header.writeUInt32BE(it, 8 + n * 4)
  return Buffer.concat([header, vars, ...blocks, index])
}

/** The block of the tree's first node. */
function paths(
  entries: readonly BomEntry[],
  epoch: number,
  blocks: Buffer[],
  add: (...parts: (Buffer | number)[]) => number,
): number {
  const ids = new Map<string, number>([['', ROOT]])
  const rows = inOrder(entries).map(({ path, mode, bytes }, n) => {
    ids.set(path, n + 1)
    const slash = path.lastIndexOf('/')
    const parent = ids.get(path.slice(0, Math.max(0, slash)))!
    const kind = bytes === null ? FOLDER : FILE
    const [size, sum] = bytes === null ? [0, 0] : [bytes.length, cksum(bytes)]
    const facts = add(Buffer.from([kind, 1, 0, 3, mode >> 8, mode & 255]), 0, 0, epoch, size, Buffer.from([1]), sum, 0)
    return [add(n + 1, facts), add(parent, Buffer.from(`${path.slice(slash + 1)}\0`))] as const
  })
  const leaves: number[] = []
  for (let from = 0; from < rows.length; from += LEAF) {
    const part = rows.slice(from, from + LEAF)
    leaves.push(add(leafHeader(1, part.length, leaves.at(-1) ?? 0), ...part.flat()))
  }
  for (const [n, leaf] of leaves.entries()) blocks[leaf]!.writeUInt32BE(leaves[n + 1] ?? 0, 4)
  if (leaves.length === 1) return leaves[0]!
  const lasts = leaves.map((leaf, n) => [leaf, rows[Math.min(rows.length, (n + 1) * LEAF) - 1]![1]])
  return add(leafHeader(0, leaves.length, 0), ...lasts.flat())
}

/** Folder by folder, from the root, by name: so that ids grow as the tree is sorted. */
function inOrder(entries: readonly BomEntry[]): BomEntry[] {
  const depth = (path: string) => path.split('/').length
  const children = new Map<string, BomEntry[]>()
  for (const it of [...entries].sort((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1))) {
    const parent = it.path.slice(0, Math.max(0, it.path.lastIndexOf('/')))
    children.set(parent, [...(children.get(parent) ?? []), it])
  }
  const found: BomEntry[] = []
  const waiting = ['']
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift())
    for (const it of children.get(at) ?? []) {
      found.push(it)
      waiting.push(it.path)
    }
  if (found.length < entries.length) throw new Error('a file has no folder in the list')
  return found
}

function leafHeader(isLeaf: 0 | 1, count: number, backward: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(isLeaf, 0)
  header.writeUInt16BE(count, 2)
  header.writeUInt32BE(backward, 8)
  return header
}

function bytesOf(part: Buffer | number): Buffer {
  if (typeof part !== 'number') return part
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(part)
  return bytes
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 24
  for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  return sum >>> 0
})

/** Source  POSIX.1-2017, cksum: the length follows the bytes, its lowest byte first, as many as it needs. */
export function cksum(bytes: Uint8Array): number {
  let sum = 0
  const add = (byte: number) => {
    sum = ((sum << 8) ^ TABLE[((sum >>> 24) ^ byte) & 255]!) >>> 0
  }
  for (const byte of bytes) add(byte)
  for (let left = bytes.length; left > 0; left = Math.floor(left / 256)) add(left & 255)
  return ~sum >>> 0
}
