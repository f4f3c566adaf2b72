/** What loading makes of documents: ours, filters, hostile ones. */
import assert from 'node:assert/strict'
import { compile, load, type Problem } from '../../../rules/language/index.ts'

const RULE = `title: A rule
id: 11111111-1111-4111-8111-111111111111
name: a_rule
logsource: { category: tool, product: tellwire }
detection:
  sel: { Tool: AnyDesk }
  condition: sel
`
const OURS = `${RULE}tellwire:
  family: remote-access
  strength: 3
  halfLifeDays: 30
  signals: ['#13', P7]
  groupBy: [ToolId]
  says: '{Tool} runs'
  tests:
    - { name: it fires, fires: 1, events: [{ at: 5h, category: tool, Tool: AnyDesk }] }
`
const EVENT = { category: 'tool', product: 'tellwire', Tool: 'anydesk' }

const one = (text: string) => load([{ path: 'a.yml', text }])
const errors = (problems: readonly Problem[]) => problems.filter(({ severity }) => severity === 'error')

describe('load', () => {
  it('reads the `tellwire` key', () => {
    const { rules, problems } = one(OURS)
    assert.deepEqual(problems, [])
    assert.deepEqual(rules[0]?.tellwire, {
      family: 'remote-access',
      strength: 3,
      halfLifeDays: 30,
      pattern: null,
      sensor: null,
      rate: null,
      rareBy: [],
      decibans: null,
      signals: ['#13', 'P7'],
      fact: null,
      ordinaryFor: [],
      step: false,
      sensitive: false,
      groupBy: ['ToolId'],
      says: '{Tool} runs',
      blindTo: null,
      response: null,
      tests: [{ name: 'it fires', fires: 1, events: [{ at: '5h', category: 'tool', Tool: 'AnyDesk' }] }],
    })
  })

  it('keeps the version when comments, layout or tests change, and not when anything else does', () => {
    const version = (text: string) => one(text).rules[0]!.version
    assert.equal(version(`# why\n${OURS.replace('it fires', 'another name')}`), version(OURS))
    assert.notEqual(version(OURS.replace('AnyDesk', 'RustDesk')), version(OURS))
    assert.notEqual(version(OURS.replace('strength: 3', 'strength: 4')), version(OURS))
  })

  const refusals = [
    { name: 'an unknown key', from: 'groupBy', to: 'groupby', says: "no 'groupby'" },
    { name: 'an unknown family', from: 'remote-access', to: 'remote', says: "cannot be 'remote'" },
    { name: 'a strength beyond four', from: 'strength: 3', to: 'strength: 5', says: '1, 2, 3 or 4' },
    { name: 'no half-life', from: '  halfLifeDays: 30\n', to: '', says: 'halfLifeDays' },
    { name: 'a half-life of zero', from: 'halfLifeDays: 30', to: 'halfLifeDays: 0', says: 'between 0' },
    { name: 'a signal that is none', from: 'P7', to: 'Q7', says: "'Q7'" },
    { name: 'a test without time', from: 'at: 5h, ', to: '', says: '`at`' },
    { name: 'a test that fires half a time', from: 'fires: 1', to: 'fires: 0.5', says: '`fires`' },
  ]
  for (const { name, from, to, says } of refusals)
    it(`refuses ${name}, with its position`, () => {
      const { rules, problems } = one(`${OURS.replace(from, to)}---\n${RULE.replaceAll('1111', '2222')}`)
      assert.equal(rules.length, 1, 'the other rule loads')
      assert.equal(errors(problems).length, 1)
      assert.ok(problems[0]!.message.includes(says), problems[0]!.message)
      assert.ok(problems[0]!.line >= 8 && problems[0]!.column > 1)
    })

  it('refuses a tab, in whole sentences', () => {
    const [problem] = one('title: t\nlogsource:\n\tcategory: tool\n').problems
    assert.deepEqual(
      [problem?.line, `${problem?.message} ${problem?.hint}`],
      [3, 'YAML: Tabs are not allowed as indentation. Indent with spaces.'],
    )
  })

  it('refuses the second rule with the same id, and names the first', () => {
    const { rules, problems } = load([
      { path: 'a.yml', text: RULE },
      { path: 'b.yml', text: RULE },
    ])
    assert.equal(rules.length, 1)
    assert.deepEqual(
      problems.map(({ path, line, message }) => ({ path, line, message })),
      [{ path: 'b.yml', line: 2, message: 'The id is already that of a.yml:1.' }],
    )
  })

  it('keeps correlations beside the rules they count', () => {
    const { rules, correlations, problems } = one(
      `${RULE}---\ntitle: many\ncorrelation:\n  type: event_count\n  rules: [a_rule]\n  timespan: 5m\n  condition: { gte: 3 }\n`,
    )
    assert.deepEqual(errors(problems), [])
    assert.deepEqual([rules.length, correlations.length], [1, 1])
  })

  it('resolves placeholders', () => {
    const { rules } = load([{ path: 'a.yml', text: RULE.replace('Tool: AnyDesk', "Tool|expand: '%tools%'") }], {
      placeholders: { tools: ['AnyDesk', 'RustDesk'] },
    })
    const program = compile(rules)
    assert.deepEqual(
      ['anydesk', 'rustdesk', 'vnc'].map((Tool) => program.match({ ...EVENT, Tool }).length),
      [1, 1, 0],
    )
  })

  it('a search of the whole event reads the fields that the server adds, except the contract', () => {
    const program = compile(one(RULE.replace('sel: { Tool: AnyDesk }', 'sel: [AnyDesk]')).rules)
    assert.deepEqual(
      [program.reads('tool', 'device'), program.reads('tool', 'Contract'), program.reads('hardware', 'device')],
      [true, false, false],
    )
  })

  it('knows which fields the rules of a category read', () => {
    const program = compile(one(RULE.replace('Tool: AnyDesk', 'Contract.country: US')).rules)
    assert.deepEqual(
      [program.reads('tool', 'Contract.'), program.reads('tool', 'Device.'), program.reads('hardware', 'Contract.')],
      [true, false, false],
    )
  })
})

