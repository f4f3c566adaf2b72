/** Warnings of misspelt categories and fields, only where it is certain. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { load } from '../../../rules/language/index.ts'
import { VOCABULARY } from '../../../rules/tooling/vocabulary.ts'
import { needSharedData, ruleFiles, sigmaFiles } from '../language/shared-data.ts'

const warnings = (text: string) =>
  load([{ path: 'r.yml', text }], { vocabulary: VOCABULARY, now: 0 }).problems.map(
    ({ line, column, message, hint }) => ({
      place: `${line}:${column}`,
      text: `${message} ${hint}`,
    }),
  )
const rule = (category: string, field: string) =>
  `title: t\nlogsource: { category: ${category} }\ndetection:\n  a:\n    ${field}: x\n  condition: a\n`

const RUNS = Number(process.env.PROPERTY_RUNS ?? 300)

/** One mistake in typing, at a place. */
const MISTAKES: Readonly<Record<string, (name: string, at: number) => string>> = {
  'a letter is missing': (name, at) => name.slice(0, at) + name.slice(at + 1),
  'a letter is doubled': (name, at) => name.slice(0, at) + name[at] + name.slice(at),
  'a letter is another': (name, at) => `${name.slice(0, at)}q${name.slice(at + 1)}`,
  'a letter is in the other case': (name, at) => {
    const letter = name[at]!
    return (
      name.slice(0, at) +
      (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()) +
      name.slice(at + 1)
    )
  },
}
const mistake = fc.constantFrom(...Object.values(MISTAKES))
const categories = [...VOCABULARY.categories]
const fields = categories.flatMap((category) =>
  [...(VOCABULARY.fieldsOf(category)?.names ?? [])].map((field) => ({ category, field })),
)
const logsources = [
  ...categories.map((value) => ({ key: 'category', value })),
  ...[...VOCABULARY.products].map((value) => ({ key: 'product', value })),
  ...[...VOCABULARY.services].map((value) => ({ key: 'service', value })),
]

