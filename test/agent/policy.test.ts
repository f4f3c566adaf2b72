import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { agentPaths } from '../../agent/config.ts'
import { newKey, publicKeyOf, signText } from '../../agent/identity.ts'
import {
  acceptPolicy,
  categoriesOff,
  changesCollection,
  lastPolicy,
  savePolicy,
  slownessOf,
} from '../../agent/policy.ts'
import type { Category } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import { signedText } from '../../wire/messages.ts'
import { removeFolder, temporaryFolder } from './laptop.ts'
import { POLICY } from './server.ts'

describe('agent/policy', () => {
  const key = newKey()
  const serverKey = publicKeyOf(key)
  const signed = (text: string) => ({ text, signature: signText(key, signedText.policy(text)) })
  const isRejected = (error: unknown) => error instanceof Fault && error.code === 'agent.policy'
  const good = signed(JSON.stringify(POLICY))

  it('accepts what the server signed', () => assert.deepEqual(acceptPolicy(good, serverKey), POLICY))

  it('accepts folders to watch, also in the memory that all programs share', () => {
    const watchedRoots = ['~/x', '/srv/x', 'D:\\x', '/dev/shm/x'].map((path) => ({ path, kind: 'sync' as const }))
    const text = JSON.stringify({ ...POLICY, watchedRoots })
    assert.deepEqual(acceptPolicy(signed(text), serverKey).watchedRoots, watchedRoots)
  })

  for (const { name, policy } of [
    { name: 'a modified text', policy: { ...good, text: good.text.replace('"off":[]', '"off":["egress"]') } },
    { name: 'another signer', policy: { ...good, signature: signText(newKey(), signedText.policy(good.text)) } },
    { name: 'a signature for another purpose', policy: { ...good, signature: signText(key, good.text) } },
    { name: 'a text that is not JSON', policy: signed('{') },
    { name: 'an unknown key', policy: signed(JSON.stringify({ ...POLICY, shell: 'rm' })) },
    ...(
      [
        ['the whole disk', '/'],
        ['the whole disk of Windows', 'C:\\'],
        ['the kernel', '/proc/1'],
        ['devices', '//dev'],
        ['a device', '/dev/shmem'],
        ['a way up', '/home/../root'],
        ['a way up in Windows', 'C:\\x\\..\\y'],
        ['a relative place', 'home'],
        ["somebody's home", '~ann/x'],
      ] as const
    ).map(([what, path]) => ({
      name: `${what} as a folder to watch`,
      policy: signed(JSON.stringify({ ...POLICY, watchedRoots: [{ path, kind: 'sync' }] })),
    })),
    {
      name: 'a folder whose file names would be reported',
      policy: signed(JSON.stringify({ ...POLICY, watchedRoots: [{ path: '~/Documents', kind: 'autostart' }] })),
    },
    ...[0, 1, 11, 1.5, -4].map((factor) => ({
      name: `pauses ${factor} times as long`,
      policy: signed(JSON.stringify({ ...POLICY, slower: { software: factor } })),
    })),
    { name: 'another pace for sleep', policy: signed(JSON.stringify({ ...POLICY, slower: { power_state: 2 } })) },
    { name: 'a contact of two lines', policy: signed(JSON.stringify({ ...POLICY, contact: 'a\nb' })) },
    { name: 'more than all of a ring', policy: signed(JSON.stringify({ ...POLICY, shares: { default: 101 } })) },
    { name: 'a spool limit that is too high', policy: signed(JSON.stringify({ ...POLICY, spoolBytes: 1e15 })) },
  ])
    it(`rejects ${name}`, () => assert.throws(() => acceptPolicy(policy, serverKey), isRejected))

  it('names the key that it does not know, and the value that is not allowed', () => {
    const unknown = signed(JSON.stringify({ ...POLICY, shell: 'rm' }))
    assert.throws(
      () => acceptPolicy(unknown, serverKey),
      /^Fault: shell: The policy cannot be used\. It is signed, but this agent does not know this key\./,
    )
    const root = signed(JSON.stringify({ ...POLICY, watchedRoots: [{ path: '/proc', kind: 'sync' }] }))
    assert.throws(() => acceptPolicy(root, serverKey), /^Fault: watchedRoots\.0\.path: .* this value is not allowed\./)
  })

  it('a collector pauses as long as the most urgent of its categories allows', () => {
    const slower = { ...POLICY, slower: { software: 4, autostart: 2 } as const }
    const cases: [Category[], number][] = [
      [['software'], 4],
      [['software', 'autostart'], 2],
      [['software', 'usb_device'], 1],
      [[], 1],
    ]
    for (const [categories, factor] of cases) assert.equal(slownessOf(categories, slower), factor)
    assert.equal(slownessOf(['software', 'usb_device'], { ...slower, off: ['usb_device'] }), 4)
    assert.equal(slownessOf(['software'], POLICY), 1)
  })

  it('rejects an older policy than the one in use', () => {
    const older = signed(JSON.stringify({ ...POLICY, version: 3 }))
    assert.throws(() => acceptPolicy(older, serverKey, 4), isRejected)
    assert.equal(acceptPolicy(older, serverKey, 3).version, 3)
  })

  it('saves the policy, and rejects a damaged file', () => {
    const folder = temporaryFolder()
    const { policy } = agentPaths(folder)
    assert.equal(lastPolicy(policy, serverKey), null)
    savePolicy(policy, good)
    assert.deepEqual(lastPolicy(policy, serverKey), POLICY)
    assert.throws(() => lastPolicy(policy, publicKeyOf(newKey())), isRejected)
    writeFileSync(policy, '{"text":"')
    assert.throws(() => lastPolicy(policy, serverKey), Fault)
    removeFolder(folder)
  })

  it('sensitive categories are off unless they are in `on`, and `off` wins', () => {
    assert.deepEqual(
      categoriesOff(POLICY).filter((it) => it === 'presence' || it === 'input_pattern'),
      ['input_pattern', 'presence'],
    )
    assert.equal(categoriesOff({ ...POLICY, on: ['presence'] }).includes('presence'), false)
    assert.equal(categoriesOff({ ...POLICY, on: ['presence'], off: ['presence'] }).includes('presence'), true)
    assert.equal(categoriesOff({ ...POLICY, off: ['egress'] }).includes('egress'), true)
  })

  it('collectors restart only for changes that concern them', () => {
    assert.equal(changesCollection(POLICY, { ...POLICY, version: 2, spoolDays: 7, spoolBytes: 2_000_000 }), false)
    assert.equal(changesCollection(POLICY, { ...POLICY, slower: { software: 2 } }), true)
    assert.equal(changesCollection(POLICY, { ...POLICY, salt: 'cd'.repeat(32) }), true)
    assert.equal(changesCollection(POLICY, { ...POLICY, watchedRoots: [{ path: '~/x', kind: 'sync' }] }), true)
  })
})
