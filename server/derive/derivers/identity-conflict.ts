/**
 * One identity used twice.
 *
 * Shape   sequence_replay    a number came again with another event (#98): one per device and UTC day.
 *         two_fingerprints   a session from other hardware (#98, P23), and the hardware before it was seen again soon
 *                            after, or both at nearly the same time: one per device and UTC day. Hardware that changes
 *                            once and stays is a repair or a swapped disk (N26) and is not said.
 *         two_places         a login from one place while the worker's own laptops were in use elsewhere (#50, #52, P9):
 *                            one per worker, UTC day, country and region of the login and whether the device is managed,
 *                            about no laptop. All the laptops in use must have a proven place, none near the login.
 *         `Days` distinct UTC days of the last 7, this one included.
 * Silent  logins that failed, from phones, during an announced journey there, or through an exit that proves no place.
 * Memory  ten days. Per device three numbers for each fingerprint and six hours; per worker as much for each laptop's
 *         network, two a day for when a laptop was in use, two for each hour and place with a login; the days of
 *         conflict of the week before.
 */

import * as z from 'zod'
import type { EventOf } from '../../../wire/event.ts'
import type { AddressFacts } from '../../../wire/recording.ts'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, earliestAndLatest, type Fact } from '../kit/buckets.ts'
import { Subjects } from '../kit/kept.ts'
import { announced, kilometres, positionOf, provesPlace } from '../kit/place.ts'
import { type Statement, statements } from '../kit/statements.ts'

const STRETCH_MS = 6 * HOUR
/** The vocabulary's 'of the last 7'. */
const WINDOW_DAYS = 7
/** What is judged looks one day back: see `placeHoldsHours`. */
const KEEP_MS = LATENESS_MS + 2 * DAY

const thresholds = z.strictObject({
  /** Hours within which the hardware before is seen again for a change to be a second machine (N26: it stops first). */
  backWithinHours: z.number().min(0).max(24).default(24),
  /** Minutes between two fingerprints that no repair is done in. */
  togetherMinutes: z.number().min(0).max(1_440).default(60),
  /** Hours around a login within which a laptop must have told something to be in use; counted in whole UTC hours. */
  activeWithinHours: z.int().min(0).max(12).default(1),
  /** Hours for which a session proves where the laptop is: a session that goes on is not told again. */
  placeHoldsHours: z.number().min(0).max(24).default(24),
  /** Km between login and laptop within one country, other region: two address databases differ by as much. */
  farKm: z.number().min(0).max(20_000).default(500),
  /** Km within which another country is a border town's own provider. */
  borderKm: z.number().min(0).max(1_000).default(50),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
})

/** A place as a fact's key. `proven` false: an exit that says nothing of where the laptop is. */
interface Place {
  country: string
  region: string | null
  lat: number | null
  lon: number | null
  accuracyKm: number
  mobile: boolean
}
type Whereabouts = { device: string; place: Place | null }
type Login = Place & { managed: boolean | null }

