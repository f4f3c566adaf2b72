/**
 * What was seen of one laptop, or of one worker in feeds, and the days on which it had each key.
 *
 * Memory  at most MAX_KEYS keys of each sort, and MAX_CHANGES changes of one slot.
 */
import { DAY, HOUR } from '../../../../wire/time.ts'
import type { Codec } from '../../kit/kept.ts'

const MAX_KEYS = 256
const MAX_CHANGES = 500

/** The first time on each UTC day. */
export type Days = Map<number, number>

/** The earliest time of each key (null: none) in each hour, in order of time, then key. */
type SlotHistory = KeyChange[]
type KeyChange = [time: number, key: string | null]

export interface Holder {
  /** The first time it was awake, by day. */
  awake: Days
  /** When the key of a slot ('uplink', 'usb 046d:c52b:17') changed. */
  changes: Map<string, SlotHistory>
  /** Keys seen at one moment, without an end: of a session, of a login. */
  moments: Map<string, Days>
}

export function emptyHolder(): Holder {
  return { awake: new Map(), changes: new Map(), moments: new Map() }
}

/** Returns whether this changed anything, as the other functions that add. */
export function addAwake({ awake }: Holder, time: number): boolean {
  return addEarliest(awake, Math.floor(time / DAY), time)
}

export function addChange({ changes }: Holder, slot: string, key: string | null, time: number): boolean {
  if (!changes.has(slot) && changes.size >= MAX_KEYS) return false
  const history: SlotHistory = changes.get(slot) ?? []
  changes.set(slot, history)
  const hour = Math.floor(time / HOUR)
  const from = history.findLastIndex(([at]) => at < hour * HOUR) + 1
  const known = history.slice(from).find(([at, it]) => it === key && at < (hour + 1) * HOUR)
  if (known ? known[0] <= time : history.length >= MAX_CHANGES) return false
  if (known) history.splice(history.indexOf(known), 1)
  const change: KeyChange = [time, key]
  history.splice(history.findLastIndex((it) => inTime(it, change) < 0) + 1, 0, change)
  return true
}

export function addMoment({ moments }: Holder, key: string, time: number): boolean {
  if (!moments.has(key) && moments.size >= MAX_KEYS) return false
  const days: Days = moments.get(key) ?? new Map()
  moments.set(key, days)
  return addEarliest(days, Math.floor(time / DAY), time)
}

/** By key, the days on which the holder was awake and had it. */
export function daysByKey({ awake, changes, moments }: Holder): Map<string, Days> {
  const byKey = new Map([...moments].map(([key, days]) => [key, new Map(days)]))
  const awakeDays = [...awake].sort((a, b) => a[0] - b[0])
  for (const history of changes.values()) {
    let next = 0
    for (const [index, [from, key]] of history.entries()) {
      while (next < awakeDays.length && (awakeDays[next]![0] + 1) * DAY <= from) next++
      if (key === null) continue
      const to = history[index + 1]?.[0] ?? Number.POSITIVE_INFINITY
      const days: Days = byKey.get(key) ?? new Map()
      byKey.set(key, days)
      for (let at = next; at < awakeDays.length && awakeDays[at]![1] < to; at++) {
        const [day, first] = awakeDays[at]!
        addEarliest(days, day, Math.max(first, from))
      }
    }
  }
  for (const [key, days] of byKey) if (days.size === 0) byKey.delete(key)
  return byKey
}

/**
 * When the holder surely had what a slot holds: from the change until the next, and no longer than an hour after it was
 * last seen awake with it. Within an hour of waking, the agent reports what is gone.
 */
export function spansOf({ awake, changes }: Holder, slot: string): [from: number, to: number][] {
  const history = changes.get(slot) ?? []
  return history.flatMap(([from, key], index) => {
    if (key === null) return []
    const next = history[index + 1]?.[0] ?? Number.POSITIVE_INFINITY
    let to = from
    for (const time of awake.values()) if (time + HOUR <= next) to = Math.max(to, time + HOUR)
    return [[from, Math.min(to, next)] as [number, number]]
  })
}

/** Drops days up to `oldest`, and earlier changes except the last, which may still apply. True when any was dropped. */
export function forgetUpTo(holder: Holder, oldest: number): boolean {
  const before = sizeOf(holder)
  const { awake, changes, moments } = holder
  forgetDays(awake, oldest)
  for (const [slot, history] of changes) {
    const last = history.findLastIndex(([time]) => time < oldest * DAY)
    if (last > 0) history.splice(0, last)
    if (last >= 0 && history.length === 1 && awake.size === 0) changes.delete(slot)
  }
  for (const [key, days] of moments) {
    forgetDays(days, oldest)
    if (days.size === 0) moments.delete(key)
  }
  return sizeOf(holder) !== before
}

/** Keeps the earliest time of a day. True when that is `time`, and was not known. */
export function addEarliest(days: Days, day: number, time: number): boolean {
  const before = days.get(day)
  if (before !== undefined && before <= time) return false
  days.set(day, time)
  return true
}

/** True when any day was dropped. */
export function forgetDays(days: Days, oldest: number): boolean {
  const before = days.size
  for (const day of days.keys()) if (day <= oldest) days.delete(day)
  return days.size < before
}

export function sameDays(a: Days | undefined, b: Days | undefined): boolean {
  if (!a || !b) return !a && !b
  return a.size === b.size && [...a].every(([day, time]) => b.get(day) === time)
}

function inTime(a: KeyChange, b: KeyChange): number {
  return a[0] - b[0] || (String(a[1]) < String(b[1]) ? -1 : 1)
}

function sizeOf({ awake, changes, moments }: Holder): number {
  let size = awake.size
  for (const history of changes.values()) size += 1 + history.length
  for (const days of moments.values()) size += 1 + days.size
  return size
}

type SavedDays = [key: string, [day: number, time: number][]][]

export const DAYS_BY_KEY: Codec<Map<string, Days>> = {
  save: (keys) => [...keys].map(([key, days]) => [key, [...days]]),
  load: (state) => new Map((state as SavedDays).map(([key, days]) => [key, new Map(days)])),
}

interface SavedHolder {
  awake: [number, number][]
  changes: [slot: string, [key: string | null, times: number[]][]][]
  moments: SavedDays
}

/** Keys are long and repeat, so each is written once per slot, with its times. */
export const HOLDER: Codec<Holder> = {
  save: ({ awake, changes, moments }) => ({
    awake: [...awake],
    changes: [...changes].map(([slot, history]) => [
      slot,
      [...Map.groupBy(history, ([, key]) => key)].map(([key, all]) => [key, all.map(([time]) => time)]),
    ]),
    moments: DAYS_BY_KEY.save(moments),
  }),
  load(state) {
    const { awake, changes, moments } = state as SavedHolder
    return {
      awake: new Map(awake),
      changes: new Map(changes.map(([slot, keys]) => [slot, keys.flatMap(loadChanges).sort(inTime)])),
      moments: DAYS_BY_KEY.load(moments),
    }
  },
}

function loadChanges([key, times]: [key: string | null, times: number[]]): KeyChange[] {
  return times.map((time) => [time, key])
}
