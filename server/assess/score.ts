/**
 * Computes a worker's score and band from findings: a sum of weights of evidence, in parts that add up exactly.
 *
 * Shape   prior + facts - overlaps - mitigations + referral - doubt, and at least the band of a pattern. Who was high
 *         keeps the highest sum until somebody decides: evidence fades, a case waits.
 *         One fact is one part: all findings of a rule about a worker, on however many days and about however many
 *         devices, folders or addresses, count once, with the weight of the strongest; so do findings of two rules that
 *         name the same fact, or say the same sentence. Of the facts that one sensor saw the strongest counts in full,
 *         and the others for `OVERLAP`: they may tell the same thing twice. A weight halves with every half-life since
 *         the last event.
 * Units   whole decibans, for the hour that contains `now`: ten points are ten times likelier. The sum is log odds: at 0
 *         as many infiltrators as others have it. `without`: the result without that part; `withoutSensor`: without
 *         all of a sensor.
 * Errors  none: without findings the band is 'none', whatever could not be seen.
 * Source  judgement, section 4.
 */

import type { Contract } from '../../wire/contract.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import { type Assessment, type Band, type Explained, isAtLeast, type Part, PRIOR } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'
import { type Mitigation, mitigation } from './mitigations.ts'
import { type Colleagues, roleOf, weigh } from './rarity.ts'

/** The least sum of each band. */
export const LEAST = { medium: 0, high: 10, critical: 20 } as const
/** What a further fact of a sensor counts. */
export const OVERLAP = 0.35
/** Above this sum, a deciban counts for a third: no data support odds of a thousand million to one. */
export const DOUBT_ABOVE = 30
const DOUBT_SHARE = 2 / 3
/** Recommended by somebody who is high or critical: five times likelier (threat model #7). Our judgement. */
const REFERRAL = 7
/** After two half-lives a pattern no longer decides the band. */
const CARRIES_BAND = 0.25
/** A pattern that is this common here does not decide the band. */
const PATTERN_FROM = 10
/** So many of the last days with findings are looked at for the highest sum. */
const HIGHEST_DAYS = 90

export interface ScoreContext {
  /** In force now. */
  contract: Contract | null
  /** Who referred this worker, and their band. */
  referrer: { worker: string; band: Band } | null
  /** Null: nobody has been counted. */
  rarity: RecordedRarity | null
  /** When somebody decided about the worker last; null: nobody did. */
  decidedAt: number | null
}

const NOBODY: ScoreContext = { contract: null, referrer: null, rarity: null, decidedAt: null }

/** A finding with what does not change with time. */
interface Weighed {
  finding: Finding
  /** Before decay. */
  whole: number
  colleagues: Colleagues | null
  less: Mitigation | null
}

/** One fact: the strongest finding of a rule, or of rules that name the same fact, with the ids of all that tell it. */
interface Fact extends Weighed {
  /** After decay. */
  points: number
  /** The share of its weight that is left. */
  left: number
  ids: string[]
}

/** Depends on the set of findings and the hour, not on their order. */
export function assess(
  worker: string,
  findings: readonly Finding[],
  now: number,
  context: ScoreContext = NOBODY,
): Assessment {
  return judged(worker, weighed(findings, context), now, context)
}

/** Of a worker without findings. */
export function unjudged(worker: string): Assessment {
  return assess(worker, [], 0)
}

/** The same, with the points and the band that there would be without each part, and without each sensor. */
export function explained(
  worker: string,
  findings: readonly Finding[],
  now: number,
  context: ScoreContext = NOBODY,
): Explained {
  const all = weighed(findings, context)
  const assessment = judged(worker, all, now, context)
  const parts = assessment.parts.map((part): Part => {
    const rest = withoutPart(part, all, context)
    if (!rest) return part
    const { points, band } = judged(worker, ...rest)
    return { ...part, without: { points, band } }
  })
  const sensors = new Set(assessment.parts.flatMap(({ kind, sensor }) => (kind === 'finding' && sensor) || []))
  const withoutSensor = Object.fromEntries(
    [...sensors].map((sensor) => {
      const rest = all.filter(({ finding }) => finding.sensors.every((it) => it !== sensor))
      const { points, band } = judged(worker, rest, now, context)
      return [sensor, { points, band }]
    }),
  )
  return { ...assessment, parts, withoutSensor }

  function withoutPart(
    { kind, label, findings: told }: Part,
    all: readonly Weighed[],
    context: ScoreContext,
  ): [Weighed[], number, ScoreContext] | null {
    switch (kind) {
      case 'finding':
        return [all.filter(({ finding }) => !told.includes(finding.id)), now, context]
      case 'mitigation':
        return [all.map((it) => (it.less?.label === label ? { ...it, less: null } : it)), now, context]
      case 'referral':
        return [[...all], now, { ...context, referrer: null }]
      default:
        return null
    }
  }
}

