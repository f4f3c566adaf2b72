/** Literals in an event's JSON: never a stricter condition than the engine's own. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, type LoadedRule, literalScan, literalsOf, load } from '../../../rules/language/index.ts'
import { detection, event } from '../random-rules.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 800)
const inEvent = () => false

function ruleOf(detection: unknown): LoadedRule {
  const text = JSON.stringify({ title: 't', id: 'r', logsource: { category: 'c' }, detection })
  const { rules, problems } = load([{ path: 'r.yml', text }])
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  return rules[0]!
}

/** A rule of one selection. */
const literals = (selection: unknown, beside = inEvent as (field: string | null) => boolean) =>
  literalsOf(ruleOf({ it: selection, condition: 'it' }).condition, beside)

describe('literals of a rule', () => {
  const cases = [
    { name: 'a text', selection: { F: 'AnyDesk' }, expected: ['anydesk'] },
    { name: 'a list: any of them', selection: { F: ['b', 'a'] }, expected: ['a', 'b'] },
    {
      name: 'all of them: the rarest',
      selection: { 'F|contains|all': ['exe', 'anydesk-portable'] },
      expected: ['anydesk-portable'],
    },
    { name: 'fields: the rarest', selection: { F: 'true', G: 'anydesk-portable' }, expected: ['anydesk-portable'] },
    { name: 'what JSON escapes is left out', selection: { F: '\\anydesk"run' }, expected: ['anydesk'] },
    { name: 'what is beyond ASCII is left out', selection: { F: 'büro-kvm' }, expected: ['ro-kvm'] },
    { name: 'a pattern has its parts', selection: { F: 'anydesk?portable*' }, expected: ['portable'] },
    {
      name: 'a regular expression has its own',
      selection: { 'F|re': 'any(desk|thing)[0-9]' },
      expected: ['anydesk', 'anything'],
    },
    { name: 'a number is its text', selection: { F: 4688 }, expected: ['4688'] },
    { name: 'one value without a literal', selection: { F: ['anydesk', 'ß'] }, expected: null },
    { name: 'a comparison has none', selection: { 'F|gt': 3 }, expected: null },
    { name: 'an absent field has none', selection: { F: null }, expected: null },
    { name: 'the empty text has none', selection: { F: '' }, expected: null },
  ]
  for (const { name, selection, expected } of cases) it(name, () => assert.deepEqual(literals(selection), expected))

  it('a negation has none, and does not affect other branches', () => {
    const rule = ruleOf({ it: { F: 'anydesk' }, other: { G: 'help' }, condition: 'it and not other' })
    assert.deepEqual(literalsOf(rule.condition, inEvent), ['anydesk'])
    assert.equal(literalsOf(ruleOf({ it: { F: 'x' }, condition: 'not it' }).condition, inEvent), null)
  })

  it('fields that are not part of the event have none', () => {
    const beside = (field: string | null) => field === 'Contract.country'
    assert.equal(literals({ 'Contract.country': 'Germany' }, beside), null)
    assert.deepEqual(literals({ 'Contract.country': 'Germany', F: 'x' }, beside), ['x'])
  })

  const found = [
    { name: 'in upper case', literal: 'anydesk', json: '{"F":"ANYDESK"}', is: true },
    { name: 'with the Kelvin sign and the long s', literal: 'desk', json: '{"F":"deſ\u212a"}', is: true },
    { name: 'a single character behind another alphabet', literal: 'x', json: '{"F":"имяx"}', is: true },
    { name: 'not there', literal: 'anydesk', json: '{"F":"rustdesk"}', is: false },
  ]
  for (const { name, literal, json, is } of found)
    it(`the scan: ${name}`, () => assert.equal(literalScan([literal])(json), is))

  it('no literals: nothing matches', () => assert.equal(literalScan([])('{}'), false))

  it('occur in every event that a random rule matches', function () {
    this.timeout(300_000)
    let told = 0
    fc.assert(
      fc.property(detection, fc.array(event, { minLength: 1, maxLength: 6 }), (each, events) => {
        const rule = ruleOf(each)
        const demanded = literalsOf(rule.condition, inEvent)
        const scan = demanded && literalScan(demanded)
        const program = compile([rule])
        for (const it of events) {
          const json = JSON.stringify({ ...it, category: 'c' })
          if (scan === null || program.match(JSON.parse(json)).length === 0) continue
          told++
          assert.ok(scan(json), `none of ${JSON.stringify(demanded)} in ${json}`)
        }
      }),
      { numRuns: RUNS },
    )
    assert.ok(told > 0, 'no random rule with literals matched')
  })

  it('occur in every event that a rule made from its values matches', () => {
    const odd = [
      'a',
      'K',
      's',
      'ſ',
      '\u212a',
      'İ',
      'ı',
      'µ',
      'Σ',
      'ς',
      '"',
      '\\',
      '/',
      '\n',
      '\u0001',
      '\u007f',
      '\u2028',
      '\ud800',
      '😀',
      ' ',
      '1',
    ]
    const value = fc.string({ unit: fc.constantFrom(...odd), minLength: 1, maxLength: 12 })
    const inside = fc.record({ value, from: fc.nat(11), length: fc.integer({ min: 1, max: 12 }) })
    const how = fc.constantFrom('contains', 'contains|cased', 're', 're|i')
    const shape = fc.constantFrom<(value: string) => unknown>(
      (it) => it,
      (it) => ['other', [it]],
      (it) => ({ G: it }),
    )
    fc.assert(
      fc.property(inside, how, shape, ({ value, from, length }, modifiers, shaped) => {
        const points = [...value]
        const part = points
          .slice(from % points.length)
          .slice(0, length)
          .join('')
        const special = modifiers.startsWith('re') ? /[\\/.*+?^$(){}|[\]]/g : /[\\*?]/g
        const F = shaped(value)
        const field = typeof F === 'object' && !Array.isArray(F) ? 'F.G' : 'F'
        const rule = ruleOf({ it: { [`${field}|${modifiers}`]: part.replace(special, '\\$&') }, condition: 'it' })
        const json = JSON.stringify({ category: 'c', F })
        // RE2 finds no half of a character.
        fc.pre(compile([rule]).match(JSON.parse(json)).length === 1)
        const demanded = literalsOf(rule.condition, inEvent)
        assert.ok(demanded === null || literalScan(demanded)(json), `none of ${JSON.stringify(demanded)} in ${json}`)
      }),
      { numRuns: RUNS },
    )
  })
})
