/** Modifiers whose meaning other engines get wrong, over random values of their kinds. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, type FlatEvent, load, parseExactly, writeExactly } from '../../../rules/language/index.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 200)

/** Whether a rule with this selection matches; an error in the rule fails the test. */
function matches(selection: object, event: FlatEvent, placeholders: Record<string, string[]> = {}): boolean {
  const text = JSON.stringify({ title: 't', logsource: { category: 'c' }, detection: { s: selection, condition: 's' } })
  const { rules, problems } = load([{ path: 'r.yml', text }], { placeholders })
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  return compile(rules).match({ ...event, category: 'c' }).length === 1
}

const letters = fc.string({ unit: fc.constantFrom(...'abcxyzABC'), minLength: 1, maxLength: 6 })

describe('windash', () => {
  const DASHES = ['-', '/', '\u2013', '\u2014', '\u2015']
  const OTHERS = ['~', '+', '\u2212', '\u2010', '.', '']
  const option = fc.record({ name: letters, written: fc.constantFrom(...DASHES), dash: fc.constantFrom(...DASHES) })

  it('takes each of the five dashes for each other, in every option', () => {
    fc.assert(
      fc.property(fc.array(option, { minLength: 1, maxLength: 4 }), (options) => {
        const text = (which: 'written' | 'dash') => options.map((it) => `${it[which]}${it.name}`).join(' ')
        assert.ok(matches({ 'F|contains|windash': text('written') }, { F: `tool.exe ${text('dash')} end` }))
      }),
      { numRuns: RUNS },
    )
  })
  it('takes nothing else for a dash', () => {
    fc.assert(
      fc.property(option, fc.constantFrom(...OTHERS), ({ name, written }, other) =>
        assert.ok(!matches({ 'F|contains|windash': ` ${written}${name}` }, { F: `tool.exe ${other}${name} end` })),
      ),
      { numRuns: RUNS },
    )
  })
})

describe('exists', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, '', 0, false, true, 'x', [], {}, [null], { G: null }),
    fc.jsonValue({ maxDepth: 2 }),
  )

  it('tells whether the key is there, whatever its value', () => {
    fc.assert(
      fc.property(fc.option(fc.record({ value })), fc.boolean(), fc.constantFrom('F', 'F.G'), (own, wanted, field) => {
        const held = own === null ? {} : { [field.at(-1)!]: own.value }
        const event = field === 'F' ? held : { F: held }
        assert.equal(matches({ [`${field}|exists`]: wanted }, event), (own !== null) === wanted)
      }),
      { numRuns: RUNS },
    )
  })
})

describe('expand', () => {
  const values = fc.array(letters, { minLength: 1, maxLength: 4 })
  const frame = fc.constantFrom('', '|contains', '|startswith', '|endswith')

  it('of a placeholder is the list of its values', () => {
    fc.assert(
      fc.property(values, values, frame, letters, (first, second, how, F) => {
        const listed = first.flatMap((a) => second.map((b) => `${a}${b}`))
        const expanded = matches({ [`F|expand${how}`]: '%first%%second%' }, { F }, { first, second })
        assert.equal(expanded, matches({ [`F${how}`]: listed }, { F }))
        const one = { F: listed[0]! }
        assert.ok(matches({ [`F|expand${how}`]: '%first%%second%' }, one, { first, second }))
      }),
      { numRuns: RUNS },
    )
  })
})

describe('wide', () => {
  const globbed = fc.string({ unit: fc.constantFrom('a', 'b', 'C', '*', '-', ' '), minLength: 1, maxLength: 6 })
  const wide = (text: string) => Buffer.from(text, 'utf16le').toString('latin1')

  it('of a value with stars matches what the value matches, encoded', () => {
    let matched = 0
    fc.assert(
      fc.property(globbed, letters, (pattern, rest) => {
        for (const text of [pattern.replaceAll('*', rest), rest]) {
          const plain = matches({ F: pattern }, { F: text })
          assert.equal(matches({ 'F|wide': pattern }, { F: wide(text) }), plain)
          if (plain) matched++
        }
      }),
      { numRuns: RUNS },
    )
    assert.ok(matched > 0)
  })
})

describe('re|contains', () => {
  const part = fc.constantFrom('a', 'B', '[ab]', 'x+', '(?:ab|c)', '.', 'y?', '\\s')
  const expression = fc
    .tuple(fc.constantFrom('', '^'), fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '$'))
    .map(([start, parts, end]) => `${start}${parts.join('')}${end}`)

  it('is re, in either order', () => {
    fc.assert(
      fc.property(expression, letters, (source, F) => {
        const plain = matches({ 'F|re': source }, { F })
        for (const key of ['F|re|contains', 'F|contains|re']) assert.equal(matches({ [key]: source }, { F }), plain)
      }),
      { numRuns: RUNS },
    )
  })
})

describe('integers of any length', () => {
  const edge = fc.constantFrom(2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 10n ** 30n)
  const integer = fc.tuple(edge, fc.bigInt({ min: -2n, max: 2n }), fc.boolean())
  const whole = integer.map(([near, by, negative]) => (negative ? -(near + by) : near + by))
  const compared = { lt: (a: bigint, b: bigint) => a < b, lte: (a: bigint, b: bigint) => a <= b } as const

  it('are compared exactly, as numbers and as texts, in rules and events', () => {
    fc.assert(
      fc.property(whole, whole, fc.boolean(), fc.boolean(), (a, b, isText, isQuoted) => {
        const event = parseExactly(`{"category":"c","F":${isText ? `"${a}"` : a}}`) as FlatEvent
        const value = isQuoted ? `'${b}'` : String(b)
        const rule = (key: string) =>
          `title: t\nid: 'F${key}'\nlogsource: { category: c }\ndetection:\n  s:\n    F${key}: ${value}\n  condition: s\n`
        const { rules, problems } = load(
          ['', '|lt', '|lte', '|gt', '|gte'].map((key) => ({ path: `r${key}`, text: rule(key) })),
        )
        assert.deepEqual(problems, [])
        const found = compile(rules)
          .match(event)
          .map(({ rule }) => rule.id)
        const expected = [
          ...(a === b ? ['F'] : []),
          ...(compared.lt(a, b) ? ['F|lt'] : []),
          ...(compared.lte(a, b) ? ['F|lte'] : []),
          ...(compared.lt(b, a) ? ['F|gt'] : []),
          ...(compared.lte(b, a) ? ['F|gte'] : []),
        ]
        assert.deepEqual(found, expected)
      }),
      { numRuns: RUNS },
    )
  })

  it('are written as they were read', () => {
    fc.assert(
      fc.property(fc.array(whole, { maxLength: 4 }), fc.jsonValue(), (numbers, more) => {
        const json = `{"n":[${numbers.join(',')}],"more":${JSON.stringify(more)}}`
        assert.equal(writeExactly(parseExactly(json)), json)
      }),
      { numRuns: RUNS },
    )
  })
})
