/**
 * The networks of laptops, and their exits to the internet.
 *
 * Shape   a site has a gateway and an uplink; an exit has the address that the server sees. With a tunnel the two
 *         are far apart. Everything is derived from the seed and the site's name.
 * Units   km on the sphere; round trips in ms to a server in Ashburn, Virginia.
 * Source  light in fibre covers 200 km a ms, and routes are longer than the great circle; the factor (1.2 to 1.8) and
 *         last miles (fibre and cable 3 to 14 ms, mobile 28 to 60) are assumed. How far address databases err:
 *         `placeError`. Addresses are of 240.0.0.0/4 (RFC 1112 class E): no provider's, and no database knows them.
 */
import type { NetworkClass } from '../../wire/events/derived.ts'
import { CITIES, type City, cityCalled, type Provider, providersOf } from './cities.ts'
import { between, chance, hashOf, hexOf, pick, type Random, stream } from './random.ts'

/** The exit of a session: the data of the connection line. */
export interface Exit {
  address: string
  /** Where the packets really leave, for the round trip. */
  city: City
  geo: ExitFacts
  lastMileMs: number
  jitterMs: number
}

export interface ExitFacts {
  country: string
  region: string
  city: string
  lat: number
  lon: number
  asn: number
  class: NetworkClass
  asName: string
  /** The database edition with this place; set by scenes in which it changes. */
  edition?: string
}

export interface Monitor {
  maker: string
  product: string
  name: string
  serial: string
  widthMm: number
  heightMm: number
}

/** A dock on the desk: two USB devices, with the number that its maker gave it. */
export interface Dock {
  vendor: string
  maker: string
  parts: readonly (readonly [product: string, name: string, classes: readonly string[]])[]
  serial: string
}

export interface Site {
  kind: 'home' | 'office' | 'public' | 'mobile'
  name: string
  city: City
  exit: Exit
  gatewayHash: string
  ssidHash: string | null
  bssidHash: string | null
  dns: readonly string[]
  monitors: readonly Monitor[]
  dock: Dock | null
  /** How long it keeps an address; null: for ever. */
  leaseDays: number | null
}

export const SERVER_PLACE = cityCalled('Ashburn')

/** `name` distinguishes sites: the same seed, kind, city and name give the same network. */
export function siteAt(seed: number, kind: Site['kind'], city: City, name: string): Site {
  const random = stream(seed, 'site', kind, city.city, name)
  const exit = exitAt(
    seed,
    city,
    `${kind} ${name}`,
    kind === 'mobile' ? 'mobile' : kind === 'office' ? 'corporate' : 'residential',
  )
  const wireless = kind !== 'office' || chance(random, 0.6)
  return {
    kind,
    name,
    city,
    exit,
    gatewayHash: hexOf(`${seed} gateway ${kind} ${city.city} ${name}`, 32),
    ssidHash: wireless ? hexOf(`${seed} ssid ${kind} ${city.city} ${name}`, 32) : null,
    bssidHash: wireless ? hexOf(`${seed} bssid ${kind} ${city.city} ${name}`, 32) : null,
    dns: kind === 'mobile' ? ['172.20.10.1'] : ['192.168.1.1'],
    monitors: kind === 'home' && chance(random, 0.62) ? [monitor(random, `${seed} ${city.city} ${name}`)] : [],
    dock: kind === 'home' ? dockOf(seed, `${city.city} ${name}`) : null,
    leaseDays: kind === 'home' ? Math.round(between(random, 20, 200)) : null,
  }
}

/** An exit in a city, of one of the country's providers. `name` distinguishes lines of one provider. */
export function exitAt(seed: number, city: City, name: string, networkClass: NetworkClass, provider?: Provider): Exit {
  const random = stream(seed, 'exit', city.city, name, networkClass)
  const mobile = networkClass === 'mobile'
  const [asn, asName] =
    provider ?? pick(random, mobile ? providersOf(city.country).mobile : providersOf(city.country).home)
  const placed = networkClass === 'corporate' || networkClass === 'hosting' ? city : placeError(random, city, mobile)
  return {
    address: addressOf(`${seed} ${city.city} ${name} ${asn}`),
    city,
    geo: {
      country: placed.country,
      region: placed.region,
      city: placed.city,
      lat: placed.lat,
      lon: placed.lon,
      asn,
      class: networkClass,
      asName,
    },
    lastMileMs: mobile ? between(random, 28, 60) : between(random, 3, 14),
    jitterMs: mobile ? between(random, 8, 30) : between(random, 0.5, 6),
  }
}

const VPNS: Readonly<Record<string, Provider>> = {
  mullvad: [39351, '31173 Services'],
  proton: [209103, 'Proton'],
  nordvpn: [207137, 'PacketHub'],
  expressvpn: [212238, 'Datacamp'],
  // The one public example of its exits belongs to this provider (catalogues, section 2).
  astrill: [54290, 'Hostwinds'],
}

/** A consumer VPN's exit: one of four in that city, shared with strangers. */
export function vpnExit(seed: number, provider: string, city: City, which = 0): Exit {
  const known = VPNS[provider]
  if (!known) throw new RangeError(`"${provider}" is none of ${Object.keys(VPNS).join(', ')}`)
  const exit = exitAt(seed, city, `vpn ${provider} ${which % 4}`, 'hosting', known)
  return { ...exit, lastMileMs: 1, geo: { ...exit.geo, class: 'vpn' } }
}

/**
 * The place that a database gives for a city.
 *
 * Source  the shape of catalogues section 3 (two databases, both with a city in the US: p50 14 km, p75 170, p90 1,178),
 *         shortened, because those were random addresses and consumers' agree more: p50 8 km, p75 40, p90 150, p95 350,
 *         p99 1,200 is assumed; mobile p50 60 km, p90 500. Country wrong: 0.3 % assumed.
 */
