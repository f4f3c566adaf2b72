/**
 * The contract says one place, what is seen says another.
 *
 * Shape   per device, `Reason`, UTC day and observed region at most one `place_mismatch`, at the day's first sighting:
 *         contract             the laptop connected from elsewhere.
 *         first_boot (#2)      so did it first after its first boot, far from where it was shipped. Taken back when most
 *                              days of the first week or so turn out to be at the contract's place: a hotel, a visit.
 *         never_converged (#3) on most of the last 14 days it was nowhere near. `DistanceKm` is the median day's, the
 *                              observed place the most frequent.
 *         reappeared_abroad (#59)  it was in the contract's country for days, and is now in another; said from the
 *                              second such day, or on the first when connections span hours.
 *         operator_address (#25)   the far end of an incoming remote-control session is in another country than the
 *                              contract, or than the laptop on that day when no contract says. Any class of address
 *                              counts: how much, the rule decides.
 *         `Days` counts the UTC days of the last 14, this one included, that contradict in the same way: days that a
 *         travel notice covers count only among themselves, so that a journey does not make a stopover grave.
 * Silent  where the address proves no place, where the contract names no country, for approved exits, and for operators
 *         who use a tool the contract approves (N1: the help desk). Announced days are said with `TravelNotice` for
 *         reason contract and operator_address, and not at all for the others.
 * Memory  per device and holder, four numbers for each place of 36 days, and the days in its country that went before.
 */

import * as z from 'zod'
import type { AddressFacts } from '../../../wire/recording.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, earliestAndLatest, type Fact } from '../kit/buckets.ts'
import { Subjects } from '../kit/kept.ts'
import { announced, approvedExit, kilometres, positionOf, provesPlace } from '../kit/place.ts'
import { statements } from '../kit/statements.ts'

/** The vocabulary's 'of the last 14'. */
const WINDOW_DAYS = 14
/** First boots are judged by what follows, so what was said of them can change for so long. */
const MAX_CONVERGE_DAYS = 14

const thresholds = z.strictObject({
  /** Km from the contract's place that still agree with it. N7: carrier-grade NAT puts addresses 300 km off. */
  toleratedKm: z.number().min(0).max(20_000).default(300),
  /** The same for mobile networks, whose gateways stand in a few cities of a country. */
  mobileToleratedKm: z.number().min(0).max(20_000).default(600),
  /** Km from the contract's place within which another country is a border town's own provider, not a journey. */
  borderKm: z.number().min(0).max(1_000).default(50),
  /** Hours of grace before and after a travel notice: flights leave the evening before, return the morning after. */
  travelGraceHours: z.number().min(0).max(240).default(24),
  /** Hours after the first boot, or the contract's start where no boot is known, that count as first (#2). */
  firstBootHours: z.number().min(1).max(336).default(72),
  /** Km from the shipping address at which a first boot is far from it (#2: 150). */
  shipToKm: z.number().min(0).max(20_000).default(150),
  /** Days from the first boot in which a laptop may still arrive at the contract's place, and so take #2 back. */
  convergeDays: z.int().min(1).max(MAX_CONVERGE_DAYS).default(10),
  /** Days in place that it takes at least for that. */
  convergedDays: z.int().min(1).max(MAX_CONVERGE_DAYS).default(2),
  /** Days since it was first seen before never converging can be said (#3). */
  observedDays: z.int().min(2).max(365).default(14),
  /** Days of the last 14 with a proven, unannounced place that it takes for #3. */
  provenDays: z.int().min(1).max(WINDOW_DAYS).default(7),
  /** Days in the contract's country that make a later other country a reappearance (#59). */
  homeDays: z.int().min(1).max(365).default(3),
  /** Days abroad that it takes (#59): an address database may be wrong for one. */
  abroadDays: z.int().min(1).max(WINDOW_DAYS).default(2),
  /** Hours between the first and last connection of one day that prove as much as `abroadDays`. */
  abroadSpanHours: z.number().min(0).max(24).default(6),
})

/** How a sighting stands to the contract. `in`: where it should be; `country`: too far, and its country all the same. */
type Stand = 'in' | 'country' | 'abroad' | 'unknown' | 'operator'

/** A fact's key: what the contract said at that moment is part of it. */
interface Sighting {
  stand: Stand
  announced: boolean
  /** Within the first hours, and far from where it was shipped. */
  firstBoot: boolean
  country: string
  region: string | null
  contractCountry: string | null
  contractRegion: string | null
  distanceKm: number | null
  shipToKm: number | null
}

