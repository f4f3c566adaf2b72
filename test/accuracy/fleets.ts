/**
 * The fleets of a seed.
 *
 * Shape   'scenes': every pattern and every look-alike once, and a fifth of the evasions and other variants in turn,
 *         among ordinary people: to measure detection of each. It has far more incidents than any company. 'company':
 *         ordinary people, of whom one in fifty is an infiltrator with a randomly drawn pattern, and a few are in
 *         look-alikes: to measure the queue and the noise.
 * Seeds   tuning: 1 to 999; reporting: from 100,001. Fleets that were looked at while rules were changed are never
 *         reported on.
 */
import { below, type Random, stream } from '../../server/simulate/random.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../server/simulate/scene.ts'

export const TUNING = { from: 1, to: 999 } as const
export const REPORTING = { from: 100_001, to: 199_999 } as const
/** The number of fleets until every variant was in one. */
const TURNS = 5
/**
 * Share of a company's people. With one in a hundred, the queue's figure would take twice the time for as many cases.
 * Reviews are not scarce (a fifth of all people could be reviewed in a run), so this share hardly changes it.
 */
const INFILTRATORS = 0.02
const LOOK_ALIKES = 0.05

export interface Fleet {
  kind: 'scenes' | 'company'
  seed: number
  scenarios: readonly string[]
  workers: number
  days: number
  /** Epoch ms. */
  start: number
}

export interface Size {
  workers: number
  days: number
  start: number
}

/** Errors  RangeError for more seeds than the range has. */
export function seedsOf({ from, to }: { from: number; to: number }, count: number): number[] {
  if (count > to - from + 1) throw new RangeError(`there are seeds from ${from} to ${to}, not ${count}`)
  return Array.from({ length: count }, (_, nth) => from + nth)
}

export function scenesFleet(seed: number, size: Size, scenarios: readonly Scenario[] = SCENARIOS): Fleet {
  const turn = seed % TURNS
  const variants = scenarios.flatMap((it) => (it.variants ?? []).map((variant) => `${it.id}/${variant}`))
  const due = variants.filter((_, nth) => nth % TURNS === turn)
  return { kind: 'scenes', seed, scenarios: [...scenarios.map((it) => it.id), ...due], ...size }
}

/** Only the scenes in `only`, with every variant: fast, but with other people and days than in a whole fleet. */
export function aloneFleet(seed: number, size: Size, only: readonly string[], scenarios = SCENARIOS): Fleet {
  const asked = scenarios.flatMap((it) => [it.id, ...(it.variants ?? []).map((variant) => `${it.id}/${variant}`)])
  return { kind: 'scenes', seed, scenarios: asked.filter((it) => isAmong(it, only)), ...size }
}

export function companyFleet(seed: number, size: Size, scenarios: readonly Scenario[] = SCENARIOS): Fleet {
  const random = stream(seed, 'company')
  const of = (letter: string) => scenarios.filter((it) => it.id.startsWith(letter))
  const drawn = [
    ...some(random, of('P'), Math.max(1, Math.round(size.workers * INFILTRATORS))),
    ...some(random, of('N'), Math.round(size.workers * LOOK_ALIKES)),
  ]
  return { kind: 'company', seed, scenarios: drawn, ...size }
}

/** 'P4' and 'P4/kvm' for 'P4'; one variant for 'P4/kvm'. */
export function isAmong(scenario: string, only: readonly string[]): boolean {
  const [id = ''] = scenario.split('/')
  return only.some((it) => it.toLowerCase() === scenario.toLowerCase() || it.toLowerCase() === id.toLowerCase())
}

/** Draws scenes at random in any variant, up to this number of people; scenes that are too large are skipped. */
function some(random: Random, scenarios: readonly Scenario[], people: number): string[] {
  const drawn: string[] = []
  for (let left = people; left > 0; ) {
    const fitting = scenarios.filter((it) => it.people <= left)
    if (fitting.length === 0) break
    const { id, people: taken, variants = [] } = fitting[below(random, fitting.length)]!
    const form = below(random, variants.length + 1)
    drawn.push(form === 0 ? id : `${id}/${variants[form - 1]}`)
    left -= taken
  }
  return drawn
}
