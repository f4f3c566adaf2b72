/**
 * Which fleets a seed stands for.
 *
 * Shape   'scenes': every pattern and every look-alike once, and of the evasions and other variants those whose turn it
 *         is, among ordinary people: for what is found of each. Far more in it is wrong than in any company.
 *         'company': ordinary people, of whom one in fifty is an infiltrator, of patterns drawn by lot, and few are
 *         in look-alikes: for the queue and the noise.
 * Seeds   of tuning 1 to 999, of reporting from 100,001 on: what was looked at while rules were changed is never
 *         reported on.
 */
import { below, type Random, stream } from '../../server/simulate/random.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../server/simulate/scene.ts'

export const TUNING = { from: 1, to: 999 } as const
export const REPORTING = { from: 100_001, to: 199_999 } as const
/** So many fleets it takes until every variant has been in one. */
const TURNS = 5
/**
 * Share of a company's people. At one in a hundred, as many cases for the queue's figure would take twice the time; reviews
 * are not what is short (a fifth of all people could be reviewed in a run), so how rare they are hardly moves it.
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

/** Errors  RangeError for more than there are: the next would be another range's. */
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

/** Nothing but what `only` names, with every variant: quick, and other people in other days than in a whole fleet. */
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

/** Drawn by lot, any form of a scene alike, until there are so many people; a last scene that is too large is left. */
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
