/**
 * Round trips longer, for days, than the place that the address claims can explain: a router that goes through a VPN,
 * or somebody behind the laptop's exit (#46, #53, P22).
 *
 * Shape   one `rtt_excess` per laptop, claimed city and class of network, and UTC day, once the day is over. Of each
 *         day the least round trip counts, of the window the median of those: one bad day is a bad day. `Days` those
 *         that exceed; the median has to as well, and the day itself. The exit's class comes along: a rule may ask for VPNs.
 *         `Target` 'server': against the distance to this server, where its place is set. 'peers near <city>':
 *         otherwise, against the least round trips of other workers whose addresses claim a place nearby, over the same
 *         window; the median of at most `PEERS` of them, so that one whom the address database misplaces harms nobody.
 *         'peers elsewhere': where too few are near, the same with the way from each of them on top: whoever is where
 *         they claim to be is at most that much farther away.
 *         A worker whose other networks nearby are as slow (a far exchange, a slow line) is measured by the best of
 *         those instead, as far back as it was seen.
 * Silent  for satellites and mobile networks, for places known by country alone, and with too few peers anywhere.
 * Memory  per laptop and holder four numbers for each network of 22 days, and two for the best ever of at most
 *         `NETWORKS` networks. Per square degree that anybody claims, the six least of each of 22 days.
 */

import * as z from 'zod'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, type Fact } from '../kit/buckets.ts'
import { mapCodec, Names, Subjects, single } from '../kit/kept.ts'
import { kilometres } from '../kit/place.ts'
import { expectedMs, overKm, roundTripThresholds } from '../kit/round-trip.ts'
import { type Statement, statements } from '../kit/statements.ts'

const WINDOW_DAYS = 14
/** Of the peers, the least. */
const PEERS = 5
/** The worker itself is one of those kept, and is not its own peer. */
const KEPT_PEERS = PEERS + 1
const NETWORKS = 8
const KEPT_DAYS = LATENESS_MS / DAY + WINDOW_DAYS
/** Side of the squares in which peers are kept, in degrees: 111 km from north to south. */
const SQUARE = 1

const thresholds = z.strictObject({
  ...roundTripThresholds,
  /** Milliseconds above what is expected (#53: 80; Amazon found its case at 110 where tens were usual). */
  excessMs: z.number().min(1).max(5_000).default(80),
  /** Days of the last 14 that it takes (#53). */
  days: z.int().min(1).max(WINDOW_DAYS).default(5),
  /** Km within which others are peers, and a network of one's own is nearby. */
  nearKm: z.number().min(1).max(2_000).default(300),
  /** Km within which others are a measure at all, when too few are near: farther away, routes differ too much. */
  farKm: z.number().min(300).max(20_000).default(5_000),
  /** Milliseconds by which one's last mile may be slower than a peer's. Our judgement: cable against DSL. */
  peerSlackMs: z.number().min(0).max(1_000).default(20),
  /** Peers that it takes at least: fewer may all be misplaced, or all in it. */
  minPeers: z.int().min(1).max(PEERS).default(3),
  /**
   * AS numbers of satellite providers, whose round trips say nothing: SpaceX, Viasat, Hughes, Intelsat, Inmarsat,
   * Eutelsat, OneWeb. Source: names in the RouteViews and registry table (@ip-location-db/asn, 2026-06).
   */
  satelliteAsns: z
    .array(z.int().min(0).max(4_294_967_295))
    .max(1_000)
    .default([
      14593, 27277, 40714, 397763, 152110, 7155, 16491, 40306, 40310, 40311, 46536, 6621, 1358, 12440, 63062, 44795,
      17648, 22351, 26243, 46982, 31515, 25222, 15829, 29137, 29286, 34444, 204276, 800, 135409,
    ]),
})

/** A fact's key. */
interface Claim {
  country: string | null
  region: string | null
  city: string
  lat: number
  lon: number
  accuracyKm: number
  asn: number | null
  class: NetworkClass
}
interface Measured extends Claim {
  day: number
  rtt: number
  time: number
}
/** Those of one square and day with the least round trips, least first. */
type Peers = [worker: string, rtt: number][]

