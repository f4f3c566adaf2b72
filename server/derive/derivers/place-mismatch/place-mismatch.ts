/**
 * A laptop, or who controls it, in another place than the contract says.
 *
 * Shape   at most one `place_mismatch` per device, `Reason`, UTC day and observed region, at the day's first sighting:
 *         contract             the laptop connected from another place.
 *         first_boot (#2)      it did so soon after its first boot, far from where it was shipped. Retracted when the
 *                              laptop is at the contract's place on most days of about the first week: a hotel, a
 *                              visit.
 *         never_converged (#3) on most of the last 14 days it was nowhere near. `DistanceKm` is that of the median day,
 *                              the observed place the most frequent one.
 *         reappeared_abroad (#59)  it was in the contract's country for days, and is now in another one: from the
 *                              second such day on, or on the first when connections span hours.
 *         operator_address (#25)   the remote end of an incoming remote-control session is in another country than the
 *                              contract, or without one, than the laptop on that day. Addresses of all classes count;
 *                              the rule decides how much.
 *         databases_disagree   the address is elsewhere, and the witnesses that are not its database are against it
 *                              (`kit/place-vote.ts`): the laptop is not there. Such a day counts for no other reason.
 *         `Days` counts the UTC days of the last 14, including this one, that contradict in the same way. Days that a
 *         travel notice covers are counted separately, so that a journey does not make a stopover look grave.
 * Silent  addresses that prove no place, networks that come out in several countries by themselves (N31), contracts without a country, approved exits, and operators of a tool that the
 *         contract approves (N1: the help desk). Announced days have `TravelNotice` for the reasons contract and
 *         operator_address, and are not reported for the others.
 *         A contract that becomes known later is applied to what is kept.
 * Memory  per device and holder five numbers for each place and address of 36 days, and for each router and clock of 44,
 *         and a summary of earlier days.
 */
import type { Contract } from '../../../../wire/contract.ts'
import type { AddressFacts } from '../../../../wire/recording.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../../deriver.ts'
import { buckets, type Fact } from '../../kit/buckets.ts'
import { Names, prefixed, Subjects } from '../../kit/kept.ts'
import { utcOffsets } from '../../kit/local-time.ts'
import {
  announced,
  approvedExit,
  kilometres,
  positionOf,
  provesPlace,
  SLOW_LINKS,
  sameName,
  uplinkOf,
  zonesAt,
} from '../../kit/place.ts'
import { vote } from '../../kit/place-vote.ts'
import { overKm } from '../../kit/round-trip.ts'
import { type Setting, settingBook } from '../../kit/settings.ts'
import { statements } from '../../kit/statements.ts'
import {
  type Clues,
  type DaySighting,
  daySighting,
  type EarlierDays,
  type EarlierHome,
  type History,
  isUnremarkable,
  type Match,
  mergedSighting,
  NO_CLUES,
  type PlaceSighting,
  REASONS,
  sightingOf,
  UNMEASURED,
  withoutAddresses,
  withoutHops,
} from './reasons.ts'
import { MAX_CONVERGE_DAYS, thresholds, WINDOW_DAYS } from './thresholds.ts'
import { habitsOf, witnessesOf } from './witnesses.ts'

const KEEP_MS = LATENESS_MS + (WINDOW_DAYS + MAX_CONVERGE_DAYS) * DAY
/** For all: a formatter of one zone takes a millisecond to make. */
const offsetOf = utcOffsets()
/** Networks in place that are remembered for longer. */
const HOMES = 8