export const identityConflict = deriverKind('identity_conflict', thresholds, (limits, world) => {
  const kept = { keepMs: KEEP_MS, width: 2, merge: earliestAndLatest }
  const replays = buckets({ ...kept, bucketMs: DAY })
  const fingerprints = buckets({ ...kept, bucketMs: STRETCH_MS })
  const whereabouts = buckets({ ...kept, bucketMs: STRETCH_MS })
  /** The earliest login from a place in an hour. */
  const logins = buckets({ ...kept, bucketMs: HOUR, width: 1, merge: ([a], [b]) => [Math.min(a!, b!)] })
  /** A bit for each UTC hour of a day in which a laptop told something. */
  const hours = buckets({ ...kept, bucketMs: DAY, width: 1, merge: ([a], [b]) => [a! | b!] })
  /** The hour in which each laptop told something last, and of whom: most of what it tells is of the same. Not saved. */
  const latest = new Map<string, { worker: string; hour: number }>()
  /** Days with two places, by worker: of those that can no longer change, a week. */
  const past = new Subjects<number[]>()
  const said = statements()

  return {
    take(seen, emit) {
      const { event, connection, device, worker, conflict } = seen
      // A laptop's clock may run ahead; what it tells has happened by now.
      const time = Math.min(seen.time, seen.receivedAt)
      const fingerprint = connection?.fingerprint
      if (device !== null && (conflict || fingerprint)) {
        const subject = JSON.stringify([device, worker])
        if (conflict && replays.add(subject, time, '', [time, time])) judgeReplays(subject, device, worker, emit)
        if (fingerprint && fingerprints.add(subject, time, fingerprint, [time, time]))
          judgeFingerprints(subject, device, worker, emit)
      }
      if (worker === null || conflict) return
      let isNews = false
      if (connection && device !== null)
        isNews = whereabouts.add(worker, time, JSON.stringify(laptopAt(seen, device)), [time, time])
      if (device !== null) isNews = isUsed(device, worker, Math.floor(time / HOUR)) || isNews
      const login = event?.category === 'idp_login' ? loginOf(seen, event) : null
      if (login) isNews = logins.add(worker, time, JSON.stringify(login), [time]) || isNews
      if (isNews) judgePlaces(worker, emit)
    },
    kept: {
      replays: replays.kept,
      fingerprints: fingerprints.kept,
      whereabouts: whereabouts.kept,
      logins: logins.kept,
      hours: hours.kept,
      past,
      said: said.kept,
    },
  }

  /** True: that was not known. */
  function isUsed(device: string, worker: string, hour: number): boolean {
    const before = latest.get(device)
    if (before?.hour === hour && before.worker === worker) return false
    latest.set(device, { worker, hour })
    return hours.add(worker, hour * HOUR, device, [1 << (hour % 24)])
  }

  function judgeReplays(subject: string, device: string, worker: string | null, emit: Emit): void {
    const times = replays.of(subject).map(({ values }) => values[0]!)
    said.revise(
      `r${subject}`,
      dayOf(replays.reached(subject)),
      ofLaptop('sequence_replay', device, worker, times),
      emit,
    )
  }

  function judgeFingerprints(subject: string, device: string, worker: string | null, emit: Emit): void {
    if (fingerprints.keys(subject).length < 2) return
    const sightings = fingerprints
      .of(subject)
      .flatMap(({ key, values }) => [...new Set(values)].map((time) => ({ print: key, time })))
      .sort((a, b) => a.time - b.time || (a.print < b.print ? -1 : 1))
    const times = sightings.flatMap(({ print, time }, index) => {
      const before = sightings.slice(0, index)
      const other = before.findLast((it) => it.print !== print)
      if (!other) return []
      const again = before.findLast((it) => it.print === print && it.time <= other.time)
      const isTogether = time - other.time <= limits.togetherMinutes * MINUTE
      return isTogether || (again && time - again.time <= limits.backWithinHours * HOUR) ? [time] : []
    })
    const from = dayOf(fingerprints.reached(subject))
    said.revise(`f${subject}`, from, ofLaptop('two_fingerprints', device, worker, times), emit)
  }

  function laptopAt({ connection, contract, time }: Seen, device: string): Whereabouts {
    const { remoteAddress, geo } = connection!
    return { device, place: provesPlace(contract, remoteAddress, geo, time) ? placeOf(geo) : null }
  }

  function loginOf({ peer, contract, worker, time }: Seen, event: EventOf<'idp_login'>): Login | null {
    if (!SUCCESS.test(event.Result) || event.Mobile === true || !peer) return null
    if (!provesPlace(contract, event.Ip ?? '', peer, time)) return null
    if (announced(world, worker, peer, time, limits.travelGraceHours * HOUR)) return null
    const isOurs = event.DeviceId !== null && world.holderAt(event.DeviceId, time) !== null
    return { ...placeOf(peer), managed: event.ManagedDevice ?? (isOurs || null) }
  }

  function judgePlaces(worker: string, emit: Emit): void {
    const from = dayOf(Math.max(whereabouts.reached(worker), hours.reached(worker), logins.reached(worker)))
    const found = new Map<string, { time: number; login: Login; laptop: Place }>()
    const suspects = suspectLogins(worker)
    const stays = suspects.length > 0 ? parsed<Whereabouts>(whereabouts.of(worker)) : []
    for (const login of parsed<Login>(suspects).sort((a, b) => a.first - b.first)) {
      const time = login.first
      if (time < from) continue
      const laptop = laptopElsewhere(stays, hours.of(worker), login, time)
      const { country, region, managed } = login
      const key = JSON.stringify([Math.floor(time / DAY), country, region, managed])
      if (laptop && !found.has(key)) found.set(key, { time, login, laptop })
    }
    const all = [...found.values()]
    const days = conflictDays(
      worker,
      from / DAY,
      all.map(({ time }) => Math.floor(time / DAY)),
    )
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
    said.revise(`p${worker}`, from, now, emit)
  }

  /** Most logins come from where the laptops are: that is seen without looking for the hour. */
  function suspectLogins(worker: string): Fact[] {
    const keys = logins.keys(worker)
    if (keys.length === 0) return []
    const places = whereabouts.keys(worker).map((key) => (JSON.parse(key) as Whereabouts).place)
    const suspect = keys.filter((key) => {
      const login = JSON.parse(key) as Login
      return places.some((it) => it && isElsewhere(it, login))
    })
    return suspect.length > 0 ? logins.of(worker).filter((it) => suspect.includes(it.key)) : []
  }

  /** Where a laptop was in use, if all that were are provably elsewhere than the login; null otherwise. */
  function laptopElsewhere(stays: readonly Stay[], uses: readonly Fact[], login: Place, time: number): Place | null {
    const active = [...new Set(uses.filter((it) => wasActive(it, time)).map((it) => it.key))].sort()
    const places = active.flatMap((device) =>
      placesAt(
        stays.filter((it) => it.device === device),
        time,
      ),
    )
    const [first] = places
    return first && places.every((it) => it && isElsewhere(it, login)) ? first : null
  }

  function wasActive({ bucket, values }: Fact, time: number): boolean {
    const hour = Math.floor(time / HOUR) - bucket * 24
    for (let it = 0; it < 24; it++)
      if (values[0]! & (1 << it) && Math.abs(it - hour) <= limits.activeWithinHours) return true
    return false
  }

  /** A laptop's places in the sessions around `time`, and in the last one before; null for a place that is not proven. */
  function placesAt(stays: readonly Stay[], time: number): (Place | null)[] {
    const around = stays.filter((it) => it.first <= time && it.last >= time)
    const before = stays.filter((it) => it.last < time && it.last >= time - limits.placeHoldsHours * HOUR)
    const known = [...around, ...withMost(before, (it) => it.last)]
    if (known.length > 0) return known.map((it) => it.place)
    const soon = stays.filter((it) => it.first > time && it.first <= time + limits.activeWithinHours * HOUR)
    return withMost(soon, (it) => -it.first).map((it) => it.place)
  }

  function isElsewhere(a: Place, b: Place): boolean {
    const distance = kilometres(positionOf(a), positionOf(b))
    const least = distance === null ? null : distance - a.accuracyKm - b.accuracyKm
    if (a.country !== b.country) return least === null || least > limits.borderKm
    if (a.mobile || b.mobile || a.region === null || b.region === null) return false
    return a.region !== b.region && least !== null && least > limits.farKm
  }

  /** Those of the week before `firstDay`, which can no longer change, and `now`. */
  function conflictDays(worker: string, firstDay: number, now: readonly number[]): number[] {
    const known = past.get(worker) ?? []
    const before = known.filter((it) => it < firstDay && it > firstDay - WINDOW_DAYS)
    const all = [...new Set([...before, ...now])]
    if (all.length === 0) past.delete(worker)
    else if (JSON.stringify(all) !== JSON.stringify(known)) past.set(worker, all)
    return all
  }
})

