/**
 * The roster: who works here, from where, until when, on which laptop.
 *
 * Shape   CSV with one worker a row, or JSON: contracts and devices as in recorded telemetry, in an array, one a line,
 *         or `{"contracts":[],"devices":[]}`. What is left empty is unknown. Travel notices and declared peripherals
 *         are lists of objects: JSON only.
 * Units   JSON times are epoch ms. CSV dates are ISO; a date alone is that day in UTC, `end` its last millisecond.
 *         `from`, when this version begins to hold, is `now` unless given.
 * Errors  a bad row costs only itself and is a problem with line, column and what to do. Unknown columns, or a file
 *         that is neither, throw Fault 'roster.invalid': a misspelt column would leave every worker without it.
 */
import * as z from 'zod'
import { nearest } from '../../rules/language/refusal.ts'
import { identifier } from '../../wire/common.ts'
import { Contract, Device } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import { type CountryCode, countryCode, isCountryCode } from './countries.ts'
import { parseCsv } from './csv.ts'
import { parseAddress } from './table.ts'

export const MAX_ROSTER_BYTES = 32 * 1_048_576
const MAX_ROWS = 100_000

export interface RosterProblem {
  file: string
  line: number | null
  column: string | null
  why: string
}

export interface Roster {
  contracts: Contract[]
  devices: Device[]
  problems: RosterProblem[]
}

export function parseRoster(text: string, options: { format: 'csv' | 'json'; fileName: string; now: number }): Roster {
  const { format, fileName, now } = options
  const roster: Roster = { contracts: [], devices: [], problems: [] }
  const entries = format === 'csv' ? csvEntries(text, fileName, now) : jsonEntries(text, fileName, now)
  const workers = new Map<string, number | null>()
  const holders = new Map<string, string | null>()
  let rows = 0
  for (const { line, ...entry } of entries) {
    if (++rows > MAX_ROWS) throw invalid(`${fileName}:${line}`, `Split it: more than ${MAX_ROWS} rows.`)
    const found = entry.problem ?? checked(entry) ?? taken(entry)
    if (found) {
      roster.problems.push({ file: fileName, line, ...found })
      continue
    }
    for (const contract of entry.contracts) workers.set(contract.worker, line)
    for (const device of entry.devices) holders.set(device.device, device.worker)
    roster.contracts.push(...entry.contracts)
    roster.devices.push(...entry.devices)
  }
  return roster

  /** One file is one moment: it cannot say two things about one worker or laptop. */
  function taken({ contracts, devices }: Found): ColumnProblem | null {
    for (const { worker } of contracts)
      if (workers.has(worker)) return { column: 'worker', why: `'${worker}' is already on line ${workers.get(worker)}` }
    for (const { device, worker } of devices)
      if (holders.has(device) && holders.get(device) !== worker)
        return { column: 'device', why: `'${device}' is already assigned to '${holders.get(device)}' in this file` }
    return null
  }
}

/**
 * What says something new: a roster that is imported again every night adds nothing to the log but its changes.
 * `known` is everything there is so far; versions are compared with the one that holds at their `from`.
 */
export function onlyNew(
  roster: Pick<Roster, 'contracts' | 'devices'>,
  known: { contracts: readonly Contract[]; devices: readonly Device[] },
): Pick<Roster, 'contracts' | 'devices'> {
  const heldBy = <T extends { from: number }>(versions: readonly T[], from: number) =>
    versions
      .filter((it) => it.from <= from)
      .sort((a, b) => a.from - b.from)
      .at(-1)
  const contractsOf = Map.groupBy(known.contracts, (it) => it.worker)
  const holdingsOf = Map.groupBy(known.devices, (it) => it.device)
  return {
    contracts: roster.contracts.filter((it) => !says(heldBy(contractsOf.get(it.worker) ?? [], it.from), it)),
    devices: roster.devices.filter((it) => {
      const held = heldBy(holdingsOf.get(it.device) ?? [], it.from)
      return !held || held.worker !== it.worker || held.to !== it.to || (it.serial ?? null) !== (held.serial ?? null)
    }),
  }
}

/** Whether the version already says the same, but for when it began. */
function says(held: Contract | undefined, contract: Contract): boolean {
  return held !== undefined && canonical({ ...held, from: 0 }) === canonical({ ...contract, from: 0 })
}

