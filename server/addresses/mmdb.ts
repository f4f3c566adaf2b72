/**
 * A MaxMind DB file, read so that a torn or hostile one costs an error and nothing more.
 *
 * Shape   the whole file in memory. `get` answers what the file holds for an address, unjudged: records are somebody
 *         else's data, and `database-records.ts` reads them.
 * Units   `builtAt` epoch ms, from the file's own metadata.
 * Errors  a plain Error with the reason: by `openMmdb` for a file that is cut, not of this format or not consistent; by
 *         `get` for a record that cannot be decoded, or is beyond what any honest one is.
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
}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
const METADATA_BYTES = 128 * 1_024
const SEPARATOR_BYTES = 16
/** A city record of GeoIP2 with all its languages decodes to about 200 values. */
const MAX_VALUES = 4_096
const MAX_RECORD_BYTES = 65_536

const Metadata = z.object({
  databaseType: z.string().min(1).max(256),
  ipVersion: z.literal([4, 6]),
  nodeCount: z.int().min(1),
  searchTreeSize: z.int().min(1),
  buildEpoch: z.date(),
})

export function openMmdb(bytes: Buffer): Mmdb {
  const metadataAt = bytes.lastIndexOf(MARKER)
  // Without the marker mmdb-lib would read the search tree as if it were metadata.
  if (metadataAt === -1 || bytes.length - metadataAt > METADATA_BYTES + MARKER.length)
    throw new Error('it is no MaxMind DB file, or it is cut short')
  const reader = new Reader<Response>(bytes)
  const metadata = Metadata.safeParse(reader.metadata)
  if (!metadata.success) throw new Error(`its metadata cannot be used (${metadata.error.issues[0]?.path.join('.')})`)
  const { databaseType, ipVersion, searchTreeSize, buildEpoch } = metadata.data
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (searchTreeSize + SEPARATOR_BYTES > metadataAt || separator.some((byte) => byte !== 0))
    throw new Error('its parts do not fit together: it was cut, or is half of one edition and half of another')
  const meter = metered(reader, metadataAt)
  return {
    type: databaseType,
    builtAt: buildEpoch.getTime(),
    get: (address) => {
      // An IPv4 tree would answer for the first 32 bits of an IPv6 address.
      if (address.version > ipVersion) return null
      meter.values = 0
      return reader.get(spelled(address.words))
    },
  }
}

/**
 * Counts what a record decodes to. A few bytes can point at each other so that they unfold without end, and a half
 * overwritten file does so by chance. mmdb-lib has no limit of its own, and decodes every value through `decode`.
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

/** The address as mmdb-lib takes it; what came in may have been the IPv6 mapping of an IPv4 address. */
function spelled(words: readonly number[]): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 0xff).join('.')
  return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':')
}
