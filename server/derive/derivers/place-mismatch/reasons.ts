/** The mismatches of one day, by reason: a function of the days' sightings. */
import { HOUR } from '../../../../wire/time.ts'
import type { Draft } from '../../deriver.ts'
import { type Fact, keyReader } from '../../kit/buckets.ts'
import { type PlaceLimits, WINDOW_DAYS } from './thresholds.ts'

/**
 * How a sighting compares with the contract. `in`: in place; `country`: too far away, in the same country; `somewhere`: in
 * the same country, and not comparable more exactly; `disputed`: elsewhere by the address, and the other witnesses are against it; `unknown`: there is no
 * contract to compare with.
 */
export type Match = 'in' | 'country' | 'somewhere' | 'abroad' | 'disputed' | 'unknown' | 'operator'

/** Where a laptop, or who controlled it, was seen; with what the contract said at that moment. */
export interface PlaceSighting {
  match: Match
  announced: boolean
  /** Within the first hours, and far from the shipping address. */
  firstBoot: boolean
  country: string
  region: string | null
  /** The operator of the laptop's network; null for a remote operator. */
  asn: number | null
  contractCountry: string | null
  contractRegion: string | null
  distanceKm: number | null
  shipToKm: number | null
  /** What the other witnesses need, of a sighting elsewhere; of one in place only the address. */
  clues: Clues
}

export interface Clues {
  /** An IPv6 address by its /64. Null: a mobile network's, which changes hands. */
  address: string | null
  /** Round trips say nothing: a mobile network, a satellite. */
  isSlowLink: boolean
  accuracyKm: number
  /** What the network's operator says in a geofeed. */
  feed: 'here' | 'elsewhere' | null
  /** Near the place that the laptop was sent to, which is not the contract's. */
  delivered: boolean
  /**
   * Km from this server at least, and milliseconds that the contract's place and the address's explain; null: a place is
   * not known.
   */
  serverKm: number | null
  homeMs: number | null
  placeMs: number | null
  contractZones: readonly string[]
  observedZones: readonly string[]
}

export const NO_CLUES: Clues = {
  address: null,
  isSlowLink: false,
  accuracyKm: 0,
  feed: null,
  delivered: false,
  serverKm: null,
  homeMs: null,
  placeMs: null,
  contractZones: [],
  observedZones: [],
}

/** The first and last time of a sighting on one day. */
export interface DaySighting extends PlaceSighting {
  day: number
  first: number
  last: number
  /** The shortest round trip of the day, ms. */
  rtt: number | null
  /** The witnesses beside the database that say the same, and that say the contract's place. */
  witnesses: { elsewhere: number; here: number }
}

/** A summary of the days that are no longer kept. */
export interface EarlierDays {
  since: number
  homeDays: number
  /** The last of these, so that none counts twice. */
  homeDay: number
  /** The latest networks in place, at most `HOMES`. */
  homes: readonly EarlierHome[]
}

export interface EarlierHome {
  address: string | null
  asn: number | null
  networks: readonly string[]
  rtt: number | null
  first: number
  last: number
}

export interface History {
  days: ReadonlyMap<number, readonly DaySighting[]>
  earlier: EarlierDays | null
  limits: PlaceLimits
}

export type Mismatch = Extract<Draft, { category: 'place_mismatch' }> & { time: number }

/** One function per `Reason`: the mismatches of one day. */
export const REASONS = [
  elsewhereThanContract,
  firstBootFar,
  neverConverged,
  reappearedAbroad,
  operatorElsewhere,
  databasesDisagree,
]

function elsewhereThanContract(day: number, history: History): Mismatch[] {
  return byPlace(day, history, isAway).map((sighting) => {
    const alike = (it: DaySighting) => isAway(it) && it.announced === sighting.announced
    return mismatch('contract', sighting, history, daysOf(day, history, alike).length)
  })
}

function firstBootFar(day: number, history: History): Mismatch[] {
  const isFirst = (it: DaySighting) => it.firstBoot
  const sightings = byPlace(day, history, isFirst)
  if (sightings.length === 0 || hasConverged(day, history)) return []
  return sightings.map((it) => mismatch('first_boot', it, history, daysOf(day, history, isFirst).length))
}

