/**
 * Finds places by their names, so that two places can be compared that have no coordinates.
 *
 * Shape   `findPlace` takes names as people and databases write them: 'Austin', 'Austin, Texas' or 'Austin, TX, USA' in
 *         one field; a region's English or own name, its code (TX) or that of ISO 3166-2 (US-TX); in any letter case, with
 *         or without diacritics. A `Spot` is the points where the place may be: one for a city; for a region its cities and
 *         its outermost towns; for a name that several towns have, all of them. The distance between two spots is the least
 *         between their points, so that what is not known never adds a kilometre.
 *         Null: the names say no more than a country, or nobody of that name is known. A city that is not known is
 *         somewhere in its region.
 * Units   degrees WGS 84, rounded to a hundredth (1 km).
 * Memory  the file is read at the first look-up (1 ms), and each country's part of it at the country's first (the largest,
 *         the United States, 10 ms, 3 MB); answers are kept, up to `MAX_KEPT`.
 * Source  places.txt: GeoNames, CC BY 4.0. Its lines: `!` time zones; `@country|code|zone|ISO code;names` a region, and
 *         after it its cities, the largest first: `name|latitude|longitude|size|zone|names`, in hundredths of a degree, the
 *         size as the binary logarithm of the population (base 36), a zone only where it is not the region's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folded, plainRegion } from './names.ts'

export interface PlaceNames {
  /** ISO 3166-1 alpha-2. */
  country?: string | null | undefined
  region?: string | null | undefined
  city?: string | null | undefined
}

export interface Point {
  latitude: number
  longitude: number
}

export interface Spot {
  points: readonly Point[]
  /** IANA names of the time zones in use there. */
  zones: readonly string[]
}

interface City extends Point {
  size: number
  zone: string
  region: Region
}

interface Region {
  cities: City[]
}

interface Country {
  /** By name and code; a city and the province around it may share one. */
  regions: Map<string, Region[]>
  /** By name; the largest first. */
  cities: Map<string, City[]>
  zones: readonly string[]
}

const MAX_KEPT = 20_000
/** Towns of a name with less than a thirtieth of the largest one's people are not meant. */
const SIZES = 5

let chunks: { zones: readonly string[]; byCountry: ReadonlyMap<string, string> } | null = null
const countries = new Map<string, Country | null>()
const found = new Map<string, Spot | null>()
/** By country and tenth of a degree. */
const zones = new Map<string, string>()
let countryNames: ReadonlyMap<string, string> | null = null

export function findPlace({ country, region, city }: PlaceNames): Spot | null {
  if (country == null || (!region && !city)) return null
  const key = `${country}|${region ?? ''}|${city ?? ''}`
  const known = found.get(key)
  if (known !== undefined) return known
  if (found.size >= MAX_KEPT) found.clear()
  const data = countryData(country)
  const spot = data && search(data, country, parts(region), parts(city))
  found.set(key, spot)
  return spot
}

/** The time zones of a country; empty where it is not known. */
export function zonesOf(country: string): readonly string[] {
  return countryData(country)?.zones ?? []
}

/** The time zone of the town next to a point of this country; null where the country is not known. */
export function zoneAt(country: string, { latitude, longitude }: Point): string | null {
  const data = countryData(country)
  if (!data) return null
  if (data.zones.length === 1) return data.zones[0]!
  const key = `${country}|${latitude.toFixed(1)}|${longitude.toFixed(1)}`
  const known = zones.get(key)
  if (known !== undefined) return known
  if (zones.size >= MAX_KEPT) zones.clear()
  const squeeze = Math.cos((latitude * Math.PI) / 180)
  let [nearest, least] = ['', Number.POSITIVE_INFINITY]
  for (const { cities } of new Set([...data.regions.values()].flat()))
    for (const it of cities) {
      const distance = (it.latitude - latitude) ** 2 + ((it.longitude - longitude) * squeeze) ** 2
      if (distance < least) [nearest, least] = [it.zone, distance]
    }
  zones.set(key, nearest)
  return nearest
}

function search({ regions, cities }: Country, code: string, region: string[], city: string[]): Spot | null {
  const notCountry = (name: string) => countryCode(folded(name)) !== code
  const inRegion = region.filter((it, at) => at === 0 || notCountry(it))
  // A field of the region that names a city too: 'Austin, Texas'.
  const [first, ...rest] = city.length === 0 && inRegion.length > 1 ? inRegion : city
  const regionsOf = (name: string) => regions.get(folded(name)) ?? regions.get(plainRegion(name))
  const given = [...inRegion, ...rest.filter(notCountry)].map(regionsOf).find((it) => it !== undefined)
  const citiesOf = (name: string, within = given) => {
    const all = cities.get(name) ?? []
    return within ? all.filter((it) => within.includes(it.region)) : all
  }
  for (const name of first === undefined ? [] : spellings(first, code)) {
    const exact = citiesOf(name)
    if (exact.length > 0) return spotOf(largest(exact))
    // 'Austin TX': the region without a comma.
    const words = name.split(' ')
    for (let at = words.length - 1; at > 0; at--) {
      const behind = regions.get(words.slice(at).join(' '))
      const there = behind ? citiesOf(words.slice(0, at).join(' '), behind) : []
      if (there.length > 0) return spotOf(largest(there))
    }
  }
  if (given) return spotOf(given.flatMap((it) => it.cities))
  // A region in the field of the city, or a city in that of the region.
  const asRegion = first === undefined ? undefined : regionsOf(first)
  if (asRegion) return spotOf(asRegion.flatMap((it) => it.cities))
  const asCity = first === undefined ? inRegion.flatMap((it) => spellings(it, code)).map((it) => citiesOf(it)) : []
  const named = asCity.find((it) => it.length > 0)
  return named ? spotOf(largest(named)) : null
}

