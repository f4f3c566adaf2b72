/**
 * Travel that would have been faster than an aircraft (#51).
 *
 * Shape   one `travel` per worker, UTC day and pair of regions: two consecutive proven places of the worker in
 *         different countries or regions, at the first time of the second place on that day. Places of two laptops
 *         count only when each was in use at that time, because a laptop may run at home without its worker.
 *         `Hours` is at most the time between the places; when both alternate within one bucket of six hours, the time
 *         between their first sightings.
 *         Of a day with more than `perDay` the first: an exit that nobody declared makes one for every pair of its
 *         places.
 * Silent  addresses that prove no place (VPN, relay, Tor, hosting, security services, company exits, approved ones);
 *         mobile networks, whose gateways move; a network whose place changed: that is the database (N27); two places of
 *         one operator's network: its traffic came out elsewhere (N31).
 * Memory  per worker four numbers for each laptop and network of six hours, for ten days, and two for each six hours in
 *         which a laptop was used.
 */

import * as z from 'zod'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, earliestAndLatest, type Fact, keyReader } from '../kit/buckets.ts'
import { announced, kilometres, networkOf, positionOf, provesPlace } from '../kit/place.ts'
import { statements } from '../kit/statements.ts'

const BUCKET_MS = 6 * HOUR
/** So that two sightings at the same time have a speed. */
const LEAST_HOURS = 1 / 60

const thresholds = z.strictObject({
  /** Km between the places, less their uncertainty. Two address databases differ by 621 km for one address in ten. */
  farKm: z.number().min(0).max(20_000).default(500),
  /** Km/h: airliners cruise at 900. */
  speedKmh: z.number().min(1).max(100_000).default(900),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Hours around a sighting within which each of two laptops must have been in use. */
  usedWithinHours: z.number().min(0).max(24).default(1),
  /** Events of one worker and day that may be journeys: more of them are one exit with many places. */
  perDay: z.int().min(1).max(100).default(3),
})

/** A proven place of a worker's laptop. */
interface TravelPlace {
  device: string
  network: string
  asn: number | null
  country: string
  region: string | null
  lat: number | null
  lon: number | null
  accuracyKm: number
  announced: boolean
}
/** The first and last time in a bucket. */
interface TravelStay extends TravelPlace {
  first: number
  last: number
}

export const travel = deriverKind('travel', thresholds, (limits, world) => {
  const kept = { bucketMs: BUCKET_MS, keepMs: LATENESS_MS + 2 * DAY, width: 2, merge: earliestAndLatest }
  const stays = buckets(kept)
  /** When a laptop was in use: by worker, with the laptop as the key. */
  const uses = buckets(kept)
  const reported = statements()
  return {
    reads: ['session', 'presence', 'input_pattern', 'logon'],
    take(seen, emit) {
      const { device, worker, conflict } = seen
      if (device === null || worker === null || conflict) return
      const time = Math.min(seen.time, seen.receivedAt)
      const stay = stayOf(seen)
      const isChanged = stay
        ? stays.add(worker, time, JSON.stringify(stay), [time, time])
        : isUse(seen) && uses.add(worker, time, device, [time, time])
      if (isChanged) judge(worker, emit)
    },
    kept: { stays: stays.kept, uses: uses.kept, reported: reported.kept },
  }

  function stayOf({ connection, contract, worker, device, time }: Seen): TravelPlace | null {
    if (!connection || device === null) return null
    const { remoteAddress, geo } = connection
    const { country, region, lat, lon } = geo
    if (country === null || geo.class === 'mobile' || !provesPlace(contract, remoteAddress, geo, time)) return null
    return {
      device,
      network: networkOf(remoteAddress),
      asn: geo.asn,
      country,
      region,
      lat,
      lon,
      accuracyKm: geo.accuracyKm ?? 0,
      announced: announced(world, worker, geo, time, limits.travelGraceHours * HOUR),
    }
  }

  function judge(worker: string, emit: Emit): void {
    if (stays.keys(worker).length < 2) return
    const sequence = stays
      .of(worker)
      .map(stayed)
      .sort((a, b) => a.first - b.first || a.last - b.last || (a.device < b.device ? -1 : 1))
    const found = new Map<string, { device: string | null; time: number; key: string; draft: Draft }>()
    const lastOf = new Map<string, TravelStay>()
    for (const [index, to] of sequence.entries()) {
      const before = [lastOf.get(to.device), sequence[index - 1]]
      lastOf.set(to.device, to)
      for (const from of new Set(before.filter((it) => it !== undefined))) {
        const draft = travelBetween(from, to)
        const isSame = from.device === to.device
        if (!draft || !(isSame || (used(worker, from, from.last) && used(worker, to, to.first)))) continue
        const key = [from.country, from.region, to.country, to.region].join('|')
        const once = `${Math.floor(to.first / DAY)} ${key}`
        if (!found.has(once)) found.set(once, { device: isSame ? to.device : null, time: to.first, key, draft })
      }
    }
    const byDay = Map.groupBy(found.values(), (it) => Math.floor(it.time / DAY))
    // Nobody travels like this: it is an exit, and one event says so.
    const told = [...byDay.values()].flatMap((all) => (all.length > limits.perDay ? all.slice(0, 1) : all))
    const now = told.map(({ device, time, ...rest }) => ({ about: { device, worker, time }, ...rest }))
    reported.revise(worker, fromOf(worker), now, emit)
  }

  /** The start of the first day that can still change; the day before it is kept as well. */
  function fromOf(worker: string): number {
    return Math.floor((stays.reached(worker) - LATENESS_MS) / DAY) * DAY
  }

  function travelBetween(from: TravelStay, to: TravelStay): Draft | null {
    const isElsewhere =
      from.country !== to.country || (from.region !== null && to.region !== null && from.region !== to.region)
    const km = kilometres(positionOf(from), positionOf(to))
    const isOneNetwork = from.network === to.network || (from.asn !== null && from.asn === to.asn)
    if (!isElsewhere || km === null || isOneNetwork) return null
    const least = km - from.accuracyKm - to.accuracyKm
    const hours = Math.max(LEAST_HOURS, (to.first > from.last ? to.first - from.last : to.first - from.first) / HOUR)
    if (least <= limits.farKm || least / hours <= limits.speedKmh) return null
    return {
      category: 'travel',
      FromCountry: from.country,
      FromRegion: from.region,
      ToCountry: to.country,
      ToRegion: to.region,
      DistanceKm: Math.round(km),
      Hours: Number(hours.toFixed(2)),
      SpeedKmh: Math.round(km / hours),
      TravelNotice: from.announced || to.announced,
      BothTunnel: false,
    }
  }

  function used(worker: string, { device }: TravelStay, at: number): boolean {
    const margin = limits.usedWithinHours * HOUR
    return uses
      .of(worker)
      .some(({ key, values: [first, last] }) => key === device && first! <= at + margin && last! >= at - margin)
  }
})

/** Whether a person was at the laptop. */
function isUse({ event }: Seen): boolean {
  if (event?.category === 'presence') return event.ActiveMinutes > 0
  return event?.category === 'input_pattern' || (event?.category === 'logon' && event.Action === 'logon')
}

const placeOf = keyReader<TravelPlace>()

function stayed({ key, values }: Fact): TravelStay {
  return { ...placeOf(key), first: values[0]!, last: values[1]! }
}
