/**
 * When a worker is active, compared with the agreed hours (#65, #101, #102). Only where presence is collected.
 *
 * Shape   one `rhythm` per worker and UTC day on which they were active, over the last ten such days; emitted when the
 *         day is over, with the day's end as its time. Off hours are those outside the declared hours, or the night
 *         where the contract declares none, in the contract's time zone; null without one.
 * Units   offsets in hours. `BestUtcOffset` is the whole offset that puts the middle of the activity at 13:30, the
 *         middle of a day from 9 to 18; null when the worker is active around the clock. `LongestIdleSeconds` is of the
 *         last `idleDays` days; an hour without an event counts as idle, because the laptop was off.
 * Silent  of several laptops the longest idleness counts, so one that is kept awake next to another is not noticed
 *         here.
 * Memory  per worker 8 bytes for each hour of presence in 40 days: 2 KB for somebody who works on 22 days a month.
 */

import * as z from 'zod'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { type Draft, deriverKind, LATENESS_MS } from '../deriver.ts'
import { isAgreed } from '../kit/agreed-hours.ts'
import { Subjects, single } from '../kit/kept.ts'
import { utcOffsets } from '../kit/local-time.ts'

const HOURS_A_DAY = 24
const KEPT_DAYS = 40
/** The middle of a day from 9 to 18. */
const NOON = 13.5

const thresholds = z.strictObject({
  /** Active days that are judged together: 'for 10 working days' (threat model #101). */
  days: z.int().min(1).max(20).default(10),
  /** Days in which the longest pause is searched: 'for 3 days' (threat model #65). */
  idleDays: z.int().min(1).max(10).default(3),
  /** Local hours at which the night begins and ends where no hours are declared: '22-08' (threat model #101). */
  nightFrom: z.int().min(0).max(23).default(22),
  nightTo: z.int().min(0).max(23).default(8),
  /** How uneven activity must be around the clock, 0 (even) to 1, for an offset to be known. Our judgement. */
  leastLean: z.number().min(0).max(1).default(0.2),
})

/**
 * An hour is packed into one number: hour since 1970, active minutes (at most 60), longest idle seconds (at most
 * 3,600).
 */
const MINUTES_RADIX = 64
const IDLE_RADIX = 4_096

interface WorkerHours {
  /** The latest event time. */
  reached: number
  /** Packed. */
  hours: number[]
}
interface Hour {
  hour: number
  minutes: number
  idle: number
}

