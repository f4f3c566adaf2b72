/**
 * From findings to one worker's band and points, in parts that add up exactly (design, section 6).
 *
 * Shape   a repeated finding (same rule and group) counts once, at its strongest moment; decay halves its points every
 *         half-life since its last event; each family and the total are capped, and each cap is a part of its own.
 * Units   whole points. A strength 4 alone fills most of a family; four families can fill the total.
 * Errors  none: no findings is band 'none' and 0 points, which says nothing about what could not be seen.
 */
import type { Assessment, Band, Part } from '../api/schema.ts'
import type { Finding } from '../store/store.ts'

const DAY = 86_400_000
export const BASE = { 1: 5, 2: 15, 3: 40, 4: 70 } as const
export const FAMILY_CAP = 80
export const TOTAL_CAP = 200
/** After two half-lives a finding still shows, but no longer carries a band. */
const CARRIES_BAND = 0.25

interface Weighed {
  finding: Finding
  points: number
  carries: boolean
  ids: string[]
}

export function assess(worker: string, findings: readonly Finding[], now: number): Assessment {
  const weighed = strongest(findings, now)
  const parts: Part[] = weighed.map(({ finding, points, ids }) => ({
    kind: 'finding',
    label: finding.says,
    points,
    family: finding.family,
    findings: ids,
  }))
  for (const [family, sum] of sums(weighed))
    if (sum > FAMILY_CAP)
      parts.push({
        kind: 'family_cap',
        label: `${family}: at most ${FAMILY_CAP} points`,
        points: FAMILY_CAP - sum,
        family,
        findings: [],
      })
  const total = parts.reduce((sum, it) => sum + it.points, 0)
  if (total > TOTAL_CAP)
    parts.push({
      kind: 'total_cap',
      label: `at most ${TOTAL_CAP} points in all`,
      points: TOTAL_CAP - total,
      family: null,
      findings: [],
    })
  const { band, reason } = judge(weighed)
  return { worker, band, points: Math.min(total, TOTAL_CAP), reason, parts }
}

/** One entry per rule and group: the finding that weighs most now, with the ids of all of them. */
function strongest(findings: readonly Finding[], now: number): Weighed[] {
  const groups = new Map<string, Weighed>()
  for (const finding of findings) {
    const key = `${finding.rule}\n${finding.group}`
    const age = Math.max(0, now - finding.lastTime)
    const left = finding.halfLifeDays === null ? 1 : 0.5 ** (age / (finding.halfLifeDays * DAY))
    const entry = {
      finding,
      points: Math.round(BASE[finding.strength] * left),
      carries: left >= CARRIES_BAND,
      ids: [finding.id],
    }
    const before = groups.get(key)
    if (!before) groups.set(key, entry)
    else {
      const winner =
        entry.points > before.points || (entry.points === before.points && finding.time > before.finding.time)
          ? entry
          : before
      groups.set(key, { ...winner, carries: entry.carries || before.carries, ids: [...before.ids, finding.id] })
    }
  }
  return [...groups.values()].sort(
    (a, b) => b.points - a.points || b.finding.strength - a.finding.strength || (a.finding.id < b.finding.id ? -1 : 1),
  )
}

function sums(weighed: readonly Weighed[]): Map<string, number> {
  const by = new Map<string, number>()
  for (const { finding, points } of weighed) by.set(finding.family, (by.get(finding.family) ?? 0) + points)
  return by
}

/**
 * critical  a critical pattern · strength 4 with a second family · three families, one of them at 3
 * high      a high pattern · strength 4 · two families, one of them at 3
 * medium    one strength 3 · strength 2 in two families
 * low       anything else; strength 1 is context and opens no second family
 */
function judge(weighed: readonly Weighed[]): { band: Band; reason: string } {
  const live = weighed.filter((it) => it.carries).map((it) => it.finding)
  const [first] = live
  if (!first) {
    const [faded] = weighed
    return faded
      ? { band: 'low', reason: `faded: ${faded.finding.says}` }
      : { band: 'none', reason: 'nothing found in what the agents can see' }
  }
  const families = new Set(live.filter((it) => it.strength >= 2).map((it) => it.family))
  const top = Math.max(...live.map((it) => it.strength))
  const strongest = live.find((it) => it.strength === top) as Finding
  const also = live.find((it) => it.family !== strongest.family && it.strength >= 2)
  const words = also ? `${strongest.says}; ${also.says}` : strongest.says
  const pattern = (band: string) => live.find((it) => it.pattern === band)
  const critical = pattern('critical')
  if (critical) return { band: 'critical', reason: critical.says }
  if ((top === 4 && families.size >= 2) || (families.size >= 3 && top >= 3)) return { band: 'critical', reason: words }
  const high = pattern('high')
  if (high) return { band: 'high', reason: high.says }
  if (top === 4 || (families.size >= 2 && top >= 3)) return { band: 'high', reason: words }
  if (top === 3 || families.size >= 2) return { band: 'medium', reason: words }
  return { band: 'low', reason: words }
}
