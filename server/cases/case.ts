/**
 * A person's verdict on a worker, and what opens the case again: only evidence of a new kind.
 *
 * Shape   'open' from band medium on while nobody has decided; 'closed' once somebody has; 'reopened' when a rule that
 *         had found nothing by then has, at strength 2 or more, and the band asks for somebody again. More of the same
 *         does not open it, nor does a score that rises by it.
 */
import { BANDS, type Band } from '../model/assessment.ts'
import type { CaseView, Verdict } from '../model/case.ts'
import type { Finding } from '../model/finding.ts'
import type { Standing } from '../model/standing.ts'

/** The kinds of evidence that a verdict is given on: the rules that have found something, in order of their ids. */
export function kindsOf(findings: readonly Finding[]): Standing['kinds'] {
  const kinds = new Map(findings.map(({ rule, title, strength }) => [rule, { rule, title, strength }]))
  return [...kinds.values()].sort((a, b) => (a.rule < b.rule ? -1 : 1))
}

export function caseOf(verdict: Verdict | null, band: Band, kinds: Standing['kinds']): CaseView {
  const asks = BANDS.indexOf(band) >= BANDS.indexOf('medium')
  if (!verdict) return { state: asks ? 'open' : 'none', verdict, newKinds: [] }
  const fresh = kinds.filter((it) => it.strength >= 2 && !verdict.kinds.includes(it.rule))
  const newKinds = [...new Set(fresh.map((it) => it.title))].sort()
  return { state: asks && newKinds.length > 0 ? 'reopened' : 'closed', verdict, newKinds }
}
