/**
 * The address of an agent's sessions, with the facts about it.
 *
 * Shape   one `connection` per device, address and facts, and UTC day: at the time of the day's first session, with the
 *         shortest round trip of the day so far.
 * Memory  per device and holder, the addresses of the days within the lateness bound: five numbers each.
 */

import * as z from 'zod'
import { noPlaceClass } from '../../../rules/catalogue/index.ts'
import type { RecordedOf } from '../../../wire/recording.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, LATENESS_MS } from '../deriver.ts'
import { buckets } from '../kit/buckets.ts'
import { approvedExit } from '../kit/place.ts'
import { expectedMs, roundTripThresholds } from '../kit/round-trip.ts'

/** A round trip that was not measured; facts are numbers. */
const UNMEASURED = Number.MAX_SAFE_INTEGER

export const connection = deriverKind('connection', z.strictObject(roundTripThresholds), (thresholds) => {
  /** The first time; the shortest round trip, with its jitter. */
  const days = buckets({
    bucketMs: DAY,
    keepMs: LATENESS_MS,
    width: 3,
    merge: ([time, ...trip], [other, ...otherTrip]) => [Math.min(time!, other!), ...shorter(trip, otherTrip)],
  })
  return {
    reads: ['session'],
    take(seen, emit) {
      const { connection: session, device, worker, contract, time } = seen
      if (!session || device === null) return
      const { geo } = session
      const facts = {
        PublicIp: session.remoteAddress,
        Country: geo.country,
        Region: geo.region,
        City: geo.city,
        Latitude: geo.lat,
        Longitude: geo.lon,
        AccuracyKm: geo.accuracyKm ?? null,
        Asn: geo.asn,
        AsName: geo.asName ?? null,
        NetworkClass: geo.class,
        Approved: approvedExit(contract, session.remoteAddress, geo.asn, time),
      }
      const key = JSON.stringify(Object.values(facts))
      const subject = JSON.stringify([device, worker])
      const today = () => new Map(days.at(subject, time).map((it) => [it.key, it.values]))
      const before = today()
      const trip = [session.rttMinMs ?? UNMEASURED, session.rttJitterMs ?? UNMEASURED]
      if (!days.add(subject, time, key, [time, ...trip])) return
      const after = today()
      for (const [known, [first]] of before)
        if (after.get(known)?.[0] !== first) emit({ device, worker, time: first! }, known, null)
      const [first, least, jitter] = after.get(key) as [number, number, number]
      const expected = expectedMs(thresholds, geo)
      emit({ device, worker, time: first }, key, {
        category: 'connection',
        ...facts,
        RttMinMs: least === UNMEASURED ? null : least,
        RttJitterMs: jitter === UNMEASURED ? null : jitter,
        RttExpectedMs: expected === null ? null : Math.round(expected),
      })
    },
    kept: { days: days.kept },
  }
})

/** [least, jitter] */
function shorter(a: number[], b: number[]): number[] {
  return a[0]! < b[0]! || (a[0] === b[0] && a[1]! <= b[1]!) ? a : b
}

/**
 * Completes recorded facts about an address: absent ones are null, the class 'unknown'. Of a network that no list
 * classified, the AS number may show that it proves no place: recordings from before these classes have 'unknown', or
 * 'residential'.
 */
export function wholeGeo(geo: NonNullable<RecordedOf<'connection'>['geo']>) {
  const { class: kind = 'unknown', asn = null } = geo
  const isOpen = geo.by == null && (kind === 'unknown' || kind === 'residential')
  return {
    country: geo.country ?? null,
    region: geo.region ?? null,
    city: geo.city ?? null,
    lat: geo.lat ?? null,
    lon: geo.lon ?? null,
    asn: geo.asn ?? null,
    class: (isOpen && asn !== null && noPlaceClass(asn)) || kind,
    asName: geo.asName ?? null,
    accuracyKm: geo.accuracyKm ?? null,
    by: geo.by ?? null,
    edition: geo.edition ?? null,
    geofeed: geo.geofeed ?? null,
  }
}
