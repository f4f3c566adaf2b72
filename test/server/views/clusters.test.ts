import assert from 'node:assert/strict'
import type { Cluster } from '../../../server/model/assessment.ts'
import { clusters } from '../../../server/views/clusters.ts'
import { contract, T0 } from '../events.ts'
import { workerRow } from './samples.ts'
import { stage } from './stage.ts'

describe('clusters', () => {
  it('list people by band, decided ones last, each with the place from the contract', async () => {
    const { reader, records } = await stage({ now: () => T0 })
    await records(contract('w1', { city: 'Austin', region: 'Texas' }), contract('w2'))
    const cluster: Cluster = {
      ...{ key: 'k', kind: 'uplink', workers: ['w1', 'w2', 'w3'], band: 'critical', points: 70, keys: [] },
    }
    const rows = new Map(
      [
        workerRow('w1', { band: 'high', points: 70, case: 'closed', name: 'Ada' }),
        workerRow('w2', { band: 'high', points: 60, case: 'open' }),
        workerRow('w3', { band: 'critical', points: 90, case: 'open' }),
      ].map((it) => [it.worker, it]),
    )
    const [view] = clusters(reader, { clusters: [cluster], row: (worker) => rows.get(worker) ?? null })
    assert.deepEqual(
      view?.people.map((it) => [it.worker, it.name, it.band, it.points, it.place, it.case]),
      [
        ['w3', null, 'critical', 90, null, 'open'],
        ['w2', null, 'high', 60, 'US', 'open'],
        ['w1', 'Ada', 'high', 70, 'Austin, Texas, US', 'closed'],
      ],
    )
  })
})
