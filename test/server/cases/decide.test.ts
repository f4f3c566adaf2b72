import assert from 'node:assert/strict'
import { decide } from '../../../server/cases/decide.ts'
import { finding } from '../assess/finding.ts'
import { contract, T0 } from '../events.ts'
import { stage } from '../views/stage.ts'

const VERDICT = { verdict: 'benign_expected' as const, reason: 'the help desk, ticket 7' }

describe('deciding a case', () => {
  it('stores the verdict with the standing, an audit entry, and a change', async () => {
    const { decide, find, judge, store } = await stage({ now: () => T0 })
    find(finding({ rule: 'tool', title: 'A tool began', strength: 3 }), finding({ rule: 'context', strength: 1 }))
    await judge()
    const decided = await decide('w1', VERDICT, 'ann')
    const verdict = {
      ...{ worker: 'w1', ...VERDICT, by: 'ann', at: T0, band: 'medium' as const, points: 3 },
      kinds: ['context', 'tool'],
    }
    assert.deepEqual(decided, { state: 'closed', verdict, newKinds: [] })
    assert.deepEqual(await store.cases.verdictsOf('w1'), [verdict])
    assert.deepEqual(await store.audit.newest(5), [
      { at: T0, user: 'ann', action: 'verdict', about: 'w1', detail: 'benign_expected: the help desk, ticket 7' },
    ])
    const changes = (await store.changes.after(0, 10)).map((it) => it.change)
    const { id, ...told } = changes.find((it) => it.kind === 'case_decided')!
    assert.ok(id)
    assert.deepEqual(told, {
      ...{ kind: 'case_decided', position: 1, time: T0, worker: 'w1', verdict: 'benign_expected', by: 'ann' },
    })
  })

  it('accepts a verdict on a worker without findings, also before any evaluation', async () => {
    const { decide, records } = await stage({ now: () => T0 })
    await records(contract('w2'))
    const decided = await decide('w2', VERDICT, 'ann')
    assert.deepEqual([decided?.state, decided?.verdict?.band, decided?.verdict?.kinds], ['closed', 'none', []])
  })

  it('refuses a verdict on an unknown worker', async () => {
    const { decide, store } = await stage({ now: () => T0 })
    assert.equal(await decide('w99', { verdict: 'confirmed', reason: 'because' }, 'ann'), null)
    assert.deepEqual([await store.cases.verdictsOf('w99'), await store.audit.newest(5)], [[], []])
  })

  it('reports nothing when the verdict could not be stored', async () => {
    const { store, queue, records } = await stage({ now: () => T0 })
    await records(contract('w1'))
    store.cases.decide = () => Promise.reject(new Error('the disk is full'))
    const deps = { store, isWorker: (it: string) => queue.row(it) !== null, now: () => T0 }
    const decided = () => assert.fail('told')
    await assert.rejects(decide({ ...deps, decided }, 'w1', VERDICT, 'ann'), /full/)
  })
})