/** Keys in one order, and without what says nothing: absent and null are both 'unknown'. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key, it: unknown) => {
    if (it === null || key === 'type' || key === 'receivedAt') return undefined
    if (typeof it !== 'object' || Array.isArray(it)) return it
    return Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

type ColumnProblem = { column: string | null; why: string }
interface Found {
  contracts: Contract[]
  devices: Device[]
}
type Entry = Found & { line: number | null; problem: ColumnProblem | null }

const NOTHING: Found = { contracts: [], devices: [] }

/** What the schema does not say: countries and zones that exist, places with both halves, ends after starts. */
function checked({ contracts, devices }: Found): ColumnProblem | null {
  for (const contract of contracts) {
    const { country, latitude, longitude, timeZone, start, end, shipTo } = contract
    for (const [column, code] of [['country', country] as const, ['shipTo.country', shipTo?.country] as const])
      if (code != null && !isCountryCode(code)) return { column, why: `'${code}' is not a country code (ISO 3166-1)` }
    if ((latitude == null) !== (longitude == null))
      return { column: 'latitude', why: 'latitude and longitude come together, or not at all' }
    if (timeZone != null && !isTimeZone(timeZone))
      return { column: 'timeZone', why: `'${timeZone}' is not an IANA time zone such as America/Chicago` }
    if (start != null && end != null && end < start) return { column: 'end', why: 'it ends before it starts' }
  }
  for (const { from, to } of devices)
    if (to !== null && to < from) return { column: 'to', why: 'it ends before it starts' }
  return null
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}

// CSV

interface Row {
  contract: Record<string, unknown>
  shipTo: Record<string, unknown>
  devices: string[]
  serial: string | null
}

/** Reads a cell into the row, or says why not. Empty cells never come here. */
type Column = (cell: string, row: Row) => string | null

const COLUMNS: Record<string, Column> = {
  worker: (cell, { contract }) =>
    identifier.safeParse(cell).success ? put(contract, 'worker', cell) : 'write an id of letters, digits and ._@-',
  from: (cell, { contract }) => put(contract, 'from', moment(cell, 'start')),
  name: plain('name'),
  country: (cell, { contract }) => put(contract, 'country', code(cell)),
  region: plain('region'),
  city: plain('city'),
  latitude: (cell, { contract }) => put(contract, 'latitude', degrees(cell, 90)),
  longitude: (cell, { contract }) => put(contract, 'longitude', degrees(cell, 180)),
  timeZone: plain('timeZone'),
  roles: (cell, { contract }) => put(contract, 'roles', list(cell)),
  start: (cell, { contract }) => put(contract, 'start', moment(cell, 'start')),
  end: (cell, { contract }) => put(contract, 'end', moment(cell, 'end')),
  shipToCountry: (cell, { shipTo }) => put(shipTo, 'country', code(cell)),
  shipToRegion: (cell, { shipTo }) => put(shipTo, 'region', cell),
  shipToCity: (cell, { shipTo }) => put(shipTo, 'city', cell),
  shipToLatitude: (cell, { shipTo }) => put(shipTo, 'latitude', degrees(cell, 90)),
  shipToLongitude: (cell, { shipTo }) => put(shipTo, 'longitude', degrees(cell, 180)),
  approvedTools: (cell, { contract }) => put(contract, 'approvedTools', list(cell).map(tool)),
  approvedEgress: (cell, { contract }) => {
    const egress = list(cell).map(way)
    const odd = list(cell)[egress.indexOf(null)]
    return egress.includes(null)
      ? `'${odd}' is not an address, a block such as 198.51.100.0/24, AS64500 or a domain`
      : put(contract, 'approvedEgress', egress)
  },
  household: (cell, { contract }) => put(contract, 'household', list(cell)),
  approvedBy: plain('approvedBy'),
  ticket: plain('ticket'),
  device: (cell, row) => {
    row.devices = list(cell)
    const odd = row.devices.find((it) => !identifier.safeParse(it).success)
    return odd === undefined ? null : `'${odd}' is not a device's id; \`tellwire agent status\` shows it`
  },
  serial: (cell, row) => {
    row.serial = cell
    return null
  },
}

