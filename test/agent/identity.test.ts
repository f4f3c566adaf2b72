import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Host } from '../../agent/host/host.ts'
import { isSigned, machineFacts, newKey, publicKeyOf, signText } from '../../agent/identity.ts'
import { uuid7 } from '../../agent/uuid.ts'
import { NOW } from './laptop.ts'

const hostWith = (files: Record<string, string>) =>
  ({
    platform: 'linux',
    readText: async (path: string) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
      return text
    },
  }) as unknown as Host
const DMI = '/sys/class/dmi/id'

describe('agent/identity', () => {
  it('signs and checks; garbage is false, not an error', () => {
    const key = newKey()
    const signature = signText(key, 'text')
    assert.equal(isSigned(publicKeyOf(key), 'text', signature), true)
    for (const [publicKey, text, other] of [
      [publicKeyOf(key), 'other', signature],
      [publicKeyOf(newKey()), 'text', signature],
      [publicKeyOf(key), 'text', 'AAAA'],
      ['AAAA', 'text', signature],
      ['', '', ''],
    ] as const)
      assert.equal(isSigned(publicKey, text, other), false)
  })

  for (const { name, files, virtual } of [
    {
      name: 'a laptop',
      files: { '/proc/cpuinfo': 'flags\t\t: fpu vme', [`${DMI}/sys_vendor`]: 'LENOVO' },
      virtual: false,
    },
    { name: 'a guest by its flags', files: { '/proc/cpuinfo': 'flags\t\t: fpu hypervisor lm' }, virtual: true },
    { name: 'a guest by its maker', files: { [`${DMI}/sys_vendor`]: 'QEMU' }, virtual: true },
    { name: 'nothing readable', files: {}, virtual: null },
  ])
    it(`virtual: ${name}`, async () => assert.equal((await machineFacts(hostWith(files))).virtual, virtual))

  it('the fingerprint is the same for the same machine, another for another, and null for nothing', async () => {
    const of = async (files: Record<string, string>) => (await machineFacts(hostWith(files))).fingerprint
    const one = await of({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X1' })
    assert.match(one ?? '', /^[0-9a-f]{64}$/)
    assert.equal(await of({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X1' }), one)
    assert.notEqual(await of({ '/etc/machine-id': 'aa\n', [`${DMI}/board_name`]: 'X2' }), one)
    assert.equal(await of({ '/proc/cpuinfo': 'flags' }), null)
  })

  it('ids are version 7, in the order of their time', () => {
    const ids = [NOW, NOW + 1, NOW + 2].map((at) => uuid7(at, randomBytes))
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([...ids].sort(), ids)
    assert.equal(parseInt(ids[0]!.replaceAll('-', '').slice(0, 12), 16), NOW)
  })
})
