/**
 * A company of a thousand on its first days: how many ordinary people does it see at medium or high, and how many
 * infiltrators, while nobody has approved anything?
 *
 *   node test/accuracy/first-days.ts                                  NinjaOne and Zscaler on every laptop
 *   node test/accuracy/first-days.ts --rmm atera --sase netskope --workers 200 --seed 3
 *   node test/accuracy/first-days.ts --rmm none --sase none           the same people without either
 *
 * Shape   for each day the share of ordinary people and of infiltrators who stood at medium or high at any hour of it,
 *         and the cases that were open in the morning; then days 1 to 3 and 15 and later together, with the reviews
 *         that an analyst used, 5 a day per 1,000 laptops. One in a hundred is an infiltrator, three in a hundred are
 *         in look-alikes, counted apart. Day 1 is the first, in UTC.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Band, isAtLeast } from '../../server/model/assessment.ts'
import { companyOf } from '../../server/simulate/company.ts'
import type { Course, Followed } from './course.ts'
import { companyFleet } from './fleets.ts'
import { percent } from './page.ts'
import { courses } from './processes.ts'
import { results } from './results.ts'

const DAY = 86_400_000

export interface Day {
  /** 1 is the first. */
  day: number
  /** Shares of the people. */
  ordinary: Shares
  lookAlikes: Shares
  infiltrators: Shares
  open: number
}

interface Shares {
  people: number
  medium: number
  high: number
}

export function daysOf(course: Course): Day[] {
  const { fleet, people, mornings } = course
  const labelled = people.filter((it) => it.label !== null)
  const groups = {
    ordinary: { all: people.filter((it) => it.label === null), size: fleet.workers - labelled.length },
    lookAlikes: sized(labelled.filter((it) => it.label?.truth === 'benign')),
  }
  return Array.from({ length: fleet.days }, (_, nth) => {
    const from = fleet.start + nth * DAY
    // An infiltrator counts as one from the first thing that they did.
    const begun = sized(labelled.filter(({ label }) => label?.truth === 'infiltrator' && label.from < from + DAY))
    const of = ({ all, size }: { all: readonly Followed[]; size: number }): Shares => ({
      people: size,
      medium: all.filter((it) => stoodAt(it, 'medium', from, from + DAY)).length / Math.max(1, size),
      high: all.filter((it) => stoodAt(it, 'high', from, from + DAY)).length / Math.max(1, size),
    })
    return {
      day: nth + 1,
      ordinary: of(groups.ordinary),
      lookAlikes: of(groups.lookAlikes),
      infiltrators: of(begun),
      open: mornings.find((it) => it.at === from + DAY)?.open ?? 0,
    }
  })
}

function sized(all: readonly Followed[]) {
  return { all, size: all.length }
}

/** At any hour from `from` to `to`, also when it began before. */
function stoodAt({ stands }: Followed, band: Band, from: number, to: number): boolean {
  return stands.some((it, nth) => isAtLeast(it.band, band) && it.at < to && (stands[nth + 1]?.at ?? to) > from)
}

export function firstDays(course: Course): string {
  const days = daysOf(course)
  const row = (name: string, some: readonly Day[]) => {
    const mean = (of: (it: Day) => number) => some.reduce((sum, it) => sum + of(it), 0) / Math.max(1, some.length)
    const cell = (group: 'ordinary' | 'lookAlikes' | 'infiltrators', band: 'medium' | 'high') =>
      percent(mean((it) => it[group][band]))
    const reviews = course.reviews.filter(({ at }) =>
      some.some(({ day }) => at > course.fleet.start + (day - 1) * DAY && at <= course.fleet.start + day * DAY),
    )
    const used = (reviews.length / Math.max(1, some.length) / course.fleet.workers) * 1_000
    return [
      name,
      ...(['ordinary', 'lookAlikes', 'infiltrators'] as const).flatMap((it) => [cell(it, 'medium'), cell(it, 'high')]),
      mean((it) => it.open).toFixed(0),
      used.toFixed(1),
    ]
  }
  const head = ['day', 'ordinary medium', 'high', 'look-alikes medium', 'high', 'infiltrators medium', 'high']
  const rows = [
    ...days.map((it) => row(`${it.day}`, [it])),
    row('1 to 3', days.slice(0, 3)),
    row('15 on', days.slice(14)),
  ]
  return [[...head, 'open cases', 'reviews per 1,000'], ...rows].map((it) => it.join('\t')).join('\n')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '1000' },
      // The longest scene takes 32.
      days: { type: 'string', default: '33' },
      seed: { type: 'string', default: '1' },
      rmm: { type: 'string', default: 'ninjaone' },
      sase: { type: 'string', default: 'zscaler' },
      start: { type: 'string', default: '2026-09-21' },
      results: { type: 'string', default: join(import.meta.dirname, 'results') },
    },
  })
  const named = (name: string) => (name === 'none' ? undefined : name)
  const company = companyOf({ rmm: named(values.rmm), sase: named(values.sase) })
  const size = { workers: Number(values.workers), days: Number(values.days), start: Date.parse(values.start) }
  const fleet = { ...companyFleet(Number(values.seed), size), ...(company && { company }) }
  const tell = ({ share }: { share: number }) => process.stderr.write(`\r${Math.floor(share * 100)} %`)
  const [course] = await courses([{ fleet, explain: [], dump: false }], 1, tell, results(values.results))
  console.log(`\n${values.rmm}, ${values.sase}; ${values.workers} workers, seed ${values.seed}\n${firstDays(course!)}`)
}
