/**
 * Round trips that are, on several days, longer than the place that the address claims can explain: a router that
 * tunnels through a VPN, or somebody behind the laptop's exit (#46, #53, P22).
 *
 * Shape   one `rtt_excess` per laptop, claimed city and class of network, and UTC day, once the day is over. Of each
 *         day the shortest round trip counts, of the window the median of those, so that one bad day is not enough.
 *         `Days`: the days that exceed the expected time; the median and the day itself must exceed it too. The exit's
 *         class is in the event, because a rule may treat VPNs differently. The expected time, by `Target`:
 *         'server'                 from the distance to this server, where its place is configured.
 *         'peers near <city>'      otherwise from the shortest round trips of other workers near the claimed place in
 *                                  the same window: the median of at most `PEERS` of them, so that one worker whom
 *                                  the address database misplaces makes no difference.
 *         'peers elsewhere'        where too few are near, the same with the time for the way from each of them added:
 *                                  a laptop that is where it claims to be is at most that much farther away.
 *         `FitsContract` says whether the way between the contract's place and the claimed one explains the rest: a
 *         laptop at home whose VPN comes out elsewhere, or whose address a database has elsewhere, is as slow.
 *         A worker whose other networks near by are as slow (a distant exchange, a slow line) is compared with the best
 *         of those instead, as long as they are remembered.
 * Silent  satellites, mobile networks and security services, places known by country only, and with too few peers
 *         anywhere.
 * Memory  per laptop and holder four numbers for each network of 22 days, and two for the best ever of at most
 *         `NETWORKS` networks. Per square degree that anybody claims, six round trips for each of 22 days.
 */
import * as z from 'zod'
import { DAY } from '../../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS } from '../../deriver.ts'
import { buckets, type Fact } from '../../kit/buckets.ts'
import { mapCodec, Names, prefixed, Subjects, single } from '../../kit/kept.ts'
import { kilometres } from '../../kit/place.ts'
import { expectedMs, overKm, roundTripThresholds } from '../../kit/round-trip.ts'
import { type Statement, statements } from '../../kit/statements.ts'
import {
  type Claim,
  cityOf,
  claimOf,
  isShared,
  positionOfClaim,
  shorter,
  shortest,
  type Trip,
  tripOf,
} from './claim.ts'
import { PEERS, PeerMap } from './peer-map.ts'

const WINDOW_DAYS = 14
const NETWORKS = 8
const KEPT_DAYS = LATENESS_MS / DAY + WINDOW_DAYS

const thresholds = z.strictObject({
  ...roundTripThresholds,
  /** Milliseconds above the expected time (#53: 80; Amazon found its case at 110 where tens were usual). */
  excessMs: z.number().min(1).max(5_000).default(80),
  /** Days of the last 14 that must exceed it (#53). */
  days: z.int().min(1).max(WINDOW_DAYS).default(5),
  /** Km within which other workers, and the worker's other networks, are near. */
  nearKm: z.number().min(1).max(2_000).default(300),
  /** Km within which others are compared with when too few are near: farther away, routes differ too much. */
  farKm: z.number().min(300).max(20_000).default(5_000),
  /** Milliseconds by which a last mile may be slower than a peer's. Our judgement: DSL compared with cable. */
  peerSlackMs: z.number().min(0).max(1_000).default(20),
  /** Least number of peers: fewer could all be misplaced by the database, or all be involved. */
  minPeers: z.int().min(1).max(PEERS).default(3),
  /**
   * AS numbers of satellite providers, whose round trips prove nothing, for recordings without the class `satellite`:
   * SpaceX, Viasat, Hughes, Intelsat, Inmarsat, Eutelsat, OneWeb. Source: names in the RouteViews and registry table (@ip-location-db/asn, 2026-06).
   */
  satelliteAsns: z
    .array(z.int().min(0).max(4_294_967_295))
    .max(1_000)
    .default([
      14593, 27277, 40714, 397763, 152110, 7155, 16491, 40306, 40310, 40311, 46536, 6621, 1358, 12440, 63062, 44795,
      17648, 22351, 26243, 46982, 31515, 25222, 15829, 29137, 29286, 34444, 204276, 800, 135409,
    ]),
})

