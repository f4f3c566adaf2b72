import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'
import { runRuleTests } from '../../../rules/tooling/tests.ts'

function run(options: { groupBy?: string; events: string[]; fires: number }) {
  const { groupBy = '[]', events, fires } = options
  const text = [
    'title: t',
    'id: 11111111-1111-4111-8111-111111111111',
    'logsource: { category: tool }',
    'detection: { a: { Tool: x }, condition: a }',
    `tellwire: { family: remote-access, strength: 1, halfLifeDays: 1, groupBy: ${groupBy}, tests: [{ name: n, fires: ${fires}, events: [`,
    ...events.map((event) => `  { ${event} },`),
    '  ]}]}',
  ].join('\n')
  const { rules, problems } = load([{ path: 't.yml', text }])
  assert.deepEqual(
    problems.filter((it) => it.severity === 'error'),
    [],
  )
  return runRuleTests(rules, compile).map(({ fired, passed }) => ({ fired, passed }))
}

const x = (at: string, more = '') => `at: ${at}, category: tool, Tool: x${more}`

describe('runRuleTests', () => {
  const cases = [
    { name: 'two equal events on one day are one finding', events: [x('5h'), x('6h')], fires: 1, fired: 1 },
    { name: 'a day ends at midnight UTC', events: [x('23h'), x('24h')], fires: 2, fired: 2 },
    {
      name: 'groups',
      groupBy: '[ToolId]',
      events: [x('5h', ', ToolId: a'), x('5h', ', ToolId: b')],
      fires: 2,
      fired: 2,
    },
    { name: 'a missing group field is one group', groupBy: '[ToolId]', events: [x('5h'), x('5h')], fires: 1, fired: 1 },
    { name: 'fractions and every unit', events: [x('0.5d'), x('90s'), x('10m'), x('500ms')], fires: 1, fired: 1 },
    { name: 'another category', events: ['at: 5h, category: silence, Tool: x'], fires: 0, fired: 0 },
    { name: 'a test that expects too much fails', events: [x('5h')], fires: 2, fired: 1 },
    { name: 'a test that expects quiet fails', events: [x('5h')], fires: 0, fired: 1 },
  ]
  for (const { name, fired, ...options } of cases)
    it(name, () => assert.deepEqual(run(options), [{ fired, passed: fired === options.fires }]))

  it('runs each rule alone, and gives nothing for rules without tests', () => {
    const text =
      'title: t\nid: 22222222-2222-4222-8222-222222222222\nlogsource: { category: tool }\ndetection: { a: { Tool: x }, condition: a }\n'
    assert.deepEqual(runRuleTests(load([{ path: 't.yml', text }]).rules, compile), [])
  })

  describe('of correlations', () => {
    const base = (name: string, tool: string) =>
      `title: ${name}\nname: ${name}\nid: ${name}\nlogsource: { category: tool }\ndetection: { a: { Tool: ${tool} }, condition: a }\n`
    const counted = (correlation: string, events: string[], fires: number) => {
      const text = [
        base('x', 'x'),
        base('y', 'y'),
        'title: lower\nname: lower\nid: lower\ncorrelation: { type: event_count, rules: [x], group-by: [User], timespan: 1h, condition: { gte: 2 } }\n',
        `title: c\nid: c\ncorrelation: ${correlation}\ntellwire: { family: identity, strength: 1, halfLifeDays: 1, tests: [{ name: n, fires: ${fires}, events: [${events.map((it) => `{ ${it}, category: tool }`).join(', ')}] }] }\n`,
      ].join('---\n')
      const { rules, correlations, problems } = load([{ path: 't.yml', text }])
      assert.deepEqual(problems, [])
      return runRuleTests(rules, compile, correlations).map(({ fired, passed }) => ({ fired, passed }))
    }
    const cases = [
      {
        name: 'over thirty days',
        correlation: '{ type: event_count, rules: [x], timespan: 30d, condition: { gte: 2 } }',
        events: ['at: 1h, Tool: x', 'at: 29d, Tool: x'],
        fired: 1,
      },
      {
        name: 'decided after the last event',
        correlation: '{ type: temporal, rules: [x, y], timespan: 1h, condition: x and not y }',
        events: ['at: 1h, Tool: x', 'at: 3h, Tool: x', 'at: 3h, Tool: y'],
        fired: 1,
      },
      {
        name: 'at the same time, in the order they are written',
        correlation: '{ type: temporal_ordered, rules: [x, y], timespan: 1h }',
        events: ['at: 1h, Tool: x', 'at: 1h, Tool: y'],
        fired: 1,
      },
      {
        name: 'of correlations',
        correlation: '{ type: value_count, rules: [lower], timespan: 1h, condition: { field: User, gte: 2 } }',
        events: ['a', 'a', 'b', 'b'].map((user, n) => `at: ${n}m, Tool: x, User: ${user}`),
        fired: 1,
      },
    ]
    for (const { name, correlation, events, fired } of cases) {
      it(name, () => assert.deepEqual(counted(correlation, events, fired), [{ fired, passed: true }]))
      it(`${name}: a test that expects more fails`, () =>
        assert.deepEqual(counted(correlation, events, fired + 1), [{ fired, passed: false }]))
    }
  })
})
