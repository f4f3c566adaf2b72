/**
 * Whether points mean what they say, and keep meaning it as time passes.
 *
 * Shape   from the points of each morning. Ten points are odds of one to ten more than before: 0 is one to one, 10 ten to
 *         one, 20 a hundred to one. An infiltrator counts from the label's beginning; before it, as nobody.
 * Units   points are decibans; days are of the run.
 */
import { type Band, isAtLeast } from '../../server/model/assessment.ts'
import type { Course, Followed, Morning } from './course.ts'
import { type Interval, quantile, wilson } from './statistics.ts'

const DAY = 86_400_000
/** Limits of the bins; a bin reaches up to the next one. */
const BINS = [Number.NEGATIVE_INFINITY, 0, 10, 20, 30] as const
/** From which points on somebody is shown as medium, high, critical. */
const SHOWN = [0, 10, 20] as const
export const DRIFT_DAYS = [30, 60, 90, 120] as const
export const AGING_DAYS = [45, 90] as const

export interface Bin {
  /** Null: everything below the next. */
  from: number | null
  people: number
  infiltrators: number
  interval: Interval
  /** Mean of their points: the odds that the score gives them. */
  stated: number | null
  /** 10 log10 of infiltrators to others; null where one of them is 0. */
  observed: number | null
}

export interface Calibration {
  /** By the highest points of any morning: each person once. */
  highest: Bin[]
  /** By the points of every morning, of everybody: people are person-days. */
  mornings: Bin[]
  /** Of those who were ever shown at this many points or more. */
  shown: Bin[]
}

/** Null without companies: elsewhere infiltrators are too frequent. */
export function calibration(courses: readonly Course[]): Calibration | null {
  const people = courses.filter((it) => it.fleet.kind === 'company').flatMap(everybody)
  if (people.length === 0) return null
  const once = people.flatMap((it) => (it.points.length > 0 ? [{ ...it, points: Math.max(...it.points) }] : []))
  const daily = people.flatMap(({ isInfiltrator, points }) => points.map((it) => ({ isInfiltrator, points: it })))
  const binned = (all: typeof once) =>
    BINS.map((from, nth) =>
      bin(
        from,
        all.filter((it) => it.points >= from && it.points < (BINS[nth + 1] ?? Infinity)),
      ),
    )
  return {
    highest: binned(once),
    mornings: binned(daily),
    shown: SHOWN.map((from) =>
      bin(
        from,
        once.filter((it) => it.points >= from),
      ),
    ),
  }
}

function bin(from: number, people: readonly { isInfiltrator: boolean; points: number }[]): Bin {
  const infiltrators = people.filter((it) => it.isInfiltrator).length
  const others = people.length - infiltrators
  return {
    from: from === Number.NEGATIVE_INFINITY ? null : from,
    people: people.length,
    infiltrators,
    interval: wilson(people.length === 0 ? 0 : infiltrators / people.length, people.length),
    stated: people.length === 0 ? null : mean(people.map((it) => it.points)),
    observed: infiltrators === 0 || others === 0 ? null : 10 * Math.log10(infiltrators / others),
  }
}

/** Everybody's points by morning, also of those about whom nothing was ever found. */
function everybody({ fleet, people, mornings }: Course): { isInfiltrator: boolean; points: number[] }[] {
  const labels = new Map(people.map((it) => [it.worker, it.label]))
  return Array.from({ length: fleet.workers }, (_, nth) => {
    const worker = `w${nth + 1}`
    const label = labels.get(worker)
    const isInfiltrator = label?.truth === 'infiltrator'
    const from = isInfiltrator ? label.from : 0
    return { isInfiltrator, points: mornings.flatMap((it) => (it.at >= from ? [pointsOf(it, worker)] : [])) }
  })
}

const pointsOf = ({ points, nobody }: Morning, worker: string): number => points[worker] ?? nobody

