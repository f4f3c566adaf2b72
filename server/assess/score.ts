/**
 * Computes a worker's band and points from findings, in parts that add up exactly.
 *
 * Shape   a repeated finding (same rule and group) counts once, with its highest points; points halve with every
 *         half-life since the last event; mitigations subtract points; each family and the total are capped. Each
 *         mitigation and cap is a part of its own. `without`: the result without that part.
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

interface Weighed {
  finding: Finding
  points: number
  carries: boolean
  ids: string[]
  less: Mitigation | null
}

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
    const rest =
      part.kind === 'finding'
        ? weighed.filter((it) => it.ids[0] !== part.findings[0])
        : part.kind === 'mitigation'
          ? weighed.map((it) => (it.ids[0] === part.findings[0] ? { ...it, less: null } : it))
          : null
    if (part.kind === 'referral')
      return {
        ...part,
        without: { points: sumUp(weighed, { ...context, referrer: null }).points, band: assessment.band },
      }
    return rest ? { ...part, without: { points: sumUp(rest, context).points, band: judge(rest).band } } : part
  })
  return { ...assessment, parts }
}

function sumUp(weighed: readonly Weighed[], { referrer }: ScoreContext): { parts: Part[]; points: number } {
  const parts: Part[] = []
  const part = (kind: Part['kind'], label: string, points: number, family: string | null, findings: string[] = []) =>
    parts.push({ kind, label, points, family, findings, without: null })
  for (const { finding, points, ids, less } of weighed) {
    part('finding', finding.says, points, finding.family, ids)
    const removed = less ? Math.round(points * less.share) : 0
    if (less && removed > 0) part('mitigation', less.label, -removed, finding.family, ids)
  }
  for (const [family, sum] of sums(parts))
    if (sum > FAMILY_CAP) part('family_cap', `${family}: at most ${FAMILY_CAP} points`, FAMILY_CAP - sum, family)
  const total = () => parts.reduce((sum, it) => sum + it.points, 0)
  const flagged = referrer?.band === 'high' || referrer?.band === 'critical'
  const more = Math.round(total() * REFERRAL_SHARE)
  if (flagged && more > 0) part('referral', `recommended by ${referrer.worker}, who is ${referrer.band}`, more, null)
  const all = total()
  if (all > TOTAL_CAP) part('total_cap', `at most ${TOTAL_CAP} points in all`, TOTAL_CAP - all, null)
  return { parts, points: Math.min(all, TOTAL_CAP) }
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
  return [...groups.values()].sort(
    (a, b) => b.points - a.points || b.finding.strength - a.finding.strength || (a.finding.id < b.finding.id ? -1 : 1),
  )
}

function byTime(a: Finding, b: Finding): number {
  return a.time - b.time || (a.id < b.id ? -1 : 1)
}

function sums(parts: readonly Part[]): Map<string, number> {
  const by = new Map<string, number>()
  for (const { family, points } of parts) if (family !== null) by.set(family, (by.get(family) ?? 0) + points)
  return by
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
  const words = also ? `${strongest.says}; ${also.says}` : strongest.says
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
