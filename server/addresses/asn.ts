/**
 * Which autonomous system announces an address.
 *
 * Shape   the two CSV files of @ip-location-db/asn, `start,end,number,name` with addresses as decimal numbers, read
 *         into typed arrays, one table an IP version.
 * Errors  a file whose lines are not that, or are not sorted, throws Fault 'feed.invalid' with its line; a range that
 *         begins inside the one before it is left out.
 * Source  RouteViews and DB-IP, CC-BY-4.0: 'IP Geolocation by DB-IP' must stand where results are shown.
 */
import { readFileSync } from 'node:fs'
import { Fault } from '../../wire/fault.ts'
import { compareWords, findRange, type ParsedAddress, type RangeTable } from './table.ts'

export interface AsnTable {
  find(address: Pick<ParsedAddress, 'version' | 'words'>): { asn: number; asName: string | null } | null
}

const NONE = new Uint32Array(0)
const NEWLINE = 10
const COMMA = 44
const ZERO = 48

/** Reads one file, of one IP version; blocks for its parsing. */
export function readAsnTable(path: string, version: 4 | 6): AsnTable {
  const bytes = readFileSync(path)
  const size = version === 4 ? 1 : 4
  const names = new Map<number, string>()
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  const entries = new Uint32Array((lines + 1) * 2 * size)
  const numbers = new Uint32Array(lines + 1)
  let count = 0
  let overlapping = 0
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline === -1 ? bytes.length : newline
    const first = bytes.indexOf(COMMA, at)
    const second = bytes.indexOf(COMMA, first + 1)
    const third = bytes.indexOf(COMMA, second + 1)
    if (first <= at || second === -1 || third === -1 || third > end)
      throw new Fault('feed.invalid', { where: `${path}:${count + 1}`, todo: 'Expected start,end,number,name.' })
    const asn = Number(bytes.toString('latin1', second + 1, third))
    const here = count * 2 * size
    putDecimal(entries, here, size, bytes, at, first)
    putDecimal(entries, here + size, size, bytes, first + 1, second)
    at = end + 1
    if (count > 0 && compareWords(entries, here - size, entries, here, size) >= 0) {
      overlapping++
      continue
    }
    numbers[count] = asn
    if (!names.has(asn)) names.set(asn, unquoted(bytes.toString('utf8', third + 1, end)))
    count++
  }
  const used = entries.subarray(0, count * 2 * size)
  // One line of 412,000 in the edition of June 2026. Many would mean that the file is not sorted.
  if (overlapping * 100 > count) throw new Fault('feed.invalid', { where: path, todo: 'The ranges are not sorted.' })
  const table: RangeTable = version === 4 ? { v4: used, v6: NONE } : { v4: NONE, v6: used }
  return {
    find: (address) => {
      const index = findRange(table, address)
      if (index === -1) return null
      const asn = numbers[index]!
      return { asn, asName: names.get(asn) || null }
    },
  }
}

/** Writes a decimal number of up to 39 digits as `size` words. BigInt would take ten times as long. */
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
  return (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text).slice(0, 256)
}