function judged(worker: string, all: readonly Weighed[], now: number, context: ScoreContext): Assessment {
  const found = factsAt(all, now)
  const { parts, points, band } = keptWaiting(sumUp(found, context), all, found, context)
  return { worker, band, points, reason: reasonOf(found, band), parts }
}

function sumUp(found: readonly Fact[], { referrer }: Pick<ScoreContext, 'referrer'>): Sum {
  const parts: Part[] = []
  let sum = 0
  const part = (kind: Part['kind'], label: string, points: number, more: Partial<Part> = {}) => {
    sum += points
    parts.push({ kind, label, points, sensor: null, colleagues: null, findings: [], without: null, ...more })
  }
  part('prior', `One contractor in ${oneIn(PRIOR)}, before anything is seen.`, PRIOR)
  const groups = Map.groupBy(withOverlaps(found), ({ fact: { finding } }) => sensorsIn(finding))
  for (const told of groups.values())
    for (const [at, { fact, overlap, stronger }] of told.entries()) {
      const { finding, points, colleagues, ids } = fact
      const sensor = finding.sensors.length === 1 ? finding.sensors[0]! : null
      part('finding', finding.says, points, { sensor, colleagues, findings: ids })
      if (stronger && overlap > 0) part('overlap', overlapping(stronger, told[0]!.fact, at), -overlap, { sensor })
    }
  for (const [label, mitigated] of Map.groupBy(found, (it) => (removed(it) > 0 ? it.less!.label : ''))) {
    const points = mitigated.reduce((all, it) => all + removed(it), 0)
    if (label !== '') part('mitigation', label, -points, { findings: mitigated.flatMap((it) => it.ids) })
  }
  if (referrer && isAtLeast(referrer.band, 'high') && found.some((it) => net(it) > 0))
    part('referral', `recommended by ${referrer.worker}, who is ${referrer.band}`, REFERRAL)
  const doubt = Math.round(Math.max(0, sum - DOUBT_ABOVE) * DOUBT_SHARE)
  if (doubt > 0) part('doubt', `above +${DOUBT_ABOVE}, a third of every further point counts`, -doubt)
  const pattern = patternOf(found)
  if (pattern && sum < LEAST[pattern.band])
    part('floor', `a pattern that is ${pattern.band} by itself: ${pattern.says}`, LEAST[pattern.band] - sum)
  return { parts, points: sum, band: bandOf(sum, found) }
}

/** 'a hundred' at −20: so many have one infiltrator among them. */
function oneIn(prior: number): string {
  const people = Math.round(10 ** (-prior / 10))
  return { 10: 'ten', 100: 'a hundred', 1000: 'a thousand' }[people] ?? people.toLocaleString('en')
}

/** `at`: the place of the weaker fact in its group, whose `first` is the strongest. */
function overlapping(stronger: Fact, first: Fact, at: number): string {
  if (stronger !== first) return `overlaps with: ${stronger.finding.says}`
  return `overlaps with the ${at === 1 ? 'line above' : 'first line of this sensor'}: one sensor, told twice`
}

/** With what each fact does not add, because a stronger one of the same sensor may tell the same. */
function withOverlaps(found: readonly Fact[]): { fact: Fact; stronger: Fact | null; overlap: number }[] {
  const strongest = new Map<string, Fact>()
  return found.map((fact) => {
    const { sensors } = fact.finding
    const stronger = sensors.map((it) => strongest.get(it)).find((it) => it !== undefined) ?? null
    for (const it of sensors) if (!strongest.has(it)) strongest.set(it, fact)
    return { fact, stronger, overlap: stronger ? net(fact) - Math.round(net(fact) * OVERLAP) : 0 }
  })
}

function sensorsIn({ sensors }: Finding): string {
  return sensors.length === 1 ? sensors[0]! : 'several'
}

function bandOf(sum: number, found: readonly Fact[]): Band {
  if (sum >= LEAST.critical) return 'critical'
  if (sum >= LEAST.high) return 'high'
  if (sum >= LEAST.medium) return 'medium'
  return found.some((it) => it.whole > 0) ? 'low' : 'none'
}

/** The strongest pattern that decides a band by itself. */
function patternOf(found: readonly Fact[]): { band: 'high' | 'critical'; says: string } | null {
  const deciding = found.filter(
    ({ finding, left, whole }) => finding.pattern !== null && left >= CARRIES_BAND && whole >= PATTERN_FROM,
  )
  const { pattern, says } = (deciding.find((it) => it.finding.pattern === 'critical') ?? deciding[0])?.finding ?? {}
  return pattern && says ? { band: pattern, says } : null
}