/** What people call a few cities. */
const SHORT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  US: { nyc: 'new york city', la: 'los angeles', sf: 'san francisco', dc: 'washington', philly: 'philadelphia' },
}

/** 'Greater Austin' and 'Frankfurt (Innenstadt)' are Austin and Frankfurt. */
function spellings(name: string, country: string): string[] {
  const whole = folded(name.replace(/\([^)]*\)/g, ' '))
    .replace(/\s*\b\d+\b\s*/g, ' ')
    .trim()
  const bare = whole
    .replace(/^(greater|city of|metro)\s+/, '')
    .replace(/\s+(city|metro|metropolitan area|area|metro area)$/, '')
  const meant = SHORT[country]?.[whole]
  return [...new Set([whole, bare, meant ?? ''])].filter((it) => it !== '')
}

function parts(text: string | null | undefined): string[] {
  return (text ?? '')
    .split(/[,;/|]/)
    .map((it) => it.trim())
    .filter((it) => it !== '')
}

function largest(all: readonly City[]): City[] {
  const most = Math.max(...all.map((it) => it.size))
  return all.filter((it) => it.size > most - SIZES)
}

function spotOf(cities: readonly City[]): Spot {
  return { points: cities, zones: [...new Set(cities.map((it) => it.zone))].sort() }
}

function countryCode(name: string): string | undefined {
  countryNames ??= namesOfCountries()
  return countryNames.get(name)
}

function namesOfCountries(): ReadonlyMap<string, string> {
  const english = new Intl.DisplayNames(['en'], { type: 'region' })
  const names = [...file().byCountry.keys()].flatMap((code): [string, string][] => [
    [folded(english.of(code) ?? code), code],
    [code.toLowerCase(), code],
  ])
  const spoken = { usa: 'US', 'united states of america': 'US', uk: 'GB', 'great britain': 'GB', holland: 'NL' }
  return new Map([...names, ...Object.entries(spoken), ['korea', 'KR'], ['russian federation', 'RU']])
}

function countryData(code: string): Country | null {
  const known = countries.get(code)
  if (known !== undefined) return known
  const { zones, byCountry } = file()
  const text = byCountry.get(code)
  const data = text === undefined ? null : parseCountry(text, zones)
  countries.set(code, data)
  return data
}

function file() {
  chunks ??= split(readFileSync(join(import.meta.dirname, 'places.txt'), 'utf8'))
  return chunks
}

function split(text: string) {
  const zonesAt = text.indexOf('\n!') + 2
  const zones = text.slice(zonesAt, text.indexOf('\n', zonesAt)).split(' ')
  const byCountry = new Map<string, string>()
  let from = text.indexOf('\n@') + 1
  let code = text.slice(from + 1, from + 3)
  for (let at = from; at > 0; at = text.indexOf('\n@', at) + 1) {
    const next = text.slice(at + 1, at + 3)
    if (next === code) continue
    byCountry.set(code, text.slice(from, at))
    from = at
    code = next
  }
  byCountry.set(code, text.slice(from))
  return { zones, byCountry }
}

function parseCountry(text: string, zones: readonly string[]): Country {
  const regions = new Map<string, Region[]>()
  const cities = new Map<string, City[]>()
  const used = new Set<string>()
  let region: Region = { cities: [] }
  let regionZone = ''
  const add = (name: string, city: City) => {
    const known = cities.get(name)
    if (!known) cities.set(name, [city])
    else if (!known.includes(city)) known.push(city)
  }
  const others: [string, City][] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const fields = line.split('|')
    if (line.startsWith('@')) {
      const [country = '', code = '', zone = '', names = ''] = fields
      region = { cities: [] }
      regionZone = zones[Number.parseInt(zone, 36)]!
      used.add(regionZone)
      const [iso = '', ...known] = names.split(';')
      const codes = [iso, /^[A-Z]/.test(code) ? code : ''].filter((it) => it !== '')
      const spelled = [
        ...codes.flatMap((it) => [it.toLowerCase(), folded(`${country.slice(1)} ${it}`)]),
        ...known.flatMap((it) => [folded(it), plainRegion(it)]),
      ]
      for (const it of new Set(spelled)) regions.set(it, [...(regions.get(it) ?? []), region])
      continue
    }
    const [name = '', latitude, longitude, size = '0', zone, names] = fields
    const city: City = {
      latitude: Number(latitude) / 100,
      longitude: Number(longitude) / 100,
      size: Number.parseInt(size, 36),
      zone: zone ? zones[Number.parseInt(zone, 36)]! : regionZone,
      region,
    }
    used.add(city.zone)
    region.cities.push(city)
    add(folded(name), city)
    for (const it of names?.split(';') ?? []) others.push([it, city])
  }
  // A town's own name comes before another one's other name: Waterloo is in Iowa, not Austin.
  for (const [name, city] of others) if (!cities.get(name)?.some((it) => it.region === city.region)) add(name, city)
  return { regions, cities, zones: [...used].sort() }
}
