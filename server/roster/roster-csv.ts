/**
 * A roster in CSV: its columns, and how their cells are read.
 *
 * Shape   the items of a list are separated by semicolons. An item of approvedTools, approvedEgress, travelNotices,
 *         household, peripherals, declaredHours or accounts may end with `from 2026-05-01` and `until 2026-05-14`, in this order:
 *         from the start of the first day to the end of the second. Examples:
 *             approvedTools   ScreenConnect@acme until 2026-12-31; Zoom
 *             approvedEgress  198.51.100.0/24; AS64500; sase.example
 *             travelNotices   Germany from 2026-05-01 until 2026-05-14; DE/Berlin from …; US/Texas/Austin from …
 *             household       w7; w9 until 2026-06-30
 *             peripherals     ip_kvm 1d6b:0104; kvm_switch 046d:c52b SERIAL-7 until 2026-12-31
 *             declaredHours   Mon-Fri 09:00-17:00; Sat 22:00-06:00 until 2026-03-31
 *             accounts        robin.c; github:rcastell; robin@old.example until 2026-03-31
 *         `approvedBy` and `ticket` apply to the whole row. Only JSON can give each entry its own approver, additional
 *         keys, and the time a laptop was returned (in CSV, the row of the next worker implies it).
 */

import * as z from 'zod'
import { nearest } from '../../rules/language/refusal.ts'
import { foldName, identifier } from '../../wire/common.ts'
import { Fault, type FaultDetails } from '../../wire/fault.ts'
import { DAY } from '../../wire/time.ts'
import { isBlock } from '../addresses/table.ts'
import { countryCode } from './countries.ts'
import { parseCsv } from './csv.ts'
import { type Entry, entry, MAX_ENTRY_CHARACTERS, quoted, refused, tooLong } from './roster-entry.ts'

/** The value of a cell, or why it cannot be read. Empty cells are not read: their value is unknown. */
type Read = { value: unknown } | { why: string }

interface Column {
  /** Where the value goes: the contract, its ship-to address, or the laptops. */
  of: 'contract' | 'shipTo' | 'laptops'
  key: string
  read(cell: string): Read
}

const MAX_UNKNOWN_SHOWN = 10
/** The schema's longest list; a longer one is refused without reading it. */
const MAX_ITEMS = 256

const COLUMNS: Record<string, Column> = {
  worker: { of: 'contract', key: 'worker', read: worker },
  from: { of: 'contract', key: 'from', read: (cell) => moment(cell, 0) },
  name: { of: 'contract', key: 'name', read: text },
  country: { of: 'contract', key: 'country', read: country },
  region: { of: 'contract', key: 'region', read: text },
  city: { of: 'contract', key: 'city', read: text },
  latitude: { of: 'contract', key: 'latitude', read: (cell) => degrees(cell, 90) },
  longitude: { of: 'contract', key: 'longitude', read: (cell) => degrees(cell, 180) },
  timeZone: { of: 'contract', key: 'timeZone', read: text },
  roles: { of: 'contract', key: 'roles', read: (cell) => ({ value: list(cell) }) },
  start: { of: 'contract', key: 'start', read: (cell) => moment(cell, 0) },
  // The end is the end of the last day.
  end: { of: 'contract', key: 'end', read: (cell) => moment(cell, DAY - 1) },
  shipToCountry: { of: 'shipTo', key: 'country', read: country },
  shipToRegion: { of: 'shipTo', key: 'region', read: text },
  shipToCity: { of: 'shipTo', key: 'city', read: text },
  shipToLatitude: { of: 'shipTo', key: 'latitude', read: (cell) => degrees(cell, 90) },
  shipToLongitude: { of: 'shipTo', key: 'longitude', read: (cell) => degrees(cell, 180) },
  approvedTools: { of: 'contract', key: 'approvedTools', read: (cell) => each(cell, dated(tool)) },
  approvedEgress: { of: 'contract', key: 'approvedEgress', read: (cell) => each(cell, dated(egress)) },
  travelNotices: { of: 'contract', key: 'travelNotices', read: (cell) => each(cell, travel) },
  household: { of: 'contract', key: 'household', read: (cell) => each(cell, household) },
  peripherals: { of: 'contract', key: 'peripherals', read: (cell) => each(cell, dated(peripheral)) },
  declaredHours: { of: 'contract', key: 'declaredHours', read: (cell) => each(cell, dated(hours)) },
  referredBy: { of: 'contract', key: 'referredBy', read: worker },
  accounts: { of: 'contract', key: 'accounts', read: (cell) => each(cell, dated(account)) },
  approvedBy: { of: 'contract', key: 'approvedBy', read: text },
  ticket: { of: 'contract', key: 'ticket', read: text },
  device: { of: 'laptops', key: 'devices', read: (cell) => each(cell, device) },
  serial: { of: 'laptops', key: 'serial', read: text },
  hostName: { of: 'laptops', key: 'hostName', read: text },
}

/** Case, blanks, hyphens and underscores in a column's name do not matter. */
const simple = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '')
const BY_SIMPLE_NAME = new Map(Object.keys(COLUMNS).map((name) => [simple(name), name]))

