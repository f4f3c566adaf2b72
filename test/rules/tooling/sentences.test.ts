import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fill, load, type Placeholder, placeholdersOf, type Rule } from '../../../rules/language/index.ts'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import { checkSentences, fieldKind } from '../../../rules/tooling/sentences.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const files = await readRuleFiles([join(ROOT, 'rules', 'content')])
const shipped = load(files)
const ours: Rule[] = [...shipped.rules, ...shipped.correlations]

function rule(says: string, { category = 'volume_anomaly', more = '' } = {}): string {
  return [
    'title: A test',
    `logsource: { category: ${category} }`,
    'detection: { it: { Value: 1 }, condition: it }',
    'tellwire:',
    '  family: exfiltration',
    '  strength: 1',
    '  halfLifeDays: 1',
    `  says: ${JSON.stringify(says)}`,
    more,
  ].join('\n')
}

function complaints(text: string): string[] {
  const { rules, problems } = load([{ path: 'it.yml', text }])
  assert.deepEqual(problems, [])
  return checkSentences(rules, () => text).map(
    ({ line, column, severity, message }) => `${severity} ${line}:${column} ${message}`,
  )
}

describe('rules/language: the words of a sentence', () => {
  const cases: { template: string; fields: Record<string, unknown>; text: string }[] = [
    { template: '{WindowDays|day}', fields: { WindowDays: 1 }, text: '1 day' },
    { template: '{WindowDays|day}', fields: { WindowDays: 7 }, text: '7 days' },
    { template: '{Days|day}', fields: { Days: 0 }, text: '0 days' },
    { template: '{Hours|hour}', fields: { Hours: 1.04 }, text: '1 hour' },
    { template: '{Hours|hour}', fields: { Hours: 1.5 }, text: '1.5 hours' },
    { template: '{values|repository}', fields: { values: 4_812 }, text: '4,812 repositories' },
    { template: '{n|key or token|keys or tokens}', fields: { n: 1 }, text: '1 key or token' },
    { template: '{n|key or token|keys or tokens}', fields: { n: 2 }, text: '2 keys or tokens' },
    {
      template: '{Value|metric} to {Metric}',
      fields: { Value: 534_566_305, Metric: 'sync_bytes' },
      text: '534.6 MB to sync folders',
    },
    { template: '{Value|metric}', fields: { Value: 1, Metric: 'removable_files' }, text: '1 file' },
    { template: '{OwnMedian|metric}', fields: { OwnMedian: null, Metric: 'sync_bytes' }, text: 'Unknown' },
    { template: '{Bytes|bytes}', fields: { Bytes: 1 }, text: '1 byte' },
    { template: '{Bytes|bytes}', fields: { Bytes: 999_960 }, text: '1 MB' },
    { template: '{Bytes|bytes}', fields: { Bytes: 60_000_000_000 }, text: '60 GB' },
    { template: '{WindowSeconds|span}', fields: { WindowSeconds: 900 }, text: '15 minutes' },
    { template: '{WindowSeconds|span}', fields: { WindowSeconds: 1 }, text: '1 second' },
    { template: '{ClockJumpMs|span}', fields: { ClockJumpMs: -7_200_000 }, text: '2 hours' },
    { template: '{MeasuredMs|ms}', fields: { MeasuredMs: 143.3 }, text: '143 ms' },
    { template: '{DistanceKm|km}', fields: { DistanceKm: 8_123.4 }, text: '8,123 km' },
    { template: '{Share|percent}', fields: { Share: 0.5 }, text: '50 %' },
    { template: '{Offset|utc}', fields: { Offset: 5.5 }, text: 'UTC+5:30' },
    { template: '{Offset|utc}', fields: { Offset: -3.5 }, text: 'UTC-3:30' },
    { template: '{Offset|utc}', fields: { Offset: 0 }, text: 'UTC' },
    { template: 'AS{Asn|id}', fields: { Asn: 131_279 }, text: 'AS131279' },
    { template: 'the same {KeyKind}', fields: { KeyKind: 'edid' }, text: 'the same monitor' },
    { template: '{NetworkClass}', fields: { NetworkClass: 'vpn' }, text: 'a VPN' },
    { template: '{Action}', fields: { Action: 'repo.made_public' }, text: 'repo made public' },
    { template: '{Image}', fields: { Image: '/opt/my_tool' }, text: '/opt/my_tool' },
    { template: '{E|locked|open|perhaps locked}', fields: { E: true }, text: 'locked' },
    { template: '{E|locked|open|perhaps locked}', fields: { E: false }, text: 'open' },
    { template: '{E|locked|open|perhaps locked}', fields: { E: null }, text: 'Perhaps locked' },
    { template: '{Days|day}', fields: {}, text: 'An unknown number of days' },
    { template: '{ObservedRegion} ({C})', fields: { ObservedRegion: null, C: 'RO' }, text: 'An unknown region (RO)' },
    {
      template: '{Tool} is here.',
      fields: { Tool: 'AnyDesk', MatchedBy: 'name' },
      text: 'AnyDesk (recognised by its name alone) is here.',
    },
    { template: '{Tool} is here.', fields: { Tool: 'AnyDesk', MatchedBy: 'signer' }, text: 'AnyDesk is here.' },
    {
      template: '{Tool} is here, recognised by {MatchedBy}.',
      fields: { Tool: 'AnyDesk', MatchedBy: 'name' },
      text: 'AnyDesk is here, recognised by its name alone, which anybody can give a program.',
    },
  ]
  for (const { template, fields, text } of cases)
    it(`${template} → ${text}`, () => assert.equal(fill(template, fields), text))
})

