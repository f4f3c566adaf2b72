/** The engine and the naive reader, side by side, over random rules and events. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, load } from '../../../rules/language/index.ts'
import { verdict } from '../naive.ts'
import { detection, event } from '../random-rules.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 800)

describe('the engine and a naive reading of the specification', function () {
  this.timeout(300_000)

  it('agree on every random rule and event', () => {
    fc.assert(
      fc.property(
        fc.array(detection, { minLength: 1, maxLength: 4 }),
        fc.array(event, { minLength: 1, maxLength: 6 }),
        (detections, events) => {
          const files = detections.map((each, i) => ({
            path: `${i}.yml`,
            text: JSON.stringify({ title: 't', id: String(i), logsource: { category: 'c' }, detection: each }),
          }))
          const { rules, problems } = load(files)
          assert.deepEqual(
            problems.filter(({ severity }) => severity === 'error'),
            [],
          )
          const program = compile(rules)
          for (const each of events) {
            const found = program.match({ ...each, category: 'c' }).map(({ rule }) => rule.id)
            const expected = detections.flatMap((one, i) => (verdict(one, each) ? [String(i)] : []))
            assert.deepEqual(found, expected)
          }
        },
      ),
      { numRuns: RUNS },
    )
  })
})
