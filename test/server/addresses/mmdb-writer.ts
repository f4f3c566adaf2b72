/**
 * Writes small MaxMind DB files by the format's specification 2.0: records of 24 bits, no pointers except those of a
 * test.
 *
 * Shape   `networks` maps a CIDR block to its record; blocks must not overlap. `Raw` bytes are written unchanged.
 */
import ipaddr from 'ipaddr.js'

export type Value = string | number | boolean | Raw | readonly Value[] | { readonly [key: string]: Value }
export class Raw {
  readonly bytes: Buffer
  constructor(...bytes: number[]) {
    this.bytes = Buffer.from(bytes)
  }
}

type Node = [Node | number | null, Node | number | null]

export function mmdb(about: {
  type: string
  builtAt?: string
  ipVersion?: 4 | 6
  networks: Readonly<Record<string, Value>>
  metadata?: Readonly<Record<string, Value>>
}): Buffer {
  const { type, builtAt = '2026-10-02T00:00:00Z', ipVersion = 6, networks } = about
  const root: Node = [null, null]
  const data: Buffer[] = []
  let dataBytes = 0
  for (const [network, value] of Object.entries(networks)) {
    insert(root, bitsOf(network, ipVersion), dataBytes)
    data.push(encode(value))
    dataBytes += data.at(-1)!.length
  }
  const nodes = numbered(root)
  const index = new Map(nodes.map((node, at) => [node, at]))
  const tree = Buffer.alloc(nodes.length * 6)
  nodes.forEach((node, at) => {
    node.forEach((to, side) => {
      const record = to === null ? nodes.length : typeof to === 'number' ? nodes.length + 16 + to : index.get(to)!
      tree.writeUIntBE(record, at * 6 + side * 3, 3)
    })
  })
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: Date.parse(builtAt) / 1_000,
    database_type: type,
    description: {},
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
    ...about.metadata,
  })
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata])
}

function bitsOf(network: string, ipVersion: 4 | 6): number[] {
  const [address, length] = ipaddr.parseCIDR(network)
  const bits = address.toByteArray().flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (byte >> shift) & 1))
  const padding = address.kind() === 'ipv4' && ipVersion === 6 ? Array<number>(96).fill(0) : []
  return [...padding, ...bits.slice(0, length)]
}

function insert(root: Node, bits: readonly number[], data: number): void {
  let node = root
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit]
    if (typeof next === 'number') throw new Error('networks overlap')
    node = next ?? (node[bit] = [null, null])
  }
  node[bits.at(-1)!] = data
}

function numbered(root: Node): Node[] {
  const nodes = [root]
  for (const node of nodes) for (const to of node) if (to !== null && typeof to !== 'number') nodes.push(to)
  return nodes
}

function encode(value: Value): Buffer {
  if (value instanceof Raw) return value.bytes
  if (typeof value === 'boolean') return head(14, value ? 1 : 0)
  if (typeof value === 'string') {
    const text = Buffer.from(value)
    return Buffer.concat([head(2, text.length), text])
  }
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) {
    const word = Buffer.alloc(4)
    word.writeUInt32BE(value)
    return Buffer.concat([head(6, 4), word])
  }
  if (typeof value === 'number') {
    const double = Buffer.alloc(8)
    double.writeDoubleBE(value)
    return Buffer.concat([head(3, 8), double])
  }
  if (Array.isArray(value)) return Buffer.concat([head(11, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  return Buffer.concat([head(7, entries.length), ...entries.flatMap(([key, inner]) => [encode(key), encode(inner)])])
}

/** The control byte, the extended type, and the size in as many bytes as needed. */
function head(type: number, size: number): Buffer {
  const extended = type > 7 ? [type - 7] : []
  const top = (type > 7 ? 0 : type) << 5
  if (size < 29) return Buffer.from([top | size, ...extended])
  if (size < 285) return Buffer.from([top | 29, ...extended, size - 29])
  if (size < 65_821) return Buffer.from([top | 30, ...extended, (size - 285) >> 8, (size - 285) & 255])
  const rest = size - 65_821
  return Buffer.from([top | 31, ...extended, rest >> 16, (rest >> 8) & 255, rest & 255])
}
