/**
 * What collectors really fill, in the samples of their own tests, against what their types say they fill.
 *
 * Imports the tests of all collectors of a system, so that they run before this one.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CODE_FACTS } from '../../../rules/tooling/code-facts.ts'
import { CATEGORIES, type Category } from '../../../wire/event.ts'
import { notTested } from '../../not-tested.ts'
import { filled } from '../fake-host.ts'

/** Those whose collectors run here on samples. What Windows fills, its real runs show. */
const SYSTEMS = ['linux', 'macos'] as const
for (const folder of [...SYSTEMS, 'shared'].map((it) => join(import.meta.dirname, it)))
  for (const name of readdirSync(folder)) if (name.endsWith('.test.ts')) await import(join(folder, name))

const ENVELOPE = new Set(['category', 'time', 'collector'])

for (const system of SYSTEMS)
  describe(`what the collectors of ${system} fill`, () => {
    const makers = Object.entries(CODE_FACTS.fills).filter(([maker]) => maker.startsWith(`${system}/`))
    const shared = Object.entries(CODE_FACTS.fills).filter(([maker]) => CODE_FACTS.shared[system].includes(maker))
    const collected = (category: string) => (CATEGORIES[category as Category].on as readonly string[]).includes(system)
    const categories = new Set([...makers, ...shared].flatMap(([, fills]) => Object.keys(fills)).filter(collected))
    for (const category of categories)
      it(`${category}: each field that the code can fill is filled in a sample, and no other`, function () {
        if (filled.size === 0) notTested(this, 'the samples of the collectors did not run', 'skip')
        const declared = new Set([...makers, ...shared].flatMap(([, fills]) => fills[category] ?? []))
        const found = [...(filled.get(`${system} ${category}`) ?? [])].filter((it) => !ENVELOPE.has(it))
        assert.deepEqual(found.sort(), [...declared].sort())
      })
  })
