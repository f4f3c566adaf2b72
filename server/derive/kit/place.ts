/**
 * Whether an address proves where a laptop is, and distances between places.
 *
 * Places that changed because an address database changed (N27) are handled in `place-gate.ts`: it removes such a place
 * from the record, and delays undecided records by up to a day. Derivers that read places accept late records.
 */
import ipaddr from 'ipaddr.js'
import {
  findPlace,
  type PlaceNames,
  type Point,
  type Spot,
  zoneAt,
  zonesOf,
} from '../../../rules/gazetteer/gazetteer.ts'
import { folded } from '../../../rules/gazetteer/names.ts'
import type { Contract } from '../../../wire/contract.ts'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import type { AddressFacts } from '../../../wire/recording.ts'
import { holds, type World } from './world.ts'

/** Shared exits that anybody can choose: their address shows where the exit is, not where the laptop is. */
export const SHARED_EXITS: ReadonlySet<NetworkClass> = new Set([
  ...(['vpn', 'private_relay', 'tor', 'hosting', 'corporate', 'sase'] as const),
])

/** Whether the link itself is so slow or so variable that its round trips say nothing about distance. */
export const SLOW_LINKS: ReadonlySet<NetworkClass> = new Set(['mobile', 'satellite'])

/**
 * False for exits of VPNs, relays, Tor, data centres, security services and companies, and for exits that the contract
 * approves. A satellite provider's exit proves a country, and only where the provider's own geofeed names it: its exits
 * may be in a neighbouring country (N32).
 */
export function provesPlace(contract: Contract | null, address: string, geo: AddressFacts, time: number): boolean {
  if (geo.country === null || SHARED_EXITS.has(geo.class) || approvedExit(contract, address, geo.asn, time))
    return false
  return geo.class !== 'satellite' || geo.geofeed?.country === geo.country
}

/** Whether the contract approves this exit by address, range or AS number. */
export function approvedExit(contract: Contract | null, address: string, asn: number | null, time: number): boolean {
  return (
    contract?.approvedEgress?.some(
      (it) =>
        holds(it, time) && ((it.asn != null && it.asn === asn) || (it.address != null && inRange(address, it.address))),
    ) ?? false
  )
}

/** False for a range that cannot be parsed: such an approval must not excuse anything. */
function inRange(address: string, range: string): boolean {
  try {
    const found = ipaddr.process(address)
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : [ipaddr.process(range), null]
    if (found.kind() !== base.kind()) return false
    return bits === null ? found.toString() === base.toString() : found.match([base, bits] as never)
  } catch {
    return false
  }
}

/**
 * Whether a travel notice covers this place and time, within `graceMs`: flights leave before the first day of a notice.
 * A notice without a country covers all countries; within the contract's country the region must match too. On a
 * journey abroad, a mobile network may be in any country: a travel SIM comes out in its operator's (N30).
 */
export function announced(
  world: World,
  worker: string | null,
  at: Pick<AddressFacts, 'country' | 'region'> & { class?: NetworkClass },
  time: number,
  graceMs: number,
): boolean {
  // The recorded version: the contract in force at `time` lacks a notice that begins tomorrow.
  const version = worker === null ? undefined : world.versionsOf(worker).findLast((it) => it.from <= time)
  return (
    version?.travelNotices?.some(
      (it) =>
        holds({ from: it.from - graceMs, to: it.to + graceMs }, time) &&
        ((it.country ?? at.country) === at.country || (at.class === 'mobile' && it.country !== version.country)) &&
        (it.country !== version.country || it.region == null || isRegion(it.country, it.region, at.region)),
    ) ?? false
  )
}

/** Whether two names are of one region of a country, in any spelling: 'TX' is Texas. False where one is unknown. */
function isRegion(country: string | null | undefined, a: string, b: string | null): boolean {
  if (b === null) return false
  if (folded(a) === folded(b)) return true
  const [one, other] = [findPlace({ country, region: a }), findPlace({ country, region: b })]
  return (
    one !== null && other !== null && one.points.length === other.points.length && one.points[0] === other.points[0]
  )
}

/** The network whose place databases change as a whole: a /24 of IPv4, a /48 of IPv6; unparsable: the text itself. */
export function networkOf(address: string): string {
  try {
    const found = ipaddr.process(address)
    return found
      .toByteArray()
      .slice(0, found.kind() === 'ipv4' ? 3 : 6)
      .join('.')
  } catch {
    return address
  }
}

/** An address of one line: of IPv6 the /64, because the addresses in it change daily; unparsable: the text itself. */
export function uplinkOf(address: string): string {
  try {
    const found = ipaddr.process(address)
    return found.kind() === 'ipv4' ? found.toString() : found.toByteArray().slice(0, 8).join('.')
  } catch {
    return address
  }
}

/** Coordinates, or names, or both; the coordinates count. */
export interface Place extends PlaceNames {
  latitude?: number | null | undefined
  longitude?: number | null | undefined
}

/** Where a place may be. Null: its names cannot be found, or say no more than a country; it is then not comparable. */
export function whereIs(place: Place): Spot | null {
  const { latitude, longitude } = place
  return latitude == null || longitude == null ? findPlace(place) : { points: [{ latitude, longitude }], zones: [] }
}

/**
 * The least great-circle distance on a sphere of radius 6,371 km. Null: not comparable, which is neither near nor far. A
 * place without coordinates is looked up by its names: a whole region is as near as its nearest town.
 */
export function kilometres(a: Place, b: Place): number | null {
  if (a.latitude != null && a.longitude != null && b.latitude != null && b.longitude != null)
    return between(a as Point, b as Point)
  const [from, to] = [whereIs(a), whereIs(b)]
  if (!from || !to) return null
  const known = apart.get(from)?.get(to)
  if (known !== undefined) return known
  let least = Number.POSITIVE_INFINITY
  for (const one of from.points) for (const other of to.points) least = Math.min(least, between(one, other))
  apart.set(from, (apart.get(from) ?? new WeakMap<Spot, number>()).set(to, least))
  return least
}

/** Two regions have tens of thousands of pairs of towns. */
const apart = new WeakMap<Spot, WeakMap<Spot, number>>()

function between(a: Point, b: Point): number {
  const rad = Math.PI / 180
  const dLat = (b.latitude - a.latitude) * rad
  const dLon = (b.longitude - a.longitude) * rad
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(dLon / 2) ** 2
  return 2 * 6_371 * Math.asin(Math.min(1, Math.sqrt(h)))
}

export function positionOf(geo: Pick<AddressFacts, 'lat' | 'lon'> & PlaceNames): Place {
  const { country, region, city, lat, lon } = geo
  return { country, region, city, latitude: lat, longitude: lon }
}

/** The IANA time zones in which a place may be; empty where not even its country is known. */
export function zonesAt(place: Place): readonly string[] {
  const { country, latitude, longitude } = place
  if (!country) return []
  const zone = latitude != null && longitude != null ? zoneAt(country, { latitude, longitude }) : null
  return zone ? [zone] : (findPlace(place)?.zones ?? zonesOf(country))
}

/** Whether two names are written alike; null where either is unknown. */
export function sameName(a: string | null | undefined, b: string | null | undefined): boolean | null {
  return a == null || b == null || a === '' || b === '' ? null : folded(a) === folded(b)
}
