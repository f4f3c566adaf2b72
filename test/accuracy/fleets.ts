/**
 * The fleets of a seed.
 *
 * Shape   'scenes': every pattern and every look-alike once, and a fifth of the evasions and other variants in turn,
 *         among ordinary people: to measure detection of each. It has far more incidents than any company. 'company':
 *         ordinary people, of whom one in a hundred is an infiltrator and three are in look-alikes: to measure the
 *         queue, the noise and the calibration. 'drift': a company for months, to see whose points rise with time.
 *         'aging': the scenes, left undecided for three months.
 * Dealing companies of consecutive seeds are dealt scenes as from a pack of cards, each in any variant: every pattern
 *         occurs before one occurs twice, and one in a hundred holds over all companies together. A scene of several
 *         people makes one company worse and the next one better, as in the world. In every eighth company four thieves
 *         of one role work at a time, so that what is measured against colleagues is measured against thieves.
 * Seeds   tuning: 1 to 999; reporting: from 100,001. Fleets that were looked at while rules were changed are never
 *         reported on.
 */
import type { Company } from '../../server/simulate/company.ts'
import { below, type Random, stream } from '../../server/simulate/random.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../server/simulate/scene.ts'

export const TUNING = { from: 1, to: 999 } as const
export const REPORTING = { from: 100_001, to: 199_999 } as const
/** The number of fleets until every variant was in one. */
const TURNS = 5
/** Share of all companies' people. */
export const INFILTRATORS = 0.01
const LOOK_ALIKES = 0.03
const THIEVES = ['P11', 'P11/browser', 'P12', 'P12/thin'] as const
const THIEVES_EVERY = 8
/** A scene that takes more of a company than this is not dealt. */
const LARGEST = 0.5

export const KINDS = ['scenes', 'company', 'drift', 'aging'] as const
export type Kind = (typeof KINDS)[number]

export interface Fleet {
  kind: Kind
  seed: number
  scenarios: readonly string[]
  workers: number
  days: number
  /** Epoch ms. */
  start: number
  /** What the company has on every laptop, approved by nobody. */
  company?: Company
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
  const { from } = seed >= REPORTING.from ? REPORTING : TUNING
  const fitting = scenarios.filter((it) => it.people <= size.workers * LARGEST)
  const of = (letter: string, share: number, thieves: readonly string[]) =>
    dealt(
      seed - from,
      size.workers * share,
      fitting.filter((it) => it.id.startsWith(letter)),
      {
        key: `${from} ${letter}`,
        thieves,
      },
    )
  const drawn = [...of('P', INFILTRATORS, THIEVES), ...of('N', LOOK_ALIKES, [])]
  return { kind: 'company', seed, scenarios: drawn, ...size }
}

/** 'P4' and 'P4/kvm' for 'P4'; one variant for 'P4/kvm'. */
export function isAmong(scenario: string, only: readonly string[]): boolean {
  const [id = ''] = scenario.split('/')
  return only.some((it) => it.toLowerCase() === scenario.toLowerCase() || it.toLowerCase() === id.toLowerCase())
}

/** The scenes of company `nth`, of which each gets `people` on average. */
function dealt(
  nth: number,
  people: number,
  scenarios: readonly Scenario[],
  { key, thieves }: { key: string; thieves: readonly string[] },
): string[] {
  const random = stream('companies', key)
  const size = (name: string) => scenarios.find((it) => it.id === name.split('/')[0])?.people ?? 0
  const known = thieves.filter((it) => size(it) > 0)
  let pack: Scenario[] = []
  let taken = 0
  let hand: string[] = []
  for (let company = 0; company <= nth; company++) {
    hand = known.length > 0 && company % THIEVES_EVERY === THIEVES_EVERY - 1 ? [...known] : []
    taken += hand.reduce((sum, it) => sum + size(it), 0)
    while (scenarios.length > 0 && taken < Math.round(people * (company + 1))) {
      if (pack.length === 0) pack = shuffled(random, scenarios)
      const { id, people: size_, variants = [] } = pack.pop()!
      hand.push(
        below(random, 2) === 0 || variants.length === 0 ? id : `${id}/${variants[below(random, variants.length)]}`,
      )
      taken += size_
    }
  }
  return hand
}

function shuffled(random: Random, scenarios: readonly Scenario[]): Scenario[] {
  return scenarios
    .map((it) => ({ it, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ it }) => it)
}
