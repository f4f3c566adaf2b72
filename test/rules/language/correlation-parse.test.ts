/** What is refused, where, and with which hint. */
import assert from 'node:assert/strict'
import { load } from '../../../rules/language/index.ts'

const BASE = ['a', 'b']
  .map(
    (it) =>
      `title: ${it}\nname: ${it}\nid: id-${it}\nlogsource: { category: x }\ndetection: { s: { K: ${it} }, condition: s }\n`,
  )
  .join('---\n')
const GOOD =
  'title: good\nid: good\ncorrelation: { type: event_count, rules: [a], timespan: 5m, condition: { gte: 2 } }\n'

function loaded(...documents: string[]) {
  return load([{ path: 'c.yml', text: [BASE, ...documents].join('---\n') }])
}
const body = (text: string) => `title: t\nid: t\ncorrelation: ${text}\n`
const count = (condition: string, more = '') =>
  body(`{ type: event_count, rules: [a], timespan: 5m, condition: ${condition}${more} }`)

describe('correlations that are refused', () => {
  const cases = [
    { name: 'no type', text: body('{ rules: [a] }'), says: /no type/, hint: /event_count/ },
    {
      name: 'an unknown type',
      text: body('{ type: event_cuont, rules: [a] }'),
      says: /'event_cuont'/,
      hint: /event_count/,
    },
    { name: 'no rules', text: body('{ type: temporal, timespan: 5m }'), says: /no rules/ },
    { name: 'no timespan', text: body('{ type: temporal, rules: [a] }'), says: /no timespan/, hint: /5m/ },
    {
      name: 'a timespan in words',
      text: body('{ type: temporal, rules: [a], timespan: five }'),
      says: /'five'/,
      hint: /30d/,
    },
    { name: 'a timespan of nothing', text: body('{ type: temporal, rules: [a], timespan: 0s }'), says: /'0s'/ },
    { name: 'a timespan without end', text: body('{ type: temporal, rules: [a], timespan: 99999y }'), says: /99999y/ },
    { name: 'an unknown key', text: body('{ type: temporal, rules: [a], timeframe: 5m }'), says: /'timeframe'/ },
    { name: 'an unknown operator', text: count('{ gtee: 5 }'), says: /'gtee'/, hint: /'gte'/ },
    { name: 'no operator', text: count('{}'), says: /compares with nothing/ },
    { name: 'a text for a number', text: count("{ gte: '5' }"), says: /`gte` is a number/ },
    { name: 'no condition', text: body('{ type: event_count, rules: [a], timespan: 5m }'), says: /needs a condition/ },
    { name: 'two that do not go together', text: count('{ gt: 1, gte: 5 }'), says: /do not go together/ },
    { name: 'eq with something', text: count('{ eq: 1, gte: 5 }'), says: /do not go together/ },
    { name: 'an empty range', text: count('{ gte: 5, lt: 2 }'), says: /range is empty/ },
    {
      name: 'a field that is not read',
      text: count('{ gte: 5, field: V }'),
      says: /reads no field/,
      hint: /value_count/,
    },
    { name: 'no field', text: count('{ gte: 5 }').replace('event_', 'value_'), says: /needs the field/ },
    {
      name: 'two fields for a sum',
      text: count('{ gte: 5, field: [V, W] }').replace('event_count', 'value_sum'),
      says: /2 fields/,
    },
    {
      name: 'a percentile of 101',
      text: count('{ gte: 5, field: V, percentile: 101 }').replace('event_count', 'value_percentile'),
      says: /between 0 and 100/,
    },
    { name: 'a percentile of a count', text: count('{ gte: 5, percentile: 50 }'), says: /no percentile/ },
    { name: 'words for a count', text: count('a and b'), says: /takes numbers/ },
    { name: 'an unknown rule', text: count('{ gte: 5 }').replace('[a]', '[id-aa]'), says: /'id-aa'/, hint: /id-a/ },
    { name: 'a rule twice', text: count('{ gte: 5 }').replace('[a]', '[a, id-a]'), says: /listed twice/ },
    { name: 'the same reference twice', text: count('{ gte: 5 }').replace('[a]', '[a, a]'), says: /twice/ },
    {
      name: 'more rules than there are',
      text: body('{ type: temporal, rules: [a, b], timespan: 5m, condition: { gte: 3 } }'),
      says: /never be 3/,
    },
    {
      name: 'an unknown word',
      text: body('{ type: temporal, rules: [a, b], timespan: 5m, condition: a and c }'),
      says: /'c'/,
      hint: /a, b|'a'|'b'/,
    },
    {
      name: 'words that can never hold',
      text: body('{ type: temporal, rules: [a, b], timespan: 5m, condition: a and not a }'),
      says: /never hold/,
    },
    {
      name: 'lt of an order',
      text: body('{ type: temporal_ordered, rules: [a, b], timespan: 5m, condition: { lt: 2 } }'),
      says: /gt or gte/,
    },
    {
      name: 'an alias for another rule',
      text: count('{ gte: 5 }', ', aliases: { u: { b: User } }'),
      says: /'b'/,
      hint: /a/,
    },
    {
      name: 'an alias that leaves a rule out',
      text: body('{ type: temporal, rules: [a, b], timespan: 5m, group-by: [u], aliases: { u: { b: User } } }'),
      says: /field of 'a'/,
    },
    { name: 'generate: maybe', text: count('{ gte: 5 }', ', generate: maybe'), says: /true or false/ },
    {
      name: 'a detection beside it',
      text: `${count('{ gte: 5 }')}detection: { s: { K: a }, condition: s }\n`,
      says: /no `detection`/,
    },
    { name: 'no title', text: count('{ gte: 5 }').replace('title: t\n', ''), says: /no title/ },
    { name: 'an id that is taken', text: count('{ gte: 5 }').replace('id: t', 'id: id-a'), says: /already that of/ },
    { name: 'lateness in words', text: `${count('{ gte: 5 }')}tellwire: { lateness: long }\n`, says: /`lateness`/ },
    { name: 'itself', text: count('{ gte: 5 }').replace('[a]', '[t]'), says: /circle: t → t/ },
    {
      name: 'a field that the lower one has not',
      text: count('{ gte: 5 }', ', group-by: [G]').replace('[a]', '[good]'),
      says: /no 'G'/,
    },
  ]
  for (const { name, text, says, hint } of cases)
    it(name, () => {
      const { rules, correlations, problems } = loaded(text, GOOD)
      assert.equal(problems.length, 1, JSON.stringify(problems))
      assert.match(problems[0]!.message, says)
      if (hint) assert.match(problems[0]!.hint ?? '', hint)
      assert.ok(problems[0]!.severity === 'error' && problems[0]!.path === 'c.yml' && problems[0]!.line > 11)
      // The others go on.
      assert.deepEqual([rules.length, correlations.map(({ id }) => id)], [2, ['good']])
    })

  it('reports line and column', () => {
    const { problems } = loaded(
      'title: t\ncorrelation:\n  type: event_count\n  rules:\n    - a\n    - nobody\n  timespan: 5m\n  condition: { gte: 2 }\n',
    )
    assert.deepEqual([problems[0]?.line, problems[0]?.column], [18, 7])
  })

  it('all members of a cycle, and what refers to them; nothing else', () => {
    const refers = (id: string, to: string) => GOOD.replaceAll('good', id).replace('[a]', `[${to}]`)
    const { correlations, problems } = loaded(refers('x', 'y'), refers('y', 'z'), refers('z', 'y'), GOOD)
    assert.deepEqual(
      correlations.map(({ id }) => id),
      ['good'],
    )
    assert.deepEqual(
      problems.map(({ message }) => message.replace(/.*circle: /, '')),
      ['x → y → z → y.', 'y → z → y.', 'z → y → z.'],
    )
  })

  it('correlations that refer to a refused one', () => {
    const { correlations, problems } = loaded(
      count('{ gtee: 5 }'),
      GOOD.replaceAll('good', 'up').replace('[a]', '[t]'),
      GOOD,
    )
    assert.deepEqual(
      correlations.map(({ id }) => id),
      ['good'],
    )
    assert.match(problems.at(-1)!.message, /no rule 't' that was loaded/)
  })

  it('chains up to sixteen', () => {
    const chain = Array.from({ length: 18 }, (_, n) =>
      GOOD.replaceAll('good', `n${n}`).replace('[a]', n === 0 ? '[a]' : `[n${n - 1}]`),
    )
    const { correlations, problems } = loaded(...chain.reverse())
    assert.equal(correlations.length, 16)
    assert.ok(problems.length === 2 && problems.every(({ message }) => /16 deep/.test(message)))
  })

  it('conditions that explode', () => {
    const names = Array.from({ length: 24 }, (_, n) => `r${n}`)
    const rules = names.map((it) => BASE.split('---\n')[0]!.replaceAll('a\n', `${it}\n`).replace('K: a ', `K: ${it} `))
    const condition = Array.from({ length: 12 }, (_, n) => `(r${2 * n} or r${2 * n + 1})`).join(' and ')
    const { problems } = load([
      {
        path: 'c.yml',
        text: [...rules, body(`{ type: temporal, rules: [${names}], timespan: 5m, condition: "${condition}" }`)].join(
          '---\n',
        ),
      },
    ])
    assert.match(problems[0]?.message ?? '', /more than 256 ways/)
  })
})

