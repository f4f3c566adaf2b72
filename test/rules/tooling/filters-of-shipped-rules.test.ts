/** Filters in a user's folder that name shipped rules: checked and applied without naming the shipped folder. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { covers, type FlatEvent, type LoadedRule, type Logsource, load } from '../../../rules/language/index.ts'
import { readRuleFiles } from '../../../rules/tooling/load.ts'
import { SHIPPED_RULES } from '../../../rules/tooling/shipped.ts'
import { loadRules, type Ruleset } from '../../../server/detect/program.ts'
import { BINARY } from '../../bench/children.ts'

const RUNS = Number(process.env.PROPERTY_RUNS ?? 20)
const CHECKED = 80

const { rules, correlations } = load(await readRuleFiles([SHIPPED_RULES]))
/** Every event of the shipped rules' own tests. */
const events: FlatEvent[] = [...rules, ...correlations].flatMap((rule) =>
  (rule.tellwire?.tests ?? []).flatMap(({ events }) => events),
)

/** What is wrong with a filter. */
type Damage = 'none' | 'one digit of the id' | 'an id that nothing has' | 'a correlation' | 'another logsource'

interface Spec {
  targets: LoadedRule[]
  refersBy: 'id' | 'name'
  /** The keys that the filter's logsource has. */
  keys: readonly (keyof Logsource)[]
  condition: string
  damage: Damage
  digit: number
}

const spec: fc.Arbitrary<Spec> = fc.record({
  targets: fc.uniqueArray(fc.constantFrom(...rules), { minLength: 1, maxLength: 4 }),
  refersBy: fc.constantFrom('id', 'name'),
  keys: fc.constantFrom([], ['category'], ['category', 'product'], ['category', 'product', 'service']),
  condition: fc.constantFrom('not selection', 'not 1 of sel*', 'not (selection)', 'not all of them'),
  damage: fc.constantFrom(
    'none',
    'one digit of the id',
    'an id that nothing has',
    'a correlation',
    'another logsource',
  ),
  digit: fc.nat(35),
})
const sound = spec.map((each): Spec => ({ ...each, damage: 'none' }))

const deviceOf = (place: number) => `laptop-${place}`

function filterText(spec: Spec, place: number): string {
  const logsource = Object.fromEntries(Object.entries(logsourceOf(spec)).filter(([, value]) => value !== null))
  return JSON.stringify({
    title: `Filter ${place}`,
    ...(Object.keys(logsource).length > 0 ? { logsource } : {}),
    filter: { rules: referencesOf(spec), selection: { device: deviceOf(place) }, condition: spec.condition },
  })
}

function referencesOf({ targets, refersBy, damage, digit }: Spec): string[] {
  const all = targets.map(({ id, name }) => (refersBy === 'name' && name !== null ? name : id))
  if (damage === 'one digit of the id') all[0] = withOtherDigit(targets[0]!.id, digit)
  if (damage === 'an id that nothing has') all[0] = '00000000-0000-4000-8000-000000000000'
  if (damage === 'a correlation') all[0] = correlations[digit % correlations.length]!.id
  return all
}

function withOtherDigit(id: string, at: number): string {
  const place = id[at] === '-' ? at + 1 : at
  return id.slice(0, place) + (id[place] === '0' ? '1' : '0') + id.slice(place + 1)
}

/** Parts of the first target's, which may leave out others; or one that leaves out all of them. */
function logsourceOf({ targets, keys, damage }: Spec): Logsource {
  const own = targets[0]!.logsource
  const has = (key: keyof Logsource) => (keys.includes(key) ? own[key] : null)
  if (damage !== 'another logsource')
    return { category: has('category'), product: has('product'), service: has('service') }
  const others = rules.filter((rule) => targets.every((it) => it.logsource.category !== rule.logsource.category))
  return { category: others[0]!.logsource.category, product: null, service: null }
}

