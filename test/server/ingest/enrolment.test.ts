import assert from 'node:assert/strict'
import { randomBytes, sign } from 'node:crypto'
import { bucketPerKey } from '../../../server/ingest/bucket.ts'
import { type EnrollDeps, enroll, makeToken } from '../../../server/ingest/enrolment.ts'
import { deviceOf, policyInForce, serverKeys, signedBy } from '../../../server/ingest/keys.ts'
import { memoryState } from '../../../server/store/memory/memory.ts'
import { Fault, type FaultCode } from '../../../wire/fault.ts'
import { EnrollReply, signedText, Token } from '../../../wire/messages.ts'
import { laptop } from './raw-agent.ts'

const START = Date.UTC(2026, 10, 22)
const HOUR = 3_600_000

describe('enrolment', () => {
  let clock: number
  let deps: EnrollDeps

  beforeEach(() => {
    clock = START
    const now = () => clock
    const state = memoryState()
    const keys = serverKeys(state, randomBytes)
    deps = {
      state,
      keys,
      policy: policyInForce(state, keys, { off: [], on: [], watchedRoots: [] }),
      now,
      address: '203.0.113.9',
      tries: bucketPerKey(now, 10 / 60, 10),
    }
  })

  const token = (worker: string | null = 'w1', hours = 72) => {
    const { state, keys, now } = deps
    return makeToken({ worker, by: 'ada' }, { state, keys, now, randomBytes, hours, publicUrl: 'https://t.example' })
  }
  const read = (text: string) =>
    Token.parse(JSON.parse(Buffer.from(text.replace(/^tw1\./, ''), 'base64url').toString()))
  const of = laptop()
  const request = (secret: string, more: Record<string, unknown> = {}) => ({
    wire: 1,
    secret,
    publicKey: of.publicKey,
    nonce: 'a'.repeat(64),
    fingerprint: of.fingerprint,
    platform: 'linux',
    version: '0.1.0',
    firstBoot: START - HOUR,
    signature: sign(
      null,
      Buffer.from(signedText.enrollRequest('a'.repeat(64), secret, of.publicKey)),
      of.privateKey,
    ).toString('base64url'),
    ...more,
  })
  const codeOf = (act: () => unknown): FaultCode | null => {
    try {
      act()
      return null
    } catch (cause) {
      assert.ok(cause instanceof Fault, String(cause))
      return cause.code
    }
  }

  it('binds a key to the worker of the token, and signs what it says', () => {
    const made = token()
    assert.equal(made.expiresAt, START + 72 * HOUR)
    const said = read(made.token)
    assert.deepEqual([said.url, said.serverKey], ['https://t.example', deps.keys.publicKey])
    const { reply, records } = enroll(request(said.secret), deps)
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
    assert.equal(deps.state.enrolled(reply.device)?.publicKey, of.publicKey)
    assert.deepEqual(
      deps.state.auditTrail(2).map((it) => [it.user, it.action, it.about]),
      [
        [null, 'device.enrolled', reply.device],
        ['ada', 'enrolment.token', 'w1'],
      ],
    )
  })

  it('gives the same key the same id again, to whom the new token says, as old as it said first', () => {
    const first = enroll(request(read(token('w1').token).secret), deps)
    clock += 5 * HOUR
    const again = enroll(request(read(token('w2').token).secret, { firstBoot: clock }), deps)
    assert.equal(again.reply.device, first.reply.device)
    assert.deepEqual(
      again.records.map((it) => [it.worker, it.from, it.firstBoot]),
      [['w2', clock, START - HOUR]],
    )
  })

  it('does not believe a first boot in the future', () => {
    const { records } = enroll(request(read(token().token).secret, { firstBoot: START + 1_000 * HOUR }), deps)
    assert.equal(records[0]?.firstBoot, START)
  })

  const refused: { what: string; code: FaultCode; act(secret: string): unknown }[] = [
    { what: 'a used token', code: 'enroll.token', act: (it) => [enroll(request(it), deps), enroll(request(it), deps)] },
    {
      what: 'an expired token',
      code: 'enroll.token',
      act(it) {
        clock += 72 * HOUR
        enroll(request(it), deps)
      },
    },
    { what: 'an unknown token', code: 'enroll.token', act: () => enroll(request('AAAA'), deps) },
    { what: 'no object', code: 'enroll.malformed', act: () => enroll('text', deps) },
    { what: 'a field too many', code: 'enroll.malformed', act: (it) => enroll(request(it, { admin: true }), deps) },
    {
      what: 'a key of another size',
      code: 'enroll.malformed',
      act: (it) => enroll(request(it, { publicKey: 'AAAA' }), deps),
    },
    {
      what: "another laptop's public key",
      code: 'device.proof',
      act: (it) => enroll(request(it, { publicKey: laptop().publicKey }), deps),
    },
    {
      what: "another request's signature",
      code: 'device.proof',
      act: (it) => enroll(request(it, { signature: request(read(token().token).secret).signature }), deps),
    },
    { what: 'another wire version', code: 'wire.version', act: (it) => enroll(request(it, { wire: 2 }), deps) },
    { what: "a worker's id that is none", code: 'api.invalid', act: () => token('no such <worker>') },
    {
      what: 'a revoked key',
      code: 'device.revoked',
      act(it) {
        const { device } = enroll(request(it), deps).reply
        deps.state.saveEnrolled({ ...deps.state.enrolled(device)!, revokedAt: START })
        enroll(request(read(token().token).secret), deps)
      },
    },
    {
      what: 'an eleventh try within a minute',
      code: 'rate.exceeded',
      act(it) {
        for (let turn = 0; turn < 10; turn++)
          assert.equal(
            codeOf(() => enroll(request('AAAA'), deps)),
            'enroll.token',
          )
        assert.equal(
          enroll(request(read(token().token).secret), { ...deps, address: '203.0.113.10' }).records.length,
          1,
        )
        enroll(request(it), deps)
      },
    },
  ]
  for (const { what, code, act } of refused)
    it(`refuses ${what}: ${code}`, () =>
      assert.equal(
        codeOf(() => act(read(token().token).secret)),
        code,
      ))

  it('does not use the token up for a request that is refused for another reason', () => {
    const { secret } = read(token().token)
    assert.equal(
      codeOf(() => enroll(request(secret, { publicKey: 'AAAA' }), deps)),
      'enroll.malformed',
    )
    assert.equal(enroll(request(secret), deps).records.length, 1)
  })

  it('numbers the policy upwards, once for each change', () => {
    const asked = { off: [], on: [], watchedRoots: [] }
    const versions = [asked, asked, { ...asked, off: ['logon'] }, { ...asked, off: ['logon'] }, asked].map(
      (it) => policyInForce(deps.state, deps.keys, it).version,
    )
    assert.deepEqual(versions, [1, 1, 2, 2, 3])
  })

  it('keeps its identity and the salt across a restart', () => {
    const again = serverKeys(deps.state, () => Buffer.alloc(32))
    assert.deepEqual([again.publicKey, again.salt], [deps.keys.publicKey, deps.keys.salt])
    assert.ok(signedBy(deps.keys.publicKey, 'text', again.sign('text')))
    assert.ok(!signedBy(deps.keys.publicKey, 'other text', again.sign('text')))
    for (const nonsense of ['', 'AAAA', '!'.repeat(43)]) assert.ok(!signedBy(nonsense, 'text', again.sign('text')))
  })
})
