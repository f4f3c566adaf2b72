/** The place and network that an address claims for a session, and round trips measured from there. */
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import type { Seen } from '../../deriver.ts'
import type { Fact } from '../../kit/buckets.ts'
import { SHARED_EXITS, SLOW_LINKS } from '../../kit/place.ts'

export interface Claim {
  country: string | null
  region: string | null
  city: string
  lat: number
  lon: number
  accuracyKm: number
  asn: number | null
  class: NetworkClass
}

/** The shortest round trip of a claim on one day. */
export interface Trip extends Claim {
  day: number
  rtt: number
  time: number
}

/**
 * Null for a place without a city, for mobile networks and satellites, whose round trips prove nothing, and for security
 * services, whose exit may be far from the city that a database has for it.
 */
export function claimOf(geo: NonNullable<Seen['connection']>['geo'], satellites: ReadonlySet<number>): Claim | null {
  const { country, region, city, lat, lon, asn } = geo
  if (lat === null || lon === null || city === null) return null
  if (SLOW_LINKS.has(geo.class) || geo.class === 'sase' || (asn !== null && satellites.has(asn))) return null
  return { country, region, city, lat, lon, accuracyKm: geo.accuracyKm ?? 0, asn, class: geo.class }
}

/** Shared exits are judged, but nobody is compared with them. */
export function isShared(claim: Claim): boolean {
  return SHARED_EXITS.has(claim.class)
}

export function tripOf({ bucket, key, values }: Fact): Trip {
  return { ...(JSON.parse(key) as Claim), day: bucket, rtt: values[0]!, time: values[1]! }
}

/** The shorter round trip, with its time; of equal ones the earlier. */
export function shorter(a: readonly number[], b: readonly number[]): number[] {
  return [...(a[0]! < b[0]! || (a[0] === b[0] && a[1]! <= b[1]!) ? a : b)]
}

export function shortest(trips: readonly Trip[]): Trip {
  return trips.reduce((a, b) => (b.rtt < a.rtt || (b.rtt === a.rtt && b.time < a.time) ? b : a))
}

/** A city over one class of network: the unit that is judged. */
export function cityOf(it: Claim): string {
  return [it.country, it.region, it.city, it.class].join('|')
}

export function positionOfClaim({ lat, lon }: Pick<Claim, 'lat' | 'lon'>): { latitude: number; longitude: number } {
  return { latitude: lat, longitude: lon }
}
