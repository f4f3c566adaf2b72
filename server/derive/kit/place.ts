/**
 * What an address proves about where somebody is.
 *
 * A place that a database moved by itself (N27) is not recognised here: `place-gate.ts` hands such a record on without
 * its place, and one that is not decided a day later. Derivers that read places do not mind late records.
 */
import ipaddr from 'ipaddr.js'
import type { Contract } from '../../../wire/contract.ts'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import type { AddressFacts } from '../../../wire/recording.ts'
import { holds, type World } from './world.ts'

/** Exits that many share and anybody can pick: they say where the exit is, not where the laptop is. */
const EXITS: ReadonlySet<NetworkClass> = new Set(['vpn', 'private_relay', 'tor', 'hosting', 'corporate'])

/** False for a VPN's, relay's, Tor's, data centre's or company's exit, and for one the contract approves. */
export function provesPlace(contract: Contract | null, address: string, geo: AddressFacts, time: number): boolean {
  return geo.country !== null && !EXITS.has(geo.class) && !approvedExit(contract, address, geo.asn, time)
}

/** The contract names this exit by address, range or AS number. */
export function approvedExit(contract: Contract | null, address: string, asn: number | null, time: number): boolean {
  return (
    contract?.approvedEgress?.some(
      (it) =>
        holds(it, time) && ((it.asn != null && it.asn === asn) || (it.address != null && inRange(address, it.address))),
    ) ?? false
  )
}

/** False for a range that cannot be read: an approval we do not understand excuses nothing. */
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
 * Somebody announced to be there then, give or take `graceMs`: a flight leaves before the day in the notice. A notice
 * without a country is anywhere; within the contract's own country its region counts too.
 */
export function announced(
  world: World,
  worker: string | null,
  at: Pick<AddressFacts, 'country' | 'region'>,
  time: number,
  graceMs: number,
): boolean {
  // As written: what is in force at `time` leaves out a notice that begins tomorrow.
  const version = worker === null ? undefined : world.versionsOf(worker).findLast((it) => it.from <= time)
  return (
    version?.travelNotices?.some(
      (it) =>
        holds({ from: it.from - graceMs, to: it.to + graceMs }, time) &&
        (it.country ?? at.country) === at.country &&
        (it.country !== version.country || (it.region ?? at.region) === at.region),
    ) ?? false
  )
}

/** The block an address is moved between places with: a /24 of IPv4, a /48 of IPv6; unreadable: the text itself. */
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

interface Position {
  latitude?: number | null | undefined
  longitude?: number | null | undefined
}

/** Great-circle distance on a sphere of 6,371 km; null when either place is not known. */
export function kilometres(a: Position, b: Position): number | null {
  if (a.latitude == null || a.longitude == null || b.latitude == null || b.longitude == null) return null
  const rad = Math.PI / 180
  const dLat = (b.latitude - a.latitude) * rad
  const dLon = (b.longitude - a.longitude) * rad
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(dLon / 2) ** 2
  return 2 * 6_371 * Math.asin(Math.min(1, Math.sqrt(h)))
}

export function positionOf(geo: Pick<AddressFacts, 'lat' | 'lon'>): Position {
  return { latitude: geo.lat, longitude: geo.lon }
}
