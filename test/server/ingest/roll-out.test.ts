import assert from 'node:assert/strict'
import { type Failure, haltedVersions, noteFailures, resume, rollOuts } from '../../../server/ingest/roll-out.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'

const failure = (device: string, version = '0.2.0'): Failure => ({ device, version, at: 5, why: 'It does not run.' })
const TWO = { haltAfter: 2, now: 9 }

describe('halted roll-outs', () => {
  const cases: { name: string; rounds: Failure[][]; haltAfter?: number; halted: string[] }[] = [
    { name: 'one laptop is not enough', rounds: [[failure('a')]], halted: [] },
    {
      name: 'one laptop that says it often is not enough',
      rounds: [[failure('a'), failure('a')], [failure('a')]],
      halted: [],
    },
    { name: 'two laptops halt it', rounds: [[failure('a')], [failure('b')]], halted: ['0.2.0'] },
    { name: 'two versions with one failure each go on', rounds: [[failure('a'), failure('b', '0.3.0')]], halted: [] },
    { name: 'never, when it is switched off', rounds: [[failure('a'), failure('b')]], haltAfter: 0, halted: [] },
    { name: 'a text that is no version', rounds: [[failure('a', '../x'), failure('b', '../x')]], halted: [] },
  ]
  for (const { name, rounds, haltAfter = 2, halted } of cases)
    it(name, async () => {
      const { values } = memoryStore()
      const said: string[] = []
      for (const it of rounds) said.push(...(await noteFailures(values, it, { haltAfter, now: 9 })))
      assert.deepEqual([said, await haltedVersions(values)], [halted, halted])
    })

  it('is resumed by somebody, and then needs new failures', async () => {
    const { values } = memoryStore()
    await noteFailures(values, [failure('a'), failure('b')], TWO)
    assert.equal(await resume(values, '0.3.0'), false)
    assert.equal(await resume(values, '0.2.0'), true)
    assert.deepEqual(await rollOuts(values), [])
    await noteFailures(values, [failure('a')], TWO)
    assert.deepEqual(await haltedVersions(values), [])
  })

  it('is not forgotten when laptops name versions that do not exist', async () => {
    const { values } = memoryStore()
    await noteFailures(values, [failure('a'), failure('b')], TWO)
    const invented = Array.from({ length: 200 }, (_, n) => failure('a', `9.9.${n}`))
    await noteFailures(values, invented, TWO)
    assert.deepEqual(await haltedVersions(values), ['0.2.0'])
    assert.ok((await rollOuts(values)).length <= 32)
  })
})
