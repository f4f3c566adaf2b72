/**
 * Where an agent's session comes from.
 *
 * Shape   one `connection` per device when its address or what we know of it changes, and once a UTC day while not.
 * Memory  one entry a device. Reset: never; the entry is replaced.
 */
import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import type { Contract } from '../../wire/contract.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import { deriverKind } from './deriver.ts'
import { holds } from './world.ts'

const DAY = 86_400_000

export const connection = deriverKind('connection', z.strictObject({}), () => {
  let last = new Map<string, { key: string; day: number }>()
  return {
    take(seen, emit) {
      const { connection: session, device, contract, time } = seen
      if (!session || device === null) return
      const { geo } = session
      const approved = approvedExit(contract, session.remoteAddress, geo.asn, time)
      const rtt = session.rttMinMs ?? null
      const key = [
        session.remoteAddress,
        geo.country,
        geo.region,
        geo.city,
        geo.asn,
        geo.class,
        rtt === null,
        approved,
      ].join('|')
      const day = Math.floor(time / DAY)
      const before = last.get(device)
      if (before?.key === key && before.day === day) return
      last.set(device, { key, day })
      emit(seen, key, {
        category: 'connection',
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
        RttMinMs: rtt,
        RttJitterMs: session.rttJitterMs ?? null,
        RttExpectedMs: null,
        Approved: approved,
      })
    },
    save: () => [...last],
    load: (state) => {
      last = new Map(state as [string, { key: string; day: number }][])
    },
  }
})

/** The contract names this exit by address, range or AS number. */
export function approvedExit(contract: Contract | null, address: string, asn: number | null, time: number): boolean {
  return (
    contract?.approvedEgress?.some(
      (it) =>
        holds(it, time) && ((it.asn != null && it.asn === asn) || (it.address != null && inRange(address, it.address))),
    ) ?? false
  )
}

/** False for a range that cannot be read: an approval we do not understand excuses nothing. */
function inRange(address: string, range: string): boolean {
  try {
    const found = ipaddr.process(address)
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : [ipaddr.process(range), null]
    if (found.kind() !== base.kind()) return false
    return bits === null ? found.toString() === base.toString() : found.match([base, bits] as never)
  } catch {
    return false
  }
}

/** The facts of a recorded session, whole: what the recording leaves out is null, the class 'unknown'. */
export function wholeGeo(geo: NonNullable<RecordedOf<'connection'>['geo']>) {
  return {
    country: geo.country ?? null,
    region: geo.region ?? null,
    city: geo.city ?? null,
    lat: geo.lat ?? null,
    lon: geo.lon ?? null,
    asn: geo.asn ?? null,
    class: geo.class ?? ('unknown' as const),
    asName: geo.asName ?? null,
    accuracyKm: geo.accuracyKm ?? null,
    by: geo.by ?? null,
  }
}
