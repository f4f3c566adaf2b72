import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { diskSpace } from '../../../server/jobs/disk-space.ts'

const SIGNAL = new AbortController().signal

describe('the watch over free space', () => {
  for (const { what, reserveBytes, isFull } of [
    { what: 'less than the reserve is free', reserveBytes: Number.MAX_SAFE_INTEGER, isFull: true },
    { what: 'more than the reserve is free', reserveBytes: 0, isFull: false },
  ])
    it(`${what}: ${isFull ? 'full' : 'not full'}, and logged once`, async () => {
      const logged: string[] = []
      const note = (_: object, text: string) => void logged.push(text)
      const log = { debug: note, info: note, warn: note, error: note }
      const disk = diskSpace({ folder: tmpdir(), reserveBytes, log })
      for (let i = 0; i < 3; i++) await disk.job.run(SIGNAL)
      assert.equal(disk.isFull(), isFull)
      assert.ok(disk.free() > 0)
      assert.equal(logged.length, isFull ? 1 : 0)
    })

  it('a folder that is gone does not count as full, and is reported by the runner', async () => {
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const disk = diskSpace({ folder: '/no/such/folder', reserveBytes: 1, log })
    await assert.rejects(disk.job.run(SIGNAL), { code: 'ENOENT' })
    assert.equal(disk.isFull(), false)
  })
})