export const rttExcess = deriverKind('rtt_excess', thresholds, (limits) => {
  const satellites = new Set(limits.satelliteAsns)
  /** Least round trip and its time, by laptop and holder. */
  const trips = buckets({ bucketMs: DAY, keepMs: KEPT_DAYS * DAY, width: 2, merge: shorter, expired: remember })
  const said = statements()
  /** By square, then day. */
  const squares = new Subjects<Map<number, Peers>>(mapCodec())
  /** By laptop and holder, then claim: the best of the days that are no longer kept. */
  const best = new Subjects<Map<string, number>>(mapCodec())
  /** Laptops and holders with trips on a day that is not over, and on days that were judged. */
  const waiting = new Subjects<1>()
  const late = new Names()
  /** Squares that changed on days that were judged. */
  const changed = new Names()
  /** Laptops that were measured by peers elsewhere: any square may be theirs. */
  const far = new Subjects<1>()
  /** Of the window that ends with a day, the least of each peer, by square. Filled and emptied in `advance`. */
  const windows = new Map<number, [square: string, peers: Map<string, number>][]>()
  let progress = {
    /** Days before this one are over, and judged. */
    judgedTo: 0,
    /** The first day of which the squares know all. */
    peersFrom: 0,
  }

  return {
    reads: ['session'],
    take({ connection, device, worker, time }) {
      if (!connection || device === null || worker === null) return
      const { rttMinMs, geo } = connection
      const claim = claimOf(geo)
      if (rttMinMs == null || !claim) return
      const day = Math.floor(time / DAY)
      if (day < progress.peersFrom) return
      const subject = JSON.stringify([device, worker])
      if (!trips.add(subject, time, JSON.stringify(claim), [rttMinMs, time])) return
      if (day < progress.judgedTo) late.add(subject)
      else if (!waiting.has(subject)) waiting.set(subject, 1)
      if (SHARED.has(claim.class)) return
      const square = squareOf(claim)
      const isNew = addPeer(square, day, worker, rttMinMs)
      if (isNew && day < progress.judgedTo) changed.add(square)
    },
    advance(now, emit) {
      const today = Math.floor(now / DAY)
      const isNewDay = today > progress.judgedTo
      const due = new Set(late)
      late.clear()
      if (isNewDay)
        for (const subject of waiting.keys()) {
          due.add(subject)
          if (trips.reached(subject) < today * DAY) waiting.delete(subject)
        }
      if (changed.size > 0) for (const subject of trips.subjects()) if (isNearChange(subject)) due.add(subject)
      changed.clear()
      progress.judgedTo = Math.max(progress.judgedTo, today)
      for (const subject of due) judge(subject, emit)
      windows.clear()
      if (isNewDay) forget()
    },
    kept: {
      trips: trips.kept,
      said: said.kept,
      squares,
      best,
      waiting,
      late,
      changed,
      far,
      progress: single(
        () => progress,
        (state) => {
          progress = state
        },
      ),
    },
  }

  function claimOf(geo: NonNullable<Seen['connection']>['geo']): Claim | null {
    const { country, region, city, lat, lon, asn } = geo
    if (lat === null || lon === null || city === null) return null
    if (geo.class === 'mobile' || (asn !== null && satellites.has(asn))) return null
    return { country, region, city, lat, lon, accuracyKm: geo.accuracyKm ?? 0, asn, class: geo.class }
  }

  function judge(subject: string, emit: Emit): void {
    const [device, worker] = JSON.parse(subject) as [string, string]
    const all = trips.of(subject).map(measured)
    const lastDay = Math.floor(trips.reached(subject) / DAY)
    // Without all the days of its peers a day cannot be judged again: what was said of it stands.
    const firstDay = Math.max(lastDay - LATENESS_MS / DAY, progress.peersFrom + WINDOW_DAYS - 1)
    const now = [...Map.groupBy(all, cityOf)].flatMap(([city, claims]) =>
      [...new Set(claims.map((it) => it.day))]
        .filter((day) => day >= firstDay && day < progress.judgedTo)
        .flatMap((day): Statement[] => {
          const found = excess(subject, worker, day, claims, all)
          return found ? [{ about: { device, worker, time: found.time }, key: city, draft: found.draft }] : []
        }),
    )
    said.revise(subject, firstDay * DAY, now, emit)
  }

  /** `claims` those of one city over one class of network; `all` the laptop's. */
  function excess(subject: string, worker: string, day: number, claims: readonly Measured[], all: readonly Measured[]) {
    const inWindow = claims.filter((it) => it.day <= day && it.day > day - WINDOW_DAYS)
    const daily = [...Map.groupBy(inWindow, (it) => it.day).values()].map(least)
    if (daily.length < limits.days) return null
    const median = middle(daily.map((it) => it.rtt))
    if (median <= limits.excessMs) return null
    const here = daily.find((it) => it.day === day)!
    const claimed = expectedAt(subject, worker, here)
    if (claimed === null) return null
    const expected = Math.max(claimed.ms, ...ownNearby(subject, here, inWindow, all))
    const exceeds = (rtt: number) => rtt - expected > limits.excessMs
    const over = daily.filter((it) => exceeds(it.rtt)).length
    if (!exceeds(here.rtt) || !exceeds(median) || over < limits.days) return null
    return {
      time: here.time,
      draft: {
        category: 'rtt_excess' as const,
        ExcessMs: Math.round(median - expected),
        MeasuredMs: Math.round(median),
        ExpectedMs: Math.round(expected),
        Days: over,
        Target: claimed.target,
        NetworkClass: here.class,
      },
    }
  }

  function expectedAt(subject: string, worker: string, here: Measured): { ms: number; target: string } | null {
    const server = expectedMs(limits, here, here.accuracyKm)
    if (server !== null) return { ms: server, target: 'server' }
    const near = expectedOfPeers(worker, here.day, here)
    if (near !== null) return { ms: near, target: `peers near ${here.city}` }
    if (!far.has(subject)) far.set(subject, 1)
    const elsewhere = expectedFromElsewhere(worker, here)
    return elsewhere === null ? null : { ms: elsewhere, target: 'peers elsewhere' }
  }

  /** What others take, each with the way from their square on top. */
  function expectedFromElsewhere(worker: string, here: Measured): number | null {
    const bounds = new Map<string, number>()
    for (const [square, peers] of windowOf(here.day)) {
      const distance = kilometres(middleOf(square), { latitude: here.lat, longitude: here.lon })
      if (distance === null || distance > limits.farKm) continue
      const way = wayMs(distance + 111 * SQUARE)
      for (const [peer, rtt] of peers)
        if (peer !== worker) bounds.set(peer, Math.min(rtt + way, bounds.get(peer) ?? Number.POSITIVE_INFINITY))
    }
    if (bounds.size < limits.minPeers) return null
    return middle([...bounds.values()].sort((a, b) => a - b).slice(0, PEERS))
  }

  function windowOf(day: number): [square: string, peers: Map<string, number>][] {
    const known = windows.get(day)
    if (known) return known
    const found = [...squares].map(([square, days]): [string, Map<string, number>] => {
      const peers = new Map<string, number>()
      for (const [on, least] of days)
        if (on <= day && on > day - WINDOW_DAYS)
          for (const [peer, rtt] of least) peers.set(peer, Math.min(rtt, peers.get(peer) ?? Number.POSITIVE_INFINITY))
      return [square, peers]
    })
    windows.set(day, found)
    return found
  }

  /** What others nearby take, with the way across the neighbourhood on top. */
  function expectedOfPeers(worker: string, day: number, here: Claim): number | null {
    const bests = new Map<string, number>()
    for (const days of squaresNear(here))
      for (const [peersDay, peers] of days)
        if (peersDay <= day && peersDay > day - WINDOW_DAYS)
          for (const [peer, rtt] of peers)
            if (peer !== worker) bests.set(peer, Math.min(rtt, bests.get(peer) ?? Number.POSITIVE_INFINITY))
    if (bests.size < limits.minPeers) return null
    const fastest = [...bests.values()].sort((a, b) => a - b).slice(0, PEERS)
    return middle(fastest) + wayMs(limits.nearKm)
  }

  /** From a peer to here: its own last mile is in its round trip already. */
  function wayMs(km: number): number {
    return overKm({ ...limits, baseMs: limits.peerSlackMs }, km)
  }

  /** The best, up to the day of `here`, of other networks nearby that prove a place; their operators tell them apart. */
  function ownNearby(subject: string, here: Measured, claims: readonly Claim[], all: readonly Measured[]): number[] {
    const operators = new Set(claims.map((it) => it.asn))
    const before = [...(best.get(subject) ?? [])].map(([key, rtt]) => ({ ...(JSON.parse(key) as Claim), rtt }))
    const others = [...before, ...all.filter((it) => it.day <= here.day)].filter(
      (it) => !operators.has(it.asn) && !SHARED.has(it.class) && near(it, here),
    )
    return others.length > 0 ? [Math.min(...others.map((it) => it.rtt))] : []
  }

  function near(a: Claim, b: Claim): boolean {
    const distance = kilometres({ latitude: a.lat, longitude: a.lon }, { latitude: b.lat, longitude: b.lon })
    return distance !== null && distance <= limits.nearKm
  }

  /** By its middle: half a square more or less makes no difference to a round trip. */
  function isNear(square: string, { lat, lon }: Claim): boolean {
    const distance = kilometres(middleOf(square), { latitude: lat, longitude: lon })
    return distance !== null && distance <= limits.nearKm
  }

  function squaresNear(here: Claim): Map<number, Peers>[] {
    const south = limits.nearKm / 111
    // Meridians draw together; next to the poles nobody works.
    const west = south / Math.max(0.1, Math.cos((here.lat * Math.PI) / 180))
    const found: Map<number, Peers>[] = []
    for (let lat = here.lat - south - SQUARE; lat <= here.lat + south + SQUARE; lat += SQUARE)
      for (let lon = here.lon - west - SQUARE; lon <= here.lon + west + SQUARE; lon += SQUARE) {
        const square = squareOf({ lat, lon })
        const days = isNear(square, here) ? squares.get(square) : undefined
        if (days) found.push(days)
      }
    return found
  }

  function isNearChange(subject: string): boolean {
    if (far.has(subject)) return true
    const claims = new Set(trips.of(subject).map((it) => it.key))
    return [...claims].some((key) => [...changed].some((square) => isNear(square, JSON.parse(key) as Claim)))
  }

  /** True: the square's least are others than before. */
  function addPeer(square: string, day: number, worker: string, rtt: number): boolean {
    const days = squares.ensure(square, () => new Map())
    const before = days.get(day) ?? []
    const known = before.find(([it]) => it === worker)
    if (known && known[1] <= rtt) return false
    const after = [...before.filter(([it]) => it !== worker), [worker, rtt] as Peers[number]]
      .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      .slice(0, KEPT_PEERS)
    if (!after.some(([it]) => it === worker)) return false
    days.set(day, after)
    squares.touch(square)
    return true
  }

  function forget(): void {
    progress.peersFrom = progress.judgedTo - KEPT_DAYS
    for (const [square, days] of squares) {
      for (const day of days.keys())
        if (day < progress.peersFrom) {
          days.delete(day)
          squares.touch(square)
        }
      if (days.size === 0) squares.delete(square)
    }
  }

  function remember(subject: string, { key, values: [rtt] }: Fact): void {
    if (SHARED.has((JSON.parse(key) as Claim).class)) return
    const claims = best.get(subject) ?? new Map<string, number>()
    claims.set(key, Math.min(rtt!, claims.get(key) ?? Number.POSITIVE_INFINITY))
    // Those first in the alphabet are kept, so that the order they came in makes no difference.
    const kept = [...claims].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, NETWORKS)
    best.set(subject, new Map(kept))
  }
})

