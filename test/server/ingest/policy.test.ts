import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type ServerKeys, serverKeys, signedBy } from '../../../server/ingest/identity.ts'
import {
  type AskedPolicies,
  type AskedPolicy,
  lastPolicies,
  policyInForce,
  policyOf,
  signPolicy,
} from '../../../server/ingest/policy.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import type { Store } from '../../../server/store/store.ts'
import { signedText } from '../../../wire/messages.ts'

const NOTHING: AskedPolicy = { off: [], on: [], watchedRoots: [] }
const NO_LOGONS: AskedPolicy = { ...NOTHING, off: ['logon'] }

describe('the policy in force', () => {
  let store: Store
  let keys: ServerKeys
  const inForce = async (asked: AskedPolicy, now: number, groups: AskedPolicies['groups'] = {}) =>
    (await policyInForce(store.values, keys, { company: asked, groups }, now)).version

  beforeEach(async () => {
    store = memoryStore()
    keys = await serverKeys(store.values, randomBytes)
  })

  it('gets a higher version with each change, and only then', async () => {
    const versions = []
    for (const asked of [NOTHING, NOTHING, NO_LOGONS, NO_LOGONS, NOTHING]) versions.push(await inForce(asked, 7_000))
    assert.deepEqual(versions, [7, 7, 8, 8, 9])
  })

  it('has one version for all groups, and what each of them asks for', async () => {
    const groups = { designers: { ...NOTHING, on: ['presence'], contact: 'it@example.org' }, plain: NOTHING }
    assert.equal(await inForce(NOTHING, 7_000), 7)
    assert.equal(await inForce(NOTHING, 7_000, groups), 8)
    assert.equal(await inForce(NOTHING, 7_000, groups), 8)
    const all = await lastPolicies(store.values)
    const seen = ['designers', 'plain', 'elsewhere', null, '__proto__'].map((group) => {
      const { version, on, contact = null, group: name = null } = policyOf(all!, group)
      return [version, on.join(), contact, name]
    })
    assert.deepEqual(seen, [
      [8, 'presence', 'it@example.org', 'designers'],
      [8, '', null, 'plain'],
      [8, '', null, null],
      [8, '', null, null],
      [8, '', null, null],
    ])
    assert.equal(await inForce(NOTHING, 7_000, { ...groups, plain: NO_LOGONS }), 9)
  })

  it('gets a version above all that laptops have seen, even after the store was restored', async () => {
    const backup = memoryStore()
    assert.equal(await inForce(NOTHING, 1_000_000), 1_000)
    await backup.values.set('policy', (await store.values.get('policy'))!)
    assert.equal(await inForce(NO_LOGONS, 2_000_000), 2_000)
    assert.equal(await inForce(NOTHING, 2_000_000), 2_001)
    store = backup
    assert.equal(await inForce(NO_LOGONS, 3_000_000), 3_000)
  })

  const kept: { what: string; value: string; version: number }[] = [
    { what: 'an unknown field', value: '{"version":41,"salt":"00000000","new":1}', version: 42 },
    { what: 'no policy in it', value: 'null', version: 7 },
    { what: 'an invalid version', value: '{"version":"x"}', version: 7 },
  ]
  for (const { what, value, version } of kept)
    it(`continues from a stored value with ${what}`, async () => {
      await store.values.set('policy', value)
      assert.equal(await inForce(NOTHING, 7_000), version)
    })

  it('is the same for processes that ask at the same time', async () => {
    const policies = await Promise.all(
      [NOTHING, NOTHING].map((it) => policyInForce(store.values, keys, { company: it, groups: {} }, 7_000)),
    )
    assert.deepEqual(policies[0], policies[1])
  })

  it('is signed as the text that is sent', async () => {
    const policy = await policyInForce(store.values, keys, { company: NO_LOGONS, groups: {} }, 7_000)
    const { text, signature } = signPolicy(policy, keys)
    assert.deepEqual(JSON.parse(text), policy)
    assert.ok(signedBy(keys.publicKey, signedText.policy(text), signature))
  })
})
