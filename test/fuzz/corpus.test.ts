/** Replays every input that a fuzz target started from, and every one that ever failed. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { TARGETS } from './index.ts'
import { inputs } from './mutate.ts'
import { CORPUS, corpusOf, type Opened } from './target.ts'

const MUTATIONS = 40

describe('fuzz targets', () => {
  it('are one for each corpus folder', () =>
    assert.deepEqual(readdirSync(CORPUS).sort(), TARGETS.map((it) => it.name).sort()))

  for (const target of TARGETS)
    describe(target.name, () => {
      let opened: Opened
      before(async () => {
        opened = await target.open()
      })
      after(() => opened.close?.())

      for (const { name, input } of corpusOf(target))
        it(`takes ${name}`, async () => assert.equal(await opened.run(input), undefined))

      it(`takes ${MUTATIONS} mutations, the same in every run`, async () => {
        const make = inputs(
          target,
          corpusOf(target).map((it) => it.input),
          1,
        )
        for (let number = 0; number < MUTATIONS; number++) {
          assert.deepEqual(make(number), make(number))
          await opened.run(make(number))
        }
      })
    })
})
