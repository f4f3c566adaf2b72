import assert from 'node:assert/strict'
import { haltedVersions, resume } from '../../../server/ingest/roll-out.ts'
import { haltRollOuts } from '../../../server/jobs/halt-roll-outs.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { EventOf } from '../../../wire/event.ts'
import { recorded, T0 } from '../store/samples.ts'

const STATE: Omit<EventOf<'agent_state'>, 'id' | 'seq'> = {
  ...{ category: 'agent_state', time: T0, product: 'linux', collector: 'agent', Action: 'started', Version: '0.1.0' },
  ...{ Fingerprint: null, Virtual: null, BootId: null, CpuMs: null, ResidentBytes: null, SpoolBytes: null },
  ...{ WireBytes: null, ForksSeen: null, ForksTotal: null },
}

describe('halt roll-outs', () => {
  function setUp(haltAfter = 2) {
    const store = memoryStore()
    const { stream, history } = memoryTelemetry()
    const warned: unknown[] = []
    let applied = 0
    let seq = 0
    const log = { error: (about: unknown) => void warned.push(about) } as never
    const apply = async () => void applied++
    const job = haltRollOuts({ store, history, stream, haltAfter: () => haltAfter, apply, now: () => T0, log })
    const said = (device: string, change: Partial<EventOf<'agent_state'>>) =>
      stream.publish([
        recorded(device, {
          ...{ ...STATE, id: `018f0000-0000-7000-8000-${String(++seq).padStart(12, '0')}`, seq, ...change },
        }),
      ])
    const failed = (device: string, FailedVersion: string | null = '0.2.0') =>
      said(device, { Action: 'upgrade_failed', FailedVersion, Trouble: 'It does not run.' })
    const run = () => job.run(new AbortController().signal)
    return { store, said, failed, run, warned, applied: () => applied }
  }

  it('halts a version that two laptops had to go back from, once, and applies it', async () => {
    const it = setUp()
    await it.run()
    await it.failed('d1')
    await it.said('d2', { Action: 'upgraded', FailedVersion: null })
    await it.said('d3', { Action: 'policy_rejected', FailedVersion: '0.2.0', Trouble: 'upgrade_failed' })
    await it.failed('d4', null)
    await it.run()
    assert.deepEqual(await haltedVersions(it.store.values), [])
    await it.failed('d2')
    await it.run()
    await it.run()
    assert.deepEqual(await haltedVersions(it.store.values), ['0.2.0'])
    assert.deepEqual([it.warned, it.applied()], [[{ version: '0.2.0' }], 4])
  })

  it('counts no failure again after somebody resumed the version', async () => {
    const it = setUp()
    await it.run()
    await it.failed('d1')
    await it.failed('d2')
    await it.run()
    assert.equal(await resume(it.store.values, '0.2.0'), true)
    await it.run()
    assert.deepEqual(await haltedVersions(it.store.values), [])
  })
})