type Stay = Whereabouts & { first: number; last: number }

/** The identity providers' words for it. */
const SUCCESS = /^(success|succeeded|successful|allow|allowed|ok|pass|passed|granted)$/i

/** Facts with their keys read, each key once. */
function parsed<T>(facts: readonly Fact[]): (T & { first: number; last: number })[] {
  const read = new Map(facts.map(({ key }) => [key, null as T | null]))
  for (const key of read.keys()) read.set(key, JSON.parse(key) as T)
  return facts.map(({ key, values }) => ({ ...read.get(key)!, first: values[0]!, last: values[1] ?? values[0]! }))
}

function withMost<T>(all: readonly T[], of: (it: T) => number): T[] {
  const most = Math.max(...all.map(of))
  return all.filter((it) => of(it) === most)
}

function placeOf({ country, region, lat, lon, accuracyKm, class: kind }: AddressFacts): Place {
  return { country: country!, region, lat, lon, accuracyKm: accuracyKm ?? 0, mobile: kind === 'mobile' }
}

/** The first day that can still change. */
function dayOf(reached: number): number {
  return Math.floor((reached - LATENESS_MS) / DAY) * DAY
}

/** One a day, at its first time. */
function ofLaptop(
  reason: 'sequence_replay' | 'two_fingerprints',
  device: string,
  worker: string | null,
  times: readonly number[],
): Statement[] {
  return [...Map.groupBy(times, (it) => Math.floor(it / DAY)).values()].map((it) => ({
    about: { device, worker, time: Math.min(...it) },
    key: reason,
    draft: conflictOf(reason),
  }))
}

function conflictOf(Reason: Conflict['Reason']): Conflict {
  return {
    category: 'identity_conflict',
    Reason,
    LaptopCountry: null,
    LoginCountry: null,
    ManagedDevice: null,
    Days: null,
  }
}
type Conflict = Extract<Draft, { category: 'identity_conflict' }>
