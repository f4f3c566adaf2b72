/** A firing of correlations over correlations names events, at any depth: in the engine and in the lines of `match`. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, type FlatEvent, load } from '../../../rules/language/index.ts'
import { correlating, lineOf } from '../../../server/commands/match-correlations.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 150)

const BASE = ['a', 'b']
  .map(
    (it) =>
      `title: ${it}\nname: ${it}\nid: ${it}\nlogsource: { category: c }\ndetection: { s: { K: ${it} }, condition: s }\n`,
  )
  .join('---\n')

/** Each counts those before it and perhaps a rule; all of them are reported. */
const level = fc.record({
  type: fc.constantFrom('event_count', 'temporal', 'temporal_ordered'),
  beside: fc.constantFrom('', ', b'),
  least: fc.integer({ min: 1, max: 2 }),
})
const events = fc.array(
  fc.record({ K: fc.constantFrom('a', 'b', 'nothing'), seconds: fc.integer({ min: 0, max: 40 }) }),
  { minLength: 1, maxLength: 40 },
)

describe('the events of a chained firing', function () {
  this.timeout(120_000)
  it('are lines that matched a rule, and at most ten', () => {
    let chained = 0
    fc.assert(
      fc.property(fc.array(level, { minLength: 2, maxLength: 4 }), events, (levels, parts) => {
        const above = levels.map(({ type, beside, least }, n) => {
          const [counted, condition] =
            n === 0 ? ['a', 'condition: { gte: 1 }, '] : [`c${n - 1}`, `condition: { gte: ${least} }, `]
          // Of one rule there is no order.
          const kind = n === 0 || beside === '' ? 'event_count' : type
          return `title: c${n}\nid: c${n}\ngenerate: true\ncorrelation: { type: ${kind}, rules: [${counted}${n === 0 ? '' : beside}], ${condition}timespan: 20s }\n`
        })
        const { rules, correlations, problems } = load([{ path: 'x.yml', text: [BASE, ...above].join('---\n') }])
        assert.deepEqual(
          problems.filter(({ severity }) => severity === 'error'),
          [],
        )
        const program = compile(rules)
        const engine = correlating(correlations)
        const lines = parts.map(
          ({ K, seconds }): FlatEvent => ({ category: 'c', K, time: 1_000_000 + seconds * 1_000 }),
        )
        const firings = lines.flatMap((event, line) => engine.take(event, line, program.match(event)))
        firings.push(...engine.end())
        for (const { rule, events } of firings) {
          const named = events.map(lineOf)
          assert.ok(named.length >= 1 && named.length <= 10, `${named}`)
          assert.equal(new Set(named).size, named.length)
          for (const line of named) assert.ok(['a', 'b'].includes(String(lines[line]?.K)), `${rule.id} names ${line}`)
          if (rule.id !== 'c0') chained++
        }
      }),
      { numRuns: RUNS },
    )
    assert.ok(chained > 0, 'no chained correlation fired')
  })
})
