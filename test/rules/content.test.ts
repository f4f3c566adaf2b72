import assert from 'node:assert/strict'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TOOL_CATEGORIES } from '../../rules/catalogue/categories.ts'
import { loadCatalogue } from '../../rules/catalogue/index.ts'
import { correlator } from '../../rules/language/correlation/engine.ts'
import type { Expression } from '../../rules/language/expression.ts'
import { compile, type LoadedRule, load, placeholdersOf, type Rule } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/tooling/load.ts'
import { runRuleTests } from '../../rules/tooling/tests.ts'
import { VOCABULARY } from '../../rules/tooling/vocabulary.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import { Contract } from '../../wire/contract.ts'
import { Event } from '../../wire/event.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const CONTENT = join(ROOT, 'rules', 'content')
const files = await readRuleFiles([CONTENT])
const { rules, correlations, problems } = load(files, { vocabulary: VOCABULARY, now: Date.now() })
const catalogue = loadCatalogue()

/** What a category's schema knows; every field may be absent, none may be unknown or of another type. */
const SCHEMAS = new Map(Event.options.map((schema) => [schema.shape.category.value as string, schema]))

function fieldsOf(expression: Expression): string[] {
  if (expression.kind === 'test') {
    const other = expression.test.op === 'reference' ? [expression.test.other] : []
    return expression.field === null ? other : [expression.field, ...other]
  }
  return expression.kind === 'not' ? fieldsOf(expression.of) : expression.of.flatMap(fieldsOf)
}

/** An event's own fields, and those of the contract. */
function known(category: string, field: string): boolean {
  if (field.startsWith('Contract.')) return VOCABULARY.fieldsOf(category)?.names.has(field) === true
  const shape = SCHEMAS.get(category)?.shape
  assert.ok(shape, category)
  return Object.hasOwn(shape, field)
}

/** The events of tests match the category's schema, with worker, device and contract added. */
function couldCome(rule: Rule): void {
  for (const test of rule.tellwire?.tests ?? [])
    for (const { at: _, worker: __, device: ___, Contract: contract, ...event } of test.events) {
      const schema = SCHEMAS.get(event.category as string)
      assert.ok(schema, `${test.name}: ${event.category}`)
      const result = schema.partial().safeParse(event)
      assert.ok(result.success, `${test.name}: ${result.error?.message}`)
      const agreed = Contract.partial().safeParse(contract ?? {})
      assert.ok(agreed.success, `${test.name}: ${agreed.error?.message}`)
    }
}

/** The folder of a rule: its family, or its purpose. */
const FOLDERS = ['patterns', 'steps']
const LEVELS = { 1: ['informational', 'low'], 2: ['low', 'medium'], 3: ['medium'], 4: ['high', 'critical'] }
/** Presence has no technique in ATT&CK: our own word for it. */
const TAG = /^(attack\.(t\d{4}(\.\d{3})?|[a-z-]+)|tellwire\.presence)$/

