import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { agentPaths } from '../../agent/config.ts'
import { newKey, publicKeyOf, signText } from '../../agent/identity.ts'
import { acceptPolicy, categoriesOff, changesCollection, lastPolicy, savePolicy } from '../../agent/policy.ts'
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

  for (const { name, policy } of [
    { name: 'a modified text', policy: { ...good, text: good.text.replace('"off":[]', '"off":["egress"]') } },
    { name: 'another signer', policy: { ...good, signature: signText(newKey(), signedText.policy(good.text)) } },
    { name: 'a signature for another purpose', policy: { ...good, signature: signText(key, good.text) } },
    { name: 'a text that is not JSON', policy: signed('{') },
    { name: 'an unknown key', policy: signed(JSON.stringify({ ...POLICY, shell: 'rm' })) },
    { name: 'a spool limit that is too high', policy: signed(JSON.stringify({ ...POLICY, spoolBytes: 1e15 })) },
  ])
    it(`rejects ${name}`, () => assert.throws(() => acceptPolicy(policy, serverKey), isRejected))

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
    assert.equal(changesCollection(POLICY, { ...POLICY, salt: 'cd'.repeat(32) }), true)
    assert.equal(changesCollection(POLICY, { ...POLICY, watchedRoots: [{ path: '~/x', kind: 'sync' }] }), true)
  })
})
