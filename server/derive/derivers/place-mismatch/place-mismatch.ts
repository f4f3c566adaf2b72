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
 *         `Days` counts the UTC days of the last 14, including this one, that contradict in the same way. Days that a
 *         travel notice covers are counted separately, so that a journey does not make a stopover look grave.
 * Silent  addresses that prove no place, networks that come out in several countries by themselves (N31), contracts without a country, approved exits, and operators of a tool that the
 *         contract approves (N1: the help desk). Announced days have `TravelNotice` for the reasons contract and
 *         operator_address, and are not reported for the others.
 * Memory  per device and holder four numbers for each place of 36 days, and a summary of earlier days.
 */
import type { Contract } from '../../../../wire/contract.ts'
import type { AddressFacts } from '../../../../wire/recording.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../../deriver.ts'
import { buckets, earliestAndLatest, type Fact } from '../../kit/buckets.ts'
import { Subjects } from '../../kit/kept.ts'
import { announced, approvedExit, kilometres, positionOf, provesPlace, sameName } from '../../kit/place.ts'
import { statements } from '../../kit/statements.ts'
import {
  daySighting,
  type EarlierDays,
  type History,
  isUnremarkable,
  type Match,
  type PlaceSighting,
  REASONS,
  withoutHops,
} from './reasons.ts'
import { MAX_CONVERGE_DAYS, thresholds, WINDOW_DAYS } from './thresholds.ts'

export const placeMismatch = deriverKind('place_mismatch', thresholds, (limits, world) => {
  const graceMs = limits.travelGraceHours * HOUR
  /** By laptop and holder, as `sightings`. */
  const earlierDays = new Subjects<EarlierDays>()
  const reported = statements()
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
      // A laptop's clock may be ahead; what it sends has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      if (sightings.add(subject, time, JSON.stringify(sighting), [time, time])) judge(subject, device, worker, emit)
    },
    kept: { earlierDays, sightings: sightings.kept, reported: reported.kept },
  }

  function laptopAt({ connection, contract, worker, firstBoot, time }: Seen): PlaceSighting | null {
    if (!connection) return null
    const { geo } = connection
    if (!provesPlace(contract, connection.remoteAddress, geo, time)) return null
    if (!contract?.country) return sightingAt('unknown', geo, null)
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
    // All sightings in place are equal, so that they make one entry a day.
    if (match === 'in' && !firstBootFar) return { ...plain, country: contract.country, region: null }
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

  function operatorAt({ event, peer, contract, worker, time }: Seen): PlaceSighting | null {
    if (event?.category !== 'remote_session' || event.Direction !== 'incoming' || !peer?.country) return null
    if (event.PeerIp !== null && approvedExit(contract, event.PeerIp, peer.asn, time)) return null
    const tool = event.Tool.toLowerCase()
    if (contract?.approvedTools?.some((it) => it.tool.toLowerCase() === tool)) return null
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
    const isPlain = sightings.keys(subject).every((key) => isUnremarkable(JSON.parse(key) as PlaceSighting))
    const all = isPlain ? [] : withoutHops(sightings.of(subject).map(daySighting))
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

  function remember(subject: string, fact: Fact): void {
    const { match, day } = daySighting(fact)
    if (match === 'operator') return
    const before = earlierDays.ensure(subject, () => ({ since: day, homeDays: 0, homeDay: Number.MIN_SAFE_INTEGER }))
    if ((match !== 'in' && match !== 'country' && match !== 'somewhere') || before.homeDay === day) return
    before.homeDays = Math.min(before.homeDays + 1, limits.homeDays)
    before.homeDay = day
    earlierDays.touch(subject)
  }
})

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
  }
}

function rounded(km: number | null): number | null {
  return km === null ? null : Math.round(km)
}
