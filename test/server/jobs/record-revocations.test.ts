import assert from 'node:assert/strict'
import { recordRevocations } from '../../../server/jobs/record-revocations.ts'
import { Directory } from '../../../server/roster/directory.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { enrolledDevice, T0 } from '../store/samples.ts'

const DAY = 86_400_000

describe('record revocations', () => {
  function begin() {
    const store = memoryStore()
    const directory = new Directory()
    const log: Recorded[] = []
    const state = { fails: false, now: T0 + DAY }
    const job = () =>
      recordRevocations({
        store,
        directory,
        async append(records) {
          if (state.fails) throw new Error('busy')
          for (const it of records) directory.take(it)
          log.push(...records)
        },
        now: () => state.now,
      })
    return {
      ...{ store, directory, state, job },
      revoke: (device: string, at: number) =>
        store.devices.revoke(
          device,
          { at, by: null, why: 'lost' },
          { at, user: null, action: 'laptop.revoked', about: device, detail: 'lost' },
        ),
      async enrollAgain(device: string, at: number) {
        await store.devices.addToken({ hash: `token ${at}`, worker: null, createdAt: at, expiresAt: at + DAY })
        await store.devices.enroll(`token ${at}`, enrolledDevice(device, { enrolledAt: at }), at)
      },
      async run(of: ReturnType<typeof job>) {
        await of.run(new AbortController().signal).catch(() => {})
        return log.splice(0)
      },
    }
  }
  const line = (device: string, from: number, to: number | null): Recorded => ({ type: 'revocation', device, from, to })

  it('records each revocation once, its end, and the next one', async () => {
    const { store, state, job, revoke, enrollAgain, run } = begin()
    for (const it of ['d1', 'd2']) await store.devices.save(enrolledDevice(it))
    const recording = job()
    assert.deepEqual(await run(recording), [])
    await revoke('d1', T0 + DAY)
    assert.deepEqual(await run(recording), [line('d1', T0 + DAY, null)])
    assert.deepEqual(await run(recording), [])
    await revoke('d1', T0 + DAY + 1)
    assert.deepEqual(await run(recording), [], 'the log says already that it is revoked')
    state.now = T0 + 2 * DAY
    await enrollAgain('d1', T0 + 2 * DAY)
    assert.deepEqual(await run(recording), [line('d1', T0 + DAY, T0 + 2 * DAY)])
    assert.deepEqual(await run(recording), [])
    await revoke('d1', T0 + 2 * DAY + 1)
    assert.deepEqual(await run(recording), [line('d1', T0 + 2 * DAY + 1, null)])
  })

  it('records after a start what happened before it, however long ago', async () => {
    const { store, state, job, revoke, enrollAgain, run } = begin()
    for (const it of ['d1', 'd2']) await store.devices.save(enrolledDevice(it))
    await revoke('d1', T0)
    await run(job())
    await revoke('d2', T0 + 1)
    await enrollAgain('d1', T0 + 2)
    state.now = T0 + 90 * DAY
    assert.deepEqual(await run(job()), [line('d2', T0 + 1, null), line('d1', T0, T0 + 2)])
    assert.deepEqual(await run(job()), [])
  })

  it('tries again after a failure', async () => {
    const { store, state, job, revoke, run } = begin()
    await store.devices.save(enrolledDevice('d1'))
    const recording = job()
    await run(recording)
    await revoke('d1', T0 + DAY)
    state.fails = true
    assert.deepEqual(await run(recording), [])
    state.fails = false
    assert.deepEqual(await run(recording), [line('d1', T0 + DAY, null)])
  })

  it('leaves the revocation of an imported recording as it is', async () => {
    const { store, directory, job, run } = begin()
    await store.devices.save(enrolledDevice('d1', { enrolledAt: T0 }))
    for (const it of ['d1', 'd-unknown']) directory.take(line(it, T0 + 1, null))
    assert.deepEqual(await run(job()), [])
  })
})
