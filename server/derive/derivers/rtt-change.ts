/**
 * A laptop's own round trips became longer from one day to the next and stayed so, on another network: it moved, or
 * a router now sends its traffic somewhere else first (#46, #53, P22).
 *
 * Shape   one `rtt_change` per laptop and change, at the first connection of the third day after it. Of each UTC day the
 *         shortest round trip counts. Before: the days of the fortnight before the change, at least `daysBefore`; after:
 *         the first `DAYS_AFTER` measured days from it on, within a week. The medians differ by `changeMs` or more, every
 *         day after by half of that, and at most one day before was as slow, so that a bad evening is no change. `NewNetwork`: neither router nor
 *         access point of the days after was there before; null: not known on one side. A change back is none: answers
 *         that become quick need no explanation.
 * Silent  mobile networks, satellites and security services, whose round trips vary by themselves.
 * Memory  per laptop and holder four numbers for each day of `KEPT_DAYS`, and its routers and clocks (`kit/settings.ts`).
 */
import * as z from 'zod'
import { DAY, HOUR } from '../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets, type Fact } from '../kit/buckets.ts'
import { prefixed } from '../kit/kept.ts'
import { announced, SLOW_LINKS } from '../kit/place.ts'
import { settingBook } from '../kit/settings.ts'
import { type Statement, statements } from '../kit/statements.ts'

const WINDOW_DAYS = 14
const DAYS_AFTER = 3
const WITHIN_DAYS = 7
/** Days before the change that may have been as slow. */
const BAD_DAYS = 1
/** A change that can still be taken back is judged with all the days before it: else it would be, when they are forgotten. */
const KEPT_DAYS = LATENESS_MS / DAY + 2 * WITHIN_DAYS + WINDOW_DAYS

const thresholds = z.strictObject({
  /** Milliseconds by which the medians must differ. Below it, another provider in the same town explains it. */
  changeMs: z.number().min(1).max(5_000).default(50),
  /** Measured days before the change: fewer are no habit. */
  daysBefore: z.int().min(1).max(WINDOW_DAYS).default(5),
  /** Hours of grace before and after a travel notice. */
  travelGraceHours: z.number().min(0).max(240).default(24),
})

/** The shortest round trip of a day, and the first and last connection. */
interface TripDay {
  day: number
  rtt: number
  first: number
  last: number
  announced: boolean
}

export const rttChange = deriverKind('rtt_change', thresholds, (limits, world) => {
  const trips = buckets({
    bucketMs: DAY,
    keepMs: KEPT_DAYS * DAY,
    width: 3,
    merge: (a, b) => [Math.min(a[0]!, b[0]!), Math.min(a[1]!, b[1]!), Math.max(a[2]!, b[2]!)],
  })
  const settings = settingBook(KEPT_DAYS * DAY)
  const reported = statements()
  return {
    reads: ['session', 'network_place'],
    take(seen, emit) {
      const { device, worker, conflict } = seen
      if (device === null || worker === null || conflict) return
      const subject = JSON.stringify([device, worker])
      const time = Math.min(seen.time, seen.receivedAt)
      const isNews = settings.take(subject, time, seen.event?.category === 'network_place' ? seen.event : null)
      const rtt = tripIn(seen)
      const isTrip = rtt !== null && trips.add(subject, time, keyOf(seen), [rtt, time, time])
      if (isNews || isTrip) judge(subject, device, worker, emit)
    },
    kept: { trips: trips.kept, reported: reported.kept, ...prefixed('settings', settings.kept) },
  }

  function keyOf({ connection, worker, time }: Seen): string {
    return announced(world, worker, connection!.geo, time, limits.travelGraceHours * HOUR) ? 'announced' : ''
  }

  function judge(subject: string, device: string, worker: string, emit: Emit): void {
    const days = daysOf(trips.of(subject))
    const from = Math.floor((trips.reached(subject) - LATENESS_MS) / DAY) - WITHIN_DAYS
    const now: Statement[] = []
    // Days before an earlier change are no habit any more.
    let since = Number.NEGATIVE_INFINITY
    for (const [index, { day }] of days.entries()) {
      const before = days.slice(0, index).filter((it) => it.day >= Math.max(since, day - WINDOW_DAYS))
      const after = days.slice(index, index + DAYS_AFTER).filter((it) => it.day < day + WITHIN_DAYS)
      const change = changeBetween(before, after)
      if (change === null) continue
      since = day
      const newNetwork = isNewNetwork(subject, before, after)
      now.push({
        about: { device, worker, time: after.at(-1)!.first },
        key: `${day}`,
        draft: {
          category: 'rtt_change',
          ...change,
          DaysBefore: before.length,
          DaysAfter: after.length,
          NewNetwork: newNetwork,
          TravelNotice: after.some((it) => it.announced),
        },
      })
    }
    reported.revise(subject, from * DAY, now, emit)
  }

  function changeBetween(before: readonly TripDay[], after: readonly TripDay[]) {
    if (before.length < limits.daysBefore || after.length < DAYS_AFTER) return null
    const [was, is] = [median(before), median(after)]
    const least = Math.min(...after.map((it) => it.rtt))
    const asSlow = before.filter((it) => it.rtt >= least).length
    if (is - was < limits.changeMs || least - was < limits.changeMs / 2 || asSlow > BAD_DAYS) return null
    return { BeforeMs: Math.round(was), AfterMs: Math.round(is), ChangeMs: Math.round(is - was) }
  }

  function isNewNetwork(subject: string, before: readonly TripDay[], after: readonly TripDay[]): boolean | null {
    const settingAt = settings.of(subject)
    const seen = (days: readonly TripDay[]) => new Set(days.flatMap((it) => settingAt(it.first, it.last).network))
    const [known, now] = [seen(before), seen(after)]
    if (known.size === 0 || now.size === 0) return null
    return [...now].every((it) => !known.has(it))
  }
})

/** Null: not measured, or on a network whose round trips say nothing. */
function tripIn({ connection }: Seen): number | null {
  if (!connection || SLOW_LINKS.has(connection.geo.class) || connection.geo.class === 'sase') return null
  return connection.rttMinMs ?? null
}

/** One entry a day, in order. */
function daysOf(facts: readonly Fact[]): TripDay[] {
  return [...Map.groupBy(facts, (it) => it.bucket)].map(([day, all]) => ({
    day,
    rtt: Math.min(...all.map((it) => it.values[0]!)),
    first: Math.min(...all.map((it) => it.values[1]!)),
    last: Math.max(...all.map((it) => it.values[2]!)),
    announced: all.some((it) => it.key === 'announced'),
  }))
}

/** Of an even number, the lower one of the two in the middle. */
function median(days: readonly TripDay[]): number {
  return days.map((it) => it.rtt).sort((a, b) => a - b)[Math.floor((days.length - 1) / 2)]!
}