/** A sighting on one day. */
interface Sighted extends Sighting {
  day: number
  first: number
  last: number
}

/** What went before the days that are kept. */
interface Before {
  since: number
  homeDays: number
  /** The last of them, so that none counts twice. */
  homeDay: number
}

export const placeMismatch = deriverKind('place_mismatch', thresholds, (limits, world) => {
  const graceMs = limits.travelGraceHours * HOUR
  const past = new Subjects<Before>()
  const said = statements()
  const sightings = buckets({
    bucketMs: DAY,
    keepMs: LATENESS_MS + (WINDOW_DAYS + MAX_CONVERGE_DAYS) * DAY,
    width: 2,
    merge: earliestAndLatest,
    expired: remember,
  })
  return {
    reads: ['session', 'remote_session'],
    take(seen, emit) {
      const { device, worker, conflict } = seen
      if (device === null || conflict) return
      const sighting = seen.connection ? laptopAt(seen) : operatorAt(seen)
      if (!sighting) return
      const subject = JSON.stringify([device, worker])
      // A laptop's clock may run ahead; what it tells has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      if (sightings.add(subject, time, JSON.stringify(sighting), [time, time])) judge(subject, device, worker, emit)
    },
    kept: { past, sightings: sightings.kept, said: said.kept },
  }

  function laptopAt({ connection, contract, worker, firstBoot, time }: Seen): Sighting | null {
    if (!connection) return null
    const { geo } = connection
    if (!provesPlace(contract, connection.remoteAddress, geo, time)) return null
    if (!contract?.country) return elsewhere('unknown', geo, null)
    const tolerated = geo.class === 'mobile' ? limits.mobileToleratedKm : limits.toleratedKm
    const slack = geo.accuracyKm ?? 0
    const distance = kilometres(contract, positionOf(geo))
    const isNear = distance === null || distance - slack <= tolerated
    const isAcross = distance !== null && distance - slack <= limits.borderKm
    const stand = geo.country !== contract.country && !isAcross ? 'abroad' : isNear ? 'in' : 'country'
    const began = firstBoot ?? contract.start ?? null
    const wasFirst = began !== null && time >= began && time - began <= limits.firstBootHours * HOUR
    const shipToKm = contract.shipTo ? kilometres(contract.shipTo, positionOf(geo)) : null
    const isAnnounced = announced(world, worker, geo, time, graceMs)
    const firstBootFar = wasFirst && !isAnnounced && isFarFromShipTo(contract.shipTo?.country ?? null, geo, shipToKm)
    const plain = elsewhere(stand, geo, contract)
    // What agrees looks the same wherever in the region it is: one entry a day.
    if (stand === 'in' && !firstBootFar) return { ...plain, country: contract.country, region: null }
    return {
      ...plain,
      announced: isAnnounced,
      firstBoot: firstBootFar,
      distanceKm: rounded(distance),
      shipToKm: rounded(shipToKm),
    }
  }

  function isFarFromShipTo(country: string | null, geo: AddressFacts, distance: number | null): boolean {
    const isAnother = country !== null && country !== geo.country
    if (distance === null) return isAnother
    const least = distance - (geo.accuracyKm ?? 0)
    const tolerated = geo.class === 'mobile' ? limits.mobileToleratedKm : limits.shipToKm
    return least > tolerated || (isAnother && least > limits.borderKm)
  }

  function operatorAt({ event, peer, contract, worker, time }: Seen): Sighting | null {
    if (event?.category !== 'remote_session' || event.Direction !== 'incoming' || !peer?.country) return null
    if (event.PeerIp !== null && approvedExit(contract, event.PeerIp, peer.asn, time)) return null
    const tool = event.Tool.toLowerCase()
    if (contract?.approvedTools?.some((it) => it.tool.toLowerCase() === tool)) return null
    if (contract?.country === peer.country) return null
    return {
      ...elsewhere('operator', peer, contract),
      announced: announced(world, worker, peer, time, graceMs),
      distanceKm: contract ? rounded(kilometres(contract, positionOf(peer))) : null,
    }
  }

  function judge(subject: string, device: string, worker: string | null, emit: Emit): void {
    const today = Math.floor(sightings.reached(subject) / DAY)
    const from = today - Math.ceil(LATENESS_MS / DAY) - MAX_CONVERGE_DAYS
    // Most are where they should be: of them there is nothing to say.
    const isPlain = sightings.keys(subject).every((key) => isUnremarkable(JSON.parse(key) as Sighting))
    const all = isPlain ? [] : sightings.of(subject).map(sighted)
    const history: History = { days: Map.groupBy(all, (it) => it.day), past: past.get(subject) ?? null, limits }
    const now = [...history.days.keys()]
      .filter((day) => day >= from)
      .flatMap((day) => REASONS.flatMap((judged) => judged(day, history)))
      .map(({ time, ...draft }) => ({
        about: { device, worker, time },
        key: `${draft.Reason} ${draft.ObservedCountry} ${draft.ObservedRegion}`,
        draft,
      }))
    said.revise(subject, from * DAY, now, emit)
  }

  function remember(subject: string, fact: Fact): void {
    const { stand, day } = sighted(fact)
    if (stand === 'operator') return
    const before = past.ensure(subject, () => ({ since: day, homeDays: 0, homeDay: Number.MIN_SAFE_INTEGER }))
    if ((stand !== 'in' && stand !== 'country') || before.homeDay === day) return
    before.homeDays = Math.min(before.homeDays + 1, limits.homeDays)
    before.homeDay = day
    past.touch(subject)
  }
})