/** The two strongest facts of different sensors; a pattern that decides the band says it alone. */
function reasonOf(found: readonly Fact[], band: Band): string {
  if (band === 'none')
    return found.length === 0 ? 'nothing found in what the agents can see' : `common here: ${found[0]!.finding.says}`
  const pattern = patternOf(found)
  if (pattern && pattern.band === band) return pattern.says
  const [first] = found
  if (!first || first.points === 0) return `faded: ${first!.finding.says}`
  const other = found.find(
    ({ finding, points }) => points > 0 && !finding.sensors.some((it) => first.finding.sensors.includes(it)),
  )
  return other ? joined(first.finding.says, other.finding.says) : first.finding.says
}

interface Sum {
  parts: Part[]
  points: number
  band: Band
}

/**
 * Adds what has faded since the worker was high, unless somebody has decided since. Weights only fall between two
 * events, so the sum was highest at the last event of some day; that is looked at only if what has faded matters.
 */
function keptWaiting(sum: Sum, all: readonly Weighed[], found: readonly Fact[], context: ScoreContext): Sum {
  const unfaded = found.map((it) => ({ ...it, points: it.whole, left: 1 })).sort(byWeight)
  const most = sumUp(unfaded, context).points
  if (most <= sum.points || most < LEAST.high) return sum
  const days = new Map<number, number>()
  for (const { lastTime } of all.map((it) => it.finding)) {
    const day = Math.floor(lastTime / DAY)
    if (lastTime > (context.decidedAt ?? 0)) days.set(day, Math.max(days.get(day) ?? 0, lastTime))
  }
  let highest: { at: number; points: number } | null = null
  for (const at of [...days.values()].sort((a, b) => b - a).slice(0, HIGHEST_DAYS)) {
    const then = all.filter(({ finding }) => finding.time <= at)
    const { points } = sumUp(factsAt(then, at), context)
    if (points >= LEAST.high && points > Math.max(sum.points, highest?.points ?? 0)) highest = { at, points }
  }
  if (!highest) return sum
  const label = `It was that high on ${new Date(highest.at).toISOString().slice(0, 10)}, and nobody has decided since.`
  const part: Part = {
    ...{ kind: 'waiting', label, points: highest.points - sum.points },
    ...{ sensor: null, colleagues: null, findings: [], without: null },
  }
  return { parts: [...sum.parts, part], points: highest.points, band: bandOf(highest.points, found) }
}

function weighed(findings: readonly Finding[], { contract, rarity }: ScoreContext): Weighed[] {
  const role = roleOf(contract)
  return findings.map((finding) => {
    const { decibans: whole, colleagues } = weigh(finding, role, rarity)
    return { finding, whole, colleagues, less: mitigation(finding, contract) }
  })
}

/** All facts, the strongest first. */
function factsAt(all: readonly Weighed[], now: number): Fact[] {
  const at = hourOf(now)
  const each = all.map((it): Fact => {
    const { lastTime, halfLifeDays, id } = it.finding
    const age = Math.max(0, at - lastTime)
    const left = halfLifeDays === null ? 1 : 0.5 ** (age / (halfLifeDays * DAY))
    return { ...it, points: Math.round(it.whole * left), left, ids: [id] }
  })
  const byRule = merged(each.sort(byWeight), ({ finding }) => finding.fact ?? finding.rule)
  return merged(byRule, ({ finding }) => finding.says).sort(byWeight)
}

/** The strongest of each, in the order given: what a mitigation leaves counts. */
function merged(all: readonly Fact[], keyOf: (it: Fact) => string): Fact[] {
  return [...Map.groupBy(all, keyOf).values()].map((same) => {
    if (same.length === 1) return same[0]!
    const top = same.reduce((best, it) => (net(it) > net(best) ? it : best))
    const others = same.filter((it) => it !== top).flatMap((it) => it.ids)
    return { ...top, ids: [...top.ids, ...others] }
  })
}

function removed({ points, less }: Fact): number {
  return less ? Math.round(points * less.share) : 0
}

function net(fact: Fact): number {
  return fact.points - removed(fact)
}

function byWeight(a: Fact, b: Fact): number {
  return (
    net(b) - net(a) ||
    b.points - a.points ||
    b.finding.strength - a.finding.strength ||
    b.finding.lastTime - a.finding.lastTime ||
    (a.finding.id < b.finding.id ? -1 : 1)
  )
}

function hourOf(now: number): number {
  return Math.floor(now / HOUR) * HOUR
}

/** Two sentences, or two phrases. */
function joined(one: string, other: string): string {
  return /[.!?]$/.test(one) ? `${one} ${other}` : `${one}; ${other}`
}
