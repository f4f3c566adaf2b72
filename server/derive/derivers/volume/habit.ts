/** Days on which a worker exceeded own habit: a function of the worker's book only. */

import type { EventOf } from '../../../../wire/event.ts'
import { DAY } from '../../../../wire/time.ts'
import type { Draft } from '../../deriver.ts'
import {
  activeDays,
  type Book,
  byDay,
  COUNTS,
  type Count,
  dayOfSlot,
  type Slot,
  type Sums,
  slotsOf,
  WINDOW_SLOTS,
} from './book.ts'
import { DAILY, type Daily, isActive, MADE_OF, measured } from './metrics.ts'
import type { VolumeThresholds } from './thresholds.ts'

const HABIT_DAYS = 28
const HINDSIGHT_DAYS = 3
/** Two hours, and the half hour in which the archive was made. */
const UPLOAD_SLOTS = 5
/** Archives made within an hour count together. */
const ARCHIVE_SLOTS = 2
/** Two of eight working hours. */
const UPLOAD_SHARE_OF_DAY = 0.25

export interface Candidate {
  metric: Daily | 'archive_then_upload_bytes' | 'drip'
  /** UTC day number. */
  day: number
  /** Epoch ms at which the floor was passed. */
  time: number
  value: number
  /** Own habit; null: not known yet. */
  median: number | null
  p99: number | null
  z: number | null
  /** True: of an earlier day, which is judged when there is a habit. */
  inHindsight?: true
}

/** Days from `since` on whose sums exceed the floors, and habit where there is one. */
export function daily(book: Book, since: number, chosen: VolumeThresholds): Candidate[] {
  const last = Math.floor(book.reached / DAY)
  // Most days of most workers are far below all floors; this check is cheap.
  if (!reachesFloors(byDay(book, since - 1, last), since, last, chosen)) return []
  const table = byDay(book, since - HABIT_DAYS, last)
  const found: Candidate[] = []
  for (let day = since; day <= last; day++)
    for (const metric of DAILY) {
      const { floor, ratio } = chosen[metric]
      const most = mostOf(book, table, metric, day, floor)
      if (!most) continue
      const habit = habitOf(table, metric, day, chosen.habitDays)
      const z = habit && habit.spread > 0 ? (most.value - habit.median) / habit.spread : null
      if (habit && (most.value <= ratio * habit.median || (z !== null && z < chosen.habitZ))) continue
      found.push({ metric, day, ...most, median: habit?.median ?? null, p99: habit?.p99 ?? null, z })
    }
  return found
}

function reachesFloors(
  table: ReadonlyMap<number, Sums>,
  since: number,
  last: number,
  chosen: VolumeThresholds,
): boolean {
  for (let day = since; day <= last; day++) {
    const [sums, before] = [table.get(day), table.get(day - 1)]
    if (!sums) continue
    for (const metric of DAILY)
      if (measured(metric, sums) + (before ? measured(metric, before) : 0) >= chosen[metric].floor) return true
  }
  return false
}

/**
 * Days that came before there was a habit, once there is one: `HINDSIGHT_DAYS` active days more than it takes. A day is
 * compared with the others, and reported on the day on which that is possible, when that day is over.
 */
export function hindsight(book: Book, since: number, through: number, chosen: VolumeThresholds): Candidate[] {
  const last = Math.min(through, Math.floor(book.reached / DAY))
  const enough = chosen.habitDays + HINDSIGHT_DAYS
  // Nearly everybody has a habit.
  if (last < since || activeDays(book, since - HABIT_DAYS, since - 1) > enough) return []
  const table = byDay(book, since - HABIT_DAYS, last)
  const found: Candidate[] = []
  for (let day = since; day <= last; day++) {
    const active = [...table].filter(([on, sums]) => on > day - HABIT_DAYS && on <= day && isActive(sums))
    if (active.length !== enough || !isActive(table.get(day) ?? [])) continue
    const early = active.map(([on]) => on).toSorted((a, b) => a - b)
    for (const metric of DAILY)
      for (const on of early.slice(0, chosen.habitDays)) {
        const value = measured(metric, table.get(on)!)
        const { floor, ratio } = chosen[metric]
        if (value < floor) continue
        const others = active.filter(([it]) => it !== on).map(([, sums]) => measured(metric, sums))
        const { median, p99, spread } = habitAmong(others)
        const z = spread > 0 ? (value - median) / spread : null
        if (value <= ratio * median || (z !== null && z < chosen.habitZ)) continue
        const before = found.find((it) => it.metric === metric && it.day === day)
        if (before && before.value >= value) continue
        if (before) found.splice(found.indexOf(before), 1)
        found.push({ metric, day, time: (day + 1) * DAY - 1, value, median, p99, z, inHindsight: true })
      }
  }
  return found
}

type Most = Pick<Candidate, 'value' | 'time'>