describe('correlations that are taken', () => {
  it('with everything', () => {
    const { correlations, problems } = loaded(
      'title: t\nid: t\nname: n\nlevel: high\ngenerate: true\ncorrelation:\n  type: value_percentile\n  rules: [a, id-b]\n  group-by: who\n  timespan: 2w\n  aliases: { who: { a: User, b: Account } }\n  condition: { field: V, percentile: 95, gt: 1, lte: 5 }\ntellwire: { lateness: 7d, family: identity, strength: 2, halfLifeDays: 3 }\n',
    )
    assert.deepEqual(problems, [])
    const { version, tellwire, ...it } = correlations[0]!
    assert.match(version, /^[0-9a-f]{64}$/)
    assert.equal(tellwire?.strength, 2)
    assert.deepEqual(
      [it.id, it.name, it.level, it.generate, it.spanMs, it.latenessMs, it.percentile, it.atEnd, it.groupBy],
      ['t', 'n', 'high', true, 14 * 86_400_000, 7 * 86_400_000, 95, true, ['who']],
    )
    assert.deepEqual(it.members, [
      { id: 'id-a', groupFields: ['User'], valueFields: ['V'] },
      { id: 'id-b', groupFields: ['Account'], valueFields: ['V'] },
    ])
  })
  for (const [text, ms] of Object.entries({
    '90s': 90e3,
    '5m': 3e5,
    '1h': 36e5,
    '1d': 864e5,
    '1w': 6048e5,
    '1M': 2629746e3,
    '1y': 31556952e3,
  }))
    it(`a timespan of ${text}`, () => assert.equal(loaded(GOOD.replace('5m', text)).correlations[0]?.spanMs, ms))

  it('a change of a counted rule is a new version; a change of tests or comments is not', () => {
    const version = (text: string) => load([{ path: 'c.yml', text }]).correlations[0]?.version
    const all = `${BASE}---\n${GOOD}`
    assert.notEqual(version(all), version(all.replace('K: a', 'K: aa')))
    assert.equal(version(all), version(all.replace('title: good', 'title: good # really')))
  })
})