describe('filters', () => {
  const filter = (rules: string, more = '', condition = 'not help') => `title: The help desk
logsource: { category: tool }
filter:
  rules: ${rules}
  help: { User: helpdesk }
  condition: ${condition}
${more}`
  const fired = (text: string, event: Record<string, unknown>) =>
    compile(
      load([
        { path: 'r.yml', text: RULE },
        { path: 'f.yml', text },
      ]).rules,
    ).match({ ...EVENT, ...event }).length

  for (const rules of ['[a_rule]', '[11111111-1111-4111-8111-111111111111]', 'any'])
    it(`excludes from ${rules} only what it describes`, () => {
      assert.deepEqual(
        [fired(filter(rules), { User: 'HelpDesk' }), fired(filter(rules), { User: 'x' }), fired(filter(rules), {})],
        [0, 1, 1],
      )
    })

  it('holds only for its logsource', () => {
    assert.equal(fired(filter('any').replace('category: tool', 'category: hardware'), { User: 'helpdesk' }), 1)
  })

  it('stops hiding on the day it expires, by the time of the event', () => {
    const text = filter('any', 'tellwire: { reason: known, owner: soc, ticket: T-1, expires: 2026-02-01 }\n')
    const at = (time: string) => fired(text, { User: 'helpdesk', time: Date.parse(time) })
    assert.deepEqual([at('2026-01-31T23:59:59.999Z'), at('2026-02-01T00:00:00Z')], [0, 1])
  })

  const doubts = [
    { name: 'a condition without a negation', text: filter('any', '', 'help'), line: 6, says: 'keeps only what' },
    { name: 'a rule that is not there', text: filter('[nobody]'), line: 4, says: "names 'nobody'" },
    {
      name: 'a rule that is nearly there',
      text: filter('[a_rul]'),
      line: 4,
      says: "names 'a_rul'",
      hint: "Did you mean 'a_rule'?",
    },
    { name: 'no rule at all', text: filter('[]'), line: 4, says: 'names no rule' },
    {
      name: 'a logsource that covers none of its rules',
      text: filter('[a_rule]').replace('category: tool', 'category: display'),
      line: 2,
      says: 'covers none of its rules',
      hint: "'a_rule' is for category tool, product tellwire.",
    },
  ]
  for (const { name, text, line, says, hint } of doubts)
    it(`warns of ${name}, with its position`, () => {
      const { problems } = load([
        { path: 'r.yml', text: RULE },
        { path: 'f.yml', text },
      ])
      assert.equal(problems.length, 1)
      const [problem] = problems as [Problem]
      assert.deepEqual([problem.severity, problem.path, problem.line], ['warning', 'f.yml', line])
      assert.ok(problem.message.includes(says), problem.message)
      assert.ok(problem.hint?.includes(hint ?? ''), problem.hint ?? 'no hint')
    })

  it('warns of an expired one when the time is given', () => {
    const text = filter('any', 'tellwire: { expires: 2026-02-01 }\n')
    const warnings = (now: string) =>
      load(
        [
          { path: 'r.yml', text: RULE },
          { path: 'f.yml', text },
        ],
        { now: Date.parse(now) },
      ).problems.map(({ line, message }) => ({ line, message }))
    assert.deepEqual(warnings('2026-01-31T23:59:59Z'), [])
    assert.deepEqual(warnings('2026-02-01T00:00:00Z'), [
      { line: 7, message: 'The filter expired on 2026-02-01: it hides nothing of what happened since.' },
    ])
  })

  it('changes the effective version, and not the version in finding ids', () => {
    const many = `title: many\ncorrelation: { type: event_count, rules: [a_rule], timespan: 5m, condition: { gte: 3 } }\n`
    const versions = (texts: readonly string[]) => {
      const { rules, correlations } = load(texts.map((text, n) => ({ path: `${n}.yml`, text })))
      return [...rules, ...correlations].map(({ version, effectiveVersion }) => ({ version, effectiveVersion }))
    }
    const [before, after] = [versions([RULE, many]), versions([RULE, many, filter('[a_rule]')])]
    for (const n of [0, 1]) {
      assert.equal(before[n]!.version, after[n]!.version)
      assert.notEqual(before[n]!.effectiveVersion, after[n]!.effectiveVersion)
    }
  })
})