export interface Drift {
  people: number
  days: number
  /** Points a day, by least squares over each person's mornings. */
  slope: { mean: number; p95: number | null; highest: number }
  /** Of the points of all benign people on that morning. */
  at: { day: number; mean: number; p99: number; highest: number }[]
}

/** Benign people of the long companies; null without one. */
export function drift(courses: readonly Course[]): Drift | null {
  const long = courses.filter((it) => it.fleet.kind === 'drift')
  const [first] = long
  if (!first) return null
  const people = long.flatMap((course) => everybody(course).filter((it) => !it.isInfiltrator))
  const slopes = people.map(({ points }) => slopeOf(points))
  return {
    people: people.length,
    days: first.fleet.days,
    slope: { mean: mean(slopes), p95: quantile(slopes, 0.95), highest: Math.max(...slopes) },
    at: DRIFT_DAYS.flatMap((day) => {
      const points = long.flatMap((course) => {
        const morning = course.mornings.find((it) => Math.round((it.at - course.fleet.start) / DAY) === day)
        return morning ? benignPoints(course, morning) : []
      })
      if (points.length === 0) return []
      return [{ day, mean: mean(points), p99: quantile(points, 0.99)!, highest: Math.max(...points) }]
    }),
  }
}

function benignPoints({ fleet, people }: Course, morning: Morning): number[] {
  const infiltrators = new Set(people.filter((it) => it.label?.truth === 'infiltrator').map((it) => it.worker))
  const workers = Array.from({ length: fleet.workers }, (_, nth) => `w${nth + 1}`)
  return workers.filter((it) => !infiltrators.has(it)).map((it) => pointsOf(morning, it))
}

/** Of a line through the values, by least squares; 0 for fewer than two. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const average = mean(values)
  const spread = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
  return spread === 0 ? 0 : values.reduce((sum, it, at) => sum + (at - middle) * (it - average), 0) / spread
}

export interface Aging {
  day: number
  infiltrators: number
  /** Shares of them, and of the others. */
  high: { infiltrators: number; others: number }
  medium: { infiltrators: number; others: number }
}

/** The same people, undecided, on two days; empty without such a fleet. */
export function aging(courses: readonly Course[]): Aging[] {
  const old = courses.filter((it) => it.fleet.kind === 'aging')
  if (old.length === 0) return []
  const all = old.reduce((sum, it) => sum + it.fleet.workers, 0)
  return AGING_DAYS.map((day) => {
    const people = old.flatMap((course) =>
      course.people.map((it) => ({ it, band: bandAt(it, course.fleet.start + day * DAY) })),
    )
    const infiltrators = people.filter(({ it }) => it.label?.truth === 'infiltrator')
    const others = people.filter(({ it }) => it.label?.truth !== 'infiltrator')
    const shares = (least: Band) => ({
      infiltrators: infiltrators.filter((it) => isAtLeast(it.band, least)).length / Math.max(1, infiltrators.length),
      others: others.filter((it) => isAtLeast(it.band, least)).length / Math.max(1, all - infiltrators.length),
    })
    return { day, infiltrators: infiltrators.length, high: shares('high'), medium: shares('medium') }
  })
}

export interface Left {
  /** Who were critical at any time. */
  critical: number
  /** Of them, whose case was no longer open on some later morning though nobody had decided. */
  left: number
  infiltrators: number
}

export function left(courses: readonly Course[]): Left {
  const critical = courses
    .flatMap((it) => it.people)
    .filter((it) => it.left || it.stands.some(({ band }) => band === 'critical'))
  const gone = critical.filter((it) => it.left)
  return {
    critical: critical.length,
    left: gone.length,
    infiltrators: gone.filter(({ label }) => label?.truth === 'infiltrator').length,
  }
}

const bandAt = ({ stands }: Pick<Followed, 'stands'>, at: number): Band =>
  stands.findLast((it) => it.at <= at)?.band ?? 'none'

const mean = (values: readonly number[]): number => values.reduce((sum, it) => sum + it, 0) / Math.max(1, values.length)