/** Classes of exits that people share and choose: they are judged, but are nobody's measure. */
const SHARED: ReadonlySet<NetworkClass> = new Set(['vpn', 'private_relay', 'tor', 'hosting', 'corporate'])

function measured({ bucket, key, values }: Fact): Measured {
  return { ...(JSON.parse(key) as Claim), day: bucket, rtt: values[0]!, time: values[1]! }
}

function cityOf(it: Claim): string {
  return [it.country, it.region, it.city, it.class].join('|')
}

function middleOf(square: string): { latitude: number; longitude: number } {
  const [latitude = 0, longitude = 0] = square.split(' ').map((it) => (Number(it) + 0.5) * SQUARE)
  return { latitude, longitude }
}

function squareOf({ lat, lon }: Pick<Claim, 'lat' | 'lon'>): string {
  return `${Math.floor(lat / SQUARE)} ${Math.floor(lon / SQUARE)}`
}

function least(trips: readonly Measured[]): Measured {
  return trips.reduce((a, b) => (b.rtt < a.rtt || (b.rtt === a.rtt && b.time < a.time) ? b : a))
}

/** The lower one of two in the middle. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!
}

/** The shorter trip, with its time; of equal ones the earlier. */
function shorter(a: readonly number[], b: readonly number[]): number[] {
  return [...(a[0]! < b[0]! || (a[0] === b[0] && a[1]! <= b[1]!) ? a : b)]
}
