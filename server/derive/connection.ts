/**
 * Where an agent's session comes from.
 *
 * Shape   one `connection` per device when its address or what we know of it changes, and once a UTC day while not.
 * Memory  one entry a device. Reset: never; the entry is replaced.
 */
import type { RecordedOf } from '../../wire/recording.ts'
import type { Deriver } from './deriver.ts'

const DAY = 86_400_000

export function connection(): Deriver {
  let last = new Map<string, { key: string; day: number }>()
  return {
    name: 'connection',
    take({ connection: session, device, time }, emit) {
      if (!session || device === null) return
      const { geo } = session
      const rtt = session.rttMinMs ?? null
      const key = [session.remoteAddress, geo.country, geo.region, geo.city, geo.asn, geo.class, rtt === null].join('|')
      const day = Math.floor(time / DAY)
      const before = last.get(device)
      if (before?.key === key && before.day === day) return
      last.set(device, { key, day })
      emit(
        {
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
        },
        key,
      )
    },
    save: () => [...last],
    load: (state) => {
      last = new Map(state as [string, { key: string; day: number }][])
    },
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