describe('rules/tooling: the lint of sentences', () => {
  const bad: { name: string; says: string; category?: string; why: RegExp }[] = [
    { name: 'a number without a noun', says: '{Value} left.', why: /\{Value\} has no unit and no noun/ },
    { name: 'the noun outside', says: 'Within {WindowDays} days.', why: /\{WindowDays\} has no unit and no noun/ },
    { name: 'a plural', says: 'Within {WindowDays|days}.', why: /'days' is a plural/ },
    { name: 'a field that is not there', says: 'Within {Dais|day}.', why: /no field 'Dais'/ },
    { name: 'yes or no', says: 'Locked: {Encrypted}.', category: 'archive_created', why: /true or false/ },
    { name: 'doubled punctuation', says: 'It left.; it came.', why: /'\.;' is doubled/ },
    { name: 'no end', says: 'It left', why: /no end/ },
    { name: 'a small beginning', says: 'it left.', why: /small letter/ },
    { name: 'an open brace', says: 'It {left.', why: /brace/ },
  ]
  for (const { name, says, category, why } of bad)
    it(`warns of ${name}, with its place`, () => {
      const found = complaints(rule(says, category === undefined ? {} : { category }))
      assert.equal(found.length, 1, found.join('\n'))
      assert.match(found[0]!, /^warning 8:3 `says`: /)
      assert.match(found[0]!, why)
    })
  it('reads blind spots and responses too', () =>
    assert.match(complaints(rule('It left.', { more: '  blindTo: Much.,' }))[0] ?? '', /^warning 9:3 `blindTo`: /))
  it('joins the lines of a folded text, so that no line break is shown', () => {
    const { rules } = load([
      { path: 'it.yml', text: rule('It left.', { more: '  blindTo: >\n    Much\n    more.\n' }) },
    ])
    assert.equal(rules[0]?.tellwire?.blindTo, 'Much more.')
  })
  it('has nothing against fields of events that are not ours', () =>
    assert.deepEqual(complaints(rule('{Whatever} left.', { category: 'dns_query' })), []))

  it('a number of any event needs a unit or a noun', () => {
    for (const it of ours)
      for (const { field } of placeholdersOf(it.tellwire?.says ?? '')) {
        if (fieldKind(it, field)?.kind !== 'number' || !it.logsource.category) continue
        const found = complaints(rule(`{${field}} days.`, { category: it.logsource.category }))
        assert.equal(found.length, 1, `${it.title}: ${field}`)
      }
  })
})

/** Everything that a placeholder can be: one and many, each word, yes and no, and nothing. */
function samples(it: Rule, { field, words }: Placeholder): unknown[] {
  const known = fieldKind(it, field)
  assert.ok(known, `${it.title}: ${field}`)
  const some = {
    // An identifier is no amount.
    number: () => (words[0] === 'id' ? [0, 7, 22] : [0, 1, 2, 17, 534_566_305, 1.04, 5.5]),
    boolean: () => [true, false],
    words: () => (known.kind === 'words' ? [...known.values] : []),
    text: () => ['Example'],
  }[known.kind]()
  return known.nullable ? [...some, null] : some
}

describe('rules/content: every sentence, with one and with many', () => {
  it('passes the lint', () => {
    const found = checkSentences(ours, (path) => files.find((it) => it.path === path)?.text ?? '')
    assert.deepEqual(
      found.map(({ path, line, message }) => `${path}:${line} ${message}`),
      [],
    )
  })
  for (const it_ of ours)
    it(`${it_.title}`, () => {
      const says = it_.tellwire?.says ?? ''
      const placeholders = placeholdersOf(says)
      const most = Math.max(1, ...placeholders.map((one) => samples(it_, one).length))
      for (let n = 0; n < most; n++)
        for (const MatchedBy of ['name', 'signer']) {
          const fields = Object.fromEntries(
            placeholders.map((one) => {
              const values = samples(it_, one)
              return [one.field, values[n % values.length]]
            }),
          )
          const text = fill(says, {
            ...(it_.logsource.category === 'tool' && { MatchedBy }),
            Metric: 'sync_bytes',
            ...fields,
          })
          assert.doesNotMatch(text, /[{}|]|undefined|NaN|\bnull\b|\btrue\b|\bfalse\b|_|\p{Cc}/u)
          assert.doesNotMatch(text, /(?<![.,\d])1 (?!ms\b)\w+s\b/, text)
          assert.doesNotMatch(text, /[.,;:]\s*[.,;:]| {2}|534566305|\d{5}/, text)
          assert.match(text, /^[\p{Lu}\d/"].*\.$/u)
        }
    })
  it('a program that is known by its name alone is never just called by it', () => {
    for (const it of ours) {
      const { says } = it.tellwire!
      if (it.logsource.category !== 'tool' || !says?.includes('{Tool')) continue
      assert.match(fill(says, { Tool: 'AnyDesk', MatchedBy: 'name', VendorsLast30d: 2 }), /its name alone/)
    }
  })
  it('no two rules have one sentence', () => {
    const all = ours.filter((it) => !it.tellwire?.step).map((it) => it.tellwire?.says)
    assert.deepEqual(
      all.filter((says, index) => all.indexOf(says) !== index),
      [],
    )
  })
})
