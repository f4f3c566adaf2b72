import assert from 'node:assert/strict'
import type { Host } from '../../../agent/host/host.ts'
import { SYSTEMS } from '../../../agent/host/systems.ts'

describe('agent/host/systems', () => {
  /** On Windows a user can make `C:\\proc`, and put there what the agent would believe. */
  const planted = {
    readText: async () => 'flags\t\t: fpu hypervisor',
    readBytes: async () => Buffer.from('planted'),
    list: async () => ['planted'],
  } as unknown as Host

  for (const system of [SYSTEMS.windows, SYSTEMS.macos])
    it(`${system.product}: no fact about the machine comes from Linux's paths`, async () =>
      assert.deepEqual(await system.machine(planted), { fingerprint: null, virtual: null, bootId: null }))

  it('linux: they do', async () => {
    const { fingerprint, virtual } = await SYSTEMS.linux.machine(planted)
    assert.deepEqual([typeof fingerprint, virtual], ['string', true])
  })
})
