/** Rules and events that mean harm: a clear refusal or a bounded cost. Times are ceilings a hundred times the usual. */
import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'

const GOOD = 'title: good\nid: good\nlogsource: { category: c }\ndetection: { sel: { F: a }, condition: sel }\n'
const rule = (selection: string, condition = 'sel') =>
  `title: t\nlogsource: { category: c }\ndetection:\n  sel:\n    ${selection}\n  condition: ${condition}\n`

const bomb = Array.from(
  { length: 12 },
  (_, i) =>
    `a${i}: &a${i} [${Array(10)
      .fill(i === 0 ? 'x' : `*a${i - 1}`)
      .join(', ')}]`,
).join('\n')

const refused: { name: string; text: string; says: RegExp }[] = [
  { name: 'ten megabytes', text: rule(`F: '${'a'.repeat(10_000_000)}'`), says: /at most/ },
  { name: 'an alias bomb', text: `${bomb}\n${rule('F: a')}`, says: /aliases|YAML/ },
  { name: 'an anchor within itself', text: 'title: &a [*a]\ndetection: {}\n', says: /./ },
  { name: 'flow brackets a hundred thousand deep', text: rule(`F: ${'['.repeat(100_000)}`), says: /deep/ },
  { name: 'brackets on lines of their own', text: rule(`F: ${'[\n'.repeat(20_000)}`), says: /deep|YAML/ },
  {
    name: 'blocks nested two hundred deep',
    text: Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}k:`).join('\n'),
    says: /deep/,
  },
  {
    name: 'ten thousand alternatives in one expression',
    text: rule(`F|re: '${Array.from({ length: 10_000 }, (_, i) => `w${i}`).join('|')}'`),
    says: /list of values/,
  },
  { name: 'repetitions of repetitions', text: rule("F|re: '((a{1,100}){1,100}){1,100}'"), says: /expression/ },
  {
    name: 'thirty thousand values',
    text: rule(`F: [${Array.from({ length: 30_000 }, (_, i) => i).join(',')}]`),
    says: /values/,
  },
  {
    name: 'a condition of nine hundred parentheses',
    text: rule('F: a', `${'('.repeat(900)}sel${')'.repeat(900)}`),
    says: /deep/,
  },
  {
    name: 'a condition of ten thousand words',
    text: rule('F: a', Array(5_000).fill('sel').join(' or ')),
    says: /words/,
  },
  {
    name: 'choices without end',
    text: `title: t\nlogsource: { category: c }\ndetection:\n${Array.from({ length: 40 }, (_, i) => `  s${i}: { F: a${i} }`).join('\n')}\n  condition: 20 of s*\n`,
    says: /combinations/,
  },
  { name: 'binary rubbish', text: '\u0000\u0001\ufffd%%%: [', says: /./ },
  { name: 'a list for a document', text: '- a\n- b\n', says: /map/ },
]

describe('hostile rules', function () {
  this.timeout(120_000)
  for (const { name, text, says } of refused)
    it(`refuses ${name}, and loads the next file`, () => {
      const { rules, problems } = load([
        { path: 'bad.yml', text },
        { path: 'good.yml', text: GOOD },
      ])
      assert.deepEqual(
        rules.map(({ id }) => id),
        ['good'],
      )
      assert.match(problems.map(({ message }) => message).join('\n'), says)
      assert.ok(problems.every(({ line, column }) => line >= 1 && column >= 1))
    })
})

describe('hostile events', function () {
  this.timeout(120_000)
  const program = compile(
    load(
      [
        "F|re: '(a+)+$'",
        "F|re: '(a|a)*b'",
        "F|re: '\\w+`(?:\\w+|-|.)`[\\w+|\\s]'",
        "F|re: '.{1000,}'",
        "F|re: '(x+x+)+y'",
        "F|contains: 'a*a*a*a*a*a*b'",
        "F: '*a?a?a?a?a?a?b*'",
        "F|base64offset|contains: 'abc'",
      ].map((selection, i) => ({ path: `${i}.yml`, text: rule(selection) })),
    ).rules,
  )
  const matched = (value: string) => program.match({ category: 'c', F: value }).map(({ rule }) => rule.path)
  const shapes: { name: string; of: (length: number) => string }[] = [
    { name: 'a run of one letter', of: (length) => 'a'.repeat(length) },
    { name: 'nearly a match', of: (length) => `${'x'.repeat(length)}z` },
    { name: 'back-ticks', of: (length) => 'w`'.repeat(length / 2) },
    { name: 'words without their end', of: (length) => `${'w'.repeat(length - 1)}\`` },
    { name: 'lone surrogates and NUL', of: (length) => '\ud800\u0000\udc00a'.repeat(length / 4) },
  ]
  // Quadratic time would be hours here, and exponential the age of the world: `npm run bench` has the figures.
  for (const { name, of } of shapes)
    it(`has the same result for a million of ${name} as for a few thousand`, () =>
      assert.deepEqual(matched(of(1_000_000)), matched(of(4_000))))

  it('takes a megabyte, a million keys, deep arrays and objects', () => {
    const keys = Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => [`k${i}`, i]))
    const deep = JSON.parse(`${'['.repeat(5_000)}1${']'.repeat(5_000)}`) as unknown
    const object = JSON.parse(`${'{"F":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as Record<string, unknown>
    const words = compile(
      load([
        { path: 'w.yml', text: 'title: t\nlogsource: { category: c }\ndetection: { sel: [needle], condition: sel }\n' },
      ]).rules,
    )
    for (const event of [{ F: 'é'.repeat(1_000_000) }, keys, { F: deep }, object, { F: Array(100_000).fill('a') }]) {
      assert.equal(words.match({ ...event, category: 'c' }).length, 0)
      assert.ok(program.match({ ...event, category: 'c' }).length <= 8)
    }
  })

  it('does not read inherited properties as fields', () => {
    const inherited = compile(
      load([
        { path: 'p.yml', text: rule('__proto__|exists: true') },
        { path: 'q.yml', text: rule('toString|exists: true') },
      ]).rules,
    )
    assert.equal(inherited.match({ category: 'c' }).length, 0)
    assert.equal(
      inherited.match(JSON.parse('{"category":"c","__proto__":1,"toString":2}') as Record<string, unknown>).length,
      2,
    )
  })
})
