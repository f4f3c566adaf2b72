/** Equal identities: the same findings. Different ones: the difference names each rule whose findings may differ. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalogueHash } from '../../../rules/catalogue/index.ts'
import { compile, type LoadOptions, load } from '../../../rules/language/index.ts'
import { type Derivation, differenceOf, identityOf } from '../../../server/detect/identity.ts'
import { loadRules, type Ruleset, SHIPPED_RULES } from '../../../server/detect/program.ts'

const DERIVATION: Derivation = { catalogueHash: 'c1' }

const rule = (id: string, value: string, more = '') =>
  `title: ${id}\nid: ${id}\nname: ${id}\nlogsource: { category: tool }\ndetection: { a: { Tool: ${value} }, condition: a }\n${more}`
const filter = (rules: string, more = '', value = 'help') =>
  `title: filter\nlogsource: { category: tool }\nfilter: { rules: ${rules}, a: { User: ${value} }, condition: not a }\n${more}`
const counting = (id: string, rules: string, more = '') =>
  `title: ${id}\nid: ${id}\ncorrelation: { type: event_count, rules: ${rules}, timespan: 5m, condition: { gte: 3 }${more} }\n`

function rulesetOf(documents: readonly string[], options: LoadOptions = {}): Ruleset {
  const { rules, correlations, problems } = load(
    documents.map((text, n) => ({ path: `${n}.yml`, text })),
    options,
  )
  assert.deepEqual(
    problems.filter((it) => it.severity === 'error'),
    [],
  )
  return { program: compile(rules), correlations, credit: () => ({}) }
}

const identity = (documents: readonly string[], options: LoadOptions = {}) =>
  identityOf(rulesetOf(documents, options), DERIVATION)
const BASE = [rule('r1', 'x'), rule('r2', 'y'), counting('c1', '[r1]'), counting('c2', '[c1]'), rule('r3', 'z')]

describe('the identity of an evaluator', () => {
  const EXPIRES = 'tellwire: { expires: 2026-11-01 }\n'
  const edits = [
    { name: 'nothing', before: BASE, after: BASE, changed: [] },
    { name: 'the order of the files', before: BASE, after: BASE.toReversed(), changed: [] },
    { name: 'a comment', before: BASE, after: [`# why\n${BASE[0]}`, ...BASE.slice(1)], changed: [] },
    {
      name: 'a value of a rule that no correlation counts',
      before: BASE,
      after: BASE.with(1, rule('r2', 'w')),
      changed: ['r2'],
    },
    {
      name: 'a value of a counted rule: the correlations above it too',
      before: BASE,
      after: BASE.with(0, rule('r1', 'w')),
      changed: ['c1', 'c2', 'r1'],
    },
    { name: 'a new rule', before: BASE, after: [...BASE, rule('r4', 'w')], changed: ['r4'] },
    { name: 'a rule that went', before: BASE, after: BASE.toSpliced(1, 1), changed: ['r2'] },
    { name: 'a filter on a rule', before: BASE, after: [...BASE, filter('[r2]')], changed: ['r2'] },
    { name: 'a filter on a counted rule', before: BASE, after: [...BASE, filter('[r1]')], changed: ['c1', 'c2', 'r1'] },
    { name: 'a filter that is for no rule here', before: BASE, after: [...BASE, filter('[r9]')], changed: [] },
    {
      name: 'a filter of another logsource',
      before: BASE,
      after: [...BASE, filter('[r2]').replace('category: tool', 'category: display')],
      changed: [],
    },
    {
      name: 'the exceptions of a filter',
      before: [...BASE, filter('[r2]')],
      after: [...BASE, filter('[r2]', '', 'desk')],
      changed: ['r2'],
    },
    {
      name: 'the day on which a filter expires',
      before: [...BASE, filter('[r2]')],
      after: [...BASE, filter('[r2]', EXPIRES)],
      changed: ['r2'],
    },
    {
      name: 'who owns a filter',
      before: [...BASE, filter('[r2]', EXPIRES)],
      after: [...BASE, filter('[r2]', 'tellwire: { expires: 2026-11-01, owner: ana, reason: desks }\n')],
      changed: [],
    },
    {
      name: 'the order of two filters',
      before: [...BASE, filter('[r2]'), filter('[r2]', '', 'desk')],
      after: [...BASE, filter('[r2]', '', 'desk'), filter('[r2]')],
      changed: [],
    },
    {
      name: 'a correlation that hides its rule: the rule’s findings go',
      before: BASE,
      after: [...BASE, counting('c3', '[r3]')],
      changed: ['c3', 'r3'],
    },
    {
      name: 'a correlation that also reports its rule: the findings stay',
      before: BASE,
      after: [...BASE, counting('c3', '[r3]', ', generate: true')],
      changed: ['c3'],
    },
    {
      name: 'a correlation that begins to report its rule',
      before: [...BASE, counting('c3', '[r3]')],
      after: [...BASE, counting('c3', '[r3]', ', generate: true')],
      changed: ['c3', 'r3'],
    },
    {
      name: 'ids that are names of an object',
      before: [],
      after: [rule('__proto__', 'x'), rule('constructor', 'y')],
      changed: ['__proto__', 'constructor'],
    },
  ]
  for (const { name, before, after, changed } of edits)
    it(`${name}: ${changed.join(', ') || 'no rule'} changed`, () => {
      // As it is kept, and read again.
      const kept = JSON.parse(JSON.stringify(identity(before)))
      assert.deepEqual(differenceOf(kept, identity(after)), { derivation: false, engine: false, changed })
      assert.deepEqual(differenceOf(identity(after), kept).changed, changed)
    })

  it('values of placeholders', () => {
    const documents = [rule('r1', 'x').replace('Tool: x', "Tool|expand: '%tools%'"), rule('r2', 'y')]
    const [before, after] = [['a'], ['a', 'b']].map((tools) => identity(documents, { placeholders: { tools } }))
    assert.deepEqual(differenceOf(before!, after!).changed, ['r1'])
  })

  it('is the same text whatever the order of the files', () =>
    assert.equal(JSON.stringify(identity(BASE)), JSON.stringify(identity(BASE.toReversed()))))

  it('another engine: every rule, and the removed ones', () => {
    const before = { ...identity([...BASE, rule('r4', 'w')]), engine: 0 }
    assert.deepEqual(differenceOf(before, identity(BASE)), {
      derivation: false,
      engine: true,
      changed: ['c1', 'c2', 'r1', 'r2', 'r3', 'r4'],
    })
  })

  const derivations: { name: string; other: Derivation; changes: boolean }[] = [
    { name: 'another catalogue', other: { catalogueHash: 'c2' }, changes: true },
    { name: 'another threshold', other: { ...DERIVATION, thresholds: { travel: { speedKmh: 700 } } }, changes: true },
    { name: 'thresholds as shipped, not written', other: { ...DERIVATION, thresholds: {} }, changes: false },
  ]
  for (const { name, other, changes } of derivations)
    it(`${name}: the derivation ${changes ? 'changes' : 'stays'}`, () => {
      const ruleset = rulesetOf(BASE)
      const difference = differenceOf(identityOf(ruleset, DERIVATION), identityOf(ruleset, other))
      assert.deepEqual(difference, { derivation: changes, engine: false, changed: [] })
    })

  it('the catalogue has a hash of its contents', () => assert.match(catalogueHash, /^[0-9a-f]{64}$/))

  describe('of folders', () => {
    let folder = ''
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tellwire-identity-'))))
    afterEach(() => rmSync(folder, { recursive: true, force: true }))
    const of = async (sensitive: readonly string[] = []) =>
      identityOf(await loadRules([SHIPPED_RULES, folder], (it) => assert.fail(it.message), sensitive), DERIVATION)

    it('changes with an added filter, for the rule that it names', async () => {
      const before = await of()
      writeFileSync(
        join(folder, 'filter.yml'),
        'title: Hot desks\nlogsource: { category: shared_key }\nfilter:\n  rules: [b8e63408-6516-44f1-be4e-707b26231213]\n  it: { KeyKind: edid }\n  condition: not it\n',
      )
      const { changed } = differenceOf(before, await of())
      assert.ok(changed.includes('b8e63408-6516-44f1-be4e-707b26231213'), changed.join(' '))
    })

    it('changes with a sensitive rule that is switched on, for it and the correlations over it', async () => {
      const ours = 'tellwire: { family: finance, strength: 1, halfLifeDays: 1, sensitive: true }\n'
      writeFileSync(
        join(folder, 'a.yml'),
        [rule('r1', 'x', ours), counting('c1', '[r1]'), counting('c2', '[c1]')].join('---\n'),
      )
      assert.deepEqual(differenceOf(await of(), await of(['r1'])).changed, ['c1', 'c2', 'r1'])
    })
  })
})
