/** SECURITY.md makes no claim without a test: each row names a file and a title that exist. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
const claims = [...text.matchAll(/^\| (.+) \| `([^`]+)` · (.+) \|$/gm)].map(
  ([, claim = '', file = '', title = '']) => ({
    claim,
    file,
    title,
  }),
)

describe('SECURITY.md', () => {
  it('every row of its tables names a test', () => {
    const rows = text.split('\n').filter((line) => /^\| (?!---|What holds)/.test(line))
    assert.equal(claims.length, rows.length)
    assert.ok(claims.length > 20)
  })

  for (const { claim, file, title } of claims)
    it(`${claim}: its test exists`, () => {
      assert.ok(existsSync(join(ROOT, file)), `there is no ${file}`)
      const source = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'")
      // A whole title, or the name of a row in a table of tests.
      assert.ok(
        ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`)),
        `${file} has no '${title}'`,
      )
    })
})
