/**
 * Round-trip times of one session, from pings.
 *
 * Shape   only the first answer to a number counts, and numbers that were not sent are ignored. Recorded are the first
 *         five answers together, and then once an hour, when the minimum has changed by more than a fifth.
 * Units   ms, one decimal. `jitterMs` is the mean difference between successive round trips.
 */
import { HOUR } from '../../wire/time.ts'

const FIRST = 5
const OUTSTANDING_MAX = 4
const MOVED = 0.2

export interface RoundTrip {
  minMs: number
  jitterMs: number
}

export interface RoundTrips {
  sent(n: number, atMs: number): void
  answered(n: number, atMs: number): void
  /** The current hour's values, or those of the last hour with answers; null before the first answer. */
  now(): RoundTrip | null
  /** The values to record now, if any; mostly null. `time` epoch ms. */
  toRecord(time: number): RoundTrip | null
}

export function roundTrips(): RoundTrips {
  const outstanding = new Map<number, number>()
  let hour: number[] = []
  let shown: RoundTrip | null = null
  let reported: { minMs: number; time: number } | null = null

  return {
    sent(n, atMs) {
      outstanding.set(n, atMs)
      if (outstanding.size > OUTSTANDING_MAX) outstanding.delete(outstanding.keys().next().value!)
    },
    answered(n, atMs) {
      const sentAt = outstanding.get(n)
      if (sentAt === undefined) return
      outstanding.delete(n)
      // Bounded: a ping every 30 s makes 120 an hour.
      hour.push(atMs - sentAt)
      shown = summary(hour)
    },
    now: () => shown,
    toRecord(time) {
      if (shown === null || (reported === null ? hour.length < FIRST : time - reported.time < HOUR)) return null
      const moved = reported === null || Math.abs(shown.minMs - reported.minMs) > MOVED * reported.minMs
      reported = { minMs: moved ? shown.minMs : reported!.minMs, time }
      hour = []
      return moved ? shown : null
    },
  }
}

function summary(samples: readonly number[]): RoundTrip {
  const drifts = samples.slice(1).map((ms, index) => Math.abs(ms - samples[index]!))
  const jitterMs = drifts.reduce((sum, ms) => sum + ms, 0) / Math.max(1, drifts.length)
  return { minMs: tenth(Math.min(...samples)), jitterMs: tenth(jitterMs) }
}

const tenth = (ms: number) => Math.round(ms * 10) / 10
