/**
 * The roster: which workers there are, where they work, until when, and on which laptop.
 *
 * Shape   CSV with one worker per row (`roster-csv.ts` has the columns), or JSON: contracts and devices as in recorded
 *         telemetry, in an array, one per line, or `{"contracts":[],"devices":[]}`. Empty values are unknown.
 * Units   JSON times are epoch ms. CSV dates are ISO; a date alone is that day in UTC, `end` its last millisecond.
 *         `from`, the beginning of this version, is `now` unless given.
 * Errors  a bad row is omitted, and reported as a problem with line, column and what to do; the others are used. Unknown
 *         columns, or a file of another format, throw Fault 'roster.invalid', because a misspelt column would be missing
 *         for every worker.
 */
import type { Contract, Device } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import { isBlock } from '../addresses/table.ts'
import { isCountryCode } from './countries.ts'
import { csvEntries } from './roster-csv.ts'
import { type ColumnProblem, type Found, MAX_ROWS, quoted } from './roster-entry.ts'
import { jsonEntries } from './roster-json.ts'

export const MAX_ROSTER_BYTES = 32 * 1_048_576
/** More than anyone reads; 100,000 bad rows must not become 100,000 sentences. */
export const MAX_PROBLEMS = 1_000
/** Versions of one contract, or assignments of one laptop, in one file. More are a mistake, and slow down look-ups. */
const MAX_VERSIONS = 1_000

export interface RosterProblem {
  file: string
  line: number
  column: string | null
  why: string
}

export interface Roster {
  contracts: Contract[]
  devices: Device[]
  /** The first 1,000. */
  problems: RosterProblem[]
  /** How many rows cannot be used; may exceed the number of problems. */
  omitted: number
}

export function parseRoster(text: string, options: { format: 'csv' | 'json'; fileName: string; now: number }): Roster {
  const { format, fileName, now } = options
  const roster: Roster = { contracts: [], devices: [], problems: [], omitted: 0 }
  const entries = format === 'csv' ? csvEntries(text, fileName, now) : jsonEntries(text, fileName, now)
  const isTimeZone = timeZones()
  const claims = claimsOfOneFile()
  let rows = 0
  for (const { line, problem, ...found } of entries) {
    if (++rows > MAX_ROWS)
      throw new Fault('roster.invalid', {
        where: `${fileName}:${line}`,
        why: `It has more than ${MAX_ROWS} rows.`,
        todo: 'Split it.',
      })
    const why = problem ?? checked(found, isTimeZone) ?? claims.conflict(found)
    if (why) {
      roster.omitted++
      if (roster.problems.length < MAX_PROBLEMS) roster.problems.push({ file: fileName, line, ...why })
      continue
    }
    claims.add(found, line)
    // Not spread into `push`: an entry may list more laptops than a call takes arguments.
    for (const it of found.contracts) roster.contracts.push(it)
    for (const it of found.devices) roster.devices.push(it)
  }
  return roster
}

/** Within a file, each contract has one version, and each laptop one worker, per `from`. */
function claimsOfOneFile() {
  /** Lines by `from`, by worker; holders by `from`, by device. */
  const contracts = new Map<string, Map<number, number>>()
  const holders = new Map<string, Map<number, string | null>>()

  return { conflict, add }

  function conflict(found: Found): ColumnProblem | null {
    for (const { worker, from } of found.contracts) {
      const theirs = contracts.get(worker)
      const line = theirs?.get(from)
      if (line !== undefined) return { column: 'worker', why: `'${worker}' is already on line ${line}` }
      if (theirs && theirs.size >= MAX_VERSIONS)
        return { column: 'worker', why: `'${worker}' has ${MAX_VERSIONS} versions in this file already` }
    }
    for (const { device, from, worker } of found.devices) {
      const theirs = holders.get(device)
      const holder = theirs?.get(from)
      if (holder !== undefined && holder !== worker)
        return { column: 'device', why: `'${device}' is already assigned to '${holder}' in this file` }
      if (theirs && theirs.size >= MAX_VERSIONS)
        return { column: 'device', why: `'${device}' changes hands ${MAX_VERSIONS} times in this file already` }
    }
    return null
  }

  function add(found: Found, line: number): void {
    for (const { worker, from } of found.contracts) inner(contracts, worker).set(from, line)
    for (const { device, from, worker } of found.devices) inner(holders, device).set(from, worker)
  }
}

