/** What derivers say they read, against what their code reads. */
import assert from 'node:assert/strict'
import { CODE_FACTS } from '../../../rules/tooling/code-facts.ts'
import { derivers } from '../../../server/derive/index.ts'
import { World } from '../../../server/derive/kit/world.ts'
import { CATEGORIES, type Category } from '../../../wire/event.ts'

describe('what a deriver reads', () => {
  /** By the name of its file or folder, which is the deriver's own but for one. */
  const all = derivers(new World()).map(([name, { reads }]) => ({
    maker: `deriver ${name === 'volume_anomaly' ? 'volume' : name.replaceAll('_', '-')}`,
    reads,
  }))

  it('is found in the code of each', () => {
    const found = all.filter(({ maker }) => CODE_FACTS.reads[maker] || CODE_FACTS.inputs[maker])
    assert.deepEqual(found.length, all.length)
  })

  for (const { maker, reads } of all)
    if (reads)
      it(`${maker}: its code reads nothing that it is not called for`, () => {
        const read = Object.keys(CODE_FACTS.reads[maker] ?? {}).filter(
          (it) => CATEGORIES[it as Category].origin !== 'server',
        )
        const sessions = CODE_FACTS.inputs[maker]?.includes('session') ? ['session'] : []
        assert.deepEqual(
          [...read, ...sessions].filter((it) => !(reads as readonly string[]).includes(it)),
          [],
        )
      })
})