class Unreadable {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

function put(into: Record<string, unknown>, key: string, value: unknown): string | null {
  if (value instanceof Unreadable) return value.why
  into[key] = value
  return null
}

function plain(key: string): Column {
  return (cell, { contract }) => put(contract, key, cell)
}

function list(cell: string): string[] {
  return cell
    .split(';')
    .map((it) => it.trim())
    .filter((it) => it !== '')
}

function tool(text: string): { tool: string; tenant: string | null } {
  const at = text.lastIndexOf('@')
  return at > 0 ? { tool: text.slice(0, at), tenant: text.slice(at + 1) } : { tool: text, tenant: null }
}

function way(text: string): { asn: number } | { address: string } | { domain: string } | null {
  const asn = /^AS(\d{1,10})$/i.exec(text)?.[1]
  if (asn) return { asn: Number(asn) }
  const [address = '', length] = text.split('/')
  if (parseAddress(address) && (length === undefined || /^\d{1,3}$/.test(length))) return { address: text }
  return /^([a-z0-9_-]+\.)+[a-z0-9-]{2,}$/i.test(text) && !/^[\d.]+$/.test(text) ? { domain: text.toLowerCase() } : null
}

function code(cell: string): CountryCode | Unreadable {
  const found = countryCode(cell)
  return (
    found.code ??
    new Unreadable(
      `'${cell}' is not a country${found.nearest ? `; did you mean ${found.nearest}?` : ': write its ISO code, such as US'}`,
    )
  )
}

function degrees(cell: string, most: number): number | Unreadable {
  const value = /^[+-]?\d{1,3}(\.\d+)?$/.test(cell) ? Number(cell) : Number.NaN
  return Math.abs(value) <= most ? value : new Unreadable(`write degrees from -${most} to ${most}, such as 30.27`)
}

const DAY_MS = 86_400_000
const Day = z.iso.date()
const Instant = z.iso.datetime({ offset: true })

function moment(cell: string, edge: 'start' | 'end'): number | Unreadable {
  if (Day.safeParse(cell).success) return Date.parse(cell) + (edge === 'end' ? DAY_MS - 1 : 0)
  if (Instant.safeParse(cell).success) return Date.parse(cell)
  return new Unreadable('write a date as 2026-03-31, or a time as 2026-03-31T17:00:00Z')
}

/** Case, blanks, hyphens and underscores in a column's name do not matter. */
const simple = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '')
const BY_SIMPLE_NAME = new Map(Object.keys(COLUMNS).map((name) => [simple(name), name]))

function* csvEntries(text: string, fileName: string, now: number): Generator<Entry> {
  const rows = parseCsv(text)
  const head = rows.next().value
  if (!head || head.problem) throw invalid(fileName, 'Its first line must name the columns, at least worker.')
  const columns = header(head.cells, `${fileName}:${head.line}`)
  for (const { line, cells, problem } of rows) {
    if (problem) yield { ...NOTHING, line, problem: { column: null, why: problem } }
    else if (cells.every((cell) => cell.trim() === '')) continue
    else if (cells.length !== columns.length) {
      const why = `it has ${cells.length} cells, the header ${columns.length}: put cells with commas in quotes`
      yield { ...NOTHING, line, problem: { column: null, why } }
    } else yield { line, ...rowEntry(columns, cells, now) }
  }
}

function header(cells: readonly string[], where: string): string[] {
  if (cells.length === 1 && /[;\t]/.test(cells[0]!))
    throw invalid(where, 'Separate the columns with commas; it looks separated by semicolons or tabs.')
  const columns = cells.map((cell) => BY_SIMPLE_NAME.get(simple(cell)))
  const odd = cells
    .filter((_, at) => columns[at] === undefined)
    .map((cell) => {
      const meant = nearest(cell.trim(), Object.keys(COLUMNS))
      return `'${cell.trim().slice(0, 64)}'${meant ? ` (did you mean ${meant}?)` : ''}`
    })
  if (odd.length > 0)
    throw invalid(where, `It does not know ${odd.slice(0, 10).join(', ')}. Known: ${Object.keys(COLUMNS).join(', ')}.`)
  const twice = columns.find((name, at) => columns.indexOf(name) !== at)
  if (twice) throw invalid(where, `The column ${twice} is there twice.`)
  if (!columns.includes('worker')) throw invalid(where, 'The column worker is missing.')
  return columns as string[]
}