type Limits = z.output<typeof thresholds>

interface History {
  days: ReadonlyMap<number, readonly Sighted[]>
  past: Before | null
  limits: Limits
}

type Mismatch = Extract<Draft, { category: 'place_mismatch' }> & { time: number }

const REASONS = [contractSays, firstBootFar, neverConverged, reappearedAbroad, operatorElsewhere]

function contractSays(day: number, history: History): Mismatch[] {
  return byPlace(day, history, isAway).map((sight) => {
    const alike = (it: Sighted) => isAway(it) && it.announced === sight.announced
    return mismatch('contract', sight, history, daysOf(day, history, alike).length)
  })
}

function firstBootFar(day: number, history: History): Mismatch[] {
  const isFirst = (it: Sighted) => it.firstBoot
  const sights = byPlace(day, history, isFirst)
  if (sights.length === 0 || hasConverged(day, history)) return []
  return sights.map((it) => mismatch('first_boot', it, history, daysOf(day, history, isFirst).length))
}

/** It came where the contract says, soon after: on most of the days whose place is known. */
function hasConverged(day: number, { days, limits }: History): boolean {
  const begun = Math.min(day, ...[...days].filter(([, sights]) => sights.some((it) => it.firstBoot)).map(([it]) => it))
  const soon = [...days].filter(([it]) => it >= begun && it < begun + limits.convergeDays).map(([, sights]) => sights)
  const inPlace = soon.filter((sights) => sights.some(isIn)).length
  const proven = soon.filter((sights) => sights.some((it) => isIn(it) || isUnannounced(it))).length
  return inPlace >= limits.convergedDays && inPlace * 2 > proven
}

function neverConverged(day: number, history: History): Mismatch[] {
  const { days, past, limits } = history
  const since = past?.since ?? Math.min(...[...days].filter(([, sights]) => sights.some(isLaptop)).map(([it]) => it))
  if (day - since + 1 < limits.observedDays) return []
  const today = days.get(day) ?? []
  if (!today.some(isUnannounced) || today.some(isIn)) return []
  const proven = daysOf(day, history, (it) => isIn(it) || isUnannounced(it))
  const away = proven.filter((sights) => !sights.some(isIn))
  if (proven.length < limits.provenDays || away.length * 2 <= proven.length) return []
  const distances = proven.map((sights) =>
    sights.some(isIn) ? 0 : Math.min(...sights.filter(isUnannounced).map((it) => it.distanceKm ?? Number.MAX_VALUE)),
  )
  const median = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)]!
  const [first] = earliest(today.filter(isUnannounced))
  const usual = mostFrequent(away.flatMap((sights) => byRegion(sights.filter(isUnannounced))))
  return [
    {
      ...mismatch('never_converged', { ...first!, country: usual.country, region: usual.region }, history, away.length),
      DistanceKm: median === Number.MAX_VALUE ? null : median,
    },
  ]
}

