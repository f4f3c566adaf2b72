import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '../../../rules/language/index.ts'
import { blankFields } from '../../../rules/tooling/blank-fields.ts'
import {
  contradictions,
  coverage,
  coveragePage,
  insiderThreatMatrix,
  navigatorLayer,
  offByDefault,
} from '../../../rules/tooling/coverage.ts'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import { LOOK_ALIKES, PATTERNS, SIGNALS } from '../../../rules/tooling/signals.ts'

const CONTENT = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'rules', 'content')
const ours = load(await readRuleFiles([CONTENT]))
const rows = coverage(ours)

describe('signals', () => {
  it('are numbered through, patterns and scenes too', () => {
    const ids = (letter: string, many: number) => Array.from({ length: many }, (_, n) => `${letter}${n + 1}`)
    assert.deepEqual(
      SIGNALS.map((it) => it.id),
      ids('#', 108),
    )
    assert.deepEqual(
      PATTERNS.map((it) => it.id),
      ids('P', 26),
    )
    assert.deepEqual(
      LOOK_ALIKES.map((it) => it.id),
      ids('N', 38),
    )
  })
})

describe('coverage of our rules', () => {
  it('has a rule or a reason for every signal, and never both', () => assert.deepEqual(contradictions(rows), []))

  it('equals COVERAGE.md: run `tellwire rules coverage --write`', () => {
    const page = coveragePage(ours, ({ path }) => relative(CONTENT, path).split(sep).join('/'))
    assert.equal(readFileSync(join(CONTENT, 'COVERAGE.md'), 'utf8'), page)
  })

  it('equals fields.json, which the console reads', () => {
    const text = readFileSync(join(CONTENT, 'fields.json'), 'utf8')
    assert.deepEqual(JSON.parse(text), blankFields(ours))
  })

  it('says on which systems a signal has a rule that can fire', () => {
    const of = (id: string) => rows.find((it) => it.id === id)
    assert.deepEqual(of('#16')?.systems, ['linux', 'macos', 'windows'])
    assert.deepEqual(of('#4')?.systems, ['linux', 'macos', 'windows'])
    assert.deepEqual([of('#63')?.state, of('#63')?.systems], ['cannot fire', []])
  })

  it('weighs no rule above the grade of its signals; patterns weigh several together', () => {
    const grades = new Map(SIGNALS.map((it) => [it.id, it.grade as number]))
    const heavy = [...ours.rules, ...ours.correlations].filter((it) => {
      const known = (it.tellwire?.signals ?? []).flatMap((id) => grades.get(id) ?? [])
      const isPattern = /[/\\]patterns[/\\]/.test(it.path) || it.tellwire?.signals.includes('P12')
      if (it.tellwire?.step) return false
      return !isPattern && (it.tellwire?.strength ?? 0) > Math.max(...known)
    })
    assert.deepEqual(
      heavy.map((it) => it.title),
      [],
    )
  })

  it('never lets the four that cannot be explained away fade', () => {
    const lasting = ['#4', '#25', '#56', '#96']
    const strong = [...ours.rules, ...ours.correlations].filter(
      (it) =>
        it.tellwire?.strength === 4 &&
        !/[/\\]patterns[/\\]/.test(it.path) &&
        it.tellwire.signals.some((id) => lasting.includes(id)),
    )
    assert.ok(strong.length >= 4)
    assert.deepEqual(
      strong.filter((it) => it.tellwire?.halfLifeDays !== null).map((it) => it.title),
      [],
    )
  })

  /** Their band comes from several sensors together, not from a rule of their own. */
  const WITHOUT_OWN_RULE = ['P12', 'P24', 'P25', 'P26']
  it('has a pattern rule of the stated band for each pattern', () => {
    const all = [...ours.rules, ...ours.correlations]
    const bandOf = (id: string) =>
      all.flatMap((it) => (it.tellwire?.signals.includes(id) ? (it.tellwire.pattern ?? []) : []))
    const wrong = PATTERNS.filter(({ id }) => !WITHOUT_OWN_RULE.includes(id)).filter(
      ({ id, severity }) => severity !== 'medium' && !bandOf(id).includes(severity),
    )
    assert.deepEqual(
      wrong.map((it) => it.id),
      [],
    )
  })

  /** Scenes of the simulator that no rule's test shows yet. */
  const SCENES_ONLY = ['N30', 'N31', 'N32', 'N33', 'N34', 'N35', 'N36', 'N37', 'N38']
  it('names every everyday scene that events can show in a quiet test', () => {
    const quiet = [...ours.rules, ...ours.correlations]
      .flatMap((it) => it.tellwire?.tests ?? [])
      .filter((it) => it.fires === 0)
    const missing = LOOK_ALIKES.filter(({ id }) => !SCENES_ONLY.includes(id)).filter(
      ({ id }) => !quiet.some((it) => new RegExp(`\\b${id}\\b`).test(it.name)),
    )
    assert.deepEqual(
      missing.map((it) => it.id),
      [],
    )
  })

  it('keeps the sensitive ones off', () => {
    const state = new Map(rows.map((it) => [it.id, it.state]))
    for (const id of ['#10', '#55', '#103', '#108']) assert.equal(state.get(id), 'not covered', id)
    for (const id of ['#93', '#101', '#102', '#65', '#40']) assert.equal(state.get(id), 'off by default', id)
  })
})

