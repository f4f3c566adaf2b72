import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withTable } from './collected.ts'

describe('what is collected, how, and how it is tested', () => {
  it('equals the table in README: run `node test/facts/main.ts`', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
    assert.equal(readme, withTable(readme))
  })

  it('finds the place for the table only between its marks', () => {
    assert.throws(() => withTable('<!-- /collected --> <!-- collected -->'), /README has no/)
  })
})
