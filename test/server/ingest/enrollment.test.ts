import assert from 'node:assert/strict'
import { randomBytes, sign } from 'node:crypto'
import { bucketPerKey } from '../../../server/ingest/bucket.ts'
import { type Enroll, enrollment, makeToken } from '../../../server/ingest/enrollment.ts'
import { deviceOf, type ServerKeys, serverKeys, signedBy } from '../../../server/ingest/identity.ts'
import { type Policies, policyInForce, policyOf } from '../../../server/ingest/policy.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import type { Store } from '../../../server/store/store.ts'
import { Fault, type FaultCode } from '../../../wire/fault.ts'
import { EnrollReply, type Policy, signedText, Token } from '../../../wire/messages.ts'
import { HOUR } from '../../../wire/time.ts'
import { laptop } from './raw-agent.ts'

const START = Date.UTC(2026, 10, 22)
const NOTHING = { off: [], on: [], watchedRoots: [] }
const ADDRESS = '203.0.113.9'

describe('enrollment', () => {
  let clock: number
  let store: Store
  let keys: ServerKeys
  let policies: Policies
  let policy: Policy
  let enroll: Enroll

  beforeEach(async () => {
    clock = START
    store = memoryStore()
    keys = await serverKeys(store.values, randomBytes)
    policies = await policyInForce(
      store.values,
      keys,
      { company: NOTHING, groups: { designers: { ...NOTHING, on: ['presence'] } } },
      START,
    )
    policy = policyOf(policies, null)
    enroll = enrolling(store)
  })

  function enrolling(store: Store): Enroll {
    const now = () => clock
    return enrollment({
      store,
      keys,
      policy: (group) => (group === null ? policy : policyOf(policies, group)),
      now,
      tries: bucketPerKey(now, 10 / 60, 10),
    })
  }

  const token = (worker: string | null = 'w1', hours = 72, group: string | null = null) =>
    makeToken(
      { worker, group, by: 'ada' },
      { store, keys, now: () => clock, randomBytes, hours, publicUrl: 'https://t.example' },
    )
  const secretFor = async (worker?: string) => read((await token(worker)).token).secret
  const read = (text: string) =>
    Token.parse(JSON.parse(Buffer.from(text.replace(/^tw1\./, ''), 'base64url').toString()))
  const of = laptop()
  const request = (secret: string, more: Record<string, unknown> = {}, by = of) => ({
    wire: 1,
    secret,
    publicKey: by.publicKey,
    nonce: 'a'.repeat(64),
    fingerprint: by.fingerprint,
    platform: 'linux',
    version: '0.1.0',
    firstBoot: START - HOUR,
    signature: sign(
      null,
      Buffer.from(signedText.enrollRequest('a'.repeat(64), secret, by.publicKey)),
      by.privateKey,
    ).toString('base64url'),
    ...more,
  })
  const revoke = (device: string) =>
    store.devices.revoke(
      device,
      { at: clock, by: 'ada', why: 'stolen' },
      { at: clock, user: 'ada', action: 'laptop.revoked', about: device, detail: 'stolen' },
    )
  const codeOf = async (act: Promise<unknown>): Promise<FaultCode | null> => {
    try {
      await act
      return null
    } catch (cause) {
      assert.ok(cause instanceof Fault, String(cause))
      return cause.code
    }
  }

  it("gives the laptop its token's group for good, and signs the policy of that group", async () => {
    const { secret } = read((await token('w1', 72, 'designers')).token)
    const { reply } = await enroll(request(secret), ADDRESS)
    assert.deepEqual(JSON.parse(reply.policy.text), policyOf(policies, 'designers'))
    assert.equal((await store.devices.get(reply.device))?.group, 'designers')
    const other = read((await token('w1', 72, 'designers')).token).secret.replace('designers', 'builders')
    assert.equal(await codeOf(enroll(request(other), ADDRESS)), 'enroll.token')
    const again = await enroll(request(await secretFor()), ADDRESS)
    assert.equal(JSON.parse(again.reply.policy.text).group, 'designers')
  })

  it('binds a key to the worker of the token, and signs the reply', async () => {
    const made = await token()
    assert.equal(made.expiresAt, START + 72 * HOUR)
    const said = read(made.token)
    assert.deepEqual([said.url, said.serverKey], ['https://t.example', keys.publicKey])
    const { reply, records } = await enroll(request(said.secret), ADDRESS)
    assert.deepEqual(EnrollReply.parse(reply), reply)
    assert.equal(reply.device, deviceOf(Buffer.from(of.publicKey, 'base64url')))
    assert.match(reply.device, /^d-[0-9a-f]{20}$/)
    const text = signedText.enroll('a'.repeat(64), of.publicKey, reply.device)
    assert.ok(signedBy(said.serverKey, text, reply.signature))
    assert.deepEqual(records, [
      {
        type: 'device',
        device: reply.device,
        worker: 'w1',
        from: START,
        to: null,
        firstBoot: START - HOUR,
        receivedAt: START,
      },
    ])
    assert.equal((await store.devices.get(reply.device))?.publicKey, of.publicKey)
    assert.deepEqual(
      (await store.audit.newest(2)).map((it) => [it.user, it.action, it.about]),
      [
        [null, 'device.enrolled', reply.device],
        ['ada', 'enrollment.token', 'w1'],
      ],
    )
  })

  it('sends the policy in force at that moment', async () => {
    const secret = await secretFor()
    policy = { ...policy, version: policy.version + 1, off: ['logon'] }
    const { reply } = await enroll(request(secret), ADDRESS)
    assert.deepEqual(JSON.parse(reply.policy.text), policy)
    assert.ok(signedBy(keys.publicKey, signedText.policy(reply.policy.text), reply.policy.signature))
  })

  it("gives the same key the same id again, with the new token's worker and the earliest first boot", async () => {
    const first = await enroll(request(await secretFor('w1')), ADDRESS)
    clock += 5 * HOUR
    const again = await enroll(request(await secretFor('w2'), { firstBoot: clock }), ADDRESS)
    assert.equal(again.reply.device, first.reply.device)
    assert.deepEqual(
      again.records.map((it) => [it.worker, it.from, it.firstBoot]),
      [['w2', clock, START - HOUR]],
    )
  })

  it('does not accept a first boot in the future', async () => {
    const { records } = await enroll(request(await secretFor(), { firstBoot: START + 1_000 * HOUR }), ADDRESS)
    assert.equal(records[0]?.firstBoot, START)
  })

  const refused: { what: string; code: FaultCode; act(secret: string): Promise<unknown> }[] = [
    {
      what: 'a used token',
      code: 'enroll.token',
      async act(it) {
        await enroll(request(it), ADDRESS)
        await enroll(request(it), ADDRESS)
      },
    },
    {
      what: 'an expired token',
      code: 'enroll.token',
      act(it) {
        clock += 72 * HOUR
        return enroll(request(it), ADDRESS)
      },
    },
    { what: 'an unknown token', code: 'enroll.token', act: () => enroll(request('AAAA'), ADDRESS) },
    { what: 'a request that is not an object', code: 'enroll.malformed', act: () => enroll('text', ADDRESS) },
    {
      what: 'an unknown field',
      code: 'enroll.malformed',
      act: (it) => enroll(request(it, { admin: true }), ADDRESS),
    },
    {
      what: 'a key of another size',
      code: 'enroll.malformed',
      act: (it) => enroll(request(it, { publicKey: 'AAAA' }), ADDRESS),
    },
    {
      what: "another laptop's public key",
      code: 'device.proof',
      act: (it) => enroll(request(it, { publicKey: laptop().publicKey }), ADDRESS),
    },
    {
      what: "another request's signature",
      code: 'device.proof',
      act: async (it) => enroll(request(it, { signature: request(await secretFor()).signature }), ADDRESS),
    },
    { what: 'another wire version', code: 'wire.version', act: (it) => enroll(request(it, { wire: 2 }), ADDRESS) },
    { what: "an invalid worker's id", code: 'api.invalid', act: () => token('no such <worker>') },
    {
      what: 'a revoked key with a token made before',
      code: 'device.revoked',
      async act(it) {
        const { device } = (await enroll(request(it), ADDRESS)).reply
        const secret = await secretFor()
        await revoke(device)
        await enroll(request(secret), ADDRESS)
      },
    },
    {
      what: 'an eleventh attempt within a minute',
      code: 'rate.exceeded',
      async act(it) {
        for (let turn = 0; turn < 10; turn++)
          assert.equal(await codeOf(enroll(request('AAAA'), ADDRESS)), 'enroll.token')
        assert.equal((await enroll(request(await secretFor()), '203.0.113.10')).records.length, 1)
        await enroll(request(it), ADDRESS)
      },
    },
  ]
  for (const { what, code, act } of refused)
    it(`refuses ${what}: ${code}`, async () => assert.equal(await codeOf(act(await secretFor())), code))

  it('does not use up the token for a request that is refused for another reason', async () => {
    const secret = await secretFor()
    assert.equal(await codeOf(enroll(request(secret, { publicKey: 'AAAA' }), ADDRESS)), 'enroll.malformed')
    assert.equal((await enroll(request(secret), ADDRESS)).records.length, 1)
  })

  it('lets only one of two laptops use a token at the same time', async () => {
    const other = laptop()
    const secret = await secretFor()
    const codes = await Promise.all([
      codeOf(enroll(request(secret), ADDRESS)),
      codeOf(enroll(request(secret, {}, other), ADDRESS)),
      // Another process with the same store.
      codeOf(enrolling(store)(request(secret, {}, laptop()), ADDRESS)),
    ])
    assert.deepEqual(codes.sort(), [null, 'enroll.token', 'enroll.token'].sort())
    assert.equal((await store.devices.list()).length, 1)
  })

  it('enrolls a key that is sent twice at the same time once, with the earliest first boot', async () => {
    const [first, second] = [await secretFor('w1'), await secretFor('w2')]
    const both = await Promise.all([
      enroll(request(first, { firstBoot: START - 9 * HOUR }), ADDRESS),
      enroll(request(second, { firstBoot: START }), ADDRESS),
    ])
    assert.deepEqual(
      both.map(({ records: [it] }) => [it?.worker, it?.firstBoot]),
      [
        ['w1', START - 9 * HOUR],
        ['w2', START - 9 * HOUR],
      ],
    )
  })

  it('does not undo a revocation made just before it stores the laptop, and does not use up the token', async () => {
    const { device } = (await enroll(request(await secretFor()), ADDRESS)).reply
    const secret = await secretFor()
    const slow: Store = {
      ...store,
      devices: {
        ...store.devices,
        async enroll(...args) {
          await revoke(device)
          return await store.devices.enroll(...args)
        },
      },
    }
    assert.equal(await codeOf(enrolling(slow)(request(secret), ADDRESS)), 'device.revoked')
    assert.equal((await store.devices.get(device))?.revokedAt, START)
    assert.equal((await enroll(request(secret, {}, laptop()), ADDRESS)).records.length, 1)
  })

  it('enrolls a revoked key again with a token made after the revocation', async () => {
    const { device } = (await enroll(request(await secretFor()), ADDRESS)).reply
    await revoke(device)
    clock++
    assert.equal((await enroll(request(await secretFor('w2')), ADDRESS)).reply.device, device)
    const { revokedAt, revokedBy } = (await store.devices.get(device))!
    assert.deepEqual([revokedAt, revokedBy], [null, undefined])
  })

  it('continues with the next request when the store failed for one', async () => {
    let failures = 1
    const failing: Store = {
      ...store,
      devices: {
        ...store.devices,
        async enroll(...args) {
          if (failures-- > 0) throw new Fault('store.damaged')
          return await store.devices.enroll(...args)
        },
      },
    }
    const enroll = enrolling(failing)
    const secret = await secretFor()
    assert.equal(await codeOf(enroll(request(secret), ADDRESS)), 'store.damaged')
    assert.equal((await enroll(request(secret), ADDRESS)).records.length, 1)
  })
})
