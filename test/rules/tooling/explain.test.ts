import assert from 'node:assert/strict'
import { compile, type FlatEvent, load } from '../../../rules/language/index.ts'
import { explain } from '../../../rules/tooling/explain.ts'
import { needSharedData, ruleFiles, sigmaFiles, sysmonLines } from '../language/shared-data.ts'

const RULE = `title: First
id: one
logsource: { category: c }
detection:
  s: { A: x }
  condition: s
---
title: Second
id: two
name: second
logsource: { category: c, product: p }
detection:
  selection:
    Image|endswith: ['\\a.exe', '\\b.exe']
    Command|contains|all: [-x, -y]
  either:
    - Missing: null
      Other|neq: z
    - Same|fieldref: Image
    - word
    - number
  filter_main_a: { N|gte: 5 }
  filter_main_b: { Tags: blue }
  condition:
    - (selection and not 1 of filter_main_*) or either
    - all of filter_*
---
title: Quiet host
filter:
  rules: [second]
  selection: { Host: q }
  condition: not selection
tellwire: { reason: known, expires: 2026-02-01 }
`
const { rules, filters } = load([{ path: 'x.yml', text: RULE }])
const [, second] = rules
const event = {
  category: 'c',
  product: 'p',
  Image: 'C:\\B.EXE',
  Command: 'b -x',
  Other: 'z',
  N: '7',
  Tags: ['red', 'blue'],
}
const because = (more: FlatEvent = {}) => explain(second!, RULE, { ...event, ...more }, { filters })

describe('explain', () => {
  it('follows the document that the rule is, and leaves its neighbours alone', () => {
    assert.deepEqual(
      because().selections.map(({ name, holds }) => [name, holds]),
      [
        ['selection', false],
        ['either', false],
        ['filter_main_a', true],
        ['filter_main_b', true],
      ],
    )
  })
  it('shows each field with the value found, the values that match, and how many must', () => {
    assert.deepEqual(because().selections[0]?.groups, [
      {
        holds: false,
        items: [
          {
            ...{ key: 'Image|endswith', field: 'Image', holds: true, found: 'C:\\B.EXE', needs: 'any' },
            values: [
              { text: '\\a.exe', holds: false },
              { text: '\\b.exe', holds: true },
            ],
          },
          {
            ...{ key: 'Command|contains|all', field: 'Command', holds: false, found: 'b -x', needs: 'all' },
            values: [
              { text: '-x', holds: true },
              { text: '-y', holds: false },
            ],
          },
        ],
      },
    ])
  })
  it('takes the members of a list apart: maps each, words together', () => {
    const groups = because({ Same: 'c:\\b.exe', Text: 'a WORD here' }).selections[1]?.groups ?? []
    assert.deepEqual(
      groups.map(({ holds, items }) => [holds, items.map(({ key, holds, needs }) => [key, holds, needs])]),
      [
        [
          false,
          [
            ['Missing', true, 'any'],
            ['Other|neq', false, 'none'],
          ],
        ],
        [true, [['Same|fieldref', true, 'any']]],
        [true, [['', true, 'any']]],
      ],
    )
    assert.deepEqual(groups[1]?.items[0]?.values, [{ text: 'Image', holds: true, other: 'C:\\B.EXE' }])
    assert.deepEqual(groups[2]?.items[0]?.values, [
      { text: 'word', holds: true },
      { text: 'number', holds: false },
    ])
  })
  it('shows each condition with the results of its terms', () => {
    assert.deepEqual(because().conditions, [
      {
        text: '(selection and not 1 of filter_main_*) or either',
        holds: false,
        terms: [
          { text: 'selection', holds: false },
          { text: '1 of filter_main_*', holds: true },
          { text: 'either', holds: false },
        ],
      },
      { text: 'all of filter_*', holds: true, terms: [{ text: 'all of filter_*', holds: true }] },
    ])
    assert.equal(because().matches, true)
  })
  it('shows the filter that hides the event, until it expires', () => {
    const [filter] = because({ Host: 'q', time: Date.UTC(2026, 0, 31) }).filters
    assert.deepEqual(filter, { title: 'Quiet host', path: 'x.yml', line: 28, reason: 'known', hides: true })
    assert.equal(because({ Host: 'q' }).matches, false)
    assert.equal(because({ Host: 'r' }).filters[0]?.hides, false)
    const later = because({ Host: 'q', time: Date.UTC(2026, 1, 1) })
    assert.deepEqual([later.filters[0]?.hides, later.matches], [false, true])
    assert.deepEqual(explain(rules[0]!, RULE, event, { filters }).filters, [])
  })
  it('shows a logsource that does not fit', () => {
    const { matches, logsource } = because({ product: undefined })
    assert.equal(matches, false)
    assert.deepEqual(logsource.parts, [
      { key: 'category', wanted: 'c', found: 'c', holds: true },
      { key: 'product', wanted: 'p', found: undefined, holds: false },
    ])
  })
  it('agrees with the engine, on every rule of SigmaHQ and real events', function () {
    this.timeout(120_000)
    needSharedData(this)
    const files = ruleFiles(sigmaFiles())
    const texts = new Map(files.map(({ path, text }) => [path, text]))
    const { rules } = load(files)
    // Every rule with events of its category: those it matches, and some of the others.
    const events = sysmonLines().map((line) => JSON.parse(line) as FlatEvent)
    const program = compile(rules)
    const differences: string[] = []
    let matched = 0
    const lastOf = new Map<unknown, FlatEvent>()
    for (const event of events) lastOf.set(event.category, event)
    const asked = new Set(events.filter((event) => program.match(event).length > 0).slice(0, 150))
    for (const event of [...asked, ...lastOf.values()]) {
      const hits = new Set(program.match(event).map(({ rule }) => rule.id))
      for (const rule of rules) {
        const { category, product, service } = rule.logsource
        if (category !== event.category || product !== event.product || service !== null) continue
        // Explaining 1,400 rules to 150 events takes long; those that match, and every tenth, are enough.
        if (!hits.has(rule.id) && rule.id.charCodeAt(0) % 10 !== 0) continue
        const why = explain(rule, texts.get(rule.path)!, event)
        const said = why.conditions.some((it) => it.holds)
        if (why.matches !== hits.has(rule.id) || said !== why.matches) differences.push(`${rule.path}: ${why.matches}`)
        if (why.matches) matched++
      }
    }
    assert.deepEqual(differences, [])
    assert.ok(matched > 150)
  })
})