/** The day's sum; or when neither this day nor the one before reaches the floor, the largest of 24 hours. */
function mostOf(book: Book, table: ReadonlyMap<number, Sums>, metric: Daily, day: number, floor: number): Most | null {
  const of = (on: number) => (table.has(on) ? measured(metric, table.get(on)!) : 0)
  const [value, before] = [of(day), of(day - 1)]
  if (value >= floor)
    return { value, time: passed(slotsOf(book, day, day, MADE_OF[metric]), metric, floor) ?? day * DAY }
  if (value === 0 || before >= floor || value + before < floor) return null
  const slots = slotsOf(book, day - 1, day, MADE_OF[metric])
  let most: Most | null = null
  for (const end of new Set(slots.filter((it) => dayOfSlot(it.slot) === day).map((it) => it.slot))) {
    const window = slots.filter((it) => it.slot > end - WINDOW_SLOTS && it.slot <= end)
    const sum = measured(metric, sumUp(window))
    if (sum >= floor && sum > (most?.value ?? 0)) most = { value: sum, time: passed(window, metric, floor)! }
  }
  return most
}

/** When the sum first passed `floor`. */
function passed(slots: readonly Slot[], metric: Daily, floor: number): number | null {
  for (let end = 0; end < slots.length; end++) {
    if (slots[end + 1]?.slot === slots[end]!.slot) continue
    const upTo = slots.slice(0, end + 1)
    if (measured(metric, sumUp(upTo)) >= floor)
      return Math.max(...upTo.filter((it) => it.slot === slots[end]!.slot).map((it) => it.last))
  }
  return null
}

const DISTINCT: readonly Count[] = ['cloned', 'audited']

function sumUp(slots: readonly Slot[]): Sums {
  const sums = COUNTS.map(() => 0)
  const things = new Set<string>()
  for (const { count, value } of slots) {
    if (DISTINCT.includes(count)) {
      const thing = `${count} ${value}`
      if (!things.has(thing)) sums[COUNTS.indexOf(count)]! += 1
      things.add(thing)
    } else sums[COUNTS.indexOf(count)]! += value
  }
  return sums
}

interface Habit {
  median: number
  p99: number
  /** The median absolute deviation, scaled to the standard deviation of a normal distribution. */
  spread: number
}

function habitOf(table: ReadonlyMap<number, Sums>, metric: Daily, day: number, least: number): Habit | null {
  const values: number[] = []
  for (let on = day - HABIT_DAYS; on < day; on++) {
    const sums = table.get(on)
    if (sums && isActive(sums)) values.push(measured(metric, sums))
  }
  return values.length < least ? null : habitAmong(values)
}

function habitAmong(values: readonly number[]): Habit {
  const sorted = values.toSorted((a, b) => a - b)
  const median = middle(sorted)
  const spread = 1.4826 * middle(sorted.map((it) => Math.abs(it - median)).sort((a, b) => a - b))
  return { median, spread, p99: sorted[Math.ceil(sorted.length * 0.99) - 1]! }
}

function middle(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** The first of each day: archives of an hour, and as much sent within two hours (#74). */
export function archiveUpload(book: Book, since: number, chosen: VolumeThresholds): Candidate[] {
  const last = Math.floor(book.reached / DAY)
  // The archive may be from the evening before.
  const archives = slotsOf(book, since - 1, last, MADE_OF.archive_bytes)
  if (archives.length === 0) return []
  const left = slotsOf(book, since - 1, last, MADE_OF.egress_bytes)
  const table = byDay(book, since - HABIT_DAYS - 1, last)
  const found = new Map<number, Candidate>()
  for (const { slot } of archives) {
    const archived = archives
      .filter((it) => it.slot >= slot && it.slot < slot + ARCHIVE_SLOTS)
      .reduce((sum, it) => sum + it.value, 0)
    if (archived < chosen.archivedBytes) continue
    const upload = left.filter((it) => it.slot >= slot && it.slot < slot + UPLOAD_SLOTS)
    const value = measured('egress_bytes', sumUp(upload))
    const usual = (habitOf(table, 'egress_bytes', dayOfSlot(slot), chosen.habitDays)?.median ?? 0) * UPLOAD_SHARE_OF_DAY
    const enough = Math.max(chosen.uploadedShare * archived, chosen.uploadedRatio * usual)
    const time = value >= enough ? passed(upload, 'egress_bytes', enough) : null
    if (time === null) continue
    const day = Math.floor(time / DAY)
    if (day < since || found.has(day)) continue
    found.set(day, { metric: 'archive_then_upload_bytes', day, time, value, median: null, p99: null, z: null })
  }
  return [...found.values()]
}

export function draftOf(it: Candidate, peerP99: number | null, daysSinceStart: number | null): Draft {
  const draft: Omit<EventOf<'volume_anomaly'>, 'id' | 'seq' | 'time' | 'product' | 'collector'> = {
    category: 'volume_anomaly',
    Metric: it.metric,
    Value: it.value,
    OwnMedian: it.median,
    OwnP99: it.p99,
    PeerP99: peerP99 && Math.round(peerP99),
    Z: it.z && Math.round(it.z * 100) / 100,
    WindowDays: 1,
    DaysSinceStart: daysSinceStart,
  }
  return draft
}
