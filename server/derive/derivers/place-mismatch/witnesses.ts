/**
 * What the witnesses of one laptop say about a place that its address claims: `kit/place-vote.ts` counts them.
 *
 * Shape   Clock: its offset from UTC is that of one place and not of the other; a clock on UTC says nothing.
 *         Round trip: against the server's place where that is configured; otherwise against the laptop's own at the
 *         contract's place. Light needs 1 ms for 100 km of cable and back, so a short round trip proves what it cannot
 *         be; a longer one may have many reasons, but one that is far too long for the address's place and not for the
 *         contract's fits the contract.
 *         Network: the router, access point and address with which the laptop was seen at the contract's place.
 * Units   km, ms; offsets in minutes east of UTC.
 */
import { DAY } from '../../../../wire/time.ts'
import type { Says, Witnesses } from '../../kit/place-vote.ts'
import { FIBRE_KM_PER_MS } from '../../kit/round-trip.ts'
import type { Setting } from '../../kit/settings.ts'
import type { DaySighting, EarlierHome } from './reasons.ts'
import type { PlaceLimits } from './thresholds.ts'

/** A line's best of the day varies by less. */
const SAME_MS = 10
/** A line of one's own does not become slower than this by itself, within its country. */
const SLOWER_MS = 40
/** Within a continent, an equal round trip says nothing. */
const FAR_KM = 1_500
/** Without any other measure, a server is taken to be nearer to the contract's place when the round trip is shorter than half of the way. */
const HALF = 0.5

/** What is known of a laptop at its contract's place. */
export interface Habits {
  home: {
    /** The shortest round trip. */
    rtt: number | null
    /** By address: until when it was there, on each day. */
    addresses: ReadonlyMap<string, readonly number[]>
    /** AS numbers. */
    asns: ReadonlySet<number>
    /** Hashes of routers and access points. */
    networks: ReadonlySet<string>
  }
}

type Limits = Pick<PlaceLimits, 'toleratedKm' | 'excessMs' | 'doubtDays'>

type OffsetOf = (zone: string, time: number) => number | null

/**
 * From the laptop's sightings in place. An address that was elsewhere first is none of the contract's place: the database
 * may have been wrong for a day in its favour.
 */
export function habitsOf(homes: readonly EarlierHome[], all: readonly DaySighting[]): Habits {
  const awaySince = new Map<string, number>()
  for (const { match, clues, first } of all)
    if (match !== 'in' && clues.address !== null)
      awaySince.set(clues.address, Math.min(first, awaySince.get(clues.address) ?? Number.POSITIVE_INFINITY))
  const addresses = new Map<string, number[]>()
  for (const [address, stays] of Map.groupBy(homes, (it) => it.address)) {
    if (address === null) continue
    const since = Math.min(...stays.map((it) => it.first))
    if (since < (awaySince.get(address) ?? Number.POSITIVE_INFINITY))
      addresses.set(
        address,
        stays.map((it) => it.last),
      )
  }
  const trips = homes.flatMap((it) => it.rtt ?? [])
  return {
    home: {
      rtt: trips.length > 0 ? Math.min(...trips) : null,
      addresses,
      asns: new Set(homes.flatMap((it) => it.asn ?? [])),
      networks: new Set(homes.flatMap((it) => it.networks)),
    },
  }
}

export function witnessesOf(
  it: DaySighting,
  setting: Setting,
  { home }: Habits,
  limits: Limits,
  offsetOf: OffsetOf,
): Witnesses {
  return {
    roundTrip: roundTripSays(it, home, limits),
    network: networkSays(it, setting, home, limits.doubtDays * DAY),
    geofeed: it.clues.feed,
    clock: clockSays(it, setting, offsetOf),
    delivery: it.clues.delivered ? 'elsewhere' : null,
  }
}

function clockSays(
  { clues: { contractZones, observedZones }, first }: DaySighting,
  { zone, offset }: Setting,
  offsetOf: OffsetOf,
): Says {
  if (zone !== null && /^(Etc\/)?(UTC|UCT|GMT|Universal|Zulu)$/.test(zone)) return null
  const shown = (zone === null ? null : offsetOf(zone, first)) ?? offset
  if (shown === null || contractZones.length === 0 || observedZones.length === 0) return null
  const isIn = (zones: readonly string[]) => zones.some((name) => offsetOf(name, first) === shown)
  const [here, elsewhere] = [isIn(contractZones), isIn(observedZones)]
  return here === elsewhere ? null : here ? 'here' : 'elsewhere'
}

function roundTripSays(
  { rtt, distanceKm, clues: { serverKm, homeMs, placeMs, accuracyKm, isSlowLink } }: DaySighting,
  home: Habits['home'],
  { toleratedKm, excessMs }: Limits,
): Says | 'cannot' {
  if (rtt === null || isSlowLink) return null
  const reach = (rtt * FIBRE_KM_PER_MS) / 2
  if (serverKm !== null) {
    if (serverKm > reach) return 'cannot'
    if (homeMs === null) return null
    if (rtt > homeMs + excessMs) return 'elsewhere'
    return placeMs !== null && rtt > placeMs + excessMs ? 'here' : null
  }
  if (distanceKm === null) return null
  const least = distanceKm - accuracyKm - toleratedKm
  if (home.rtt === null) return least > FAR_KM && reach < least * HALF ? 'here' : null
  // To the server and on to the place: no way is shorter than the direct one.
  if (least > reach + (home.rtt * FIBRE_KM_PER_MS) / 2) return 'cannot'
  if (rtt > home.rtt + SLOWER_MS) return 'elsewhere'
  return least > FAR_KM && rtt <= home.rtt + SAME_MS ? 'here' : null
}

function networkSays(
  { asn, rtt, first, clues: { address } }: DaySighting,
  { network }: Setting,
  home: Habits['home'],
  doubtMs: number,
): Says | 'same' {
  const stays = address === null ? undefined : home.addresses.get(address)
  // A database that had been wrong in the worker's favour is believed in the end: then it is one vote.
  if (stays) return stays.some((last) => first - last <= doubtMs) ? 'same' : 'here'
  if (network.length === 0 || home.networks.size === 0) return null
  if (!network.some((it) => home.networks.has(it))) return 'elsewhere'
  const isSlower = rtt !== null && home.rtt !== null && rtt > home.rtt + SLOWER_MS
  // A router can be taken along, an operator and the length of the line cannot.
  if (isSlower) return null
  if (asn !== null && home.asns.has(asn)) return 'same'
  return rtt !== null && home.rtt !== null ? 'here' : null
}
