/**
 * Reads a MaxMind DB file so that a truncated or hostile file costs an error and nothing more.
 *
 * Shape   the whole file in memory. `get` returns what the file holds for an address, unchecked: records come from
 *         third parties, and `database-records.ts` reads them. `sample` gives records from all over the file, the
 *         same ones each time: their fields show what kind of database it is.
 * Units   `builtAt` epoch ms, from the file's own metadata.
 * Errors  a plain Error with the reason: from `openMmdb` for a file that is truncated, of another format or not
 *         consistent; from `get` for a record that cannot be decoded, or is larger than any real one.
 * Source  MaxMind DB file format 2.0: search tree, sixteen zero bytes, data, marker, metadata of at most 128 KiB.
 */
import { Reader, type Response } from 'mmdb-lib'
import * as z from 'zod'
import type { ParsedAddress } from './table.ts'

export interface Mmdb {
  /** What the file calls itself: 'GeoLite2-City', 'city ipv4'. */
  type: string
  builtAt: number
  get(address: Pick<ParsedAddress, 'version' | 'words'>): unknown
  /** Up to `SAMPLES`; none where the file has none. Fails as `get` does when none of them can be decoded. */
  sample(): unknown[]
}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
const METADATA_BYTES = 128 * 1_024
const SEPARATOR_BYTES = 16
/** A city record of GeoIP2 with all its languages decodes to about 200 values. */
const MAX_VALUES = 4_096
const MAX_RECORD_BYTES = 65_536
/** Decoding this many takes about 2 ms. */
const SAMPLES = 128

const Metadata = z.object({
  databaseType: z.string().min(1).max(256),
  ipVersion: z.literal([4, 6]),
  nodeCount: z.int().min(1),
  recordSize: z.literal([24, 28, 32]),
  searchTreeSize: z.int().min(1),
  buildEpoch: z.date(),
})

export function openMmdb(bytes: Buffer): Mmdb {
  const metadataAt = metadataOffset(bytes)
  // Without the marker mmdb-lib would read the search tree as metadata.
  if (metadataAt === -1) throw new Error('it is not a MaxMind DB file, or it is cut short')
  const reader = new Reader<Response>(bytes)
  const metadata = Metadata.safeParse(reader.metadata)
  if (!metadata.success) throw new Error(`its metadata cannot be used (${metadata.error.issues[0]?.path.join('.')})`)
  const { databaseType, ipVersion, searchTreeSize, buildEpoch } = metadata.data
  const tree: Tree = { bytes, ...metadata.data }
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (searchTreeSize + SEPARATOR_BYTES > metadataAt || separator.some((byte) => byte !== 0))
    throw new Error('its parts do not fit together: it is truncated, or mixes two editions')
  const meter = metered(reader, metadataAt)
  const get: Mmdb['get'] = (address) => {
    // An IPv4 tree would return its answer for the first 32 bits of an IPv6 address.
    if (address.version > ipVersion) return null
    meter.values = 0
    return reader.get(spelled(address.words))
  }
  return { type: databaseType, builtAt: buildEpoch.getTime(), get, sample: () => readable(someAddresses(tree), get) }
}

/** Searched only where it may be: in 130 MB without a marker, searching the whole file takes 75 ms. */
function metadataOffset(bytes: Buffer): number {
  const from = Math.max(0, bytes.length - METADATA_BYTES - MARKER.length)
  const at = bytes.subarray(from).lastIndexOf(MARKER)
  return at === -1 ? -1 : from + at
}

function readable(addresses: readonly SomeAddress[], get: Mmdb['get']): unknown[] {
  const records: unknown[] = []
  let broken: unknown = null
  for (const address of addresses) {
    try {
      records.push(get(address))
    } catch (cause) {
      broken ??= cause
    }
  }
  if (broken !== null && records.length === 0) throw broken
  return records
}

interface Tree {
  bytes: Buffer
  ipVersion: 4 | 6
  nodeCount: number
  recordSize: 24 | 28 | 32
}

type SomeAddress = Parameters<Mmdb['get']>[0]

/** Addresses that have a record, found by walking down the search tree with different turns each time. */
function someAddresses(tree: Tree): SomeAddress[] {
  const addresses = Array.from({ length: SAMPLES }, (_, walk) => walkDown(tree, turnsOf(walk + 1)))
  return addresses.filter((it) => it !== null)
}

/** Null for a dead end, which only empty or damaged files have. */
function walkDown({ bytes, ipVersion, nodeCount, recordSize }: Tree, turn: () => 0 | 1): SomeAddress | null {
  const words = ipVersion === 4 ? [0] : [0, 0, 0, 0]
  let node = 0
  for (let depth = 0; depth < words.length * 32; depth++) {
    const children = [childOf(bytes, recordSize, node, 0), childOf(bytes, recordSize, node, 1)] as const
    let side = turn()
    // Most of the address space is a few large unused networks: seven of eight walks continue where it is divided.
    const stopsHere = children[side] >= nodeCount && children[1 - side]! < nodeCount
    if (children[side] === nodeCount || (stopsHere && turn() + turn() + turn() > 0)) side = side === 0 ? 1 : 0
    const child = children[side]
    if (child === nodeCount) return null
    words[depth >> 5] = (words[depth >> 5]! | (side << (31 - (depth & 31)))) >>> 0
    if (child > nodeCount) return { version: ipVersion, words }
    node = child
  }
  return null
}

/** A node is two records of 24, 28 or 32 bits; with 28 bits, the byte between them holds the high bits of both. */
function childOf(bytes: Buffer, recordSize: Tree['recordSize'], node: number, side: 0 | 1): number {
  const at = (node * recordSize) / 4
  if (recordSize !== 28) return bytes.readUIntBE(at + (side * recordSize) / 8, recordSize / 8)
  const middle = bytes[at + 3]!
  const high = side === 0 ? middle >> 4 : middle & 0xf
  return high * 0x1_00_00_00 + bytes.readUIntBE(at + side * 4, 3)
}

/** Left or right, from a fixed seed (xorshift), so that the same file gets the same result every time. */
function turnsOf(seed: number): () => 0 | 1 {
  let state = Math.imul(seed, 0x9e37_79b1)
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 31) as 0 | 1
  }
}

/**
 * Counts the values that a record decodes to. A few bytes can point at each other and expand without end; a
 * half-overwritten file can do so by accident. mmdb-lib has no limit, and decodes every value through `decode`.
 */
function metered(reader: Reader<Response>, end: number): { values: number } {
  const meter = { values: 0 }
  const decoder: { decode(offset: number): { value: unknown; offset: number } } = Reflect.get(reader, 'decoder')
  const decode = decoder.decode.bind(decoder)
  decoder.decode = (offset) => {
    if (++meter.values > MAX_VALUES) throw new Error(`a record has more than ${MAX_VALUES} values`)
    if (!(offset < end)) throw new Error('a record points outside the data')
    const decoded = decode(offset)
    if (decoded.offset - offset > MAX_RECORD_BYTES) throw new Error(`a record is longer than ${MAX_RECORD_BYTES} bytes`)
    return decoded
  }
  return meter
}

/** The address as mmdb-lib takes it; an IPv6-mapped IPv4 address arrives here as IPv4. */
function spelled(words: readonly number[]): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 0xff).join('.')
  return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':')
}
