/**
 * What collectors really fill, in the samples of their own tests, against what their types say they fill.
 *
 * Imports the tests of all collectors of a system, so that they run before this one.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CODE_FACTS } from '../../../rules/tooling/code-facts.ts'
import { notTested } from '../../not-tested.ts'
import { filled } from '../fake-host.ts'

const FOLDER = join(import.meta.dirname, 'linux')
for (const name of readdirSync(FOLDER)) if (name.endsWith('.test.ts')) await import(join(FOLDER, name))

const ENVELOPE = new Set(['category', 'time', 'collector'])
const collectors = Object.entries(CODE_FACTS.fills).filter(([maker]) => /^(linux|shared)\//.test(maker))
const categories = new Set(collectors.flatMap(([, fills]) => Object.keys(fills)))

describe('what the collectors of Linux fill', () => {
  for (const category of categories)
    it(`${category}: each field that the code can fill is filled in a sample, and no other`, function () {
      if (filled.size === 0) notTested(this, 'the samples of the collectors did not run', 'skip')
      const declared = new Set(collectors.flatMap(([, fills]) => fills[category] ?? []))
      const found = [...(filled.get(`linux ${category}`) ?? [])].filter((it) => !ENVELOPE.has(it))
      assert.deepEqual(found.sort(), [...declared].sort())
    })
})
