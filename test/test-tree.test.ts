/** Of all tests: none is skipped in silence, none runs alone, and none is repeated until it passes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = import.meta.dirname
const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((it) => it.isFile() && /\.tsx?$/.test(it.name))
  .map((it) => join(it.parentPath, it.name))

/** What must not be called, and the only file that may. */
const FORBIDDEN = [
  { call: /\b(?:this|test|context|it|describe|ctx)\.skip\(|\bx(?:it|describe)\(/, only: 'not-tested.ts' },
  { call: /\b(?:it|describe|context)\.only\(/, only: null },
  { call: /\.retries\(/, only: null },
]

describe('the test tree', () => {
  it('finds the files to check', () => assert.ok(files.length > 300, `only ${files.length} files`))

  for (const { call, only } of FORBIDDEN)
    it(`has no ${call.source}${only === null ? '' : `, except in ${only}`}`, () =>
      assert.deepEqual(
        files.filter((it) => it !== import.meta.filename && call.test(readFileSync(it, 'utf8'))),
        only === null ? [] : [join(ROOT, only)],
      ))
})