export function* csvEntries(csv: string, fileName: string, now: number): Generator<Entry> {
  const rows = parseCsv(csv)
  const head = rows.next().value
  if (!head || head.problem)
    throw invalid(fileName, {
      why: 'It has no header line.',
      todo: 'Let the first line name the columns, at least worker.',
    })
  const columns = header(head.cells, `${fileName}:${head.line}`)
  for (const { line, cells, problem } of rows) {
    if (problem) yield refused(line, null, problem)
    else if (cells.every((cell) => cell.trim() === '')) continue
    else if (charactersOf(cells) > MAX_ENTRY_CHARACTERS) yield refused(line, null, tooLong)
    else if (cells.length === columns.length) yield row(line, columns, cells, now)
    else {
      const why = `it has ${cells.length} cells, the header ${columns.length}: put cells with commas in quotes`
      yield refused(line, null, why)
    }
  }
}

function charactersOf(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + cell.length, 0)
}

function header(cells: readonly string[], where: string): string[] {
  if (cells.length === 1 && /[;\t]/.test(cells[0]!))
    throw invalid(where, { why: 'It seems to use semicolons or tabs.', todo: 'Separate the columns with commas.' })
  const columns = cells.map((cell) => BY_SIMPLE_NAME.get(simple(cell)))
  const odd = cells.filter((_, at) => columns[at] === undefined).slice(0, MAX_UNKNOWN_SHOWN)
  if (odd.length > 0)
    throw invalid(where, {
      why: `Unknown columns: ${odd.map(unknownColumn).join(', ')}.`,
      todo: `Use these: ${Object.keys(COLUMNS).join(', ')}.`,
    })
  const twice = columns.find((name, at) => columns.indexOf(name) !== at)
  if (twice) throw invalid(where, { why: `The column ${twice} appears twice.` })
  if (!columns.includes('worker')) throw invalid(where, { why: 'The column worker is missing.' })
  return columns as string[]
}

function unknownColumn(cell: string): string {
  const meant = nearest(cell.trim(), Object.keys(COLUMNS))
  return `${quoted(cell.trim())}${meant ? ` (did you mean ${meant}?)` : ''}`
}

function row(line: number, columns: readonly string[], cells: readonly string[], now: number): Entry {
  const contract: Record<string, unknown> = { from: now }
  const shipTo: Record<string, unknown> = {}
  const laptops: { devices?: string[]; serial?: string; hostName?: string } = {}
  for (const [at, name] of columns.entries()) {
    const cell = cells[at]!.trim()
    if (cell === '') continue
    const { of, key, read } = COLUMNS[name]!
    const found = read(cell)
    if ('why' in found) return refused(line, name, found.why)
    Object.assign({ contract, shipTo, laptops }[of], { [key]: found.value })
  }
  const { devices = [], serial = null, hostName = null } = laptops
  if (contract.worker === undefined) return refused(line, 'worker', 'it is empty')
  if (serial !== null && devices.length !== 1)
    return refused(line, 'serial', 'a serial number needs exactly one device in its row')
  if (hostName !== null && devices.length !== 1)
    return refused(line, 'hostName', 'a host name needs exactly one device in its row')
  if (Object.keys(shipTo).length > 0) contract.shipTo = shipTo
  const { worker, from } = contract
  return entry(
    line,
    [contract],
    devices.map((device) => ({ device, worker, from, to: null, serial, ...(hostName !== null && { hostName }) })),
  )
}

function text(cell: string): Read {
  return { value: cell }
}

function list(cell: string): string[] {
  return cell
    .split(';')
    .map((it) => it.trim())
    .filter((it) => it !== '')
}

/** All items of a list, or why the first unreadable one cannot be read. */
function each(cell: string, read: (item: string) => Read): Read {
  const items = list(cell)
  if (items.length > MAX_ITEMS) return { why: `it lists ${items.length}; at most ${MAX_ITEMS}` }
  const values: unknown[] = []
  for (const item of items) {
    const found = read(item)
    if ('why' in found) return found
    values.push(found.value)
  }
  return { value: values }
}

function worker(cell: string): Read {
  return identifier.safeParse(cell).success
    ? { value: foldName(cell) }
    : { why: 'write an id of letters, digits and ._@-' }
}

function device(item: string): Read {
  if (identifier.safeParse(item).success) return { value: item }
  return { why: `${quoted(item)} is not a device's id; \`tellwire agent status\` shows it` }
}

/** Reads an item that may end with `from DAY` and `until DAY`, and adds these to its value. */
function dated(read: (item: string) => Read): (item: string) => Read {
  return (item) => {
    const words = item.split(/\s+/)
    const span: { from?: unknown; to?: unknown } = {}
    for (const [word, key, intoDayMs] of [['until', 'to', DAY] as const, ['from', 'from', 0] as const]) {
      if (words.at(-2)?.toLowerCase() !== word) continue
      const found = moment(words.at(-1)!, intoDayMs)
      if ('why' in found) return { why: `${quoted(item)}: ${found.why}` }
      span[key] = found.value
      words.splice(-2)
    }
    const found = read(words.join(' '))
    return 'why' in found ? found : { value: { ...(found.value as object), ...span } }
  }
}

