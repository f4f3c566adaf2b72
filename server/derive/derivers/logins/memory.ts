/**
 * What is kept of a worker's logins and laptops: by UTC day, so that a day can be judged again when something about it
 * arrives late.
 *
 * Memory  `KEEP_MS` back. Per worker and day at most 16 different logins, 16 addresses of laptops, and one row for each
 *         laptop that was awake.
 */
import { foldName } from '../../../../wire/common.ts'
import type { EventOf } from '../../../../wire/event.ts'
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import type { AddressFacts } from '../../../../wire/recording.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import type { Seen } from '../../deriver.ts'
import { type Buckets, buckets } from '../../kit/buckets.ts'
import { networkOf } from '../../kit/place.ts'

/** Days that can still change: contracts and journeys are often declared a week or two late. */
export const OPEN_DAYS = 15
/** Days that the oldest of them looks back. */
export const HISTORY_DAYS = 30
const KEEP_MS = (OPEN_DAYS + HISTORY_DAYS + 1) * DAY

/** A login that succeeded, as the provider reported it, or an act at the code host. */
export interface Login {
  /** By the code host, which says nothing about devices, and is also used by what is no person. */
  audited: boolean
  /** Null: nobody said. Then a login has no place; the code host may still name the country. */
  address: string | null
  geo: AddressFacts
  managed: boolean | null
  mobile: boolean | null
  /** In lower case; null: the provider did not say. */
  deviceId: string | null
  /** Where the second factor was approved; null: there was none, or it is not known. */
  approval: { country: string; region: string | null; class: NetworkClass } | null
}

/** An address that a laptop of the worker had. */
export interface Stay {
  device: string
  address: string
  network: string
  geo: AddressFacts
}

export interface On<T> {
  day: number
  /** The first time on that day, epoch ms. */
  time: number
  what: T
}

export interface Memory {
  logins: Buckets
  stays: Buckets
  /** By laptop, one bit for each UTC hour in which it sent something. */
  awake: Buckets
  loginsOf(worker: string): On<Login>[]
  staysOf(worker: string): On<Stay>[]
  /** By day, then laptop. */
  awakeOf(worker: string): ReadonlyMap<number, ReadonlyMap<string, number>>
  /** True when this was not known. */
  addLogin(worker: string, time: number, seen: Seen, event: EventOf<'idp_login' | 'repo_audit'>): boolean
  addStay(worker: string, time: number, seen: Seen): boolean
  addAwake(worker: string, time: number, device: string): boolean
  /** Whether all addresses of the worker's laptops are in this country, as far as they are known. */
  staysIn(worker: string, country: string): boolean
}

const earliest = ([a]: readonly number[], [b]: readonly number[]) => [Math.min(a!, b!)]

export function memory(): Memory {
  const byDay = { keepMs: KEEP_MS, bucketMs: DAY, width: 1 }
  const logins = buckets({ ...byDay, merge: earliest })
  const stays = buckets({ ...byDay, merge: earliest })
  const awake = buckets({ ...byDay, merge: ([a], [b]) => [a! | b!] })
  /** The hour and worker of each laptop's last record, because most add nothing. Not saved. */
  const latest = new Map<string, { worker: string; hour: number }>()
  return {
    logins,
    stays,
    awake,
    loginsOf: (worker) => dated(logins, worker, loginIn),
    staysOf: (worker) => dated(stays, worker, stayIn),
    awakeOf(worker) {
      const days = new Map<number, Map<string, number>>()
      for (const { bucket, key, values } of awake.of(worker)) {
        const ofDay = days.get(bucket) ?? new Map<string, number>()
        days.set(bucket, ofDay.set(key, values[0]!))
      }
      return days
    },
    addLogin: (worker, time, seen, event) => logins.add(worker, time, loginKey(seen, event), [time]),
    addStay(worker, time, { connection, device }) {
      const { remoteAddress, geo } = connection!
      return stays.add(worker, time, JSON.stringify([device, remoteAddress, ...placeKey(geo)]), [time])
    },
    addAwake(worker, time, device) {
      const hour = Math.floor(time / HOUR)
      const before = latest.get(device)
      if (before?.hour === hour && before.worker === worker) return false
      latest.set(device, { worker, hour })
      return awake.add(worker, time, device, [1 << (hour % 24)])
    },
    staysIn: (worker, country) => stays.keys(worker).every((key) => [country, null].includes(stayIn(key).geo.country)),
  }
}

type PlaceKey = [country: string | null, region: string | null, cls: NetworkClass, asn: number | null]

function placeKey({ country, region, class: cls, asn }: AddressFacts): PlaceKey {
  return [country, region, cls, asn]
}

function loginKey({ peer, approval }: Seen, event: EventOf<'idp_login' | 'repo_audit'>): string {
  if (event.category === 'repo_audit') {
    const [country, ...rest] = peer ? placeKey(peer) : NO_PLACE
    return JSON.stringify([event.Ip, null, null, null, country ?? event.Country, ...rest, ...AUDITED])
  }
  const { Ip, ManagedDevice, Mobile, DeviceId, MfaCountry } = event
  return JSON.stringify([
    ...[Ip, ManagedDevice, Mobile, DeviceId === null ? null : foldName(DeviceId)],
    ...(peer ? placeKey(peer) : NO_PLACE),
    ...(MfaCountry === null ? [] : [MfaCountry, approval?.region ?? null, approval?.class ?? 'unknown']),
  ])
}

const NO_PLACE: PlaceKey = [null, null, 'unknown', null]
/** No second factor, and the code host's. */
const AUDITED = [null, null, null, true] as const

function geoOf([country, region, cls, asn]: PlaceKey): AddressFacts {
  return { country, region, class: cls, asn, city: null, lat: null, lon: null }
}

type LoginKey = [
  ...[address: string | null, managed: boolean | null, mobile: boolean | null, deviceId: string | null],
  ...PlaceKey,
  ...[mfaCountry?: string | null, mfaRegion?: string | null, mfaClass?: NetworkClass | null, audited?: boolean],
]

export function loginIn(key: string): Login {
  const [address, managed, mobile, deviceId, country, region, cls, asn, mfaCountry, mfaRegion, mfaClass, audited] =
    JSON.parse(key) as LoginKey
  const approval = mfaCountry ? { country: mfaCountry, region: mfaRegion ?? null, class: mfaClass ?? 'unknown' } : null
  const geo = geoOf([country, region, cls, asn])
  return { audited: audited ?? false, address, managed, mobile, deviceId, approval, geo }
}

function stayIn(key: string): Stay {
  const [device, address, ...place] = JSON.parse(key) as [string, string, ...PlaceKey]
  return { device, address, network: networkOf(address), geo: geoOf(place) }
}

/** Each key is parsed once a worker, though it stands on many days. */
function dated<T>(of: Buckets, worker: string, parse: (key: string) => T): On<T>[] {
  const parsed = new Map<string, T>()
  return of.of(worker).map(({ bucket, key, values }) => {
    const what = parsed.get(key) ?? parse(key)
    parsed.set(key, what)
    return { day: bucket, time: values[0]!, what }
  })
}
