/**
 * Which autonomous system announces an address.
 *
 * Shape   the two CSV files of @ip-location-db/asn, `start,end,number,name` with addresses as decimal numbers, read
 *         into typed arrays, one table per IP version, which move between threads without a copy.
 * Errors  a file with other lines, or with unsorted ones, throws Fault 'feed.invalid' with its line; a range that
 *         begins inside the one before it is omitted.
 * Source  RouteViews and DB-IP, CC-BY-4.0: 'IP Geolocation by DB-IP' must be shown with the results.
 */
import { Fault } from '../../wire/fault.ts'
import { compareWords, findRange, type ParsedAddress, type RangeTable } from './table.ts'

export interface AsnTable {
  find(address: Pick<ParsedAddress, 'version' | 'words'>): { asn: number; asName: string | null } | null
}

export interface AsnData {
  version: 4 | 6
  /** Start and end of each range, inclusive, in the format of `RangeTable`. */
  entries: Uint32Array<ArrayBuffer>
  /** The system of each range, as an index into the next two. */
  systems: Uint32Array<ArrayBuffer>
  numbers: Uint32Array<ArrayBuffer>
  /** Where each system's name ends in `names`; it begins where the one before ends. */
  nameEnds: Uint32Array<ArrayBuffer>
  /** UTF-8. */
  names: Uint8Array<ArrayBuffer>
}

const NONE = new Uint32Array(0)
const NEWLINE = 10
const COMMA = 44
const ZERO = 48
const MAX_NAME = 256

export function asnTable({ version, entries, systems, numbers, nameEnds, names }: AsnData): AsnTable {
  const table: RangeTable = version === 4 ? { v4: entries, v6: NONE } : { v4: NONE, v6: entries }
  const decoder = new TextDecoder()
  return {
    find: (address) => {
      const index = findRange(table, address)
      if (index === -1) return null
      const system = systems[index]!
      const name = decoder.decode(names.subarray(system === 0 ? 0 : nameEnds[system - 1]!, nameEnds[system]!))
      return { asn: numbers[system]!, asName: name || null }
    },
  }
}

const REINSTALL = 'Install the package again.'

/** The buffers of a table, for transfer to another thread. */
export function buffersOf({ entries, systems, numbers, nameEnds, names }: AsnData): ArrayBuffer[] {
  return [entries, systems, numbers, nameEnds, names].map((it) => it.buffer)
}

/** Parses one file of one IP version; takes about 0.3 s. `path` is for error messages. */
export function parseAsn(bytes: Buffer, path: string, version: 4 | 6): AsnData {
  const size = version === 4 ? 1 : 4
  const lines = linesIn(bytes)
  const entries = new Uint32Array(lines * 2 * size)
  const systems = new Uint32Array(lines)
  const known = new Systems()
  let count = 0
  let overlapping = 0
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline === -1 ? bytes.length : newline
    const first = bytes.indexOf(COMMA, at)
    const second = bytes.indexOf(COMMA, first + 1)
    const third = bytes.indexOf(COMMA, second + 1)
    if (first <= at || second === -1 || third === -1 || third > end) {
      const why = 'The line is not start,end,number,name.'
      throw new Fault('feed.invalid', { where: `${path}:${count + 1}`, why, todo: REINSTALL })
    }
    const here = count * 2 * size
    putDecimal(entries, here, size, bytes, at, first)
    putDecimal(entries, here + size, size, bytes, first + 1, second)
    at = end + 1
    if (count > 0 && compareWords(entries, here - size, entries, here, size) >= 0) {
      overlapping++
      continue
    }
    systems[count] = known.indexOf(bytes.toString('latin1', second + 1, third), bytes, third + 1, end)
    count++
  }
  // The edition of June 2026 has one such line in 412,000. Many mean that the file is not sorted.
  if (overlapping * 100 > count) {
    throw new Fault('feed.invalid', { where: path, why: 'The ranges are not sorted.', todo: REINSTALL })
  }
  return { version, entries: entries.slice(0, count * 2 * size), systems: systems.slice(0, count), ...known.packed() }
}

function linesIn(bytes: Buffer): number {
  let lines = 1
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/** Each system once, with the first name seen for it. */
class Systems {
  readonly #index = new Map<string, number>()
  readonly #names: Buffer[] = []

  indexOf(number: string, bytes: Buffer, nameFrom: number, nameTo: number): number {
    const known = this.#index.get(number)
    if (known !== undefined) return known
    const index = this.#names.push(Buffer.from(unquoted(bytes.toString('utf8', nameFrom, nameTo)))) - 1
    this.#index.set(number, index)
    return index
  }

  packed(): Pick<AsnData, 'numbers' | 'nameEnds' | 'names'> {
    let end = 0
    const nameEnds = Uint32Array.from(this.#names, (name) => (end += name.length))
    const numbers = Uint32Array.from(this.#index.keys(), Number)
    return { numbers, nameEnds, names: Uint8Array.from(Buffer.concat(this.#names)) }
  }
}

/** Writes a decimal number of up to 39 digits as `size` words. BigInt takes ten times as long. */
function putDecimal(words: Uint32Array, at: number, size: number, bytes: Buffer, from: number, to: number): void {
  words.fill(0, at, at + size)
  for (let position = from; position < to; position++) {
    let carry = bytes[position]! - ZERO
    for (let word = at + size - 1; word >= at; word--) {
      const value = words[word]! * 10 + carry
      words[word] = value
      carry = Math.floor(value / 0x1_0000_0000)
    }
  }
}

function unquoted(field: string): string {
  const text = field.trimEnd()
  return (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text).slice(0, MAX_NAME)
}