export const placeMismatch = deriverKind('place_mismatch', thresholds, (limits, world) => {
  const graceMs = limits.travelGraceHours * HOUR
  /** By laptop and holder, as `sightings`. */
  const earlierDays = new Subjects<EarlierDays>()
  const reported = statements()
  const sightings = buckets({
    bucketMs: DAY,
    keepMs: KEEP_MS,
    width: 3,
    merge: mergedSighting,
    expired: remember,
  })
  /** The connections as they were, for when a contract becomes known later. By address and place. */
  const connections = buckets({ bucketMs: DAY, keepMs: KEEP_MS, width: 3, merge: mergedSighting })
  /** Subjects whose contract has changed. */
  const due = new Names()
  const settings = settingBook(KEEP_MS + LATENESS_MS)
  return {
    reads: ['session', 'remote_session', 'network_place', 'clock_place'],
    take(seen, emit) {
      const { device, worker, conflict } = seen
      if (device === null || conflict) return
      const subject = JSON.stringify([device, worker])
      // A laptop's clock may be ahead; what it sends has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      if (settings.take(subject, time, seen.event)) judge(subject, device, worker, emit)
      const trip = seen.connection?.rttMinMs ?? UNMEASURED
      if (seen.connection) {
        const { remoteAddress, geo } = seen.connection
        // Without the contract: an exit that it approves today may not be approved for that day.
        if (provesPlace(null, remoteAddress, geo, time))
          connections.add(subject, time, JSON.stringify([remoteAddress, geo]), [time, time, trip])
      }
      const sighting = seen.connection ? laptopAt(seen) : operatorAt(seen)
      if (!sighting) return
      if (sightings.add(subject, time, JSON.stringify(sighting), [time, time, trip]))
        judge(subject, device, worker, emit)
    },
    changed({ worker, device }) {
      // Tenants and sessions, which become known by laptop, move nobody.
      if (device !== null) return
      const devices = worker === null ? null : world.devicesOf(worker)
      const theirs = devices?.map((it) => JSON.stringify([it, worker])) ?? connections.subjects()
      for (const it of theirs) if (connections.keys(it).length > 0) due.add(it)
    },
    advance(_now, emit) {
      for (const subject of due) again(subject, emit)
      due.clear()
    },
    kept: {
      earlierDays,
      connections: connections.kept,
      due,
      sightings: sightings.kept,
      reported: reported.kept,
      ...prefixed('settings', settings.kept),
    },
  }

  /** Compares the connections with the contract as it is known now (F16: a move that is entered two weeks late). */
  function again(subject: string, emit: Emit): void {
    const [device, worker] = JSON.parse(subject) as [string, string | null]
    const operators = sightings.of(subject).filter((it) => daySighting(it).match === 'operator')
    sightings.clear(subject)
    for (const { key, values } of operators) sightings.add(subject, values[0]!, key, values)
    for (const { key, values } of connections.of(subject)) {
      const [remoteAddress, geo] = JSON.parse(key) as [string, AddressFacts]
      const time = values[0]!
      const contract = world.contractAt(worker, time)
      const sighting = laptopAt({
        ...{ connection: { remoteAddress, geo }, contract, worker, firstBoot: world.firstBoot(device), time },
      })
      if (sighting) sightings.add(subject, time, JSON.stringify(sighting), values)
    }
    judge(subject, device, worker, emit)
  }

  function laptopAt({ connection, contract, worker, firstBoot, time }: Connected): PlaceSighting | null {
    if (!connection) return null
    const { geo } = connection
    if (!provesPlace(contract, connection.remoteAddress, geo, time)) return null
    const address = geo.class === 'mobile' ? null : uplinkOf(connection.remoteAddress)
    const clues = { ...NO_CLUES, address }
    if (!contract?.country) return { ...sightingAt('unknown', geo, null), asn: geo.asn, clues }
    const tolerated = geo.class === 'mobile' ? limits.mobileToleratedKm : limits.toleratedKm
    const slack = geo.accuracyKm ?? 0
    const distance = kilometres(contract, positionOf(geo))
    const isAcross = distance !== null && distance - slack <= limits.borderKm
    const isAbroad = geo.country !== contract.country && !isAcross
    const isNear = distance === null ? agrees(contract, geo) : distance - slack <= tolerated
    const match = isAbroad ? 'abroad' : isNear === null ? 'somewhere' : isNear ? 'in' : 'country'
    const began = firstBoot ?? contract.start ?? null
    const wasFirst = began !== null && time >= began && time - began <= limits.firstBootHours * HOUR
    const shipToKm = contract.shipTo ? kilometres(contract.shipTo, positionOf(geo)) : null
    const isAnnounced = announced(world, worker, geo, time, graceMs)
    const firstBootFar = wasFirst && !isAnnounced && isFarFromShipTo(contract.shipTo?.country ?? null, geo, shipToKm)
    const plain = { ...sightingAt(match, geo, contract), asn: geo.asn }
    // Sightings in place are equal but for the address, so that they make few entries a day.
    if (match === 'in' && !firstBootFar) return { ...plain, country: contract.country, region: null, clues }
    return {
      ...plain,
      announced: isAnnounced,
      firstBoot: firstBootFar,
      distanceKm: rounded(distance),
      shipToKm: rounded(shipToKm),
      clues: { ...clues, ...cluesAbout(contract, geo, shipToKm, tolerated) },
    }
  }

  function cluesAbout(
    contract: Contract,
    geo: AddressFacts,
    shipToKm: number | null,
    toleratedKm: number,
  ): Omit<Clues, 'address'> {
    const server = { latitude: limits.serverLatitude, longitude: limits.serverLongitude }
    const [serverKm, homeKm] = [kilometres(server, positionOf(geo)), kilometres(server, contract)]
    const accuracyKm = geo.accuracyKm ?? 0
    return {
      isSlowLink: SLOW_LINKS.has(geo.class),
      accuracyKm,
      feed: feedSays(contract, geo, toleratedKm),
      delivered: shipToKm !== null && shipToKm <= limits.shipToKm,
      serverKm: rounded(serverKm === null ? null : serverKm - accuracyKm),
      homeMs: rounded(homeKm === null ? null : overKm(limits, homeKm)),
      placeMs: rounded(serverKm === null ? null : overKm(limits, serverKm + accuracyKm)),
      contractZones: contract.timeZone ? [contract.timeZone] : zonesAt(contract),
      observedZones: zonesAt(positionOf(geo)),
    }
  }

  function isFarFromShipTo(country: string | null, geo: AddressFacts, distance: number | null): boolean {
    const isAnother = country !== null && country !== geo.country
    if (distance === null) return isAnother
    const least = distance - (geo.accuracyKm ?? 0)
    const tolerated = geo.class === 'mobile' ? limits.mobileToleratedKm : limits.shipToKm
    return least > tolerated || (isAnother && least > limits.borderKm)
  }

  function operatorAt({ event, peer, contract, device, worker, time }: Seen): PlaceSighting | null {
    if (event?.category !== 'remote_session' || event.Direction !== 'incoming' || !peer?.country) return null
    if (event.PeerIp !== null && approvedExit(contract, event.PeerIp, peer.asn, time)) return null
    if (world.approvesSession(device, worker, event.Tool, time)) return null
    if (contract?.country === peer.country) return null
    return {
      ...sightingAt('operator', peer, contract),
      announced: announced(world, worker, peer, time, graceMs),
      distanceKm: contract ? rounded(kilometres(contract, positionOf(peer))) : null,
    }
  }

  function judge(subject: string, device: string, worker: string | null, emit: Emit): void {
    const today = Math.floor(sightings.reached(subject) / DAY)
    const from = today - Math.ceil(LATENESS_MS / DAY) - MAX_CONVERGE_DAYS
    // Most laptops are where they should be, and need no closer look.
    const isPlain = sightings.keys(subject).every((key) => isUnremarkable(sightingOf(key)))
    const all = isPlain ? [] : weighed(subject, withoutHops(sightings.of(subject).map(daySighting)))
    const history: History = {
      days: Map.groupBy(all, (it) => it.day),
      earlier: earlierDays.get(subject) ?? null,
      limits,
    }
    const now = [...history.days.keys()]
      .filter((day) => day >= from)
      .flatMap((day) => REASONS.flatMap((mismatchesOn) => mismatchesOn(day, history)))
      .map(({ time, ...draft }) => ({
        about: { device, worker, time },
        key: `${draft.Reason} ${draft.ObservedCountry} ${draft.ObservedRegion}`,
        draft,
      }))
    reported.revise(subject, from * DAY, now, emit)
  }

  /** Sightings elsewhere, each with the count of its witnesses; `disputed` where they are against it. */
  function weighed(subject: string, all: readonly DaySighting[]): DaySighting[] {
    const settingAt = settings.of(subject)
    const habits = habitsOf(
      [
        ...(earlierDays.get(subject)?.homes ?? []),
        ...all.filter(({ match }) => match === 'in').map((it) => homeOf(it, settingAt(it.first, it.last))),
      ],
      all,
    )
    return withoutAddresses(
      all.map((it) => {
        if (it.match !== 'abroad' && it.match !== 'country') return it
        const says = witnessesOf(it, settingAt(it.first, it.last), habits, limits, offsetOf)
        const { verdict, ...witnesses } = vote(says)
        if (verdict === 'elsewhere') return { ...it, witnesses }
        return { ...it, witnesses, match: 'disputed', firstBoot: false }
      }),
    )
  }

  function remember(subject: string, fact: Fact): void {
    const sighting = daySighting(fact)
    const { match, day, first, last } = sighting
    if (match === 'operator') return
    const begin = () => ({ since: day, homeDays: 0, homeDay: Number.MIN_SAFE_INTEGER, homes: [] })
    const before = earlierDays.ensure(subject, begin)
    if (match === 'in') {
      before.homes = withHome(before.homes, homeOf(sighting, settings.of(subject)(first, last)))
      earlierDays.touch(subject)
    }
    if ((match !== 'in' && match !== 'country' && match !== 'somewhere') || before.homeDay === day) return
    before.homeDays = Math.min(before.homeDays + 1, limits.homeDays)
    before.homeDay = day
    earlierDays.touch(subject)
  }
})

