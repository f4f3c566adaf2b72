/** Any order of arrival within the lateness bound, and any number of restarts, leave the same firings. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { correlator, type LoadedCorrelation, load, type Rule } from '../../../rules/language/index.ts'
import { type Found, naiveFirings, type Seen } from '../naive-correlation.ts'
import { Ledger, standing } from './correlation-clock.ts'

const BASE = ['a', 'b', 'c']
  .map(
    (it) =>
      `title: ${it}\nname: ${it}\nid: ${it}\nlogsource: { category: x }\ndetection: { s: { K: ${it} }, condition: s }\n`,
  )
  .join('---\n')

const END = 1_000_000

const NUMBERS = [
  '{ gte: 2 }',
  '{ gt: 3 }',
  '{ gte: 3 }',
  '{ lt: 3 }',
  '{ lte: 2 }',
  '{ eq: 2 }',
  '{ neq: 1 }',
  '{ gt: 1, lte: 4 }',
]
const VALUES = ['gte: 12', 'gt: 0.5', 'lt: 7', 'eq: 4', 'neq: 4', 'gte: 3, lt: 9']
const WORDS = ['a and b', 'a and not b', '(a or b) and c', 'not (a and b)', 'all of them', '1 of them and not c']

const correlationText = fc.record({
  type: fc.constantFrom(...types()),
  groupBy: fc.constantFrom('', 'group-by: [G], ', 'group-by: [G, H], '),
  number: fc.constantFrom(...NUMBERS),
  value: fc.constantFrom(...VALUES),
  words: fc.constantFrom(null, null, ...WORDS),
  percentile: fc.constantFrom(0, 35, 90),
})

function types() {
  return 'event_count value_count temporal temporal_ordered value_sum value_avg value_percentile value_median'.split(
    ' ',
  )
}

const documents = fc.array(correlationText, { minLength: 1, maxLength: 3 }).map((parts) =>
  parts.map(({ type, groupBy, number, value, words, percentile }, n) => {
    const condition = type.startsWith('temporal')
      ? words === null
        ? ''
        : `condition: ${words}, `
      : type === 'event_count'
        ? `condition: ${number}, `
        : type === 'value_count'
          ? `condition: ${number.replace('{', '{ field: V,')}, `
          : `condition: { field: V, ${value}${type === 'value_percentile' ? `, percentile: ${percentile}` : ''} }, `
    return `title: c${n}\nid: c${n}\ncorrelation: { type: ${type}, rules: [a, b, c], ${groupBy}${condition}timespan: 10s }\n`
  }),
)
/** Above the first one, whatever it is: by its group values alone. */
const above = fc.constantFrom(
  null,
  'type: event_count, rules: [c0], condition: { gte: 2 }, timespan: 15s',
  'type: event_count, rules: [c0, c], condition: { lt: 3 }, timespan: 15s',
  'type: temporal_ordered, rules: [c0, b], timespan: 8s',
)

const events = fc.array(
  fc.record({
    time: fc.integer({ min: 0, max: 60 }).map((second) => 100_000 + second * 1_000),
    nudge: fc.constantFrom(0, 0, 0, -1, 1),
    rules: fc.subarray(BASE_NAMES(), { minLength: 1 }),
    G: fc.constantFrom('u', 'u', 'v', null),
    H: fc.constantFrom('h', 7),
    V: fc.constantFrom<unknown>(1, 2, '3', 4.5, 0.1, -6, 12, 'x', null),
  }),
  { minLength: 1, maxLength: 24 },
)

function BASE_NAMES(): string[] {
  return ['a', 'b', 'c']
}

/**
 * The order of arrival, by a number for each event, and after how many of them the state is written down and read back.
 */
const arrival = fc.record({
  order: fc.array(fc.integer(), { minLength: 24, maxLength: 24 }),
  inOrder: fc.boolean(),
  restarts: fc.array(fc.integer({ min: 0, max: 24 }), { maxLength: 4 }),
  clocks: fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 24, maxLength: 24 }),
})

describe('correlations, in any order of arrival', function () {
  this.timeout(120_000)
  it('leave the firings of the definition', () => {
    fc.assert(
      fc.property(documents, above, events, arrival, (texts, upper, parts, { order, inOrder, restarts, clocks }) => {
        const top = upper === null ? [] : [`title: top\nid: top\ncorrelation: { ${upper}, generate: true }\n`]
        const { correlations, problems } = load([{ path: 'x.yml', text: [BASE, ...texts, ...top].join('---\n') }])
        assert.deepEqual(problems, [])
        const seen = parts.map(({ time, nudge, rules, ...fields }, n): Seen => {
          return { id: `e${(n * 7) % 24}`, time: time + nudge, rules, fields }
        })
        const expected = naiveFirings(correlations, seen, END)
        const arriving = inOrder
          ? seen.toSorted((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
          : seen
              .map((it, n) => ({ it, at: order[n]! }))
              .sort((a, b) => a.at - b.at)
              .map(({ it }) => it)
        assert.deepEqual(run(correlations, arriving, restarts, clocks), sorted(expected))
      }),
      { numRuns: Number(process.env.FC_RUNS ?? 600) },
    )
  })
})

function run(
  correlations: readonly LoadedCorrelation[],
  arriving: readonly Seen[],
  restarts: readonly number[],
  clocks: readonly number[],
): Found[] {
  const { tell, firings } = standing()
  const ledger = new Ledger()
  let engine = correlator(correlations)
  let now = 0
  for (const [n, { id, time, fields, rules }] of arriving.entries()) {
    if (restarts.includes(n)) {
      ledger.collect(engine)
      ledger.check(engine)
      engine = ledger.restored(correlations, n)
    }
    // What was told as changed before is as good as what is told at the restart.
    if (n % 3 === 0) ledger.collect(engine)
    // The clock is anywhere between long before and long after the event: within 72 hours all is in time.
    now = Math.max(now, 60_000 + clocks[n]! * 1_000)
    tell(engine.advance(now))
    tell(engine.take({ event: fields, time, id, matches: rules.map((rule) => ({ rule: { id: rule } as Rule })) }))
  }
  tell(engine.advance(END))
  return sorted(firings().map(({ rule, ...rest }) => ({ ...rest, rule: rule.id })))
}

function sorted(found: readonly Found[]): Found[] {
  return found.toSorted(
    (a, b) => (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0) || a.time - b.time || (a.id < b.id ? -1 : 1),
  )
}
