import assert from 'node:assert/strict'
import { parseAllDocuments } from 'yaml'
import * as z from 'zod'
import { load } from '../../../rules/language/index.ts'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import { RuleDocument, ruleSchema, tellwireOfRule } from '../../../rules/tooling/schema.ts'
import { needSharedData, ruleFiles, sigmaFiles } from '../language/shared-data.ts'

/** What another program makes of the schema that we print. */
const printed = z.fromJSONSchema(JSON.parse(JSON.stringify(ruleSchema())))

function refused(files: readonly { path: string; text: string }[]): string[] {
  return files.flatMap(({ path, text }) =>
    parseAllDocuments(text, { version: '1.1' }).flatMap((document) => {
      const value: unknown = document.toJS()
      return value === null || printed.safeParse(asData(value)).success ? [] : [path]
    }),
  )
}

/** Bare dates are text for the engine, as in JSON. */
function asData(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, it) => (/^\d{4}-\d\d-\d\dT00:00:00/.test(it) ? it.slice(0, 10) : it))
}

const RULE = {
  title: 't',
  logsource: { category: 'c' },
  detection: { s: { 'A|contains|all': ['x', 1] }, condition: 's' },
  tellwire: { family: 'hardware', strength: 2, halfLifeDays: null },
}
const TELLWIRE = RULE.tellwire

describe('the JSON Schema of rule files', () => {
  it('is of draft 2020-12', () => {
    assert.equal(ruleSchema().$schema, 'https://json-schema.org/draft/2020-12/schema')
  })
  it('accepts the rules that came along', async () => {
    const files = await readRuleFiles(['rules/content'])
    assert.ok(files.length >= 15)
    assert.deepEqual(refused(files), [])
  })
  it('accepts every rule of SigmaHQ', function () {
    this.timeout(120_000)
    needSharedData(this)
    assert.deepEqual(refused(ruleFiles(sigmaFiles())), [])
  })

  const cases: [string, object, boolean][] = [
    ['a rule', RULE, true],
    [
      'words, lists and bare values',
      { ...RULE, detection: { a: ['x', { B: 1 }], c: 'y', condition: ['a', 'c'] } },
      true,
    ],
    ['keys of other tools', { ...RULE, custom: { x: 1 } }, true],
    [
      'a correlation',
      {
        title: 't',
        correlation: { type: 'event_count', rules: ['a'], 'group-by': ['U'], timespan: '5m', condition: { gte: 3 } },
      },
      true,
    ],
    [
      'a filter',
      { title: 't', filter: { rules: 'any', s: { A: 1 }, condition: 'not s' }, tellwire: { expires: '2027-01-31' } },
      true,
    ],
    ['an unknown modifier', { ...RULE, detection: { s: { 'A|contain': 'x' }, condition: 's' } }, false],
    ['no condition', { ...RULE, detection: { s: { A: 'x' } } }, false],
    ['no title', { ...RULE, title: undefined }, false],
    ['neither detection, correlation nor filter', { title: 't', logsource: { category: 'c' } }, false],
    ['an unknown level', { ...RULE, level: 'severe' }, false],
    ['an unknown family', { ...RULE, tellwire: { ...TELLWIRE, family: 'other' } }, false],
    ['an unknown key of ours', { ...RULE, tellwire: { ...TELLWIRE, weight: 3 } }, false],
    ['strength 5', { ...RULE, tellwire: { ...TELLWIRE, strength: 5 } }, false],
    [
      'a test without its time',
      { ...RULE, tellwire: { ...TELLWIRE, tests: [{ name: 'n', fires: 1, events: [{}] }] } },
      false,
    ],
    [
      'an unknown kind of correlation',
      { title: 't', correlation: { type: 'sum', rules: ['a'], timespan: '5m' } },
      false,
    ],
  ]
  for (const [name, document, accepted] of cases)
    it(`${accepted ? 'accepts' : 'refuses'} ${name}`, () => {
      const data = JSON.parse(JSON.stringify(document))
      assert.deepEqual([RuleDocument.safeParse(data).success, printed.safeParse(data).success], [accepted, accepted])
    })

  it('has the keys under `tellwire` that the engine accepts', () => {
    const text = JSON.stringify({ ...RULE, tellwire: { ...TELLWIRE, zzzzzzzzzz: 1 } })
    const hint = load([{ path: 'x.yml', text }]).problems[0]?.hint ?? ''
    assert.deepEqual(
      hint
        .replace(/^There are: |\.$/g, '')
        .split(', ')
        .sort(),
      Object.keys(tellwireOfRule.shape).sort(),
    )
  })
})
