/** Logins of a worker from one place while the worker's laptops were in use elsewhere. */
import type { EventOf } from '../../../../wire/event.ts'
import type { AddressFacts } from '../../../../wire/recording.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import type { Emit, Seen } from '../../deriver.ts'
import { buckets, earliestAndLatest, type Fact } from '../../kit/buckets.ts'
import { type Parts, Subjects } from '../../kit/kept.ts'
import { announced, kilometres, positionOf, provesPlace } from '../../kit/place.ts'
import type { Statement, Statements } from '../../kit/statements.ts'
import type { World } from '../../kit/world.ts'
import { BUCKET_MS, conflictOf, firstOpenDay, KEEP_MS } from './conflict.ts'

/** The vocabulary's 'of the last 7'. */
const WINDOW_DAYS = 7

interface Limits {
  activeWithinHours: number
  placeHoldsHours: number
  farKm: number
  borderKm: number
  travelGraceHours: number
}

interface ProvenPlace {
  country: string
  region: string | null
  lat: number | null
  lon: number | null
  accuracyKm: number
  mobile: boolean
}
/** `place` null: the laptop used an exit that proves no place. */
type LaptopPlace = { device: string; place: ProvenPlace | null }
type LoginPlace = ProvenPlace & { managed: boolean | null }
/** A fact with its key parsed. */
type Timed<T> = T & { first: number; last: number }

export interface PlaceConflicts {
  take(seen: Seen, time: number, emit: Emit): void
  readonly kept: Parts
}