describe('the vocabulary of rules', () => {
  const cases = [
    { name: 'a known category and field', text: rule('shared_key', 'KeyKind'), says: null },
    { name: 'a field beside the event', text: rule('shared_key', 'worker|startswith'), says: null },
    { name: 'the same as our fields are written', text: rule('shared_key', 'Worker|startswith'), says: null },
    { name: 'a field of the contract', text: rule('shared_key', 'Contract.country'), says: null },
    { name: "a field that others' process_creation has", text: rule('process_creation', 'IntegrityLevel'), says: null },
    {
      name: 'a misspelt category',
      text: rule('proces_creation', 'Image'),
      says: ['2:24', "'proces_creation'. Did you mean 'process_creation'?"],
    },
    {
      name: 'an unknown category',
      text: rule('cloudtrail_like', 'Whatever'),
      says: ['2:24', "No known events have the category 'cloudtrail_like'. If yours have it, ignore this"],
    },
    {
      name: 'a misspelt product',
      text: rule('process_creation, product: windos', 'Image'),
      says: ['2:51', "'windos'. Did you mean 'windows'?"],
    },
    {
      name: 'a misspelt service',
      text: rule('process_creation, service: sysmn', 'Image'),
      says: ['2:51', "'sysmn'. Did you mean 'sysmon'?"],
    },
    {
      name: 'a field of an open category with one letter too many',
      text: rule('process_creation', 'Imagee'),
      says: ['5:5', "'Imagee'. Did you mean 'Image'?"],
    },
    {
      name: 'an id that is no UUID',
      text: `id: 12345\n${rule('tool', 'Tool')}`,
      says: ['1:5', "'12345' is not a UUID."],
    },
    {
      name: 'a day that does not exist',
      text: `date: 2026-02-30\n${rule('tool', 'Tool')}`,
      says: ['1:7', "'2026-02-30' is not a day."],
    },
    {
      name: 'an unknown status',
      text: `status: prod\n${rule('tool', 'Tool')}`,
      says: ['1:9', "'prod' is not a status. One of stable"],
    },
    {
      name: 'a tag without a namespace',
      text: `tags: [attack.t1219, Remote]\n${rule('tool', 'Tool')}`,
      says: ['1:22', "'Remote' is not a tag."],
    },
    {
      name: 'a misspelt field',
      text: rule('shared_key', 'KeyKnd|contains'),
      says: ['5:5', "'KeyKnd'. Did you mean 'KeyKind'?"],
    },
    {
      name: 'a field of another category',
      text: rule('shared_key', 'CommandLine'),
      says: ['5:5', "'CommandLine'. There are: category, id"],
    },
    {
      name: 'a field of the contract that it does not have',
      text: rule('shared_key', 'Contract.contry'),
      says: ['5:5', "Did you mean 'Contract.country'?"],
    },
    {
      name: 'a field in another case',
      text: rule('process_creation', 'Commandline'),
      says: ['5:5', "'Commandline'. Did you mean 'CommandLine'?"],
    },
  ] satisfies { name: string; text: string; says: [place: string, text: string] | null }[]
  for (const { name, text, says } of cases)
    it(says ? `warns of ${name}` : `accepts ${name}`, () => {
      const found = warnings(text)
      if (says === null) return assert.deepEqual(found, [])
      assert.deepEqual(
        found.map(({ place }) => place),
        [says[0]],
      )
      assert.ok(found[0]!.text.includes(says[1]), found[0]!.text)
    })

  it('knows every field of every category', () => {
    for (const { category, field } of fields) assert.deepEqual(warnings(rule(category, field)), [], field)
  })

  it('warns of any field with one mistake in it, and names one that exists', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), mistake, fc.nat(), ({ category, field }, change, at) => {
        const wrong = change(field, at % field.length)
        const { names, closed } = VOCABULARY.fieldsOf(category)!
        // Of short names and of paths there are many neighbours.
        fc.pre(field.length >= 4 && !names.has(wrong) && !names.has(wrong.split('.')[0]!))
        const found = warnings(rule(category, `'${wrong}'`))
        assert.equal(found.length, 1, JSON.stringify({ wrong, found }))
        assert.ok(found[0]!.text.startsWith(`Events of category ${category} have no field '${wrong}'.`))
        const meant = /Did you mean '(.*)'\?/.exec(found[0]!.text)?.[1]
        assert.ok(meant === undefined ? closed : names.has(meant), found[0]!.text)
      }),
      { numRuns: RUNS },
    )
  })

  it('warns of any category, product and service with one mistake in it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...logsources), mistake, fc.nat(), ({ key, value }, change, at) => {
        const known = { category: VOCABULARY.categories, product: VOCABULARY.products, service: VOCABULARY.services }
        const values = known[key as keyof typeof known]
        // Logsources are compared in lower case.
        const wrong = change(value, at % value.length).toLowerCase()
        fc.pre(value.length >= 4 && !values.has(wrong))
        const text = `title: t\nlogsource: { ${key}: '${wrong}' }\ndetection: { a: { Any: x }, condition: a }\n`
        const found = warnings(text)
        assert.equal(found.length, 1, JSON.stringify({ wrong, found }))
        assert.match(found[0]!.text, /^No known events have the (category|product|service) /)
        const meant = /Did you mean '(.*)'\?/.exec(found[0]!.text)?.[1]
        assert.ok(meant !== undefined && values.has(meant), found[0]!.text)
      }),
      { numRuns: RUNS },
    )
  })

  it('warns of ids, days, statuses and tags with one mistake in them, and of no right ones', () => {
    const day = fc
      .date({ min: new Date('2017-01-01'), max: new Date('2030-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10))
    const facts = fc.oneof(
      fc.uuid().map((value) => ({ key: 'id', value })),
      fc.tuple(fc.constantFrom('date', 'modified'), day).map(([key, value]) => ({ key, value })),
      fc.constantFrom('stable', 'test', 'experimental', 'deprecated', 'unsupported').map((value) => ({
        ...{ key: 'status', value },
      })),
      fc.constantFrom('attack.t1219', 'attack.exfiltration', 'cve.2021-44228').map((value) => ({ key: 'tags', value })),
    )
    const withFact = (key: string, value: string) =>
      `${key}: ${key === 'tags' ? `['${value}']` : `'${value}'`}\n${rule('tool', 'Tool')}`
    const damages: ((value: string) => string)[] = [
      (value) => value.slice(1).replace(/^(?=.)/, '%'),
      (value) => `${value} x`,
      (value) => value.replace(/[-.]/, '').replace(/^(\w)/, '_$1'),
      (value) => value.replace(/\d\d$/, '39').replace(/[a-z]+$/, 'Z!'),
    ]
    fc.assert(
      fc.property(facts, fc.constantFrom(...damages), ({ key, value }, damage) => {
        assert.deepEqual(warnings(withFact(key, value)), [])
        const wrong = damage(value)
        // The last digits of an id or a tag may be any.
        fc.pre(
          wrong !== value &&
            !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(wrong) &&
            !/^[a-z]+\.[a-z\d-]+$/.test(wrong),
        )
        const found = warnings(withFact(key, wrong))
        assert.equal(found.length, 1, JSON.stringify({ wrong, found }))
        assert.ok(found[0]!.text.startsWith(`'${wrong}' is not a`), found[0]!.text)
      }),
      { numRuns: RUNS },
    )
  })

  it('warns of nothing in SigmaHQ', function () {
    this.timeout(180_000)
    needSharedData(this)
    const { problems } = load(ruleFiles(sigmaFiles()), { vocabulary: VOCABULARY })
    assert.deepEqual(
      problems.filter((it) => /^(No known events|Events of|'.*' is not)/.test(it.message)),
      [],
    )
  })
})
