/**
 * Generates a whole fleet's recorded telemetry, in order of arrival, from a seed.
 *
 * Shape   lines of `wire/recording.ts` without line ends. The same options give the same bytes; adding a scene changes
 *         nothing for workers outside it. Derived events are never generated: the server derives them.
 * Memory  one hour of the fleet, one day's plan of each worker, and what is in transit; not the run.
 * Errors  Fault 'usage' for scenes that do not exist, or need more people or days.
 */
import { askedFor, castAll, paperwork, peopleOf } from './casting.ts'
import type { Company } from './company.ts'
import { planDay } from './day.ts'
import type { DayPlan } from './day-plan.ts'
import { hourOf } from './hour.ts'
import { feedLine } from './observations.ts'
import { firstBootOf, hire, holdingLine, localAt, type Person, type Run, type Span } from './person.ts'
import { stream } from './random.ts'
import { SCENARIOS } from './scenarios/index.ts'
import type { Scenario } from './scene.ts'
import { type Arrival, type Draft, spooled } from './spool.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Time zones east of UTC: their day begins this much before the UTC day. */
const EAST_MS = 14 * HOUR

export interface SimulateOptions {
  /** 'P4', 'P12/slow', 'all'; the same name twice gives two scenes. None: only noise. */
  scenarios: readonly string[]
  seed: number
  workers: number
  days: number
  /** Epoch ms; the run begins at that UTC date. */
  start: number
  /** What the company installs on every laptop, approved by nobody. */
  company?: Company | null
}

/** One person, and their planned days that are not over. */
interface Life {
  person: Person
  nextDay: number
  plans: DayPlan[]
  pending: Draft[]
}

export function* simulate(options: SimulateOptions, scenarios: readonly Scenario[] = SCENARIOS): Generator<string> {
  const { seed, workers, days } = options
  const run: Run = { seed, days, start: Math.floor(options.start / DAY) * DAY, company: options.company ?? null }
  const fleet = Array.from({ length: workers }, (_, index) => hire(run, index))
  castAll(
    run,
    fleet,
    options.scenarios.flatMap((it) => askedFor(it, scenarios)),
  )
  const opening = run.start - EAST_MS
  const lives = fleet.map((person) => begin(run, person, opening))
  const buckets = new Map<number, Arrival[]>()
  const end = run.start + days * DAY + EAST_MS
  for (let from = opening; from < end; from += HOUR) {
    const hour = { from, to: from + HOUR }
    const arrivals: Arrival[] = []
    for (const life of lives) live(run, life, hour, arrivals)
    for (const it of arrivals) keep(buckets, Math.max(from, it.at - (it.at % HOUR)), it)
    yield* delivered(buckets, from)
  }
  for (const from of [...buckets.keys()].sort((a, b) => a - b)) yield* delivered(buckets, from)
}

/** The number of workers that the requested scenes need. */
export const workersFor = (names: readonly string[], scenarios: readonly Scenario[] = SCENARIOS): number =>
  peopleOf(names.flatMap((it) => askedFor(it, scenarios)))

function begin(run: Run, person: Person, opening: number): Life {
  const pending: Draft[] = paperwork(run, person, opening).map((it) => ({ ...it, kind: 'line' }))
  const boot = Math.max(opening, firstBootOf(run, person))
  if (person.ownMachine === undefined)
    pending.push({ time: boot, kind: 'line', body: holdingLine(run, person, person.machine, { at: boot }) })
  if (person.leaves !== null)
    for (const [day, Action] of [
      [person.leaves - 14, 'ending'],
      [person.leaves, 'ended'],
    ] as const)
      if (day >= 0) pending.push(hr(person, localAt(run, person, day, 1_080), { Action }))
  for (const { time, fields } of person.hr) pending.push(hr(person, time, fields))
  return { person, nextDay: 0, plans: [], pending: pending.sort((a, b) => a.time - b.time) }
}

function hr({ worker }: Person, time: number, fields: Person['hr'][number]['fields']): Draft {
  return { time, kind: 'line', body: feedLine('contract_event', fields, { worker, time, receivedAt: time }) }
}

function live(run: Run, life: Life, hour: Span, arrivals: Arrival[]): void {
  const { person } = life
  while (life.nextDay < run.days && localAt(run, person, life.nextDay, 0) < hour.to) beginDay(run, life)
  const due: Draft[] = []
  hourOf(person, life.plans, hour, stream(run.seed, person.index, hour.from), due)
  let planned = 0
  while (planned < life.pending.length && life.pending[planned]!.time < hour.to) planned++
  due.push(...life.pending.splice(0, planned))
  if (due.length === 0) return
  due.sort((a, b) => a.time - b.time)
  const gaps = life.plans.flatMap((it) => it.gaps)
  const random = stream(run.seed, 'upload', person.index, hour.from)
  spooled(person, due, { gaps, notBefore: hour.from }, random, arrivals)
}

function beginDay(run: Run, life: Life): void {
  const { person } = life
  const day = life.nextDay++
  const midnight = localAt(run, person, day, 0)
  // Shifts and gaps may reach into the next days.
  life.plans = life.plans.filter((it) => lastOf(it) > midnight)
  const plan = planDay(run, person, day)
  if (plan) {
    life.plans.push({ ...plan, drafts: [] })
    life.pending.push(...plan.drafts)
  }
  writeLabel(run, life, midnight)
  life.pending.sort((a, b) => a.time - b.time)
}

function lastOf({ awake, active, gaps }: DayPlan): number {
  return [...awake, ...active, ...gaps].reduce((last, it) => Math.max(last, it.to), 0)
}

/** Writes the label once its beginning is known; for a scene without placed events, on the last day. */
function writeLabel(run: Run, { person, nextDay, pending }: Life, midnight: number): void {
  const { label, worker } = person
  if (!label || label.written || (label.from === null && nextDay < run.days)) return
  label.written = true
  const { truth, scenario, from } = label
  const body = JSON.stringify({ type: 'label', worker, truth, scenario, from: from ?? run.start })
  pending.push({ time: Math.max(midnight, from ?? midnight), kind: 'line', body })
  pending.sort((a, b) => a.time - b.time)
}

function keep(buckets: Map<number, Arrival[]>, hour: number, arrival: Arrival): void {
  const bucket = buckets.get(hour)
  if (bucket) bucket.push(arrival)
  else buckets.set(hour, [arrival])
}

function* delivered(buckets: Map<number, Arrival[]>, hour: number): Generator<string> {
  const bucket = buckets.get(hour)
  if (!bucket) return
  buckets.delete(hour)
  // A stable sort: what one laptop sent in one batch stays in order.
  bucket.sort((a, b) => a.at - b.at)
  for (const { line } of bucket) yield line
}