function rowEntry(columns: readonly string[], cells: readonly string[], now: number): Omit<Entry, 'line'> {
  const row: Row = { contract: { from: now }, shipTo: {}, devices: [], serial: null }
  for (const [at, column] of columns.entries()) {
    const cell = cells[at]!.trim()
    const why = cell === '' ? null : COLUMNS[column]!(cell, row)
    if (why) return { ...NOTHING, problem: { column, why } }
  }
  if (row.contract.worker === undefined) return { ...NOTHING, problem: { column: 'worker', why: 'it is empty' } }
  if (row.serial !== null && row.devices.length !== 1)
    return { ...NOTHING, problem: { column: 'serial', why: 'a serial number needs exactly one device beside it' } }
  if (Object.keys(row.shipTo).length > 0) row.contract.shipTo = row.shipTo
  const { worker, from } = row.contract
  const devices = row.devices.map((device) => ({ device, worker, from, to: null, serial: row.serial }))
  return parsed([row.contract], devices)
}

function parsed(contracts: readonly unknown[], devices: readonly unknown[]): Omit<Entry, 'line'> {
  const found = z.object({ contracts: z.array(Contract), devices: z.array(Device) }).safeParse({ contracts, devices })
  if (found.success) return { ...found.data, problem: null }
  const [issue] = found.error.issues
  return { ...NOTHING, problem: { column: issue?.path.slice(2).join('.') || null, why: issue?.message ?? 'invalid' } }
}

// JSON

const CONTRACT_KEYS = new Map(Object.keys(Contract.shape).map((key) => [simple(key), key]))
const DEVICE_KEYS = new Map(Object.keys(Device.shape).map((key) => [simple(key), key]))

function* jsonEntries(text: string, fileName: string, now: number): Generator<Entry> {
  for (const { line, value, broken, kind } of jsonValues(text.replace(/^\uFEFF/, ''), fileName)) {
    if (broken) yield { ...NOTHING, line, problem: { column: null, why: broken } }
    else yield { line, ...jsonEntry(value, kind, now) }
  }
}

interface JsonValue {
  line: number | null
  value: unknown
  broken: string | null
  kind: 'contract' | 'device' | null
}

/** An array's objects have no line: `line` is then their place in it, counted from 1. */
function* jsonValues(text: string, fileName: string): Generator<JsonValue> {
  const whole = tryJson(text)
  if ('value' in whole) {
    const { value } = whole
    const both = z.strictObject({
      contracts: z.array(z.unknown()).default([]),
      devices: z.array(z.unknown()).default([]),
    })
    const split = both.safeParse(value)
    if (split.success) {
      for (const [at, value] of split.data.contracts.entries())
        yield { line: at + 1, value, broken: null, kind: 'contract' }
      for (const [at, value] of split.data.devices.entries())
        yield { line: at + 1, value, broken: null, kind: 'device' }
    } else
      for (const [at, one] of (Array.isArray(value) ? value : [value]).entries())
        yield { line: at + 1, value: one, broken: null, kind: null }
    return
  }
  const lines = text.split('\n')
  // NDJSON begins with an object that ends on its line; what does not is one document with a fault in it.
  if (!('value' in tryJson(lines.find((line) => line.trim() !== '') ?? '')))
    throw invalid(fileName, `It is not JSON: ${whole.why}.`)
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue
    const one = tryJson(line)
    if ('value' in one) yield { line: at + 1, value: one.value, broken: null, kind: null }
    else yield { line: at + 1, value: null, broken: `it is not JSON: ${one.why}`, kind: null }
  }
}

function tryJson(text: string): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (cause) {
    return { why: cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable' }
  }
}

const AnyObject = z.record(z.string(), z.unknown())

function jsonEntry(value: unknown, kind: JsonValue['kind'], now: number): Omit<Entry, 'line'> {
  const object = AnyObject.safeParse(value)
  if (!object.success) return { ...NOTHING, problem: { column: null, why: 'a contract or device is an object' } }
  const { type = kind ?? 'contract', receivedAt: _, ...rest } = object.data
  if (type !== 'contract' && type !== 'device')
    return { ...NOTHING, problem: { column: 'type', why: "a roster holds 'contract' and 'device' only" } }
  const known = type === 'contract' ? CONTRACT_KEYS : DEVICE_KEYS
  for (const key of Object.keys(rest)) {
    const meant = known.get(simple(key))
    if (meant !== undefined && meant !== key) return { ...NOTHING, problem: { column: key, why: `write ${meant}` } }
  }
  if (type === 'device') return parsed([], [{ from: now, to: null, ...rest }])
  if ('device' in rest || 'devices' in rest)
    return { ...NOTHING, problem: { column: 'device', why: 'a laptop is an object of its own, of type device' } }
  return parsed([{ from: now, ...rest }], [])
}

function invalid(where: string, todo: string): Fault {
  return new Fault('roster.invalid', { where, todo })
}
