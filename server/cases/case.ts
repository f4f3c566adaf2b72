/**
 * The state of a worker's case, from the verdict, the band and the kinds of evidence.
 *
 * Shape   'open' from band medium on without a verdict; 'closed' with one; 'reopened' when the band is medium or more
 *         and a rule that had no finding at the time of the verdict has one, of strength 2 or more. More findings of
 *         the same rules, or more points by them, do not reopen it.
 */
import { type Band, isAtLeast } from '../model/assessment.ts'
import type { CaseView, Verdict } from '../model/case.ts'
import type { Finding } from '../model/finding.ts'
import type { Standing } from '../model/standing.ts'

/** The kinds of evidence for a verdict: the rules with findings, in order of their ids. */
export function kindsOf(findings: readonly Finding[]): Standing['kinds'] {
  const kinds = new Map(findings.map(({ rule, title, strength }) => [rule, { rule, title, strength }]))
  return [...kinds.values()].sort((a, b) => (a.rule < b.rule ? -1 : 1))
}

export function caseOf(verdict: Verdict | null, band: Band, kinds: Standing['kinds']): CaseView {
  const needsVerdict = isAtLeast(band, 'medium')
  if (!verdict) return { state: needsVerdict ? 'open' : 'none', verdict, newKinds: [] }
  const added = kinds.filter((it) => it.strength >= 2 && !verdict.kinds.includes(it.rule))
  const newKinds = [...new Set(added.map((it) => it.title))].sort()
  return { state: needsVerdict && newKinds.length > 0 ? 'reopened' : 'closed', verdict, newKinds }
}
