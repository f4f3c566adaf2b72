/**
 * Computes a worker's band and points from findings, in parts that add up exactly.
 *
 * Shape   one fact is one part: all findings of a rule about a worker, on however many days and about however many
 *         devices, folders or addresses, count once, with the points of the strongest; so do findings of two rules
 *         with the same sentence. Points halve with every half-life since the last event; mitigations subtract points;
 *         each family and the total are capped. Parts that came after a cap was reached would only be taken away
 *         again: they are listed with the cap. `without`: the result without that part.
 * Units   whole points, for the hour that contains `now`. One finding of strength 4 fills most of a family; four
 *         families can fill the total.
 * Errors  none: without findings the band is 'none' with 0 points, whatever could not be seen.
 */

import type { Contract } from '../../wire/contract.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import type { Assessment, Band, Part } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'
import { type Mitigation, mitigation } from './mitigations.ts'

export const BASE = { 1: 5, 2: 15, 3: 40, 4: 70 } as const
export const FAMILY_CAP = 80
export const TOTAL_CAP = 200
/** After two half-lives a finding is still shown, but has no effect on the band. */
const CARRIES_BAND = 0.25
/** Threat model #7: points count one and a half times when the referrer is flagged. */
const REFERRAL_SHARE = 0.5

export interface ScoreContext {
  /** In force now. */
  contract: Contract | null
  /** Who referred this worker, and their band. */
  referrer: { worker: string; band: Band } | null
}

/** One rule and group: what the band is decided by. */
interface Weighed {
  finding: Finding
  points: number
  carries: boolean
  ids: string[]
  less: Mitigation | null
}

/** One fact: the strongest of its groups, with the findings of all. */
type Fact = Weighed

/** Depends on the set of findings and the hour, not on their order. */
export function assess(
  worker: string,
  findings: readonly Finding[],
  now: number,
  context: ScoreContext = { contract: null, referrer: null },
): Assessment {
  const weighed = strongest(findings, Math.floor(now / HOUR) * HOUR, context.contract)
  const { parts, points } = sumUp(weighed, context)
  const { band, reason } = judge(weighed)
  return { worker, band, points, reason, parts }
}

/** The same, with the points and the band that there would be without each part. */
export function explained(
  worker: string,
  findings: readonly Finding[],
  now: number,
  context: ScoreContext = { contract: null, referrer: null },
): Assessment {
  const assessment = assess(worker, findings, now, context)
  const weighed = strongest(findings, Math.floor(now / HOUR) * HOUR, context.contract)
  const parts = assessment.parts.map((part): Part => {
    if (part.kind === 'referral')
      return {
        ...part,
        without: { points: sumUp(weighed, { ...context, referrer: null }).points, band: assessment.band },
      }
    const ids = new Set(part.findings)
    const rest =
      part.kind === 'finding'
        ? weighed.filter((it) => !ids.has(it.finding.id))
        : part.kind === 'mitigation'
          ? weighed.map((it) => (it.less?.label === part.label ? { ...it, less: null } : it))
          : null
    return rest ? { ...part, without: { points: sumUp(rest, context).points, band: judge(rest).band } } : part
  })
  return { ...assessment, parts }
}

function sumUp(weighed: readonly Weighed[], { referrer }: ScoreContext): { parts: Part[]; points: number } {
  const counted: Fact[] = []
  /** Facts that met a full family, by family; or the full total. */
  const over = new Map<string, Fact[]>()
  const overAll: Fact[] = []
  const sums = new Map<string, number>()
  let total = 0
  for (const fact of facts(weighed)) {
    const { family } = fact.finding
    const sum = sums.get(family) ?? 0
    const isFull = sum >= FAMILY_CAP
    if (isFull) over.set(family, [...(over.get(family) ?? []), fact])
    else if (total >= TOTAL_CAP) overAll.push(fact)
    if (isFull || total >= TOTAL_CAP) continue
    counted.push(fact)
    sums.set(family, sum + net(fact))
    total += Math.min(net(fact), FAMILY_CAP - sum)
  }

  const parts: Part[] = []
  const part = (kind: Part['kind'], label: string, points: number, family: string | null, of: readonly Fact[] = []) =>
    parts.push({ kind, label, points, family, findings: of.flatMap((it) => it.ids), without: null })
  for (const fact of counted) part('finding', fact.finding.says, fact.points, fact.finding.family, [fact])
  for (const [label, mitigated] of Map.groupBy(counted, (it) => (removed(it) > 0 ? (it.less?.label ?? '') : ''))) {
    const families = new Set(mitigated.map((it) => it.finding.family))
    const points = mitigated.reduce((sum, it) => sum + removed(it), 0)
    if (label !== '') part('mitigation', label, -points, families.size === 1 ? [...families][0]! : null, mitigated)
  }
  for (const [family, sum] of sums) {
    const more = over.get(family) ?? []
    if (sum > FAMILY_CAP || more.length > 0)
      part(
        'family_cap',
        capped(`${family}: at most ${FAMILY_CAP} points`, more),
        Math.min(0, FAMILY_CAP - sum),
        family,
        more,
      )
  }
  const flagged = referrer?.band === 'high' || referrer?.band === 'critical'
  const more = Math.min(Math.round(total * REFERRAL_SHARE), Math.max(0, TOTAL_CAP - total))
  if (flagged && more > 0) part('referral', `recommended by ${referrer.worker}, who is ${referrer.band}`, more, null)
  if (total > TOTAL_CAP || overAll.length > 0)
    part(
      'total_cap',
      capped(`at most ${TOTAL_CAP} points in all`, overAll),
      Math.min(0, TOTAL_CAP - total),
      null,
      overAll,
    )
  return { parts, points: parts.reduce((sum, it) => sum + it.points, 0) }
}