/** `tool@tenant` is approved in that tenant only. */
function tool(item: string): Read {
  const at = item.lastIndexOf('@')
  if (at < 0) return { value: { tool: item, tenant: null } }
  if (at === 0 || at === item.length - 1) return { why: `${quoted(item)}: write tool@tenant, or the tool alone` }
  return { value: { tool: item.slice(0, at), tenant: item.slice(at + 1) } }
}

function egress(item: string): Read {
  const asn = /^AS(\d{1,10})$/i.exec(item)?.[1]
  if (asn) return { value: { asn: Number(asn) } }
  if (isBlock(item)) return { value: { address: item } }
  if (/^([a-z0-9_-]+\.)+[a-z][a-z0-9-]+$/i.test(item)) return { value: { domain: item.toLowerCase() } }
  return { why: `${quoted(item)} is not an address, a block such as 198.51.100.0/24, AS64500 or a domain` }
}

/** `Country`, `Country/City` or `Country/Region/City`, with both dates. */
function travel(item: string): Read {
  const found = dated(destination)(item)
  if ('why' in found) return found
  const { from, to } = found.value as { from?: number; to?: number }
  if (from !== undefined && to !== undefined) return found
  return { why: `${quoted(item)}: write when, such as Germany from 2026-05-01 until 2026-05-14` }
}

function destination(item: string): Read {
  const parts = item.split('/').map((it) => it.trim())
  if (parts.length > 3 || parts.includes(''))
    return { why: `${quoted(item)}: write a country, DE/Berlin or US/Texas/Austin` }
  const code = country(parts[0]!)
  if ('why' in code) return code
  const city = parts.length > 1 ? { city: parts.at(-1) } : {}
  return { value: { country: code.value, ...(parts.length > 2 ? { region: parts[1] } : {}), ...city } }
}

function household(item: string): Read {
  const found = dated((id) => ({ value: { worker: id } }))(item)
  if ('why' in found) return found
  const { worker: id, ...span } = found.value as { worker: string }
  const read = worker(id)
  if ('why' in read) return { why: `${quoted(item)}: ${read.why}` }
  return { value: Object.keys(span).length > 0 ? { worker: read.value, ...span } : read.value }
}

/** `source:account`, or the account alone for every feed. */
function account(item: string): Read {
  const [, source = null, name] = /^(?:([a-z0-9][a-z0-9._-]{0,47}):)?(\S+)$/i.exec(item) ?? []
  if (!name) return { why: `${quoted(item)}: write an account such as robin.c, or github:rcastell for one feed only` }
  return { value: { account: name, ...(source !== null && { source: source.toLowerCase() }) } }
}

function peripheral(item: string): Read {
  const [kind, ids, serial, ...more] = item.split(' ')
  const [vendorId, productId] = /^([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(ids ?? '')?.slice(1) ?? []
  if (!kind || more.length > 0 || (ids !== undefined && !productId))
    return { why: `${quoted(item)}: write what it is, with its USB ids and serial if known: ip_kvm 1d6b:0104 SERIAL` }
  return { value: { kind, ...(productId ? { vendorId, productId } : {}), ...(serial ? { serial } : {}) } }
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function hours(item: string): Read {
  const [, first = '', last = first, start, end] =
    /^([a-z]{3})(?:-([a-z]{3}))? (\d\d:\d\d)-(\d\d:\d\d)$/.exec(item.toLowerCase()) ?? []
  const from = DAYS.indexOf(first)
  const to = DAYS.indexOf(last)
  if (from < 0 || to < 0) return { why: `${quoted(item)}: write days and times such as Mon-Fri 09:00-17:00` }
  // A range such as Sat-Tue spans the end of the week.
  const days = Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, n) => ((from + n) % 7) + 1)
  return { value: { days: days.sort((a, b) => a - b), start, end } }
}

function country(cell: string): Read {
  const { code, nearest } = countryCode(cell)
  if (code) return { value: code }
  return {
    why: `${quoted(cell)} is not a country${nearest ? `; did you mean ${nearest}?` : ': write its code, such as US'}`,
  }
}

function degrees(cell: string, most: number): Read {
  const value = /^[+-]?\d{1,3}(\.\d+)?$/.test(cell) ? Number(cell) : Number.NaN
  return Math.abs(value) <= most ? { value } : { why: `write degrees from -${most} to ${most}, such as 30.27` }
}

const Day = z.iso.date()
const Instant = z.iso.datetime({ offset: true })

/** A date without a time is a day in UTC, and means the moment `intoDayMs` after its start. */
function moment(cell: string, intoDayMs: number): Read {
  if (Day.safeParse(cell).success) return { value: Date.parse(cell) + intoDayMs }
  if (Instant.safeParse(cell).success) return { value: Date.parse(cell) }
  return { why: 'write a date as 2026-03-31, or a time as 2026-03-31T17:00:00Z' }
}

function invalid(where: string, about: Pick<FaultDetails, 'why' | 'todo'>): Fault {
  return new Fault('roster.invalid', { where, ...about })
}
