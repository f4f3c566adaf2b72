/**
 * After an edit, a subset makes the findings that the whole ruleset makes for changed rules; the others' still hold.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile, correlator, type FlatEvent, literalScan, load, type Problem } from '../../../rules/language/index.ts'
import { TEST_START } from '../../../rules/tooling/tests.ts'
import { differenceOf, identityOf, reportedBy } from '../../../server/detect/identity.ts'
import { loadRules, type Ruleset } from '../../../server/detect/program.ts'
import { readsOf, subsetOf } from '../../../server/detect/subset.ts'
import { SECOND } from '../../../wire/time.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 300)
interface Timed {
  id: string
  time: number
  event: FlatEvent
}

function rulesetOf(documents: readonly string[]): Ruleset {
  const { rules, correlations } = load(documents.map((text, n) => ({ path: `${n}.yml`, text })))
  return { program: compile(rules), correlations, credit: () => ({}) }
}

/** The final findings, by the id of their rule. */
function found(ruleset: Ruleset, reported: ReadonlySet<string>, events: readonly Timed[]): Map<string, string[]> {
  const engine = correlator(ruleset.correlations)
  const standing = new Map<string, { rule: string; text: string }>()
  const follow = ({ fired, retracted }: ReturnType<typeof engine.advance>): void => {
    for (const id of retracted) standing.delete(id)
    for (const it of fired)
      standing.set(it.id, { rule: it.rule.id, text: JSON.stringify({ ...it, rule: it.rule.version }) })
  }
  for (const { id, time, event } of events) {
    const matches = ruleset.program.match(event)
    for (const { rule } of matches) standing.set(`${rule.id} ${id}`, { rule: rule.id, text: `${rule.version} ${id}` })
    follow(engine.take({ event, time, id, matches }))
  }
  const last = events.at(-1)?.time ?? 0
  follow(engine.advance(last + 1_000 * SECOND))
  const byRule = Map.groupBy(standing.values(), ({ rule }) => rule)
  return new Map(
    [...byRule].filter(([id]) => reported.has(id)).map(([id, all]) => [id, all.map((it) => it.text).sort()]),
  )
}

const only = (all: ReadonlyMap<string, string[]>, ids: (id: string) => boolean) =>
  Object.fromEntries([...all].filter(([id]) => ids(id)).sort())

const IDS = ['r0', 'r1', 'r2', 'r3']

/**
 * Rules, filters and correlations whose references may be missing; the loader then refuses them, also a kind of edit.
 */
const ruleText = fc.record({ value: fc.constantFrom('a', 'b', '"*"'), step: fc.boolean() }).map(
  ({ value, step }) =>
    (id: string) =>
      `title: ${id}\nid: ${id}\nlogsource: { category: x }\ndetection: { s: { K: ${value} }, condition: s }\n` +
      (step ? 'tellwire: { family: finance, strength: 1, halfLifeDays: 1, step: true }\n' : ''),
)
const filterText = fc
  .record({ of: fc.constantFrom('any', ...IDS), value: fc.constantFrom('g', 'h'), expires: fc.boolean() })
  .map(
    ({ of, value, expires }) =>
      `title: f\nlogsource: { category: x }\nfilter: { rules: ${of === 'any' ? of : `[${of}]`}, s: { G: ${value} }, condition: not s }\n` +
      (expires ? 'tellwire: { expires: 1970-01-02 }\n' : ''),
  )
const correlationText = fc
  .record({
    rules: fc.subarray([...IDS, 'c0', 'c1'], { minLength: 1, maxLength: 3 }),
    condition: fc.constantFrom('{ gte: 1 }', '{ gte: 2 }', '{ lt: 2 }'),
    generate: fc.boolean(),
  })
  .map(
    ({ rules, condition, generate }) =>
      (id: string) =>
        `title: ${id}\nid: ${id}\ncorrelation: { type: event_count, rules: [${rules}], group-by: [G], condition: ${condition}, timespan: 10s, generate: ${generate} }\n`,
  )

/** Each part before and after the edit: mostly unchanged. */
const edited = <T>(part: fc.Arbitrary<T>) =>
  fc.tuple(fc.option(part), fc.option(part), fc.integer({ min: 0, max: 3 })).map(([before, other, keep]) => ({
    before,
    after: keep > 0 ? before : other,
  }))
const named = (ids: readonly string[], part: fc.Arbitrary<(id: string) => string>) =>
  fc.tuple(...ids.map((id) => edited(part.map((text) => text(id)))))
const edits = fc
  .tuple(
    named(IDS, ruleText),
    fc.tuple(edited(filterText), edited(filterText)),
    named(['c0', 'c1', 'c2'], correlationText),
  )
  .map((parts) => {
    const all = parts.flat()
    const side = (which: 'before' | 'after') => all.flatMap((it) => it[which] ?? [])
    return { before: side('before'), after: side('after') }
  })