describe('rules/content', () => {
  it('loads without an error or a warning', () => assert.deepEqual(problems, []))
  it('has rules by the hundred, and a correlation or rule for every pattern', () => {
    assert.ok(rules.length >= 100, `${rules.length} rules`)
    const named = new Set([...rules, ...correlations].flatMap((it) => it.tellwire?.signals ?? []))
    const played = SCENARIOS.filter(({ truth }) => truth === 'infiltrator').map(({ id }) => id)
    assert.ok(played.length >= 26, `${played.length} patterns`)
    const missing = played.filter((it) => !named.has(it))
    assert.deepEqual(missing, [])
  })
  it('hides steps alone: everything else that correlations count is a finding too', () => {
    const engine = correlator(correlations)
    const hidden = [...rules, ...correlations].filter((it) => engine.hides(it.id) && !it.tellwire?.step)
    assert.deepEqual(
      hidden.map((it) => it.title),
      [],
    )
    const counted = new Set(correlations.flatMap((it) => it.members.map(({ id }) => id)))
    const idle = rules.filter((it) => it.tellwire?.step && !counted.has(it.id))
    assert.deepEqual(
      idle.map((it) => it.title),
      [],
    )
  })
  it('never judges by a name, a language or a keyboard', () => {
    const banned = /^(KeyboardLayouts|Contract\.(name|worker)|Worker|User|Field|Score)$/
    assert.deepEqual(
      rules.flatMap((it) => fieldsOf(it.condition)).filter((field) => banned.test(field)),
      [],
    )
  })

  for (const rule of [...rules, ...correlations]) {
    const facts = rule.tellwire
    describe(`${relative(CONTENT, rule.path)}: ${rule.title}`, () => {
      it('has everything that analysts and maintainers need', () => {
        assert.ok(facts)
        const folder = dirname(relative(CONTENT, rule.path))
        assert.ok(folder === facts.family || FOLDERS.includes(folder), folder)
        assert.equal(facts.step, folder === 'steps')
        assert.ok(facts.says && facts.blindTo && facts.response && rule.description)
        assert.ok(rule.falsepositives.length > 0 && facts.signals.length > 0)
        assert.ok(rule.tags.length > 0 && rule.tags.every((tag) => TAG.test(tag)), rule.tags.join(' '))
        assert.ok(rule.tags.some((tag) => /^attack\.t\d|^tellwire\./.test(tag)))
      })
      it('has a level that fits its strength, and never a pattern on a weak signal alone', () => {
        const levels = facts?.pattern ? [facts.pattern] : LEVELS[facts?.strength ?? 1]
        assert.ok(levels.includes(rule.level ?? ''), `${rule.level} at ${facts?.strength}`)
        assert.ok(!facts?.pattern || facts.strength >= 3)
      })
      it('fires on something, and keeps quiet on two things at least', () => {
        const tests = facts?.tests ?? []
        assert.ok(tests.some((it) => it.fires > 0))
        assert.ok(tests.filter((it) => it.fires === 0).length >= 2)
      })
      it('is tested with events that could come', () => couldCome(rule))
      it('names tools and hardware that the catalogue has', () => {
        const tools = new Set(catalogue.tools.map((it) => it.id))
        for (const test of facts?.tests ?? [])
          for (const event of test.events) {
            if (event.ToolId !== undefined) assert.ok(tools.has(event.ToolId as string), `${event.ToolId}`)
            if (event.ToolCategory !== undefined)
              assert.ok(Object.hasOwn(TOOL_CATEGORIES, event.ToolCategory as string), `${event.ToolCategory}`)
          }
      })
    })
  }

  for (const rule of rules)
    it(`${rule.title}: uses only fields that its category has`, () => {
      const read = [...fieldsOf(rule.condition), ...(rule.tellwire?.groupBy ?? []), ...said(rule)]
      assert.deepEqual(
        read.filter((field) => !known(rule.logsource.category ?? '', field)),
        [],
      )
    })

  for (const correlation of correlations)
    it(`${correlation.title}: is about one worker, and its sentence uses only what a correlation has`, () => {
      assert.deepEqual(correlation.groupBy, ['worker'])
      assert.deepEqual(
        said(correlation).filter((it) => !['count', 'values', 'worker'].includes(it)),
        [],
      )
    })

  for (const { path, text } of files)
    it(`${relative(CONTENT, path)}: speaks of things and places, never of a nationality`, () =>
      assert.doesNotMatch(text, /korea|dprk|chinese|russian|iranian|nationalit|ethnic|accent\b/i))

  function said({ tellwire }: Rule | LoadedRule): string[] {
    return placeholdersOf(tellwire?.says ?? '').map((it) => it.field)
  }
})

describe('the tests inside the rules', () => {
  for (const { rule, test, fired } of runRuleTests(rules, compile, correlations))
    it(`${rule.title}: ${test.name}`, () => assert.equal(fired, test.fires))
})