describe('offByDefault', () => {
  const rule = (name: string, category: string, more = '') =>
    `title: ${name}\nname: ${name}\nid: ${name}\nlogsource: { category: ${category} }\ndetection: { a: { Tool: x }, condition: a }\ntellwire: { family: finance, strength: 1, halfLifeDays: 1${more} }\n`
  const correlation = (name: string, rules: string, condition: string) =>
    `title: ${name}\nname: ${name}\nid: ${name}\ncorrelation: { type: temporal, rules: [${rules}], group-by: [worker], timespan: 1h${condition && `, condition: ${condition}`} }\n`
  const text = [
    rule('plain', 'tool'),
    rule('other', 'tool'),
    rule('wallet', 'tool', ', sensitive: true'),
    rule('rhythm', 'rhythm'),
    correlation('both', 'plain, wallet', ''),
    correlation('either', 'plain, other, wallet', 'plain and (other or wallet)'),
    correlation('without', 'plain, wallet', 'plain and not wallet'),
    correlation('above', 'both, plain', ''),
  ].join('---\n')

  it('is sensitive, reads a sensitive category, or needs such a rule in every alternative', () => {
    const loaded = load([{ path: 'a.yml', text }])
    assert.deepEqual(loaded.problems, [])
    assert.deepEqual([...offByDefault(loaded)].sort(), ['above', 'both', 'rhythm', 'wallet'])
  })
})

describe('navigatorLayer', () => {
  const layer = navigatorLayer(ours) as {
    versions: unknown
    techniques: { techniqueID: string; score: number; metadata: { value: string }[] }[]
  }

  it('has each technique once, in order, with the strength of the strongest rule', () => {
    const ids = layer.techniques.map((it) => it.techniqueID)
    assert.deepEqual(ids, [...new Set(ids)].sort())
    assert.ok(ids.every((id) => /^T\d{4}(\.\d{3})?$/.test(id)))
    assert.ok(layer.techniques.every((it) => it.score >= 1 && it.score <= 4))
    assert.equal(layer.techniques.find((it) => it.techniqueID === 'T1219.003')?.score, 4)
    assert.deepEqual(layer.versions, { attack: '18', navigator: '5.1.0', layer: '4.5' })
  })
  it('has the ids of the next version', () =>
    assert.equal(layer.techniques.find((it) => it.techniqueID === 'T1562.001')?.metadata[0]?.value, 'T1685'))
})

describe('insiderThreatMatrix', () => {
  it('puts every signal beside a section or among the unmapped', () => {
    const { sections, unmapped } = insiderThreatMatrix(ours) as {
      sections: { id: string; article: string; signals: string[]; rules: unknown[] }[]
      unmapped: { id: string }[]
    }
    const told = new Set([...sections.flatMap((it) => it.signals), ...unmapped.map((it) => it.id)])
    assert.equal(told.size, SIGNALS.length)
    assert.ok(sections.every((it) => /^(ME|IF|AF)\d{3}(\.\d{3})?$/.test(it.id) && /^AR[1-5]$/.test(it.article)))
    assert.ok(sections.every((it) => it.rules.length > 0))
  })
})
