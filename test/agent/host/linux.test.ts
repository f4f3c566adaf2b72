import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Host } from '../../../agent/host/host.ts'
import { linux } from '../../../agent/host/linux.ts'
import { needsLinux } from '../needs-linux.ts'

const hostWith = (files: Record<string, string>) =>
  ({
    readText: async (path: string) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
      return text
    },
  }) as unknown as Host
const DMI = '/sys/class/dmi/id'

describe('agent/host/linux', () => {
  for (const { name, files, virtual } of [
    {
      name: 'a laptop',
      files: { '/proc/cpuinfo': 'flags\t\t: fpu vme', [`${DMI}/sys_vendor`]: 'LENOVO' },
      virtual: false,
    },
    {
      name: 'a virtual machine by its CPU flags',
      files: { '/proc/cpuinfo': 'flags\t\t: fpu hypervisor lm' },
      virtual: true,
    },
    { name: 'a virtual machine by its vendor', files: { [`${DMI}/sys_vendor`]: 'QEMU' }, virtual: true },
    { name: 'nothing readable', files: {}, virtual: null },
  ])
    it(`virtual: ${name}`, async () => assert.equal((await linux.machine(hostWith(files))).virtual, virtual))

  it('processes have a start, until they end', function () {
    needsLinux(this)
    const start = linux.processStart?.(process.pid)
    assert.match(start ?? '', /^\d+ [0-9a-f-]{36}$/)
    assert.equal(linux.processStart?.(process.pid), start)
    assert.equal(linux.processStart?.(spawnSync(process.execPath, ['--version']).pid), null)
  })

  it('the fingerprint is equal for the same machine, different for another, and null if nothing is readable', async () => {
    const fingerprintOf = async (files: Record<string, string>) => (await linux.machine(hostWith(files))).fingerprint
    const one = await fingerprintOf({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X1' })
    assert.match(one ?? '', /^[0-9a-f]{64}$/)
    assert.equal(await fingerprintOf({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X1' }), one)
    assert.notEqual(await fingerprintOf({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X2' }), one)
    assert.equal(await fingerprintOf({ '/proc/cpuinfo': 'flags' }), null)
  })
})
