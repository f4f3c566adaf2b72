import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadCatalogue } from '../../rules/catalogue/index.ts'
import type { Expression } from '../../rules/language/expression.ts'
import { compile, load } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/load.ts'
import { runRuleTests } from '../../rules/tests.ts'
import { Event } from '../../wire/event.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const CONTENT = join(ROOT, 'rules', 'content')
const files = await readRuleFiles([CONTENT])
const { rules, correlations, problems } = load(files)
const catalogue = loadCatalogue()

/** What a category's schema knows; every field may be absent, none may be unknown or of another type. */
const SCHEMAS = new Map(Event.options.map((schema) => [schema.shape.category.value as string, schema]))

function fieldsOf(expression: Expression): string[] {
  if (expression.kind === 'test') return expression.field === null ? [] : [expression.field]
  return expression.kind === 'not' ? fieldsOf(expression.of) : expression.of.flatMap(fieldsOf)
}

describe('rules/content', () => {
  it('loads without an error or a warning', () => assert.deepEqual(problems, []))
  it('has the rules that the first milestone names', () => assert.ok(rules.length >= 12, `${rules.length} rules`))

  for (const rule of rules) {
    const facts = rule.tellwire
    const category = rule.logsource.category ?? ''
    describe(relative(CONTENT, rule.path), () => {
      it('says everything that an analyst and a maintainer need', () => {
        assert.ok(facts)
        assert.equal(dirname(relative(CONTENT, rule.path)), facts.family)
        assert.ok(facts.says && facts.blindTo && facts.response && rule.description)
        assert.ok(rule.falsepositives.length > 0 && facts.signals.length > 0)
        assert.ok(rule.tags.length > 0 && rule.tags.every((tag) => /^attack\.(t\d{4}(\.\d{3})?|[a-z-]+)$/.test(tag)))
        assert.ok(rule.tags.some((tag) => /^attack\.t\d/.test(tag)))
      })
      it('has a level that fits its strength', () => {
        const levels = { 1: ['informational', 'low'], 2: ['low', 'medium'], 3: ['medium'], 4: ['high', 'critical'] }
        assert.ok(levels[facts?.strength ?? 1].includes(rule.level ?? ''), `${rule.level} at ${facts?.strength}`)
      })
      it('fires on something, and keeps quiet on two things at least', () => {
        const tests = facts?.tests ?? []
        assert.ok(tests.some((it) => it.fires > 0))
        assert.ok(tests.filter((it) => it.fires === 0).length >= 2)
      })
      it('reads, groups by and says only fields that its category has', () => {
        const known = SCHEMAS.get(category)
        assert.ok(known, category)
        const said = [...(facts?.says ?? '').matchAll(/\{(\w+)\}/g)].map((it) => it[1] as string)
        const read = [...fieldsOf(rule.condition), ...(facts?.groupBy ?? []), ...said]
        assert.deepEqual(
          read.filter((field) => !Object.hasOwn(known.shape, field)),
          [],
        )
      })
      it('is tested with events that could come', () => {
        for (const test of facts?.tests ?? [])
          for (const { at: _, ...event } of test.events) {
            const schema = SCHEMAS.get(event.category as string)
            assert.ok(schema, `${test.name}: ${event.category}`)
            const result = schema.partial().safeParse(event)
            assert.ok(result.success, `${test.name}: ${result.error?.message}`)
          }
      })
      it('names tools and hardware that the catalogue has', () => {
        const tools = new Set(catalogue.tools.map((it) => it.id))
        const categories = new Set(catalogue.tools.map((it) => it.category))
        for (const test of facts?.tests ?? [])
          for (const event of test.events) {
            if (event.ToolId !== undefined) assert.ok(tools.has(event.ToolId as string), `${event.ToolId}`)
            if (event.ToolCategory !== undefined)
              assert.ok(categories.has(event.ToolCategory as string), `${event.ToolCategory}`)
          }
      })
      it('speaks of things and places, never of a nationality', () => {
        const text = readFileSync(rule.path, 'utf8')
        assert.doesNotMatch(text, /korea|dprk|chinese|russian|iranian|nationalit|ethnic|accent\b/i)
      })
    })
  }
})

describe('the tests inside the rules', () => {
  for (const { rule, test, fired } of runRuleTests(rules, compile, correlations))
    it(`${rule.title}: ${test.name}`, () => assert.equal(fired, test.fires))
})