function inner<K, V>(maps: Map<string, Map<K, V>>, name: string): Map<K, V> {
  const found = maps.get(name)
  if (found) return found
  const made = new Map<K, V>()
  maps.set(name, made)
  return made
}

/** Checks beyond the schema: countries and time zones exist, latitudes have longitudes, ends follow starts. */
function checked({ contracts, devices }: Found, isTimeZone: TimeZones): ColumnProblem | null {
  for (const contract of contracts) {
    const problem = oddPlace(contract) ?? oddTime(contract, isTimeZone) ?? oddEntry(contract)
    if (problem) return problem
  }
  for (const { from, to } of devices)
    if (to !== null && to < from) return { column: 'to', why: 'it ends before it starts' }
  return null
}

function oddPlace({ country, latitude, longitude, shipTo, travelNotices }: Contract): ColumnProblem | null {
  const countries = [
    ['country', country] as const,
    ['shipTo.country', shipTo?.country] as const,
    ...(travelNotices ?? []).map((it, at) => [`travelNotices.${at}.country`, it.country] as const),
  ]
  for (const [column, code] of countries)
    if (code != null && !isCountryCode(code)) return { column, why: `'${code}' is not a country code (ISO 3166-1)` }
  for (const [column, at] of [['latitude', { latitude, longitude }] as const, ['shipTo.latitude', shipTo] as const])
    if (at && (at.latitude == null) !== (at.longitude == null))
      return { column, why: 'latitude and longitude come together, or not at all' }
  return null
}

function oddTime({ timeZone, start, end, declaredHours }: Contract, isTimeZone: TimeZones): ColumnProblem | null {
  if (timeZone != null && !isTimeZone(timeZone))
    return { column: 'timeZone', why: `${quoted(timeZone)} is not an IANA time zone such as America/Chicago` }
  if (start != null && end != null && end < start) return { column: 'end', why: 'it ends before it starts' }
  if (declaredHours?.length && timeZone == null)
    return { column: 'declaredHours', why: 'hours need the time zone they are meant in: fill timeZone' }
  return null
}

function oddEntry(contract: Contract): ColumnProblem | null {
  const { worker, approvedTools, approvedEgress, travelNotices, household, peripherals, declaredHours } = contract
  for (const [at, it] of (approvedEgress ?? []).entries()) {
    if (it.address != null && !isBlock(it.address))
      return { column: 'approvedEgress', why: `${quoted(it.address)} is not an address or a block of them` }
    if (it.address == null && it.asn == null && it.domain == null)
      return { column: `approvedEgress.${at}`, why: 'name an address, an asn or a domain' }
  }
  const members = (household ?? []).map((it) => (typeof it === 'string' ? { worker: it } : it))
  if (members.some((it) => it.worker === worker))
    return { column: 'household', why: 'name the others who live there, not the worker' }
  if (contract.referredBy === worker) return { column: 'referredBy', why: 'a worker cannot refer themselves' }
  const lists = { approvedTools, approvedEgress, travelNotices, household: members, peripherals, declaredHours }
  for (const [column, entries] of Object.entries(lists))
    for (const [at, { from, to }] of (entries ?? []).entries())
      if (from != null && to != null && to <= from)
        return { column: `${column}.${at}.to`, why: 'it ends before it starts' }
  return null
}

type TimeZones = (zone: string) => boolean

/** A look-up in Intl takes 0.1 ms, and a company has few time zones, so results are cached per roster. */
function timeZones(): TimeZones {
  const known = new Map<string, boolean>()
  return (zone) => {
    const found = known.get(zone) ?? isKnownToIntl(zone)
    known.set(zone, found)
    return found
  }
}

function isKnownToIntl(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}