function removed({ points, less }: Fact): number {
  return less ? Math.round(points * less.share) : 0
}

function net(fact: Fact): number {
  return fact.points - removed(fact)
}

function capped(label: string, more: readonly Fact[]): string {
  if (more.length === 0) return label
  return `${label}; ${more.length === 1 ? '1 more fact adds' : `${more.length} more facts add`} none`
}

/**
 * Merges what one rule found, and what has the same sentence. Patterns first: they decide the band, so they must not be
 * listed with a cap.
 */
function facts(weighed: readonly Weighed[]): Fact[] {
  const byRule = merged(weighed, ({ finding }) => finding.rule)
  const rank = ({ carries, finding: { pattern } }: Fact) =>
    carries && pattern !== null ? ['high', 'critical'].indexOf(pattern) + 1 : 0
  return merged(byRule, ({ finding }) => finding.says).sort((a, b) => rank(b) - rank(a) || byWeight(a, b))
}

/** The strongest of each, in the order given: what a mitigation leaves counts. */
function merged(all: readonly Weighed[], keyOf: (it: Weighed) => string): Fact[] {
  return [...Map.groupBy(all, keyOf).values()].map((same) => {
    const top = same.reduce((best, it) => (net(it) > net(best) ? it : best))
    const others = same.filter((it) => it !== top)
    return {
      ...top,
      carries: same.some((it) => it.carries),
      ids: [...new Set([...top.ids, ...others.flatMap((it) => it.ids)])],
    }
  })
}

/** One entry per rule and group: the finding with the most points, with the ids of all of them. */
function strongest(findings: readonly Finding[], now: number, contract: Contract | null): Weighed[] {
  const groups = new Map<string, Weighed>()
  for (const finding of [...findings].sort(byTime)) {
    const key = `${finding.rule}\n${finding.group}`
    const age = Math.max(0, now - finding.lastTime)
    const left = finding.halfLifeDays === null ? 1 : 0.5 ** (age / (finding.halfLifeDays * DAY))
    const entry: Weighed = {
      finding,
      points: Math.round(BASE[finding.strength] * left),
      carries: left >= CARRIES_BAND,
      ids: [finding.id],
      less: mitigation(finding, contract),
    }
    const before = groups.get(key)
    if (!before) groups.set(key, entry)
    else {
      const winner = entry.points >= before.points ? entry : before
      groups.set(key, { ...winner, carries: entry.carries || before.carries, ids: [...before.ids, finding.id] })
    }
  }
  return [...groups.values()].sort(byWeight)
}

function byWeight(a: Weighed, b: Weighed): number {
  return b.points - a.points || b.finding.strength - a.finding.strength || (a.finding.id < b.finding.id ? -1 : 1)
}

function byTime(a: Finding, b: Finding): number {
  return a.time - b.time || (a.id < b.id ? -1 : 1)
}

/**
 * critical  a critical pattern · strength 4 with a second family · three families, one of them at 3
 * high      a high pattern · strength 4 · two families, one of them at 3 · three families
 * medium    one strength 3 · strength 2 in two families
 * low       anything else; strength 1 is context and opens no second family
 *
 * A finding with a mitigation counts as one strength weaker.
 */
function judge(weighed: readonly Weighed[]): { band: Band; reason: string } {
  const live = weighed
    .filter((it) => it.carries)
    .map(({ finding, less }) => ({ ...finding, strength: finding.strength - (less ? 1 : 0) }))
  const [first] = live
  if (!first) {
    const [faded] = weighed
    return faded
      ? { band: 'low', reason: `faded: ${faded.finding.says}` }
      : { band: 'none', reason: 'nothing found in what the agents can see' }
  }
  const families = new Set(live.filter((it) => it.strength >= 2).map((it) => it.family))
  const top = Math.max(...live.map((it) => it.strength))
  const strongest = live.find((it) => it.strength === top)!
  const also = live.find((it) => it.family !== strongest.family && it.strength >= 2)
  const words = also ? joined(strongest.says, also.says) : strongest.says
  const pattern = (band: string) => live.find((it) => it.pattern === band)
  const critical = pattern('critical')
  if (critical) return { band: 'critical', reason: critical.says }
  if ((top === 4 && families.size >= 2) || (families.size >= 3 && top >= 3)) return { band: 'critical', reason: words }
  const high = pattern('high')
  if (high) return { band: 'high', reason: high.says }
  if (top === 4 || (families.size >= 2 && top >= 3) || families.size >= 3) return { band: 'high', reason: words }
  if (top === 3 || families.size >= 2) return { band: 'medium', reason: words }
  return { band: 'low', reason: words }
}

/** Two sentences, or two phrases. */
function joined(one: string, other: string): string {
  return /[.!?]$/.test(one) ? `${one} ${other}` : `${one}; ${other}`
}
