/**
 * Somebody who would have had to fly faster than an aircraft (#51).
 *
 * Shape   one `travel` per worker, UTC day and pair of regions: two proven places of the worker, one after the other,
 *         in another country or region. At the first moment of the second place that day. On two laptops it counts
 *         only when somebody used each of them at that time: one may be running at home without its worker.
 *         `Hours` is at most what lay between; within one stretch of six hours in which both places alternate, what
 *         lay between their first sightings.
 * Silent  where an end proves no place (VPN, relay, Tor, hosting, company exits, approved ones) or is a mobile network,
 *         whose gateways move by themselves; where the same network changed its place: that is the database (N27).
 * Memory  per worker four numbers for each laptop and network of a stretch of six hours, ten days back, and two for
 *         each stretch in which a laptop was used.
 */

import * as z from 'zod'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, earliestAndLatest, type Fact } from '../kit/buckets.ts'
import { announced, kilometres, networkOf, positionOf, provesPlace } from '../kit/place.ts'
import { statements } from '../kit/statements.ts'

const STRETCH_MS = 6 * HOUR
/** Two sightings in one moment still have a speed. */
const LEAST_HOURS = 1 / 60

const thresholds = z.strictObject({
  /** Km between the places, less how far off either may be. Two address databases differ by 621 km in one of ten. */
  farKm: z.number().min(0).max(20_000).default(500),
  /** Km/h: airliners cruise at 900. */
  speedKmh: z.number().min(1).max(100_000).default(900),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Hours around a sighting within which a laptop was used, for two laptops of one worker to be compared. */
  usedWithinHours: z.number().min(0).max(24).default(1),
})

/** A fact's key. */
interface Whereabouts {
  device: string
  network: string
  country: string
  region: string | null
  lat: number | null
  lon: number | null
  accuracyKm: number
  announced: boolean
}
interface Stay extends Whereabouts {
  first: number
  last: number
}

export const travel = deriverKind('travel', thresholds, (limits, world) => {
  const kept = { bucketMs: STRETCH_MS, keepMs: LATENESS_MS + 2 * DAY, width: 2, merge: earliestAndLatest }
  const stays = buckets(kept)
  /** When somebody used a laptop: by worker, the key is the laptop. */
  const uses = buckets(kept)
  const said = statements()
  return {
    reads: ['session', 'presence', 'input_pattern', 'logon'],
    take(seen, emit) {
      const { device, worker, conflict } = seen
      if (device === null || worker === null || conflict) return
      const time = Math.min(seen.time, seen.receivedAt)
      const stay = stayOf(seen)
      const isNews = stay
        ? stays.add(worker, time, JSON.stringify(stay), [time, time])
        : isUse(seen) && uses.add(worker, time, device, [time, time])
      if (isNews) judge(worker, emit)
    },
    kept: { stays: stays.kept, uses: uses.kept, said: said.kept },
  }

  function stayOf({ connection, contract, worker, device, time }: Seen): Whereabouts | null {
    if (!connection || device === null) return null
    const { remoteAddress, geo } = connection
    const { country, region, lat, lon } = geo
    if (country === null || geo.class === 'mobile' || !provesPlace(contract, remoteAddress, geo, time)) return null
    return {
      device,
      network: networkOf(remoteAddress),
      country,
      region,
      lat,
      lon,
      accuracyKm: geo.accuracyKm ?? 0,
      announced: announced(world, worker, geo, time, limits.travelGraceHours * HOUR),
    }
  }

  function judge(worker: string, emit: Emit): void {
    const all = stays.of(worker)
    if (all.every((it) => it.key === all[0]?.key)) return
    const sequence = all
      .map(stayed)
      .sort((a, b) => a.first - b.first || a.last - b.last || (a.device < b.device ? -1 : 1))
    const found = new Map<string, { device: string | null; time: number; key: string; draft: Draft }>()
    for (const [index, to] of sequence.entries()) {
      const earlier = sequence.slice(0, index)
      const before = [earlier.findLast((it) => it.device === to.device), earlier.at(-1)]
      for (const from of new Set(before.filter((it) => it !== undefined))) {
        const draft = wayBetween(from, to)
        const isSame = from.device === to.device
        if (!draft || !(isSame || (used(worker, from, from.last) && used(worker, to, to.first)))) continue
        const key = [from.country, from.region, to.country, to.region].join('|')
        const once = `${Math.floor(to.first / DAY)} ${key}`
        if (!found.has(once)) found.set(once, { device: isSame ? to.device : null, time: to.first, key, draft })
      }
    }
    const now = [...found.values()].map(({ device, time, ...rest }) => ({ about: { device, worker, time }, ...rest }))
    said.revise(worker, fromOf(worker), now, emit)
  }

  /** The first day that may still change; the day before it is kept as well. */
  function fromOf(worker: string): number {
    return Math.floor((stays.reached(worker) - LATENESS_MS) / DAY) * DAY
  }

  function wayBetween(from: Stay, to: Stay): Draft | null {
    const isElsewhere =
      from.country !== to.country || (from.region !== null && to.region !== null && from.region !== to.region)
    const km = kilometres(positionOf(from), positionOf(to))
    if (!isElsewhere || km === null || from.network === to.network) return null
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

  function used(worker: string, { device }: Stay, at: number): boolean {
    const margin = limits.usedWithinHours * HOUR
    return uses
      .of(worker)
      .some(({ key, values: [first, last] }) => key === device && first! <= at + margin && last! >= at - margin)
  }
})

/** Somebody was at the laptop, rather than a program. */
function isUse({ event }: Seen): boolean {
  if (event?.category === 'presence') return event.ActiveMinutes > 0
  return event?.category === 'input_pattern' || (event?.category === 'logon' && event.Action === 'logon')
}

function stayed({ key, values }: Fact): Stay {
  return { ...(JSON.parse(key) as Whereabouts), first: values[0]!, last: values[1]! }
}