export const rhythm = deriverKind('rhythm', thresholds, (limits, world) => {
  const workers = new Subjects<WorkerHours>()
  /** By worker, the first completed day for which new hours arrived. */
  const due = new Subjects<number>()
  /** Days up to `closedThrough` are over, and were judged by the contracts as of `revision`. */
  let judged = { closedThrough: 0, revision: world.revision }
  const offsetAt = utcOffsets()

  return {
    reads: ['presence'],
    take({ event, worker: name, conflict, receivedAt }) {
      if (event?.category !== 'presence' || name === null || conflict || event.time > receivedAt + DAY) return
      const time = event.time - (event.WindowSeconds * 1_000) / 2
      const worker = workers.ensure(name, () => ({ reached: 0, hours: [] }))
      if (time < worker.reached - LATENESS_MS) return
      workers.touch(name)
      worker.reached = Math.max(worker.reached, time)
      const idle = Math.min(event.LongestIdleSeconds, 3_600)
      addHour(worker.hours, { hour: Math.floor(time / HOUR), minutes: event.ActiveMinutes, idle })
      const day = Math.floor(time / DAY)
      if (day <= judged.closedThrough) due.set(name, Math.min(day, due.get(name) ?? day))
    },
    advance(now, emit) {
      const through = Math.floor(now / DAY) - 1
      // A new contract may change what past hours mean.
      const again = judged.revision !== world.revision
      const { closedThrough } = judged
      if (closedThrough < through || again)
        for (const [name, { reached }] of workers) {
          const recent = Math.floor((reached - LATENESS_MS) / DAY)
          const since = again ? recent : Math.max(recent, closedThrough + 1)
          if (reached >= since * DAY) due.set(name, Math.min(since, due.get(name) ?? since))
        }
      for (const [name, since] of due) {
        due.delete(name)
        const hours = workers
          .get(name)!
          .hours.map(unpacked)
          .sort((a, b) => a.hour - b.hour)
        const active = [...new Set(hours.filter((it) => it.minutes > 0).map((it) => dayOf(it.hour)))]
        // Late events only add activity, so nothing is ever retracted.
        for (const [index, day] of active.entries()) {
          if (day < since || day > through) continue
          const days = new Set(active.slice(Math.max(0, index + 1 - limits.days), index + 1))
          const time = (day + 1) * DAY - 1
          emit({ device: null, worker: name, time }, 'rhythm', draftOf(name, hours, day, days))
        }
      }
      if (closedThrough < through) forget(now)
      judged = { closedThrough: Math.max(closedThrough, through), revision: world.revision }
    },
    kept: {
      workers,
      due,
      judged: single(
        () => judged,
        (state) => {
          judged = state
        },
      ),
    },
  }

  function forget(now: number): void {
    for (const [name, worker] of workers) {
      const oldest = Math.floor(worker.reached / HOUR) - KEPT_DAYS * HOURS_A_DAY
      const hours = worker.hours.filter((it) => unpacked(it).hour >= oldest)
      if (hours.length < worker.hours.length) {
        worker.hours = hours
        workers.touch(name)
      }
      if (worker.reached < now - KEPT_DAYS * DAY) workers.delete(name)
    }
  }

  function draftOf(worker: string, hours: readonly Hour[], day: number, days: ReadonlySet<number>): Draft {
    const active = hours.filter((it) => it.minutes > 0 && days.has(dayOf(it.hour)))
    const minutes = active.reduce((sum, it) => sum + it.minutes, 0)
    const time = (day + 1) * DAY - 1
    const contract = world.contractAt(worker, time)
    const offset = contract?.timeZone ? offsetAt(contract.timeZone, time) : null
    return {
      category: 'rhythm',
      OffHoursShare: offHoursShare(worker, active),
      BestUtcOffset: bestOffset(active),
      ContractUtcOffset: offset === null ? null : offset / 60,
      ActiveHoursPerDay: twoDigits(minutes / 60 / days.size),
      LongestIdleSeconds: longestIdle(hours, day),
      Days: days.size,
    }
  }

  function offHoursShare(worker: string, active: readonly Hour[]): number | null {
    let off = 0
    let all = 0
    for (const { hour, minutes } of active) {
      const time = hour * HOUR
      const contract = world.contractAt(worker, time)
      const offset = contract?.timeZone ? offsetAt(contract.timeZone, time) : null
      if (!contract || offset === null) continue
      all += minutes
      if (!isAgreed(contract, time + HOUR / 2 + offset * MINUTE, limits)) off += minutes
    }
    return all === 0 ? null : twoDigits(off / all)
  }

  /** In hours, from the vector mean of the activity on a 24-hour dial. */
  function bestOffset(active: readonly Hour[]): number | null {
    let [x, y, all] = [0, 0, 0]
    for (const { hour, minutes } of active) {
      const angle = ((hour % HOURS_A_DAY) + 0.5) * ((2 * Math.PI) / HOURS_A_DAY)
      x += minutes * Math.cos(angle)
      y += minutes * Math.sin(angle)
      all += minutes
    }
    if (Math.hypot(x, y) < limits.leastLean * all) return null
    const middle = (Math.atan2(y, x) * HOURS_A_DAY) / (2 * Math.PI)
    const offset = NOON - middle
    // Normalised to (-12, 12], and rounded, because the hours do not allow more precision.
    return Math.round(offset - HOURS_A_DAY * Math.ceil((offset - 12) / HOURS_A_DAY))
  }

  function longestIdle(hours: readonly Hour[], day: number): number {
    const known = new Map(hours.map((it) => [it.hour, it.idle]))
    const last = hours.findLast((it) => dayOf(it.hour) <= day)!.hour
    let [longest, run] = [0, 0]
    for (let hour = (day - limits.idleDays + 1) * HOURS_A_DAY; hour <= last; hour++) {
      const idle = known.get(hour) ?? 3_600
      run = idle >= 3_600 ? run + idle : 0
      longest = Math.max(longest, idle, run)
    }
    return longest
  }
})

function twoDigits(value: number): number {
  return Math.round(value * 100) / 100
}

function dayOf(hour: number): number {
  return Math.floor(hour / HOURS_A_DAY)
}

function unpacked(packed: number): Hour {
  const rest = Math.floor(packed / IDLE_RADIX)
  return { hour: Math.floor(rest / MINUTES_RADIX), minutes: rest % MINUTES_RADIX, idle: packed % IDLE_RADIX }
}

/** Adds an hour. Of the same hour, minutes are summed up to sixty, and the longest idleness counts. */
function addHour(hours: number[], { hour, minutes, idle }: Hour): void {
  const pack = (it: Hour) => (it.hour * MINUTES_RADIX + it.minutes) * IDLE_RADIX + it.idle
  const index = hours.findLastIndex((it) => unpacked(it).hour === hour)
  if (index < 0) hours.push(pack({ hour, minutes, idle }))
  else {
    const before = unpacked(hours[index]!)
    hours[index] = pack({ hour, minutes: Math.min(60, before.minutes + minutes), idle: Math.max(before.idle, idle) })
  }
}
