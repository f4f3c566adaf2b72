/**
 * The daily values of the workers of one role, for fast percentiles over all of them but one.
 *
 * Shape   per day and metric a histogram of the daily values, in steps of 5 %; a percentile is the upper bound of a
 *         step. A day on which a peer was active and moved nothing counts as zero.
 * Memory  2.5 KB for each day and metric with any value, for `KEPT_DAYS`.
 */
import { DAILY, type Daily } from './metrics.ts'

export const PEER_DAYS = 14
const KEPT_DAYS = 32
const STEP = Math.log(1.05)
/** 1.05^640 is 36 TB. */
const STEPS = 640
const RADIX = 16
const RING = 64

export interface Levels {
  /** The 99th percentile: one peer who moves much on two days of a fortnight decides it. */
  p99: number
  /** The 85th: of twenty, two or three who move much every day make no difference. */
  p85: number
}

export interface Peers {
  readonly members: Set<string>
  /** The number of changes so far. */
  readonly changes: number
  /** The number of the last change that affects `levels` of that day and metric. */
  lastChange(day: number, metric: Daily): number
  move(day: number, metric: Daily, before: number, after: number): void
  activeOn(day: number, workers: 1 | -1): void
  /**
   * Of the values on active days of the PEER_DAYS that end with `day`, without those in `own`: the values of one worker
   * on active days, by day. Null: there are no others.
   */
  levels(day: number, metric: Daily, own: ReadonlyMap<number, number>): Levels | null
  forget(before: number): void
}

export function peers(): Peers {
  const bins = new Map<number, Uint32Array>()
  const active = new Map<number, number>()
  /**
   * The number of the last change, by day and metric, or by day and ANYBODY for who was active. Days that are RING
   * apart share an entry, so a change of one may cause an unnecessary comparison for the other.
   */
  const changed = new Float64Array(RING * RADIX)
  const ANYBODY = RADIX - 1
  let changes = 0
  return {
    members: new Set(),
    get changes() {
      return changes
    },
    lastChange(day, metric) {
      let last = 0
      const place = DAILY.indexOf(metric)
      for (let on = day - PEER_DAYS + 1; on <= day; on++)
        last = Math.max(last, changed[slotOf(on, ANYBODY)]!, changed[slotOf(on, place)]!)
      return last
    },
    move(day, metric, before, after) {
      if (before === after) return
      const [from, to] = [stepOf(before), stepOf(after)]
      if (from === to) return
      const key = day * RADIX + DAILY.indexOf(metric)
      changed[slotOf(day, DAILY.indexOf(metric))] = ++changes
      const counts = bins.get(key) ?? new Uint32Array(STEPS)
      bins.set(key, counts)
      if (from > 0) counts[from]!--
      if (to > 0) counts[to]!++
    },
    activeOn(day, workers) {
      changed[slotOf(day, ANYBODY)] = ++changes
      active.set(day, (active.get(day) ?? 0) + workers)
    },
    levels(day, metric, own) {
      const counts = new Int32Array(STEPS)
      let days = 0
      let moved = 0
      for (let on = day - PEER_DAYS + 1; on <= day; on++) {
        days += active.get(on) ?? 0
        const ofDay = bins.get(on * RADIX + DAILY.indexOf(metric))
        if (ofDay) for (let step = 1; step < STEPS; step++) counts[step]! += ofDay[step]!
        const mine = own.get(on)
        if (mine === undefined) continue
        days--
        if (stepOf(mine) > 0) counts[stepOf(mine)]!--
      }
      if (days <= 0) return null
      for (const count of counts) moved += count
      return { p99: percentile(counts, days, moved, 0.99), p85: percentile(counts, days, moved, 0.85) }
    },
    forget(before) {
      for (const key of bins.keys()) if (Math.floor(key / RADIX) < before - KEPT_DAYS) bins.delete(key)
      for (const day of active.keys()) if (day < before - KEPT_DAYS) active.delete(day)
    },
  }
}

/** `moved` of the `days` are counted in `counts`; on the others nothing was moved. */
function percentile(counts: Int32Array, days: number, moved: number, share: number): number {
  let left = Math.ceil(days * share) - (days - moved)
  if (left <= 0) return 0
  for (let step = 1; step < STEPS; step++) {
    left -= counts[step]!
    if (left <= 0) return Math.exp(step * STEP)
  }
  return Math.exp(STEPS * STEP)
}

function slotOf(day: number, place: number): number {
  return (((day % RING) + RING) % RING) * RADIX + place
}

/** 0 for nothing; step n covers values above 1.05^(n-1) up to 1.05^n. */
function stepOf(value: number): number {
  return value < 1 ? 0 : Math.min(STEPS - 1, Math.max(1, Math.ceil(Math.log(value) / STEP)))
}