function reappearedAbroad(day: number, history: History): Mismatch[] {
  const { days, past, limits } = history
  const isAbroad = (it: Sighted) => it.stand === 'abroad' && !it.announced
  const abroad = daysOf(day, history, isAbroad).length
  const atHome = [...days].filter(([it, sights]) => it < day && sights.some(isHome)).length + (past?.homeDays ?? 0)
  if (atHome < limits.homeDays) return []
  return byPlace(day, history, isAbroad)
    .filter(({ country }) => {
      const there = (days.get(day) ?? []).filter((it) => isAbroad(it) && it.country === country)
      const span = Math.max(...there.map((it) => it.last)) - Math.min(...there.map((it) => it.first))
      return abroad >= limits.abroadDays || span >= limits.abroadSpanHours * HOUR
    })
    .map((it) => mismatch('reappeared_abroad', it, history, abroad))
}

function operatorElsewhere(day: number, history: History): Mismatch[] {
  const laptop = new Set((history.days.get(day) ?? []).filter(isLaptop).map((it) => it.country))
  return byPlace(day, history, (it) => it.stand === 'operator')
    .filter((it) => it.contractCountry !== null || (laptop.size > 0 && !laptop.has(it.country)))
    .map((sight) => {
      const alike = (it: Sighted) => it.stand === 'operator' && it.announced === sight.announced
      return mismatch('operator_address', sight, history, daysOf(day, history, alike).length)
    })
}

function mismatch(
  Reason: Mismatch['Reason'],
  { day, first, contractCountry, contractRegion, country, region, distanceKm, announced, shipToKm }: Sighted,
  history: History,
  Days: number,
): Mismatch {
  return {
    category: 'place_mismatch',
    time: first,
    Reason,
    ContractCountry: contractCountry,
    ContractRegion: contractRegion,
    ObservedCountry: country,
    ObservedRegion: region,
    DistanceKm: distanceKm,
    Days,
    DaysInPlace: contractCountry === null ? null : daysOf(day, history, isIn).length,
    TravelNotice: announced,
    ShipToDistanceKm: shipToKm,
  }
}

const isUnremarkable = (it: Sighting) => (it.stand === 'in' || it.stand === 'unknown') && !it.firstBoot
const isLaptop = (it: Sighted) => it.stand !== 'operator'
const isIn = (it: Sighted) => it.stand === 'in'
const isHome = (it: Sighted) => it.stand === 'in' || it.stand === 'country'
const isAway = (it: Sighted) => it.stand === 'abroad' || it.stand === 'country'
const isUnannounced = (it: Sighted) => isAway(it) && !it.announced

/** Of the window that ends with `day`, those on which something was so. */
function daysOf(day: number, { days }: History, isSo: (it: Sighted) => boolean): (readonly Sighted[])[] {
  return [...days]
    .filter(([it, sights]) => it > day - WINDOW_DAYS && it <= day && sights.some(isSo))
    .map(([, sights]) => sights)
}

/** One a country and region: the day's first that nobody announced, or the first. */
function byPlace(day: number, { days }: History, isSo: (it: Sighted) => boolean): Sighted[] {
  return byRegion((days.get(day) ?? []).filter(isSo))
}

function byRegion(sights: readonly Sighted[]): Sighted[] {
  const places = Map.groupBy(sights, (it) => JSON.stringify([it.country, it.region]))
  return [...places.values()].map((it) => {
    const unannounced = it.filter(({ announced }) => !announced)
    return earliest(unannounced.length > 0 ? unannounced : it)[0]!
  })
}

/** Equal times are told apart by what was seen, so that the order they came in makes no difference. */
function earliest(sights: readonly Sighted[]): Sighted[] {
  return sights.toSorted((a, b) => a.first - b.first || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function mostFrequent(sights: readonly Sighted[]): Sighted {
  const places = [...Map.groupBy(sights, (it) => JSON.stringify([it.country, it.region]))]
  return places.sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))[0]![1][0]!
}

function sighted({ bucket, key, values }: Fact): Sighted {
  return { ...(JSON.parse(key) as Sighting), day: bucket, first: values[0]!, last: values[1]! }
}

function elsewhere(stand: Stand, at: Pick<AddressFacts, 'country' | 'region'>, contract: Seen['contract']): Sighting {
  return {
    stand,
    announced: false,
    firstBoot: false,
    country: at.country ?? '',
    region: at.region,
    contractCountry: contract?.country ?? null,
    contractRegion: contract?.region ?? null,
    distanceKm: null,
    shipToKm: null,
  }
}

function rounded(km: number | null): number | null {
  return km === null ? null : Math.round(km)
}