/** Whether the laptop arrived at the contract's place soon: it was there on most days with a known place. */
function hasConverged(day: number, { days, limits }: History): boolean {
  const begun = Math.min(
    day,
    ...[...days].filter(([, sightings]) => sightings.some((it) => it.firstBoot)).map(([it]) => it),
  )
  const soon = [...days]
    .filter(([it]) => it >= begun && it < begun + limits.convergeDays)
    .map(([, sightings]) => sightings)
  const inPlace = soon.filter((sightings) => sightings.some(isIn)).length
  const proven = soon.filter((sightings) => sightings.some((it) => isIn(it) || isUnannounced(it))).length
  return inPlace >= limits.convergedDays && inPlace * 2 > proven
}

function neverConverged(day: number, history: History): Mismatch[] {
  const { days, earlier, limits } = history
  const since =
    earlier?.since ?? Math.min(...[...days].filter(([, sightings]) => sightings.some(isLaptop)).map(([it]) => it))
  if (day - since + 1 < limits.observedDays) return []
  const today = days.get(day) ?? []
  if (!today.some(isUnannounced) || today.some(isIn)) return []
  const proven = daysOf(day, history, (it) => isIn(it) || isUnannounced(it))
  const away = proven.filter((sightings) => !sightings.some(isIn))
  if (proven.length < limits.provenDays || away.length * 2 <= proven.length) return []
  const distances = proven.map((sightings) =>
    sightings.some(isIn)
      ? 0
      : Math.min(...sightings.filter(isUnannounced).map((it) => it.distanceKm ?? Number.MAX_VALUE)),
  )
  const median = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)]!
  const [first] = earliest(today.filter(isUnannounced))
  const usual = mostFrequent(away.flatMap((sightings) => byRegion(sightings.filter(isUnannounced))))
  return [
    {
      ...mismatch('never_converged', { ...first!, country: usual.country, region: usual.region }, history, away.length),
      DistanceKm: median === Number.MAX_VALUE ? null : median,
    },
  ]
}

function reappearedAbroad(day: number, history: History): Mismatch[] {
  const { days, earlier, limits } = history
  const isAbroad = (it: DaySighting) => it.match === 'abroad' && !it.announced
  const abroad = daysOf(day, history, isAbroad).length
  const atHome =
    [...days].filter(([it, sightings]) => it < day && sightings.some(isHome)).length + (earlier?.homeDays ?? 0)
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
  return byPlace(day, history, (it) => it.match === 'operator')
    .filter((it) => it.contractCountry !== null || (laptop.size > 0 && !laptop.has(it.country)))
    .map((sighting) => {
      const alike = (it: DaySighting) => it.match === 'operator' && it.announced === sighting.announced
      return mismatch('operator_address', sighting, history, daysOf(day, history, alike).length)
    })
}

function databasesDisagree(day: number, history: History): Mismatch[] {
  const isDisputed = (it: DaySighting) => it.match === 'disputed'
  return byPlace(day, history, isDisputed).map((it) =>
    mismatch('databases_disagree', it, history, daysOf(day, history, isDisputed).length),
  )
}

function mismatch(
  Reason: Mismatch['Reason'],
  {
    day,
    first,
    contractCountry,
    contractRegion,
    country,
    region,
    distanceKm,
    announced,
    shipToKm,
    witnesses,
  }: DaySighting,
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
    WitnessesFor: witnesses.elsewhere,
    WitnessesAgainst: witnesses.here,
  }
}

export const isUnremarkable = (it: PlaceSighting) =>
  (it.match === 'in' || it.match === 'somewhere' || it.match === 'unknown') && !it.firstBoot
const isLaptop = (it: DaySighting) => it.match !== 'operator'
const isIn = (it: DaySighting) => it.match === 'in'
const isHome = (it: DaySighting) => it.match === 'in' || it.match === 'country' || it.match === 'somewhere'
const isAway = (it: DaySighting) => it.match === 'abroad' || it.match === 'country'
const isUnannounced = (it: DaySighting) => isAway(it) && !it.announced

/** Joins the sightings of one place on one day, whatever the address; they are told apart only by the witnesses. */
export function withoutAddresses(all: readonly DaySighting[]): DaySighting[] {
  const joined = new Map<string, DaySighting>()
  for (const it of all) {
    const { day, match, announced, firstBoot, country, region, asn, distanceKm, shipToKm, witnesses } = it
    const place = [day, match, announced, firstBoot, country, region, asn, distanceKm, shipToKm]
    const key = [...place, witnesses.elsewhere, witnesses.here].join('|')
    const known = joined.get(key)
    joined.set(key, known ? both(known, it) : it)
  }
  return [...joined.values()]
}

/** With the facts of the earlier one; at the same time, of the first by content. */
function both(a: DaySighting, b: DaySighting): DaySighting {
  return { ...earliest([a, b])[0]!, first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) }
}

