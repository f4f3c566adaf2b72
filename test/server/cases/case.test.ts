/** What opens a case, and what reopens it. */
import assert from 'node:assert/strict'
import { caseOf, kindsOf } from '../../../server/cases/case.ts'
import type { Band } from '../../../server/model/assessment.ts'
import type { CaseView, Verdict } from '../../../server/model/case.ts'
import type { Finding } from '../../../server/model/finding.ts'
import { finding } from '../assess/finding.ts'
import { DAY, T0 } from '../events.ts'

const tool = finding({ rule: 'tool' })
const decided: Verdict = {
  worker: 'w1',
  verdict: 'benign_expected',
  reason: 'the help desk',
  by: 'ann',
  at: T0,
  band: 'medium',
  points: 40,
  kinds: ['tool'],
}
const place = finding({ rule: 'place', family: 'network', title: 'another country' })

const cases: { what: string; verdict: Verdict | null; band: Band; findings: Finding[]; state: CaseView['state'] }[] = [
  { what: 'nothing to decide', verdict: null, band: 'low', findings: [], state: 'none' },
  { what: 'medium asks for somebody', verdict: null, band: 'medium', findings: [tool], state: 'open' },
  { what: 'decided', verdict: decided, band: 'medium', findings: [tool], state: 'closed' },
  {
    what: 'more of the same, however much',
    verdict: decided,
    band: 'high',
    findings: [tool, finding({ rule: 'tool', time: T0 + DAY, group: 'another' })],
    state: 'closed',
  },
  { what: 'evidence of a new kind', verdict: decided, band: 'high', findings: [tool, place], state: 'reopened' },
  {
    what: 'late evidence of a new kind, from before the verdict',
    verdict: decided,
    band: 'high',
    findings: [tool, { ...place, time: T0 - DAY, lastTime: T0 - DAY }],
    state: 'reopened',
  },
  {
    what: 'context is no evidence',
    verdict: decided,
    band: 'medium',
    findings: [tool, { ...place, strength: 1 }],
    state: 'closed',
  },
  { what: 'a new kind that asks for nobody', verdict: decided, band: 'low', findings: [place], state: 'closed' },
]

describe('a case', () => {
  for (const { what, verdict, band, findings, state } of cases)
    it(what, () => assert.equal(caseOf(verdict, band, kindsOf(findings)).state, state))
  it('lists the new kinds of evidence', () =>
    assert.deepEqual(caseOf(decided, 'high', kindsOf([tool, place])).newKinds, ['another country']))
})
