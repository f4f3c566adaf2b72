import assert from 'node:assert/strict'
import { followRevocations } from '../../../server/jobs/follow-revocations.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { DAY } from '../../../wire/time.ts'
import { enrolledDevice, T0 } from '../store/samples.ts'

describe('follow revocations', () => {
  it('reports each revocation once, a new one of the same laptop again, and one whose report failed again', async () => {
    const store = memoryStore()
    for (const it of ['d1', 'd2']) await store.devices.save(enrolledDevice(it))
    const revoke = (device: string, at: number) =>
      store.devices.revoke(
        device,
        { at, by: null, why: 'lost' },
        { at, user: null, action: 'laptop.revoked', about: device, detail: 'lost' },
      )
    const reported: string[] = []
    let fails = false
    const job = followRevocations({
      store,
      now: () => T0,
      async revoked(device) {
        reported.push(device)
        if (fails) throw new Error('busy')
      },
    })
    const run = async () => {
      await job.run(new AbortController().signal).catch(() => {})
      return reported.splice(0)
    }
    assert.deepEqual(await run(), [])
    await revoke('d1', T0 - 1)
    assert.deepEqual(await run(), ['d1'])
    assert.deepEqual(await run(), [])
    await revoke('d1', T0)
    fails = true
    assert.deepEqual(await run(), ['d1'])
    fails = false
    await revoke('d2', T0)
    assert.deepEqual(await run(), ['d1', 'd2'])
    assert.deepEqual(await run(), [])
  })

  it('reports a revocation from just before the clock was set ahead, or the machine was suspended', async () => {
    const store = memoryStore()
    await store.devices.save(enrolledDevice('d1'))
    const reported: string[] = []
    let now = T0
    const job = followRevocations({ store, now: () => now, revoked: async (device) => void reported.push(device) })
    const run = () => job.run(new AbortController().signal)
    await run()
    await store.devices.revoke(
      'd1',
      { at: T0 + 1, by: null, why: 'lost' },
      { at: T0 + 1, user: null, action: 'laptop.revoked', about: 'd1', detail: 'lost' },
    )
    now = T0 + DAY
    await run()
    assert.deepEqual(reported, ['d1'])
    now = T0 - DAY
    await run()
    await run()
    assert.deepEqual(reported, ['d1'])
  })
})