/** The rules that the filter has an effect on. */
function filteredBy(spec: Spec): Set<string> {
  const isSound = spec.damage === 'none' || spec.damage === 'another logsource'
  const named = isSound ? spec.targets : spec.targets.slice(1)
  return new Set(named.filter((rule) => covers(logsourceOf(spec), rule.logsource)).map(({ id }) => id))
}

/** The warnings that `rules check` must print of it: message and hint. */
function expectedProblems(spec: Spec): [message: RegExp, hint: RegExp][] {
  const { damage, targets } = spec
  const [reference] = referencesOf(spec)
  const missing = new RegExp(`^The filter names '${reference}', and no rule`)
  const expected: [RegExp, RegExp][] = []
  if (damage === 'one digit of the id') expected.push([missing, new RegExp(`^Did you mean '${targets[0]!.id}'`)])
  if (damage === 'an id that nothing has') expected.push([missing, /^Name it by its `id` or `name`/])
  if (damage === 'a correlation') expected.push([missing, /^It is a correlation: name the rules that it counts/])
  const names = damage === 'none' || damage === 'another logsource' ? targets.length : targets.length - 1
  if (names > 0 && filteredBy(spec).size === 0) expected.push([/covers none of its rules/, /is for category/])
  return expected
}

describe('filters of shipped rules in a folder of the user', function () {
  this.timeout(120_000)
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-filters-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const check = (...paths: string[]) => {
    const { stdout } = spawnSync(process.execPath, [BINARY, 'rules', 'check', '--json', ...paths], {
      cwd: folder,
      encoding: 'utf8',
    })
    return JSON.parse(stdout) as { rules: number; problems: { path: string; message: string; hint: string | null }[] }
  }

  it('are checked: every kind of mistake is a warning, and a sound one is none', () => {
    const specs = fc.sample(spec, { numRuns: CHECKED, seed: 30 })
    for (const [place, each] of specs.entries()) writeFileSync(join(folder, `${place}.yml`), filterText(each, place))
    const alone = check('.')
    assert.equal(alone.rules, 0)
    for (const [place, each] of specs.entries()) {
      const found = alone.problems.filter(({ path }) => path === `${place}.yml`)
      const expected = expectedProblems(each)
      assert.equal(found.length, expected.length, JSON.stringify({ text: filterText(each, place), found }))
      for (const [n, [message, hint]] of expected.entries()) {
        assert.match(found[n]!.message, message)
        assert.match(found[n]!.hint ?? '', hint)
      }
    }
    assert.deepEqual(check(SHIPPED_RULES, '.').problems, alone.problems)
  })

  it('are applied: to their rules, for what they describe, and to nothing else', async () => {
    const quiet = (ruleset: Ruleset, event: FlatEvent) => ruleset.program.match(event).map(({ rule }) => rule.id)
    const unfiltered = await loadRules([SHIPPED_RULES], (it) => assert.fail(it.message))
    let hidden = 0
    await fc.assert(
      fc.asyncProperty(fc.array(sound, { minLength: 1, maxLength: 8 }), async (specs) => {
        rmSync(folder, { recursive: true })
        folder = mkdtempSync(join(tmpdir(), 'tellwire-filters-'))
        for (const [place, each] of specs.entries())
          writeFileSync(join(folder, `${place}.yml`), filterText(each, place))
        // As the server loads `rulesFolders`.
        const filtered = await loadRules([SHIPPED_RULES, folder], (it) => assert.fail(it.message))
        for (const [place, each] of [...specs.entries(), [specs.length, null] as const]) {
          const ids = each ? filteredBy(each) : new Set<string>()
          for (const event of events) {
            const here = { ...event, device: deviceOf(place) }
            const before = quiet(unfiltered, here)
            const kept = before.filter((id) => !ids.has(id))
            assert.deepEqual(quiet(filtered, here), kept)
            hidden += before.length - kept.length
          }
        }
      }),
      { numRuns: RUNS },
    )
    assert.ok(hidden > 0, 'no filter hid anything')
  })
})