export function placeConflicts(limits: Limits, world: World, reported: Statements): PlaceConflicts {
  const laptops = buckets({ keepMs: KEEP_MS, width: 2, merge: earliestAndLatest, bucketMs: BUCKET_MS })
  /** The earliest login from a place in an hour. */
  const logins = buckets({ keepMs: KEEP_MS, width: 1, merge: ([a], [b]) => [Math.min(a!, b!)], bucketMs: HOUR })
  /** By laptop, one bit for each UTC hour of a day in which it sent an event. */
  const usedHours = buckets({ keepMs: KEEP_MS, width: 1, merge: ([a], [b]) => [a! | b!], bucketMs: DAY })
  /** The hour and worker of each laptop's last event, because most events add nothing new. Not saved. */
  const latest = new Map<string, { worker: string; hour: number }>()
  /** By worker, the keys of logins away from any place of a laptop. Not saved: found again when either has changed. */
  const suspects = new Map<string, ReadonlySet<string>>()
  /** By worker, the days with a conflict: of the week before those that can still change. */
  const conflictDays = new Subjects<number[]>()

  return {
    take(seen, time, emit) {
      const { event, connection, device, worker } = seen
      if (worker === null) return
      let isPlaceNew = false
      if (connection && device !== null)
        isPlaceNew = laptops.add(worker, time, JSON.stringify(laptopPlaceOf(seen, device)), [time, time])
      const login = event?.category === 'idp_login' ? loginPlaceOf(seen, event) : null
      if (login) isPlaceNew = logins.add(worker, time, JSON.stringify(login), [time]) || isPlaceNew
      if (isPlaceNew) suspects.delete(worker)
      const isUseNew = device !== null && addUse(device, worker, Math.floor(time / HOUR))
      if (isPlaceNew || isUseNew) judge(worker, emit)
    },
    kept: { laptops: laptops.kept, logins: logins.kept, usedHours: usedHours.kept, conflictDays },
  }

  /** True when this was not known. */
  function addUse(device: string, worker: string, hour: number): boolean {
    const before = latest.get(device)
    if (before?.hour === hour && before.worker === worker) return false
    latest.set(device, { worker, hour })
    return usedHours.add(worker, hour * HOUR, device, [1 << (hour % 24)])
  }

  function laptopPlaceOf({ connection, contract, time }: Seen, device: string): LaptopPlace {
    const { remoteAddress, geo } = connection!
    return { device, place: provesPlace(contract, remoteAddress, geo, time) ? placeIn(geo) : null }
  }

  function loginPlaceOf({ peer, contract, worker, time }: Seen, event: EventOf<'idp_login'>): LoginPlace | null {
    if (event.Result !== 'success' || event.Mobile === true || !peer) return null
    if (!provesPlace(contract, event.Ip ?? '', peer, time)) return null
    if (announced(world, worker, peer, time, limits.travelGraceHours * HOUR)) return null
    const device = event.DeviceId === null ? null : world.deviceNamed(event.DeviceId)
    const isOurs = device !== null && world.holderAt(device, time) !== null
    return { ...placeIn(peer), managed: event.ManagedDevice ?? (event.DeviceId === null ? null : isOurs) }
  }

  function judge(worker: string, emit: Emit): void {
    const from = firstOpenDay(Math.max(laptops.reached(worker), usedHours.reached(worker), logins.reached(worker)))
    const found = new Map<string, { time: number; login: LoginPlace; laptop: ProvenPlace }>()
    const away = suspectLogins(worker)
    const stays = away.length > 0 ? parsed<LaptopPlace>(laptops.of(worker)) : []
    const uses = away.length > 0 ? usedHours.of(worker) : []
    for (const login of parsed<LoginPlace>(away).sort((a, b) => a.first - b.first)) {
      const time = login.first
      if (time < from) continue
      const laptop = laptopElsewhere(stays, uses, login, time)
      const { country, region, managed } = login
      const key = JSON.stringify([Math.floor(time / DAY), country, region, managed])
      if (laptop && !found.has(key)) found.set(key, { time, login, laptop })
    }
    const all = [...found.values()]
    const newDays = all.map(({ time }) => Math.floor(time / DAY))
    const days = updatedDays(worker, from / DAY, newDays)
    const now = all.map(({ time, login, laptop }): Statement => {
      const day = Math.floor(time / DAY)
      return {
        about: { device: null, worker, time },
        key: ['two_places', login.country, login.region, login.managed].join('|'),
        draft: {
          ...conflictOf('two_places'),
          LaptopCountry: laptop.country,
          LoginCountry: login.country,
          ManagedDevice: login.managed,
          Days: days.filter((it) => it <= day && it > day - WINDOW_DAYS).length,
        },
      }
    })
    reported.revise(`p${worker}`, from, now, emit)
  }

  /** Logins away from any place of a laptop. Most logins come from where all laptops are, and need no closer look. */
  function suspectLogins(worker: string): Fact[] {
    const known = suspects.get(worker) ?? suspectsAmong(logins.keys(worker), laptops.keys(worker))
    suspects.set(worker, known)
    return known.size > 0 ? logins.of(worker).filter((it) => known.has(it.key)) : []
  }

  function suspectsAmong(logins: readonly string[], laptops: readonly string[]): ReadonlySet<string> {
    if (logins.length === 0) return NONE
    const places = laptops.map((key) => (JSON.parse(key) as LaptopPlace).place)
    const away = logins.filter((key) => {
      const login = JSON.parse(key) as LoginPlace
      return places.some((it) => it && isElsewhere(it, login))
    })
    return away.length > 0 ? new Set(away) : NONE
  }

  /** The place of a laptop in use, when all that were in use are proven to be elsewhere; null otherwise. */
  function laptopElsewhere(
    stays: readonly Timed<LaptopPlace>[],
    uses: readonly Fact[],
    login: ProvenPlace,
    time: number,
  ): ProvenPlace | null {
    const inUse = [...new Set(uses.filter((it) => wasUsed(it, time)).map((it) => it.key))].sort()
    const places = inUse.flatMap((device) =>
      placesAt(
        stays.filter((it) => it.device === device),
        time,
      ),
    )
    const [first] = places
    return first && places.every((it) => it && isElsewhere(it, login)) ? first : null
  }

  function wasUsed({ bucket, values }: Fact, time: number): boolean {
    const hour = Math.floor(time / HOUR) - bucket * 24
    for (let it = 0; it < 24; it++)
      if (values[0]! & (1 << it) && Math.abs(it - hour) <= limits.activeWithinHours) return true
    return false
  }

  /** The places of a laptop's sessions around `time` and of the last one before, else of the next one. */
  function placesAt(stays: readonly Timed<LaptopPlace>[], time: number): (ProvenPlace | null)[] {
    const around = stays.filter((it) => it.first <= time && it.last >= time)
    const before = stays.filter((it) => it.last < time && it.last >= time - limits.placeHoldsHours * HOUR)
    const known = [...around, ...withMost(before, (it) => it.last)]
    if (known.length > 0) return known.map((it) => it.place)
    const soon = stays.filter((it) => it.first > time && it.first <= time + limits.activeWithinHours * HOUR)
    return withMost(soon, (it) => -it.first).map((it) => it.place)
  }

  function isElsewhere(a: ProvenPlace, b: ProvenPlace): boolean {
    const distance = kilometres(positionOf(a), positionOf(b))
    const least = distance === null ? null : distance - a.accuracyKm - b.accuracyKm
    if (a.country !== b.country) return least === null || least > limits.borderKm
    if (a.mobile || b.mobile || a.region === null || b.region === null) return false
    return a.region !== b.region && least !== null && least > limits.farKm
  }

  /** Replaces the days from `firstDay` on by `now`. Returns these and those of the week before. */
  function updatedDays(worker: string, firstDay: number, now: readonly number[]): number[] {
    const known = conflictDays.get(worker) ?? []
    const before = known.filter((it) => it < firstDay && it > firstDay - WINDOW_DAYS)
    const all = [...new Set([...before, ...now])]
    if (all.length === 0) conflictDays.delete(worker)
    else if (JSON.stringify(all) !== JSON.stringify(known)) conflictDays.set(worker, all)
    return all
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Facts with their keys parsed, each distinct key once. */
function parsed<T>(facts: readonly Fact[]): Timed<T>[] {
  const byKey = new Map(facts.map(({ key }) => [key, null as T | null]))
  for (const key of byKey.keys()) byKey.set(key, JSON.parse(key) as T)
  return facts.map(({ key, values }) => ({ ...byKey.get(key)!, first: values[0]!, last: values[1] ?? values[0]! }))
}

function withMost<T>(all: readonly T[], of: (it: T) => number): T[] {
  const most = Math.max(...all.map(of))
  return all.filter((it) => of(it) === most)
}

function placeIn({ country, region, lat, lon, accuracyKm, class: kind }: AddressFacts): ProvenPlace {
  return { country: country!, region, lat, lon, accuracyKm: accuracyKm ?? 0, mobile: kind === 'mobile' }
}
