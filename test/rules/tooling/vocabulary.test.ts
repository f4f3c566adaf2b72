/** Warnings of misspelt categories and fields, only where it is certain. */
import assert from 'node:assert/strict'
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

describe('the vocabulary of rules', () => {
  const cases = [
    { name: 'a known category and field', text: rule('shared_key', 'KeyKind'), says: null },
    { name: 'a field beside the event', text: rule('shared_key', 'worker|startswith'), says: null },
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
