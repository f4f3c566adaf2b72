/** Runs the published vectors. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { compile, load } from '../../../rules/language/index.ts'

interface Vector {
  name: string
  rule: string
  cases?: { event: Record<string, unknown>; match: boolean; why: string }[]
  refused?: { line: number; column: number; says: string }
}

const FOLDER = new URL('../conformance/', import.meta.url)

// The correlations' cases have a form and a test of their own.
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json') && name !== 'correlations.json')) {
  describe(`conformance: ${file}`, () => {
    for (const { name, rule, cases = [], refused } of JSON.parse(
      readFileSync(new URL(file, FOLDER), 'utf8'),
    ) as Vector[]) {
      const { rules, problems } = load([{ path: 'rule.yml', text: rule }])
      const error = problems.find(({ severity }) => severity === 'error')

      if (refused)
        it(`refuses ${name}`, () => {
          assert.deepEqual(rules, [])
          assert.ok(error?.message.includes(refused.says), `said '${error?.message}'`)
          assert.deepEqual({ line: error?.line, column: error?.column }, { line: refused.line, column: refused.column })
        })
      for (const { event, match, why } of cases)
        it(`${name}: ${why}`, () => {
          assert.equal(error?.message, undefined)
          assert.equal(compile(rules).match(event).length === 1, match)
        })
    }
  })
}
