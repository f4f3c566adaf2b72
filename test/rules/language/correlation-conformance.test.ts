/** The published cases, as they are and with the state saved and restored after every step. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { compile, correlator, load } from '../../../rules/language/index.ts'
import { Ledger, standing } from './correlation-clock.ts'

interface Case {
  name: string
  correlation: string
  more?: string
  tellwire?: string
  late?: number
  skipped?: number
  steps: ({ clock: number } | { event: { id: string; time: number } })[]
  firings: {
    rule?: string
    time: number
    from: number
    group: Record<string, string>
    events: string[]
    values: Record<string, number>
  }[]
}

const file = new URL('../conformance/correlations.json', import.meta.url)
const { rules: base, cases } = JSON.parse(readFileSync(file, 'utf8')) as { rules: string; cases: Case[] }

function run({ correlation, more, tellwire, steps }: Case, restarts: boolean) {
  const it = `title: it\nid: it\ncorrelation: ${correlation}\n${tellwire ? `tellwire: ${tellwire}\n` : ''}`
  const text = [base, ...(more ? [more] : []), it].join('\n---\n')
  const { rules, correlations, problems } = load([{ path: 'case.yml', text }])
  assert.deepEqual(problems, [])
  const program = compile(rules)
  const { tell, firings } = standing()
  const ledger = new Ledger()
  let engine = correlator(correlations)
  for (const step of steps) {
    if ('clock' in step) tell(engine.advance(step.clock))
    else tell(engine.take({ ...step.event, event: step.event, matches: program.match(step.event) }))
    if (!restarts) continue
    ledger.collect(engine)
    engine = ledger.restored(correlations, 1)
  }
  const { late, skipped } = engine.counters().get('it')!
  return { firings: firings().sort((a, b) => a.time - b.time || (a.rule.id < b.rule.id ? 1 : -1)), late, skipped }
}

describe('correlations, the published cases', () => {
  for (const it_ of cases)
    for (const restarts of [false, true])
      it(restarts ? `${it_.name}, with a restart after every step` : it_.name, () => {
        const { firings, late, skipped } = run(it_, restarts)
        assert.deepEqual({ late, skipped }, { late: it_.late ?? 0, skipped: it_.skipped ?? 0 })
        const expected = it_.firings.toSorted(
          (a, b) => a.time - b.time || ((a.rule ?? 'it') < (b.rule ?? 'it') ? 1 : -1),
        )
        assert.deepEqual(
          firings.map(({ rule, time, from, group, events, values }) => ({
            ...{ rule: rule.id, time, from, group, events, values },
          })),
          expected.map((each) => ({ ...each, rule: each.rule ?? 'it' })),
        )
      })
})