function placeError(random: Random, city: City, mobile: boolean): City {
  const km = quantile(random(), mobile ? MOBILE_ERROR : FIXED_ERROR)
  const bearing = between(random, 0, 2 * Math.PI)
  if (chance(random, 0.003)) return pick(random, CITIES.slice(0, 40))
  const lat = Math.max(-89, Math.min(89, city.lat + (km / 111.2) * Math.cos(bearing)))
  const lon = city.lon + (km / (111.2 * Math.cos((city.lat * Math.PI) / 180))) * Math.sin(bearing)
  const shifted = { ...city, lat: rounded(lat), lon: rounded(((lon + 540) % 360) - 180) }
  if (km < 80) return shifted
  // Further away it is another town's name, of those the table has.
  const same = CITIES.filter((it) => it.country === city.country)
  return same.reduce((best, it) => (distanceKm(it, shifted) < distanceKm(best, shifted) ? it : best), city)
}

/** The same line, placed correctly by the databases. */
export function placedRight(exit: Exit): Exit {
  const { city, region, country, lat, lon } = exit.city
  return { ...exit, geo: { ...exit.geo, city, region, country, lat, lon } }
}

type Quantiles = readonly (readonly [share: number, km: number])[]
const FIXED_ERROR: Quantiles = [
  [0, 0.5],
  [0.5, 8],
  [0.75, 40],
  [0.9, 150],
  [0.95, 350],
  [0.99, 1_200],
  [1, 3_000],
]
const MOBILE_ERROR: Quantiles = [
  [0, 1],
  [0.5, 60],
  [0.9, 500],
  [1, 1_500],
]

/** Interpolates between the given quantiles, on a logarithmic scale. */
function quantile(share: number, table: Quantiles): number {
  const at = table.findIndex(([upTo]) => share < upTo)
  const [[fromShare, from], [toShare, to]] = [table[at - 1]!, table[at]!]
  return from * (to / from) ** ((share - fromShare) / (toShare - fromShare))
}

const rounded = (degrees: number): number => Math.round(degrees * 100) / 100

function addressOf(name: string): string {
  const hash = hashOf(`address ${name}`)
  return `${240 + ((hash >>> 24) % 14)}.${(hash >>> 16) & 255}.${(hash >>> 8) & 255}.${1 + ((hash & 255) % 254)}`
}

/** The makers of two of the four write one serial number into every dock (assumed; judgement section 7 has examples). */
const DOCKS: readonly (Omit<Dock, 'serial'> & { serial: string | null })[] = [
  {
    ...{ vendor: '17ef', maker: 'Lenovo', serial: '000000000001' },
    parts: [
      ['3082', 'ThinkPad Thunderbolt 3 Dock', ['02', '0a']],
      ['3083', 'ThinkPad Dock USB Audio', ['01', '03']],
    ],
  },
  {
    ...{ vendor: '413c', maker: 'Dell Inc.', serial: null },
    parts: [
      ['b06e', 'Dell dock', ['09']],
      ['b06f', 'Dell dock', ['03']],
    ],
  },
  {
    ...{ vendor: '17e9', maker: 'DisplayLink', serial: null },
    parts: [['6006', 'USB3.0 Dual Video Dock', ['ff', '01', '0a']]],
  },
  {
    ...{ vendor: '0bda', maker: 'Realtek', serial: '001000001' },
    parts: [['8153', 'USB 10/100/1000 LAN', ['ff']]],
  },
]

/** One home in four has a dock (assumed). */
function dockOf(seed: number, name: string): Dock | null {
  const random = stream(seed, 'dock', name)
  if (!chance(random, 0.25)) return null
  const dock = pick(random, DOCKS)
  return { ...dock, serial: dock.serial ?? hexOf(`${seed} dock ${name}`, 12).toUpperCase() }
}

const MONITORS: readonly (readonly [maker: string, product: string, name: string, width: number, height: number])[] = [
  ['DEL', '0xd0f8', 'DELL U2720Q', 597, 336],
  ['DEL', '0x4210', 'DELL P2422H', 527, 296],
  ['GSM', '0x5b7f', 'LG ULTRAWIDE', 798, 334],
  ['SAM', '0x7181', 'S27R75x', 597, 336],
  ['BNQ', '0x801b', 'BenQ GW2480', 527, 296],
  ['HPN', '0x3542', 'HP E24 G4', 527, 296],
]

export function monitor(random: Random, name: string): Monitor {
  const [maker, product, model, widthMm, heightMm] = pick(random, MONITORS)
  return { maker, product, name: model, serial: hexOf(`monitor ${name}`, 10).toUpperCase(), widthMm, heightMm }
}

export function distanceKm(a: { lat: number; lon: number }, b: { lat: number; lon: number }): number {
  const radians = Math.PI / 180
  const h =
    Math.sin(((b.lat - a.lat) * radians) / 2) ** 2 +
    Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * Math.sin(((b.lon - a.lon) * radians) / 2) ** 2
  return 12_742 * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** The shortest round trip of a session: from the laptop to the exit, and on to the server. */
export function roundTripMs(random: Random, site: Site, exit: Exit): number {
  const km = distanceKm(site.city, exit.city) + distanceKm(exit.city, SERVER_PLACE)
  // A pair of places keeps its route: the factor belongs to the pair, and only the last part varies by session.
  const factor = 1.2 + (0.6 * (hashOf(`${site.city.city} ${exit.city.city}`) & 1023)) / 1_023
  const lastMile = exit === site.exit ? exit.lastMileMs : site.exit.lastMileMs + exit.lastMileMs
  return (km / 100) * factor + lastMile + between(random, 0, 2)
}
