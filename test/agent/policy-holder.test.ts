import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { agentPaths } from '../../agent/config.ts'
import { newKey, publicKeyOf, signText } from '../../agent/identity.ts'
import { lastPolicy, savePolicy } from '../../agent/policy.ts'
import { type PolicyHolder, policyHolder, policyInUse } from '../../agent/policy-holder.ts'
import { type Policy, signedText } from '../../wire/messages.ts'
import { DAY } from '../../wire/time.ts'
import { NOW, removeFolder, temporaryFolder } from './laptop.ts'
import { POLICY } from './server.ts'

describe('agent/policy-holder', () => {
  const key = newKey()
  const serverKey = publicKeyOf(key)
  const signed = (policy: object, by = key) => {
    const text = JSON.stringify(policy)
    return { text, signature: signText(by, signedText.policy(text)) }
  }
  const two: Policy = { ...POLICY, version: 2, off: ['egress'] }
  let folder: string
  let clock: number
  const paths = () => agentPaths(folder)
  const open = (agent = '0.1.0') => policyHolder(paths(), { serverKey, agent, now: () => clock })
  const inUse = ({ current, isOnTrial }: PolicyHolder) => [current?.version, isOnTrial]

  beforeEach(() => {
    folder = temporaryFolder()
    clock = NOW
    savePolicy(paths().policy, signed(POLICY))
  })
  afterEach(() => removeFolder(folder))

  it('applies a new policy at once, and keeps the one before it until the trial has been passed', () => {
    const holder = open()
    assert.deepEqual(inUse(holder), [1, false])
    assert.equal(holder.update(signed(two))?.version, 2)
    assert.deepEqual(inUse(holder), [2, true])
    assert.equal(lastPolicy(paths().policy, serverKey)?.version, 1)
    assert.equal(policyInUse(paths(), serverKey)?.version, 2)
    holder.keep()
    assert.deepEqual(inUse(holder), [2, false])
    assert.equal(lastPolicy(paths().policy, serverKey)?.version, 2)
    assert.deepEqual(inUse(open()), [2, false])
  })

  it('has no trial for the first one, nor for one that asks for the same', () => {
    assert.equal(open().update(signed({ ...POLICY, version: 5 }))?.version, 5)
    assert.deepEqual(inUse(open()), [5, false])
    const fresh = temporaryFolder()
    const first = policyHolder(agentPaths(fresh), { serverKey, agent: '0.1.0', now: () => clock })
    assert.equal(first.update(signed(two))?.version, 2)
    assert.deepEqual(inUse(first), [2, false])
    removeFolder(fresh)
  })

  it('goes back, does not try it again within a day, and takes a newer one', () => {
    const holder = open()
    holder.update(signed(two))
    assert.equal(holder.goBack('It makes collectors fail: usb.', true)?.version, 1)
    assert.deepEqual(inUse(holder), [1, false])
    assert.match(holder.trouble!, /^version 2: The policy cannot be used\. It makes collectors fail: usb\./)
    assert.equal(holder.update(signed(two)), null)
    const restarted = open()
    assert.deepEqual(inUse(restarted), [1, false])
    assert.equal(restarted.update(signed(two)), null)
    assert.match(restarted.trouble!, /collectors fail/)
    assert.equal(restarted.update(signed({ ...two, version: 3 }))?.version, 3)
    assert.equal(restarted.trouble, null)
  })

  for (const { name, later, agent } of [
    { name: 'after a day', later: DAY, agent: '0.1.0' },
    { name: 'after the clock was set back by a year', later: -365 * DAY, agent: '0.1.0' },
    { name: 'by another version of the agent', later: 0, agent: '0.2.0' },
  ])
    it(`tries one that failed again ${name}`, () => {
      const before = open()
      before.update(signed(two))
      before.goBack('It makes collectors fail: usb.', true)
      clock += later
      assert.equal(open(agent).update(signed(two))?.version, 2)
    })

  it('tries one again during which the network was gone, but not for ever', () => {
    const holder = open()
    const versions = Array.from({ length: 4 }, () => {
      const version = holder.update(signed(two))?.version ?? null
      holder.goBack('The server has acknowledged nothing.', false)
      return version
    })
    assert.deepEqual(versions, [2, 2, 2, null])
  })

  it('goes on with a trial after a death, and goes back after two', () => {
    open().update(signed(two))
    assert.deepEqual(inUse(open()), [2, true])
    const third = open()
    assert.deepEqual(inUse(third), [1, false])
    assert.match(third.trouble!, /The agent died 2 times with it/)
    assert.equal(third.update(signed(two)), null)
  })

  it('clean stops during a trial are no deaths', () => {
    open().update(signed(two))
    for (let n = 0; n < 5; n++) {
      const holder = open()
      assert.deepEqual(inUse(holder), [2, true])
      holder.stopped()
    }
  })

  const intruder = newKey()
  for (const { name, given, why } of [
    { name: 'of another signer', given: () => signed(two, intruder), why: /signature: .* not signed by the server/ },
    { name: 'that is older', given: () => signed({ ...two, version: 0 }), why: /version/ },
    { name: 'with an unknown key', given: () => signed({ ...two, run: 'sh' }), why: /^run: / },
    { name: 'that is garbage', given: () => ({ text: '\u0000{', signature: 'x' }), why: /signature/ },
  ])
    it(`keeps the old policy when it is sent one ${name}`, () => {
      const holder = open()
      assert.equal(holder.update(given()), null)
      assert.deepEqual(inUse(holder), [1, false])
      assert.match(holder.trouble!, why)
      assert.equal(existsSync(paths().policyTrial), false)
      assert.equal(holder.update(signed(POLICY)), null)
      assert.equal(holder.trouble, null)
    })

  for (const { name, text } of [
    { name: 'damaged', text: '{"signed":' },
    { name: 'of another server', text: JSON.stringify({ signed: signed(two, intruder), runs: 1 }) },
  ])
    it(`ignores a trial that is ${name}`, () => {
      writeFileSync(paths().policyTrial, text)
      assert.deepEqual(inUse(open()), [1, false])
      assert.equal(policyInUse(paths(), serverKey)?.version, 1)
    })
})