export const rttExcess = deriverKind('rtt_excess', thresholds, (limits, world) => {
  const satellites = new Set(limits.satelliteAsns)
  /** The shortest round trip and its time, by laptop and holder. */
  const trips = buckets({ bucketMs: DAY, keepMs: KEPT_DAYS * DAY, width: 2, merge: shorter, expired: remember })
  const reported = statements()
  const peers = new PeerMap({ nearKm: limits.nearKm, farKm: limits.farKm, windowDays: WINDOW_DAYS, wayMs })
  /** By laptop and holder, then claim: the shortest round trip of days that are no longer kept. */
  const best = new Subjects<Map<string, number>>(mapCodec())
  /** Laptops and holders with trips on a day that is not over. */
  const waiting = new Subjects<1>()
  /** Laptops and holders with new trips on days that had been judged. */
  const late = new Names()
  /** Laptops that were compared with peers elsewhere, so that any change of a peer may concern them. */
  const far = new Subjects<1>()
  let progress = {
    /** Days before this one are over and judged. */
    judgedTo: 0,
    /** The first day for which all peers are known. */
    peersFrom: 0,
  }

  return {
    reads: ['session'],
    take({ connection, device, worker, time }) {
      if (!connection || device === null || worker === null) return
      const { rttMinMs, geo } = connection
      const claim = claimOf(geo, satellites)
      if (rttMinMs == null || !claim) return
      const day = Math.floor(time / DAY)
      if (day < progress.peersFrom) return
      const subject = JSON.stringify([device, worker])
      if (!trips.add(subject, time, JSON.stringify(claim), [rttMinMs, time])) return
      const isJudged = day < progress.judgedTo
      if (isJudged) late.add(subject)
      else if (!waiting.has(subject)) waiting.set(subject, 1)
      if (!isShared(claim)) peers.add(claim, day, worker, rttMinMs, isJudged)
    },
    changed({ worker, device }) {
      // Tenants and sessions, which become known by laptop, move nobody.
      if (device !== null || worker === null) return
      for (const it of world.devicesOf(worker).map((it) => JSON.stringify([it, worker])))
        if (reported.has(it)) late.add(it)
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
      if (peers.hasChanged) for (const subject of trips.subjects()) if (isNearChange(subject)) due.add(subject)
      peers.clearChanged()
      progress.judgedTo = Math.max(progress.judgedTo, today)
      for (const subject of due) judge(subject, emit)
      peers.clearCache()
      if (!isNewDay) return
      progress.peersFrom = progress.judgedTo - KEPT_DAYS
      peers.forget(progress.peersFrom)
    },
    kept: {
      trips: trips.kept,
      reported: reported.kept,
      ...prefixed('peers', peers.kept),
      best,
      waiting,
      late,
      far,
      progress: single(
        () => progress,
        (state) => {
          progress = state
        },
      ),
    },
  }

  function isNearChange(subject: string): boolean {
    if (far.has(subject)) return true
    const claims = new Set(trips.of(subject).map((it) => it.key))
    return [...claims].some((key) => peers.hasChangedNear(JSON.parse(key) as Claim))
  }

  function judge(subject: string, emit: Emit): void {
    const [device, worker] = JSON.parse(subject) as [string, string]
    const all = trips.of(subject).map(tripOf)
    const lastDay = Math.floor(trips.reached(subject) / DAY)
    // A day cannot be judged again without all days of its peers: its event stays in force.
    const firstDay = Math.max(lastDay - LATENESS_MS / DAY, progress.peersFrom + WINDOW_DAYS - 1)
    const now = [...Map.groupBy(all, cityOf)].flatMap(([city, ofCity]) =>
      [...new Set(ofCity.map((it) => it.day))]
        .filter((day) => day >= firstDay && day < progress.judgedTo)
        .flatMap((day): Statement[] => {
          const found = excessOn(day, { subject, worker, ofCity, all })
          return found ? [{ about: { device, worker, time: found.time }, key: city, draft: found.draft }] : []
        }),
    )
    reported.revise(subject, firstDay * DAY, now, emit)
  }

  function excessOn(day: number, { subject, worker, ofCity, all }: Laptop) {
    const inWindow = ofCity.filter((it) => it.day <= day && it.day > day - WINDOW_DAYS)
    const daily = [...Map.groupBy(inWindow, (it) => it.day).values()].map(shortest)
    if (daily.length < limits.days) return null
    const median = lowerMedian(daily.map((it) => it.rtt))
    if (median <= limits.excessMs) return null
    const here = daily.find((it) => it.day === day)!
    const claimed = expectedAt(subject, worker, here)
    if (claimed === null) return null
    const expected = Math.max(claimed.ms, ...ownNetworksNear(subject, here, inWindow, all))
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
        FitsContract: fitsContract(worker, here, median - expected),
        NetworkClass: here.class,
      },
    }
  }

  /** Whether the way between the contract's place and the claimed one explains the excess. */
  function fitsContract(worker: string, here: Trip, excess: number): boolean | null {
    const contract = world.contractAt(worker, here.time)
    const km = contract ? kilometres(contract, positionOfClaim(here)) : null
    return km === null ? null : excess <= wayMs(km) + limits.excessMs
  }

  function expectedAt(subject: string, worker: string, here: Trip): { ms: number; target: string } | null {
    const server = expectedMs(limits, here, here.accuracyKm)
    if (server !== null) return { ms: server, target: 'server' }
    const near = medianOfFastest(peers.near(here, here.day, worker))
    if (near !== null) return { ms: near + wayMs(limits.nearKm), target: `peers near ${here.city}` }
    if (!far.has(subject)) far.set(subject, 1)
    const elsewhere = medianOfFastest(peers.elsewhere(here, here.day, worker))
    return elsewhere === null ? null : { ms: elsewhere, target: 'peers elsewhere' }
  }

  /** `rtts`: the shortest first. Null: too few. */
  function medianOfFastest(rtts: readonly number[]): number | null {
    return rtts.length < limits.minPeers ? null : lowerMedian(rtts.slice(0, PEERS))
  }

  /** For the way between a peer and the laptop. The peer's own last mile is part of its round trip. */
  function wayMs(km: number): number {
    return overKm({ ...limits, baseMs: limits.peerSlackMs }, km)
  }

  /** The best round trip, up to that day, of other operators' networks near by that prove a place; empty: none. */
  function ownNetworksNear(subject: string, here: Trip, claims: readonly Claim[], all: readonly Trip[]): number[] {
    const operators = new Set(claims.map((it) => it.asn))
    const before = [...(best.get(subject) ?? [])].map(([key, rtt]) => ({ ...(JSON.parse(key) as Claim), rtt }))
    const others = [...before, ...all.filter((it) => it.day <= here.day)].filter(
      (it) => !operators.has(it.asn) && !isShared(it) && isNear(it, here),
    )
    return others.length > 0 ? [Math.min(...others.map((it) => it.rtt))] : []
  }

  function isNear(a: Claim, b: Claim): boolean {
    const distance = kilometres(positionOfClaim(a), positionOfClaim(b))
    return distance !== null && distance <= limits.nearKm
  }

  function remember(subject: string, { key, values: [rtt] }: Fact): void {
    if (isShared(JSON.parse(key) as Claim)) return
    const claims = best.get(subject) ?? new Map<string, number>()
    claims.set(key, Math.min(rtt!, claims.get(key) ?? Number.POSITIVE_INFINITY))
    // The alphabetically first are kept, so that their order of arrival makes no difference.
    const kept = [...claims].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, NETWORKS)
    best.set(subject, new Map(kept))
  }
})

/** A laptop under one holder: its trips from one city, and all its trips. */
interface Laptop {
  subject: string
  worker: string
  ofCity: readonly Trip[]
  all: readonly Trip[]
}

/** Of an even number, the lower one of the two in the middle. */
function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!
}