/** Countries in which one operator's network may have put a laptop before it is an exit: nobody travels like this. */
const HOP_COUNTRIES = 3

/**
 * Without the networks that come out in several places by themselves, as those of a security service that nobody
 * declared (N31): three countries, back and forth between two, or two places in turn on one day; and without the days on
 * which several networks did.
 */
export function withoutHops(all: readonly DaySighting[]): DaySighting[] {
  const networks = Map.groupBy(
    all.filter((it) => it.asn !== null && isLaptop(it)),
    (it) => it.asn,
  )
  const hopping = new Set([...networks].filter(([, sightings]) => hops(sightings)).map(([asn]) => asn))
  const days = Map.groupBy(all.filter(isLaptop), (it) => it.day)
  const hoppingDays = new Set([...days].filter(([, sightings]) => hopsOfDay(sightings)).map(([day]) => day))
  return all.filter((it) => !isLaptop(it) || !(hoppingDays.has(it.day) || (it.asn !== null && hopping.has(it.asn))))
}

/** Three countries on one day, and back in one of them: whoever runs the networks. */
function hopsOfDay(sightings: readonly DaySighting[]): boolean {
  if (new Set(sightings.map((it) => it.country)).size < HOP_COUNTRIES) return false
  return inTurn(earliest(sightings), (it) => it.country)
}

function hops(sightings: readonly DaySighting[]): boolean {
  const inTime = earliest(sightings)
  if (new Set(inTime.map((it) => it.country)).size >= HOP_COUNTRIES) return true
  const changes = inTime.filter((it, index) => index > 0 && it.country !== inTime[index - 1]!.country).length
  if (changes >= HOP_COUNTRIES) return true
  return inTurn(inTime, placeOf)
}

/** Whether one place is seen between two times of another. */
function inTurn(inTime: readonly DaySighting[], of: (it: DaySighting) => string): boolean {
  return inTime.some((a, index) =>
    inTime.slice(index + 1).some((b) => b.first < a.last && b.first > a.first && of(a) !== of(b)),
  )
}

function placeOf({ country, region }: DaySighting): string {
  return JSON.stringify([country, region])
}

/** The days of the window that ends with `day` on which any sighting satisfies the predicate. */
function daysOf(day: number, { days }: History, predicate: (it: DaySighting) => boolean): (readonly DaySighting[])[] {
  return [...days]
    .filter(([it, sightings]) => it > day - WINDOW_DAYS && it <= day && sightings.some(predicate))
    .map(([, sightings]) => sightings)
}

/** Of one reason and day: more of them say nothing more, and an exit that nobody declared may have dozens. */
const PLACES_A_DAY = 4

/** One sighting per country and region: the first unannounced one of the day, else the first. */
function byPlace(day: number, { days }: History, predicate: (it: DaySighting) => boolean): DaySighting[] {
  return earliest(byRegion((days.get(day) ?? []).filter(predicate))).slice(0, PLACES_A_DAY)
}

function byRegion(sightings: readonly DaySighting[]): DaySighting[] {
  const places = Map.groupBy(sightings, (it) => JSON.stringify([it.country, it.region]))
  return [...places.values()].map((it) => {
    const unannounced = it.filter(({ announced }) => !announced)
    return earliest(unannounced.length > 0 ? unannounced : it)[0]!
  })
}

/** Sightings at the same time are ordered by content, so that their order of arrival makes no difference. */
function earliest(sightings: readonly DaySighting[]): DaySighting[] {
  return sightings.toSorted((a, b) => a.first - b.first || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function mostFrequent(sightings: readonly DaySighting[]): DaySighting {
  const places = [...Map.groupBy(sightings, (it) => JSON.stringify([it.country, it.region]))]
  return places.sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))[0]![1][0]!
}

/** The sighting of a key. */
export const sightingOf = keyReader<PlaceSighting>()

export function daySighting({ bucket, key, values: [first, last, rtt] }: Fact): DaySighting {
  return {
    ...sightingOf(key),
    day: bucket,
    first: first!,
    last: last!,
    rtt: rtt! === UNMEASURED ? null : rtt!,
    witnesses: { elsewhere: 0, here: 0 },
  }
}

/** A round trip that was not measured; facts are numbers. */
export const UNMEASURED = Number.MAX_SAFE_INTEGER

/** Of one place on one day: first and last time, shortest round trip. */
export function mergedSighting(a: readonly number[], b: readonly number[]): number[] {
  return [Math.min(a[0]!, b[0]!), Math.max(a[1]!, b[1]!), Math.min(a[2]!, b[2]!)]
}