const events = fc
  .array(
    fc.record({
      second: fc.integer({ min: 0, max: 30 }),
      late: fc.boolean(),
      K: fc.constantFrom('a', 'b', 'c'),
      G: fc.constantFrom('g', 'h', 'i'),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ second, late, ...event }, n): Timed => {
      const time = (late ? 86_400 : 80_000) * SECOND + second * SECOND
      return { id: `e${n}`, time, event: { category: 'x', time, ...event } }
    }),
  )

describe('a subset', () => {
  it('makes the findings of the whole ruleset for changed rules, and no others', function () {
    this.timeout(300_000)
    let touched = 0
    fc.assert(
      fc.property(edits, events, ({ before, after }, given) => {
        const [earlier, later] = [rulesetOf(before), rulesetOf(after)]
        const derivation = { catalogueHash: '' }
        const { changed } = differenceOf(identityOf(earlier, derivation), identityOf(later, derivation))
        const [then, now] = [earlier, later].map((it) => found(it, reportedBy(it), given)) as [
          Map<string, string[]>,
          Map<string, string[]>,
        ]
        const subset = subsetOf(later, changed)
        assert.deepEqual([...subset.replaced].sort(), changed, 'the difference is closed over correlations')
        const isChanged = (id: string) => subset.replaced.has(id)
        assert.deepEqual(
          only(then, (id) => !isChanged(id)),
          only(now, (id) => !isChanged(id)),
          'what did not change holds',
        )
        const remade = found(subset, subset.reported, given)
        assert.deepEqual(
          only(remade, () => true),
          only(now, isChanged),
        )
        if (remade.size > 0 && remade.size < now.size) touched++
      }),
      { numRuns: RUNS },
    )
    assert.ok(touched > RUNS / 50, `${touched} edits of a part`)
  })

  it('includes the correlations over a named rule', () => {
    const text = (id: string, rules: string) =>
      `title: ${id}\nid: ${id}\ncorrelation: { type: event_count, rules: ${rules}, timespan: 5s, condition: { gte: 2 } }\n`
    const rule = (id: string) =>
      `title: ${id}\nid: ${id}\nlogsource: { category: ${id} }\ndetection: { s: { K: ${id}${id} }, condition: s }\n`
    const ruleset = rulesetOf([...['r0', 'r1', 'r2'].map(rule), text('c0', '[r0, r1]'), text('c1', '[c0]')])
    const { program, correlations, replaced, reported, reads } = subsetOf(ruleset, ['r0', 'gone'])
    assert.deepEqual(
      program.rules.map((it) => it.id),
      ['r0', 'r1'],
    )
    assert.deepEqual(
      correlations.map((it) => it.id),
      ['c0', 'c1'],
    )
    assert.deepEqual([...replaced].sort(), ['c0', 'c1', 'gone', 'r0'])
    assert.deepEqual([...reported], ['c1'])
    assert.deepEqual([...(reads.categories ?? [])], ['r0', 'r1'])
    assert.deepEqual(reads.literals, ['r0r0', 'r1r1'])
  })
})

describe('what the shipped rules read', async () => {
  const { program, correlations } = await loadRules([], (it: Problem) => assert.fail(it.message))
  const tested = [...program.rules, ...correlations].flatMap((rule) =>
    (rule.tellwire?.tests ?? []).flatMap(({ events }) => events),
  )

  it('never excludes an event of their tests that they match', () => {
    let withLiterals = 0
    const scanOf = new Map(
      program.rules.map((rule) => {
        const { categories, literals } = readsOf([rule])
        return [rule.id, { categories, literals, scan: literals && literalScan(literals) }]
      }),
    )
    for (const [n, { at: _, Contract, worker, device, ...own }] of tested.entries()) {
      const event = { ...own, id: `e${n}`, time: TEST_START }
      const json = JSON.stringify(event)
      const seen = { ...JSON.parse(json), Contract, worker, device }
      for (const { rule } of program.match(seen)) {
        const { categories, scan } = scanOf.get(rule.id)!
        assert.ok(categories === null || categories.has(String(own.category)), rule.title)
        assert.ok(scan?.(json) ?? true, `${rule.title}: ${json}`)
        withLiterals += scan === null ? 0 : 1
      }
    }
    assert.ok(withLiterals > 100, `${withLiterals} matches of rules with literals`)
  })

  it('excludes most events', () => {
    const some = program.rules.filter((rule) => readsOf([rule]).literals !== null)
    assert.ok(some.length > program.rules.length / 2, `${some.length} of ${program.rules.length} rules have literals`)
  })
})