/** What a laptop's place is judged by. */
type Connected = Pick<Seen, 'contract' | 'worker' | 'firstBoot' | 'time'> & {
  connection: { remoteAddress: string; geo: AddressFacts } | null
}

function homeOf({ clues, asn, rtt, first, last }: DaySighting, { network }: Setting): EarlierHome {
  return { address: clues.address, asn, networks: [...network], rtt, first, last }
}

/** The latest `HOMES`, each network once. */
function withHome(homes: readonly EarlierHome[], home: EarlierHome): EarlierHome[] {
  const identity = (it: EarlierHome) => JSON.stringify([it.address, it.asn, it.networks])
  const known = homes.find((it) => identity(it) === identity(home))
  const joined = known && {
    ...home,
    rtt: known.rtt === null || home.rtt === null ? (known.rtt ?? home.rtt) : Math.min(known.rtt, home.rtt),
    first: Math.min(known.first, home.first),
    last: Math.max(known.last, home.last),
  }
  return [...homes.filter((it) => it !== known), joined ?? home]
    .sort((a, b) => b.last - a.last || (identity(a) < identity(b) ? -1 : 1))
    .slice(0, HOMES)
}

/** What the geofeed says of a place that the address has elsewhere. */
function feedSays(contract: Contract, geo: AddressFacts, toleratedKm: number): Clues['feed'] {
  const feed = geo.geofeed
  if (!feed?.country) return null
  if (feed.country !== geo.country) return feed.country === contract.country ? 'here' : null
  if (feed.country !== contract.country) return 'elsewhere'
  const km = kilometres(contract, feed)
  return km === null ? null : km <= toleratedKm ? 'here' : 'elsewhere'
}

/** Without a distance: true for a contract that names a country only, or for the same names; null: not comparable. */
function agrees(contract: Contract, geo: AddressFacts): boolean | null {
  if (!contract.region && !contract.city && contract.latitude == null) return true
  return sameName(contract.city, geo.city) || sameName(contract.region, geo.region) ? true : null
}

function sightingAt(
  match: Match,
  at: Pick<AddressFacts, 'country' | 'region'>,
  contract: Seen['contract'],
): PlaceSighting {
  return {
    match,
    announced: false,
    firstBoot: false,
    country: at.country ?? '',
    region: at.region,
    asn: null,
    contractCountry: contract?.country ?? null,
    contractRegion: contract?.region ?? null,
    distanceKm: null,
    shipToKm: null,
    clues: NO_CLUES,
  }
}

function rounded(km: number | null): number | null {
  return km === null ? null : Math.round(km)
}
