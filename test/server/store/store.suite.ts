/** The tests that every engine of `Store` passes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Cluster } from '../../../server/model/assessment.ts'
import type { Verdict } from '../../../server/model/case.ts'
import { type Change, change } from '../../../server/model/change.ts'
import type { Revocation } from '../../../server/model/device.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Standing } from '../../../server/model/standing.ts'
import type { AuditEntry, NewUser, User, UserChange } from '../../../server/model/user.ts'
import { type OpenOptions, openStore, type StoreConfig } from '../../../server/store/open.ts'
import type { Commit, KeptRow, Store } from '../../../server/store/store.ts'
import type { Fault } from '../../../wire/fault.ts'
import { notTested } from '../../not-tested.ts'
import { enrolledDevice, findingOf, HOSTILE, T0 } from './samples.ts'

/** An empty database, and what the suite must know about its engine. */
export interface EngineUnderTest {
  config: StoreConfig
  run?: OpenOptions['run']
  /** False: in memory, so that no other handle or process sees it. */
  isShared: boolean
  /** Makes the database refuse additions to the feed; the returned function ends that. Null: cannot fail. */
  breakFeed: (() => Promise<() => Promise<void>>) | null
  /** When every handle is closed. */
  done(): Promise<unknown>
}

interface StoreUnderTest extends EngineUnderTest {
  store: Store
  /** Another handle on the same database; the same store if it is in memory. The suite closes it. */
  another(): Promise<Store>
}
type Given = () => StoreUnderTest

export function storeSuite(name: string, make: (context: Mocha.Context) => Promise<EngineUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest | undefined
    const handles: Store[] = []
    beforeEach(async function () {
      const made = await make(this)
      const another = async () => {
        if (!made.isShared && handles[0]) return handles[0]
        const store = await openStore(made.config, made.run ? { run: made.run } : {})
        handles.push(store)
        return store
      }
      under = { ...made, store: await another(), another }
    })
    afterEach(async () => {
      for (const it of handles.splice(0)) await it.close()
      await under?.done()
      under = undefined
    })
    const given: Given = () => under!
    describe('devices', () => devices(given))
    describe('users', () => users(given))
    describe('cases and audit', () => cases(given))
    describe('values', () => values(given))
    describe('evaluations', () => evaluations(given))
    describe('commits', () => commits(given))
    describe('the change feed', () => changes(given))
    describe('hostile text', () => hostile(given))
  })
}

function devices(given: Given): void {
  it('keeps the newest version of an enrolled device', async () => {
    const { store, another } = given()
    const revoked = enrolledDevice('d2', { revokedAt: T0 + 1, fingerprint: 'abcdef01' })
    for (const it of [enrolledDevice('d2'), enrolledDevice('d1'), revoked]) await store.devices.save(it)
    const again = await another()
    assert.deepEqual(await again.devices.get('d2'), revoked)
    assert.deepEqual(await again.devices.list(), [enrolledDevice('d1'), revoked])
    assert.equal(await again.devices.get('d3'), null)
  })

  const pages = [
    { name: 'everything', page: {}, ids: ['d1', 'd2', 'd3', 'd4'] },
    { name: 'the first two', page: { limit: 2 }, ids: ['d1', 'd2'] },
    { name: 'what comes after one', page: { after: 'd2' }, ids: ['d3', 'd4'] },
    { name: 'after one that is not there', page: { after: 'd2x', limit: 1 }, ids: ['d3'] },
    { name: 'nothing after the last', page: { after: 'd4', limit: 9 }, ids: [] },
    { name: 'none with limit 0', page: { limit: 0 }, ids: [] },
  ]
  for (const { name, page, ids } of pages) {
    it(`lists ${name}`, async () => {
      const { store } = given()
      for (const id of ['d3', 'd1', 'd4', 'd2']) await store.devices.save(enrolledDevice(id))
      assert.deepEqual(
        (await store.devices.list(page)).map((it) => it.device),
        ids,
      )
    })
  }

  const token = { hash: 'h1', worker: 'w1', createdAt: T0, expiresAt: T0 + 1_000 }
  const laptop = enrolledDevice('d1')
  const NO_TOKEN = { name: 'Fault', code: 'enroll.token' }
  it('leaves a laptop in its group until somebody names another one, or none', async () => {
    const { store, another } = given()
    const group = async () => (await (await another()).devices.get('d1'))?.group
    await store.devices.save(enrolledDevice('d1', { group: 'berlin' }))
    await store.devices.save(enrolledDevice('d1', { version: '0.2.0' }))
    assert.equal(await group(), 'berlin')
    await store.devices.addToken({ hash: 'h1', worker: null, createdAt: T0, expiresAt: T0 + 10 })
    await store.devices.enroll('h1', enrolledDevice('d1'), T0 + 1)
    assert.equal(await group(), 'berlin')
    await store.devices.addToken({ hash: 'h2', worker: null, createdAt: T0, expiresAt: T0 + 10 })
    await store.devices.enroll('h2', enrolledDevice('d1', { group: 'paris' }), T0 + 1)
    assert.equal(await group(), 'paris')
    await store.devices.save(enrolledDevice('d1', { group: null }))
    assert.equal(await group(), null)
  })

  const REVOKED = { name: 'Fault', code: 'device.revoked', where: 'd1' }
  const revoking = (at: number): [string, Revocation, AuditEntry] => [
    'd1',
    { at, by: 'ana', why: 'stolen' },
    { at, user: 'ana', action: 'laptop.revoked', about: 'd1', detail: 'stolen' },
  ]
  const revoked = (at: number) => ({ ...laptop, revokedAt: at, revokedBy: 'ana', revokedWhy: 'stolen' })

  it('enrolls a laptop with a fresh token', async () => {
    const { store, another } = given()
    await store.devices.addToken(token)
    assert.deepEqual(await store.devices.enroll('h1', laptop, T0 + 999), { worker: 'w1', laptop })
    assert.deepEqual(await (await another()).devices.get('d1'), laptop)
  })

  const refused = [
    { name: 'an expired token', hash: 'h1', at: T0 + 1_000 },
    { name: 'an unknown token', hash: 'h2', at: T0 },
  ]
  for (const { name, hash, at } of refused) {
    it(`enrolls no laptop with ${name}`, async () => {
      const { store } = given()
      await store.devices.addToken(token)
      await assert.rejects(store.devices.enroll(hash, laptop, at), NO_TOKEN)
      assert.equal(await store.devices.get('d1'), null)
    })
  }

  it('enrolls one of several laptops that use a token at once, and none later', async () => {
    const { store, another } = given()
    const other = await another()
    await store.devices.addToken({ ...token, worker: null })
    const enrolled = await Promise.allSettled(
      [store, other, store, other].map((it, index) => it.devices.enroll('h1', enrolledDevice(`d${index}`), T0)),
    )
    const taken = enrolled.filter((it) => it.status === 'fulfilled').map((it) => it.value)
    assert.deepEqual(await store.devices.list(), [taken[0]?.laptop])
    assert.deepEqual([taken.length, taken[0]?.worker], [1, null])
    await assert.rejects(other.devices.enroll('h1', laptop, T0), NO_TOKEN)
  })

  it('keeps valid tokens when expired ones are deleted', async () => {
    const { store } = given()
    await store.devices.addToken(token)
    await store.devices.addToken({ ...token, hash: 'h2', createdAt: T0 + 999, expiresAt: T0 + 2_000 })
    assert.equal((await store.devices.enroll('h1', laptop, T0 + 999)).worker, 'w1')
    assert.equal((await store.devices.enroll('h2', laptop, T0 + 1_999)).worker, 'w1')
  })

  it('keeps the earliest first boot of a laptop that enrolls with two tokens at once', async () => {
    const { store, another } = given()
    const other = await another()
    for (const hash of ['h1', 'h2']) await store.devices.addToken({ ...token, hash })
    await Promise.all([
      store.devices.enroll('h1', { ...laptop, firstBoot: T0 - 5 }, T0),
      other.devices.enroll('h2', { ...laptop, firstBoot: T0 - 9 }, T0),
    ])
    assert.equal((await store.devices.get('d1'))?.firstBoot, T0 - 9)
  })

  it('revokes a laptop with its audit entry, again with a newer reason, and none that is unknown', async () => {
    const { store, another } = given()
    const other = await another()
    assert.equal(await store.devices.revoke(...revoking(T0)), null)
    assert.deepEqual(await store.audit.newest(9), [])
    for (const it of ['d1', 'd2']) await store.devices.save(enrolledDevice(it))
    assert.deepEqual(await store.devices.revoke(...revoking(T0 + 5)), revoked(T0 + 5))
    assert.deepEqual(await other.devices.get('d1'), revoked(T0 + 5))
    const again = { ...revoked(T0 + 5), revokedBy: null, revokedWhy: 'lost' }
    assert.deepEqual(
      await other.devices.revoke('d1', { at: T0 + 4, by: null, why: 'lost' }, revoking(T0 + 4)[2]),
      again,
      'the clock was set back',
    )
    assert.equal((await store.audit.newest(9)).length, 2)
    assert.deepEqual(await store.devices.revokedSince(T0 + 5), [again])
    assert.deepEqual(await other.devices.revokedSince(T0 + 6), [])
  })

  const tokens = [
    { name: 'made before it', madeAt: T0 + 4, clears: false },
    { name: 'made in the same millisecond', madeAt: T0 + 5, clears: false },
    { name: 'made after it', madeAt: T0 + 6, clears: true },
  ]
  for (const { name, madeAt, clears } of tokens) {
    it(`${clears ? 'clears' : 'keeps'} a revocation when the laptop enrolls with a token ${name}`, async () => {
      const { store, another } = given()
      await store.devices.save(laptop)
      await store.devices.revoke(...revoking(T0 + 5))
      await store.devices.addToken({ ...token, createdAt: madeAt })
      const enrolling = () => store.devices.enroll('h1', laptop, T0 + 7)
      if (clears) assert.deepEqual((await enrolling()).laptop, laptop)
      else await assert.rejects(enrolling(), REVOKED)
      const other = await another()
      assert.deepEqual(await other.devices.get('d1'), clears ? laptop : revoked(T0 + 5))
      assert.deepEqual(await other.devices.revokedSince(T0), clears ? [] : [revoked(T0 + 5)])
      // A refused enrollment does not use up the token.
      const next = other.devices.enroll('h1', enrolledDevice('d2'), T0 + 7)
      await (clears ? assert.rejects(next, NO_TOKEN) : next)
    })
  }

  it('keeps a revocation when the laptop is saved', async () => {
    const { store } = given()
    await store.devices.save(laptop)
    await store.devices.revoke(...revoking(T0))
    await store.devices.save({ ...laptop, version: '0.2.0' })
    assert.deepEqual(await store.devices.get('d1'), { ...revoked(T0), version: '0.2.0' })
  })

  it('loses no revocation to enrollments at the same time', async () => {
    const { store, another } = given()
    const handles = [store, await another()]
    for (let round = 1; round <= 20; round++) {
      const device = `r${round}`
      const madeAt = T0 + round
      // Odd rounds: the laptop is new, and has no row yet that could be locked.
      if (round % 2 === 0) await store.devices.save(enrolledDevice(device))
      const hashes = [0, 1, 2].map((it) => `${device} ${it}`)
      for (const hash of hashes) await store.devices.addToken({ ...token, hash, createdAt: madeAt })
      const [, revocation, entry] = revoking(madeAt)
      const work = [
        ...hashes.map((hash) => (of: Store) => of.devices.enroll(hash, enrolledDevice(device), madeAt)),
        (of: Store) => of.devices.revoke(device, revocation, entry),
      ]
      const turned = [...work.slice(round % 4), ...work.slice(0, round % 4)]
      const done = await Promise.allSettled(turned.map((it, index) => it(handles[(index + round) % 2]!)))
      const revocationDone = done[turned.indexOf(work[3]!)]!
      const isRevoked = revocationDone.status === 'fulfilled' && revocationDone.value !== null
      assert.equal((await store.devices.get(device))?.revokedAt, isRevoked ? madeAt : null, `round ${round}`)
      if (round % 2 === 0) assert.ok(isRevoked)
    }
  })
}

const ANA: NewUser = { name: 'ana', role: 'admin', passwordHash: null, createdAt: T0 }
const BEN: NewUser = { ...ANA, name: 'ben', role: 'viewer' }

function users(given: Given): void {
  it('numbers users, finds them by name and id, and changes a password', async () => {
    const { store, another } = given()
    const ana = await store.users.add(ANA)
    const ben = await store.users.add(BEN)
    assert.notEqual(ana.id, ben.id)
    const changed = { ...ben, passwordHash: 'argon2' }
    assert.deepEqual(await store.users.setPassword(ben.id, 'argon2'), changed)
    assert.equal(await store.users.setPassword(ben.id + 99, 'nobody'), null)
    const again = await another()
    assert.deepEqual(await again.users.list(), [{ id: ana.id, ...ANA, disabledAt: null, generation: 0 }, changed])
    assert.deepEqual(await again.users.byName('ben'), changed)
    assert.deepEqual(await again.users.byId(ben.id), changed)
    assert.deepEqual([await again.users.byName('Ana'), await again.users.byId(ben.id + 99)], [null, null])
  })

  it('refuses a name that is taken, and never reuses an id', async () => {
    const { store, another } = given()
    const ana = await store.users.add(ANA)
    await assert.rejects((await another()).users.add({ ...BEN, name: 'ana' }), { name: 'Fault', code: 'api.invalid' })
    assert.ok((await store.users.add(BEN)).id > ana.id)
    assert.equal((await store.users.list()).length, 2)
  })

  it('changes a name with the password, but not to one that is taken', async () => {
    const { store, another } = given()
    const ana = await store.users.add(ANA)
    await store.users.add(BEN)
    const taken = { name: 'Fault', code: 'api.invalid' }
    await assert.rejects(store.users.setPassword(ana.id, 'argon2', 'ben'), taken)
    const renamed = { ...ana, name: 'ada', passwordHash: 'argon2' }
    assert.deepEqual(await store.users.setPassword(ana.id, 'argon2', 'ada'), renamed)
    const again = await another()
    assert.deepEqual([await again.users.byName('ana'), await again.users.byName('ada')], [null, renamed])
    await assert.rejects(again.users.add({ ...BEN, name: 'ada' }), taken)
    assert.ok((await again.users.add(ANA)).id > ana.id)
  })

  it('adds a name once when several add it at the same time', async () => {
    const { store, another } = given()
    const other = await another()
    const added = await Promise.allSettled([store, other, store, other].map((it) => it.users.add(ANA)))
    assert.equal(added.filter((it) => it.status === 'fulfilled').length, 1)
    assert.equal((await store.users.list()).length, 1)
  })

  it('ends a session on request, and when it expires', async () => {
    const { store, another } = given()
    const { id: userId } = await store.users.add(ANA)
    await store.users.addSession({ hash: 's1', userId, createdAt: T0, expiresAt: T0 + 10, once: false })
    await store.users.addSession({ hash: 's2', userId, createdAt: T0 + 9, expiresAt: T0 + 20, once: true })
    const again = await another()
    assert.deepEqual(await again.users.session('s1', T0 + 9), { userId, once: false })
    assert.deepEqual(await again.users.session('s2', T0), { userId, once: true })
    assert.equal(await again.users.session('s1', T0 + 10), null)
    assert.equal(await again.users.session('s3', T0), null)
    await again.users.endSession('s2')
    assert.equal(await store.users.session('s2', T0), null)
  })

  const entry = (action: string): AuditEntry => ({ at: T0, user: 'ana', action, about: 'ben', detail: null })
  const WITH_PASSWORD = { passwordHash: 'argon2' }
  const LAST = { name: 'Fault', code: 'api.forbidden' }

  const changes: { name: string; change: UserChange; after: Partial<User> }[] = [
    { name: 'the role', change: { role: 'analyst' }, after: { role: 'analyst' } },
    {
      name: 'to disabled, which ends sessions',
      change: { disabledAt: T0 + 1 },
      after: { disabledAt: T0 + 1, generation: 1 },
    },
    { name: 'to enabled', change: { disabledAt: null }, after: {} },
    { name: 'the sessions, by ending them', change: { signOut: true }, after: { generation: 1 } },
    { name: 'nothing', change: {}, after: {} },
  ]
  for (const { name, change, after } of changes) {
    it(`changes ${name}, with the audit entries`, async () => {
      const { store, another } = given()
      await store.users.add(ANA)
      const ben = await store.users.add(BEN)
      const expected = { ...ben, ...after }
      assert.deepEqual(await store.users.change(ben.id, change, [entry('a'), entry('b')]), expected)
      const other = await another()
      assert.deepEqual(await other.users.byName('ben'), expected)
      await store.users.setPassword(ben.id, 'argon2')
      assert.deepEqual(await other.users.byId(ben.id), { ...expected, passwordHash: 'argon2' })
      assert.deepEqual(await other.audit.newest(9), [entry('b'), entry('a')])
      assert.equal(await other.users.change(ben.id + 9, change, [entry('a')]), null)
      assert.equal((await other.audit.newest(9)).length, 2)
    })
  }

  it('removes a user; the name can be used again with another id', async () => {
    const { store, another } = given()
    await store.users.add(ANA)
    const ben = await store.users.add(BEN)
    assert.equal(await store.users.remove(ben.id, entry('user.removed')), true)
    const other = await another()
    assert.deepEqual([await other.users.byName('ben'), await other.users.byId(ben.id)], [null, null])
    assert.equal(await other.users.remove(ben.id, entry('user.removed')), false)
    assert.deepEqual(await other.audit.newest(9), [entry('user.removed')])
    assert.ok((await other.users.add(BEN)).id > ben.id)
  })

  const away: [name: string, act: (of: Store, id: number) => Promise<unknown>][] = [
    ['disabled', (of, id) => of.users.change(id, { disabledAt: T0 }, [entry('x')])],
    ['demoted', (of, id) => of.users.change(id, { role: 'viewer' }, [entry('x')])],
    ['removed', (of, id) => of.users.remove(id, entry('x'))],
  ]
  const admins: { name: string; users: Partial<NewUser & Pick<User, 'disabledAt'>>[]; refused: boolean }[] = [
    { name: 'the only admin', users: [{}], refused: true },
    { name: 'the only admin, with a password', users: [WITH_PASSWORD, BEN], refused: true },
    { name: 'one of two who never had a password', users: [{}, {}], refused: false },
    { name: 'one of two with a password', users: [WITH_PASSWORD, WITH_PASSWORD], refused: false },
    { name: 'the only one with a password', users: [WITH_PASSWORD, {}], refused: true },
    { name: 'one without a password', users: [{}, WITH_PASSWORD], refused: false },
    {
      name: 'one beside a disabled admin',
      users: [WITH_PASSWORD, { ...WITH_PASSWORD, disabledAt: T0 }],
      refused: true,
    },
    { name: 'a viewer', users: [BEN, WITH_PASSWORD], refused: false },
  ]
  for (const { name, users, refused } of admins) {
    for (const [how, act] of away) {
      it(`${refused ? 'refuses that' : 'accepts that'} ${name} is ${how}`, async () => {
        const { store } = given()
        const added: User[] = []
        for (const [index, { disabledAt, ...about }] of users.entries()) {
          const user = await store.users.add({ ...ANA, ...about, name: `u${index}` })
          if (disabledAt) await store.users.change(user.id, { disabledAt }, [])
          added.push(user)
        }
        const before = await store.users.list()
        if (!refused) return assert.ok(await act(store, added[0]!.id))
        await assert.rejects(act(store, added[0]!.id), { ...LAST, where: 'u0' })
        assert.deepEqual(await store.users.list(), before)
        assert.deepEqual(await store.audit.newest(9), [])
      })
    }
  }

  it('leaves one admin who can sign in when all are disabled, demoted or removed at once', async () => {
    const { store, another } = given()
    const handles = [store, await another()]
    const admins = async () => (await store.users.list()).filter((it) => it.role === 'admin' && it.disabledAt === null)
    for (let round = 0; round < 12; round++) {
      for (let count = 0; count < 4; count++)
        await store.users.add({ ...ANA, ...WITH_PASSWORD, name: `r${round} ${count}` })
      const done = await Promise.allSettled(
        (await admins()).map((it, index) => away[(index + round) % 3]![1](handles[index % 2]!, it.id)),
      )
      const refusals = done.filter((it) => it.status === 'rejected').map((it) => (it.reason as Fault).code)
      assert.deepEqual([(await admins()).length, refusals], [1, ['api.forbidden']], `round ${round}`)
    }
  })
}

const verdictOf = (worker: string, at: number): Verdict => ({
  ...{ worker, verdict: 'confirmed', reason: 'the far end is abroad', by: 'ana', at },
  ...{ band: 'high', points: 80, kinds: ['r1'] },
})
const decided = (worker: string, at: number): Change =>
  change({ kind: 'case_decided', position: 7, time: at, worker, verdict: 'confirmed', by: 'ana' })
const entryOf = (at: number, about: string | null = null): AuditEntry => ({
  ...{ at, user: 'ana', action: 'decide', about, detail: null },
})

function cases(given: Given): void {
  it('keeps every verdict, newest first, with its change and its entry', async () => {
    const { store, another } = given()
    const order = [
      ['w1', 1],
      ['w2', 2],
      ['w1', 3],
    ] as const
    for (const [worker, at] of order) {
      await store.cases.decide(verdictOf(worker, at), decided(worker, at), entryOf(at, worker))
    }
    const again = await another()
    assert.deepEqual(await again.cases.verdictsOf('w1'), [verdictOf('w1', 3), verdictOf('w1', 1)])
    assert.deepEqual(await again.cases.verdictsOf('w3'), [])
    assert.deepEqual(
      await again.cases.latest(),
      new Map([
        ['w1', verdictOf('w1', 3)],
        ['w2', verdictOf('w2', 2)],
      ]),
    )
    assert.deepEqual(
      await again.changes.after(0, 9),
      order.map(([worker, at], index) => ({ seq: index + 1, change: decided(worker, at) })),
    )
    assert.deepEqual(await again.audit.newest(9), [entryOf(3, 'w1'), entryOf(2, 'w2'), entryOf(1, 'w1')])
  })

  it('writes all of a decision or nothing', async function () {
    const { store, breakFeed } = given()
    if (!breakFeed) return notTested(this, 'this engine cannot fail halfway', 'skip')
    const repair = await breakFeed()
    const deciding = () => store.cases.decide(verdictOf('w1', 1), decided('w1', 1), entryOf(1))
    await assert.rejects(deciding(), { name: 'Fault', code: 'store.unwritable' })
    assert.deepEqual([await store.cases.verdictsOf('w1'), await store.audit.newest(9)], [[], []])
    await repair()
    await deciding()
    assert.deepEqual(await store.cases.verdictsOf('w1'), [verdictOf('w1', 1)])
    assert.equal(await store.changes.last(), 1)
  })

  it('keeps the audit trail in order, newest first', async () => {
    const { store, another } = given()
    for (const at of [1, 2, 3]) await store.audit.add(entryOf(at))
    assert.deepEqual(await (await another()).audit.newest(2), [entryOf(3), entryOf(2)])
    assert.deepEqual(await store.audit.newest(0), [])
  })
}

function values(given: Given): void {
  it('replaces a value', async () => {
    const { store, another } = given()
    assert.equal(await store.values.get('salt'), null)
    await store.values.set('salt', 'a')
    await store.values.set('salt', '')
    assert.equal(await (await another()).values.get('salt'), '')
  })

  const sets = [
    { name: 'a value that is as expected', before: 'a', expected: 'a', after: 'new', written: true },
    { name: 'no value other than expected', before: 'b', expected: 'a', after: 'b', written: false },
    { name: 'a missing value, as expected', before: null, expected: null, after: 'new', written: true },
    { name: 'no value where none was expected', before: 'a', expected: null, after: 'a', written: false },
    { name: 'no value that is missing', before: null, expected: 'a', after: null, written: false },
    { name: 'an empty value, as expected', before: '', expected: '', after: 'new', written: true },
    { name: 'no empty value where none was expected', before: '', expected: null, after: '', written: false },
  ]
  for (const { name, before, expected, after, written } of sets) {
    it(`compares and sets ${name}`, async () => {
      const { store } = given()
      if (before !== null) await store.values.set('key', before)
      assert.equal(await store.values.compareAndSet('key', expected, 'new'), written)
      assert.equal(await store.values.get('key'), after)
    })
  }

  it('loses no increment of a counter that two handles raise at once', async () => {
    const { store, another } = given()
    const raise = async (of: Store) => {
      for (;;) {
        const now = await of.values.get('counter')
        if (await of.values.compareAndSet('counter', now, String(Number(now ?? 0) + 1))) return
      }
    }
    const handles = [store, await another()]
    await Promise.all(Array.from({ length: 40 }, (_, index) => raise(handles[index % 2]!)))
    assert.equal(await store.values.get('counter'), '40')
  })

  it('loses no increment of a counter that two processes raise at once', async function () {
    const { store, config, isShared } = given()
    if (!isShared) return notTested(this, 'no other process can see this engine', 'skip')
    await store.values.set('counter', '2')
    const child = join(import.meta.dirname, 'store-child.ts')
    const raise = () => promisify(execFile)(process.execPath, [child, JSON.stringify(config), '40'])
    await Promise.all([raise(), raise()])
    assert.equal(await store.values.get('counter'), '82')
  })
}

const RULES = { ruleset: '{"rules":["r1"]}', stream: 'stream-1' }

export function commitOf(position: number, changes: Partial<Commit> = {}): Commit {
  return {
    ...{ position, digest: `digest ${position}`, time: T0 + position },
    ...{ kept: [], findings: [], gone: [], standings: [], standingsGone: [], changes: [] },
    ...changes,
  }
}

const opened = (finding: string, time = T0): Change =>
  change({ kind: 'finding_opened', position: 1, time, worker: 'w1', finding, rule: 'r1', title: 'A tool', strength: 3 })

const standingOf = (worker: string, points = 80): Standing => ({
  worker,
  assessment: { worker, band: 'high', points, reason: 'a tool', parts: [] },
  kinds: [{ rule: 'r1', title: 'A tool', strength: 3 }],
  ...{ cluster: null, findings: 1, lastFinding: T0 },
})

const clusterOf = (key: string): Cluster => ({
  ...{ key, kind: 'serial', workers: ['w1', 'w2'], band: 'high', points: 80 },
  keys: [{ key, kind: 'serial', workers: ['w1', 'w2'], days: 3, strength: 4 }],
})

async function keptBy(store: Store, id: string, prefix?: string): Promise<KeptRow[]> {
  const found: KeptRow[] = []
  for await (const block of store.evaluations.kept(id, prefix)) found.push(...block)
  return found.sort((a, b) => (`${a.part} ${a.subject}` < `${b.part} ${b.subject}` ? -1 : 1))
}

async function findingsBy(store: Store, id: string): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const block of store.evaluations.findings(id)) found.push(...block)
  return found
}

const kept = (part: string, subject: string, state: string | null = '{}'): KeptRow => ({ part, subject, state })
const SUPERSEDED = { name: 'Fault', code: 'store.superseded', where: 'e1' }

function evaluations(given: Given): void {
  it('begins one at position 0, empty and not active', async () => {
    const { store, another } = given()
    assert.deepEqual([await store.evaluations.list(), await store.evaluations.active()], [[], null])
    await store.evaluations.begin({ id: 'e1', ...RULES })
    const again = await another()
    const begun = { id: 'e1', ...RULES, position: 0, digest: null, time: 0, active: false }
    assert.deepEqual(await again.evaluations.list(), [begun])
    assert.equal(await again.evaluations.active(), null)
    assert.deepEqual([await keptBy(again, 'e1'), await findingsBy(again, 'e1')], [[], []])
    assert.deepEqual(await again.evaluations.standingsSince('e1', 0), { revision: 0, standings: [], gone: [] })
    assert.deepEqual(await again.evaluations.clusters('e1'), [])
  })

  it('refuses to begin one twice', async () => {
    const { store } = given()
    await store.evaluations.begin({ id: 'e1', ...RULES })
    await assert.rejects(store.evaluations.begin({ id: 'e1', ...RULES, stream: 'another' }), SUPERSEDED)
    assert.equal((await store.evaluations.list())[0]?.stream, 'stream-1')
  })

  it('activates one, adds the changes to the feed, and drops the others', async () => {
    const { store, another } = given()
    for (const id of ['e1', 'e2', 'e3']) {
      await store.evaluations.begin({ id, ...RULES })
      await store.evaluations.commit(id, commitOf(1, { findings: [findingOf(`f of ${id}`)], kept: [kept('p', id)] }))
    }
    await store.evaluations.activate('e1', [opened('f of e1')])
    await store.evaluations.begin({ id: 'e4', ...RULES })
    await store.evaluations.activate('e4', [opened('f of e4')])
    const again = await another()
    assert.deepEqual(await again.evaluations.active(), {
      ...{ id: 'e4', ...RULES, position: 0, digest: null, time: 0, active: true },
    })
    assert.equal((await again.evaluations.list()).length, 1)
    assert.deepEqual([await findingsBy(again, 'e1'), await keptBy(again, 'e1')], [[], []])
    assert.deepEqual(
      (await again.changes.after(0, 9)).map(({ seq, change }) => [seq, change]),
      [
        [1, opened('f of e1')],
        [2, opened('f of e4')],
      ],
    )
  })

  it('activates the active one again', async () => {
    const { store } = given()
    await store.evaluations.begin({ id: 'e1', ...RULES })
    await store.evaluations.activate('e1', [])
    await store.evaluations.activate('e1', [opened('f1')])
    assert.equal((await store.evaluations.active())?.id, 'e1')
    assert.equal(await store.changes.last(), 1)
  })

  it('writes all of an activation or nothing', async function () {
    const { store, breakFeed } = given()
    if (!breakFeed) return notTested(this, 'this engine cannot fail halfway', 'skip')
    for (const id of ['e1', 'e2']) await store.evaluations.begin({ id, ...RULES })
    await store.evaluations.commit('e2', commitOf(1, { kept: [kept('p', 's')] }))
    await store.evaluations.activate('e2', [])
    await store.evaluations.begin({ id: 'e1', ...RULES })
    const repair = await breakFeed()
    await assert.rejects(store.evaluations.activate('e1', [opened('f1')]), { name: 'Fault', code: 'store.unwritable' })
    await repair()
    assert.equal((await store.evaluations.active())?.id, 'e2')
    assert.equal((await store.evaluations.list()).length, 2)
    assert.deepEqual(await keptBy(store, 'e2'), [kept('p', 's')])
  })

  async function amending(): Promise<StoreUnderTest> {
    const under = given()
    const { evaluations } = under.store
    await evaluations.begin({ id: 'e1', ...RULES })
    const rows = ['same', 'replaced', 'deleted', 'twice'].map((subject) => kept('p', subject, '1'))
    const found = { findings: [findingOf('f1'), findingOf('f2')], standings: [standingOf('w1')] }
    await evaluations.commit('e1', commitOf(1, { kept: rows, ...found }))
    await evaluations.activate('e1', [])
    await evaluations.begin({ id: 'e2', ...RULES, ruleset: 'other rules', base: 'e1' })
    const changed = [kept('p', 'replaced', '2'), kept('p', 'deleted', null), kept('p', 'added', '2')]
    await evaluations.commit('e1', commitOf(2, { kept: [...changed, kept('p', 'twice', '2')] }))
    await evaluations.commit('e1', commitOf(3, { kept: [kept('p', 'twice', '3')], changes: [opened('f1')] }))
    return under
  }
  const amended = () =>
    commitOf(4, {
      ...{ kept: [kept('p', 'twice', '4'), kept('q', 'new', '4')], findings: [findingOf('f3')], gone: ['f2'] },
      ...{ standings: [standingOf('w2')], standingsGone: ['w1'], changes: [opened('f3')] },
    })

  it('amends the active one: its rows are as they were when the other began, and the commit is applied', async () => {
    const { store, another } = await amending()
    await store.evaluations.amend('e2', amended())
    const again = await another()
    const { digest, time } = amended()
    assert.deepEqual(await again.evaluations.list(), [
      { id: 'e2', ...RULES, ruleset: 'other rules', position: 4, digest, time, active: true },
    ])
    const left = ['deleted', 'replaced', 'same'].map((subject) => kept('p', subject, '1'))
    const rows = (await keptBy(again, 'e2')).sort((a, b) => (a.subject < b.subject ? -1 : 1))
    assert.deepEqual(rows, [left[0], kept('q', 'new', '4'), left[1], left[2], kept('p', 'twice', '4')])
    assert.deepEqual(
      (await findingsBy(again, 'e2')).map((it) => it.id),
      ['f1', 'f3'],
    )
    assert.deepEqual(await again.evaluations.standingsSince('e2', 1), {
      ...{ revision: 2, standings: [standingOf('w2')], gone: ['w1'] },
    })
    assert.deepEqual(
      (await again.changes.after(0, 9)).map((it) => it.change),
      [opened('f1'), opened('f3')],
    )
    await assert.rejects(again.evaluations.commit('e1', commitOf(5)), SUPERSEDED)
    await again.evaluations.commit('e2', commitOf(5))
  })

  it('does not amend twice', async () => {
    const { store } = await amending()
    await store.evaluations.amend('e2', amended())
    const again = { code: 'store.superseded', where: 'e2' }
    await assert.rejects(store.evaluations.amend('e2', amended()), again)
    await store.evaluations.begin({ id: 'e3', ...RULES, base: 'e2' })
    await store.evaluations.amend('e3', commitOf(4))
    assert.equal((await keptBy(store, 'e3')).length, 5)
  })

  it('keeps what a dropped evaluation would have undone', async () => {
    const { store } = await amending()
    await store.evaluations.drop('e2')
    assert.deepEqual((await keptBy(store, 'e1')).map(({ subject, state }) => `${subject} ${state}`).sort(), [
      'added 2',
      'replaced 2',
      'same 1',
      'twice 3',
    ])
  })

  const notAmending: { name: string; prepare(store: Store): Promise<unknown>; position: number }[] = [
    { name: 'one without a base', prepare: (store) => store.evaluations.begin({ id: 'e9', ...RULES }), position: 4 },
    {
      name: 'one whose base was replaced',
      async prepare({ evaluations }) {
        await evaluations.begin({ id: 'e3', ...RULES })
        await evaluations.begin({ id: 'e9', ...RULES, base: 'e2' })
        await evaluations.drop('e2')
      },
      position: 4,
    },
    {
      name: 'one whose base is not active',
      prepare: (store) => store.evaluations.begin({ id: 'e9', ...RULES, base: 'e2' }),
      position: 4,
    },
    {
      name: 'one that is behind its base',
      prepare: (store) => store.evaluations.begin({ id: 'e9', ...RULES, base: 'e1' }),
      position: 2,
    },
    { name: 'an unknown one', prepare: async () => {}, position: 4 },
  ]
  for (const { name, prepare, position } of notAmending)
    it(`does not amend with ${name}`, async () => {
      const { store } = await amending()
      await prepare(store)
      const before = await store.evaluations.list()
      await assert.rejects(store.evaluations.amend('e9', commitOf(position, { changes: [opened('f9')] })), {
        ...{ name: 'Fault', code: 'store.superseded', where: 'e9' },
      })
      assert.deepEqual([await store.evaluations.list(), await store.changes.last()], [before, 1])
    })

  it('refuses to begin with an unknown base', async () => {
    const { store } = given()
    await assert.rejects(store.evaluations.begin({ id: 'e2', ...RULES, base: 'e1' }), SUPERSEDED)
    assert.deepEqual(await store.evaluations.list(), [])
  })

  it('amends completely or not at all', async function () {
    const { store, breakFeed } = await amending()
    if (!breakFeed) return notTested(this, 'this engine cannot fail halfway', 'skip')
    const [before, rows] = [await store.evaluations.list(), await keptBy(store, 'e1')]
    const repair = await breakFeed()
    await assert.rejects(store.evaluations.amend('e2', amended()), { name: 'Fault', code: 'store.unwritable' })
    await repair()
    assert.deepEqual([await store.evaluations.list(), await keptBy(store, 'e1')], [before, rows])
    await store.evaluations.amend('e2', amended())
    assert.equal((await store.evaluations.active())?.id, 'e2')
  })

  const writes = [
    { name: 'a commit', write: (store: Store) => store.evaluations.commit('e1', commitOf(2)) },
    { name: 'an activation', write: (store: Store) => store.evaluations.activate('e1', [opened('f1')]) },
  ]
  for (const { name, write } of writes) {
    it(`refuses ${name} of a dropped evaluation, and stores nothing of it`, async () => {
      const { store, another } = given()
      await store.evaluations.begin({ id: 'e1', ...RULES })
      await store.evaluations.commit('e1', commitOf(1, { standings: [standingOf('w1')], clusters: [clusterOf('k')] }))
      await (await another()).evaluations.drop('e1')
      await assert.rejects(write(store), SUPERSEDED)
      assert.deepEqual([await store.evaluations.list(), await store.changes.last()], [[], 0])
      assert.equal(await store.evaluations.standing('e1', 'w1'), null)
      assert.deepEqual(await store.evaluations.standingsSince('e1', 0), { revision: 0, standings: [], gone: [] })
    })
  }

  it('accepts the id of a dropped evaluation again, and starts empty', async () => {
    const { store } = given()
    await store.evaluations.begin({ id: 'e1', ...RULES })
    const everything = { kept: [kept('p', 's')], findings: [findingOf('f1')], standings: [standingOf('w1')] }
    await store.evaluations.commit('e1', commitOf(5, { ...everything, clusters: [clusterOf('k')] }))
    await store.evaluations.drop('e1')
    await store.evaluations.drop('e1')
    await store.evaluations.begin({ id: 'e1', ...RULES })
    assert.equal((await store.evaluations.list())[0]?.position, 0)
    assert.deepEqual([await keptBy(store, 'e1'), await findingsBy(store, 'e1')], [[], []])
    assert.deepEqual(await store.evaluations.standingsSince('e1', 0), { revision: 0, standings: [], gone: [] })
    assert.deepEqual(await store.evaluations.clusters('e1'), [])
  })
}

function commits(given: Given): void {
  async function begun(): Promise<StoreUnderTest> {
    const under = given()
    await under.store.evaluations.begin({ id: 'e1', ...RULES })
    return under
  }

  it('keeps its position', async () => {
    const { store, another } = await begun()
    await store.evaluations.commit('e1', commitOf(5))
    await store.evaluations.commit('e1', commitOf(5, { time: T0 + 9, digest: null }))
    assert.deepEqual(await (await another()).evaluations.list(), [
      { id: 'e1', ...RULES, position: 5, digest: null, time: T0 + 9, active: false },
    ])
  })

  it('refuses a position before its own', async () => {
    const { store, another } = await begun()
    await (await another()).evaluations.commit('e1', commitOf(5))
    await assert.rejects(store.evaluations.commit('e1', commitOf(4, { findings: [findingOf('f1')] })), SUPERSEDED)
    assert.deepEqual(await findingsBy(store, 'e1'), [])
  })

  const keptCases: { name: string; commits: KeptRow[][]; prefix?: string; found: KeptRow[] }[] = [
    { name: 'replaces', commits: [[kept('p', 'a', '1')], [kept('p', 'a', '2')]], found: [kept('p', 'a', '2')] },
    { name: 'deletes', commits: [[kept('p', 'a'), kept('p', 'b')], [kept('p', 'a', null)]], found: [kept('p', 'b')] },
    { name: 'deletes what is not there', commits: [[kept('p', 'a', null)]], found: [] },
    {
      name: 'distinguishes parts',
      commits: [[kept('p', 'a', '1'), kept('q', 'a', '2')]],
      found: [kept('p', 'a', '1'), kept('q', 'a', '2')],
    },
    {
      name: 'takes the last of two states',
      commits: [[kept('p', 'a', '1'), kept('p', 'a', '2')]],
      found: [kept('p', 'a', '2')],
    },
    { name: 'takes a deletion that comes last', commits: [[kept('p', 'a', '1'), kept('p', 'a', null)]], found: [] },
    {
      name: 'takes a state after a deletion',
      commits: [[kept('p', 'a')], [kept('p', 'a', null), kept('p', 'a', '2')]],
      found: [kept('p', 'a', '2')],
    },
    {
      name: 'finds by prefix',
      commits: [[kept('derive', 'a'), kept('derive.volume', 'a'), kept('derivf', 'a'), kept('detect', 'a')]],
      prefix: 'derive',
      found: [kept('derive', 'a'), kept('derive.volume', 'a')],
    },
    {
      name: 'does not use a prefix as a pattern',
      commits: [[kept('a_b', 's'), kept('axb', 's'), kept('a%', 's')]],
      prefix: 'a_',
      found: [kept('a_b', 's')],
    },
    { name: 'keeps an empty subject', commits: [[kept('p', '', 'null')]], found: [kept('p', '', 'null')] },
  ]
  for (const { name, commits, prefix, found } of keptCases) {
    it(`kept rows: ${name}`, async () => {
      const { store, another } = await begun()
      for (const [index, rows] of commits.entries())
        await store.evaluations.commit('e1', commitOf(index + 1, { kept: rows }))
      const again = await another()
      assert.deepEqual(await keptBy(again, 'e1', prefix), found)
      for (const { part, subject, state } of found) {
        assert.equal(await again.evaluations.keptOf('e1', part, subject), state)
      }
      assert.equal(await again.evaluations.keptOf('e1', 'p', 'nobody'), null)
    })
  }

  it('reads thousands of rows in blocks, each row once, as of the first block', async () => {
    const { store, another } = await begun()
    const rows = Array.from({ length: 4_500 }, (_, index) => kept('p', `s${index}`, `${index}`))
    const findings = Array.from({ length: 4_500 }, (_, index) =>
      findingOf(`f${String(index).padStart(4, '0')}`, { events: [] }),
    )
    await store.evaluations.commit('e1', commitOf(1, { kept: rows, findings }))
    const other = await another()
    const seen: KeptRow[] = []
    let blocks = 0
    for await (const block of store.evaluations.kept('e1')) {
      if (++blocks === 1) {
        const changed = rows.map((it) => ({ ...it, state: 'null' }))
        await other.evaluations.commit('e1', commitOf(2, { kept: changed, gone: findings.map((it) => it.id) }))
      }
      seen.push(...block)
    }
    assert.ok(blocks > 1)
    const byNumber = seen.sort((a, b) => Number(a.subject.slice(1)) - Number(b.subject.slice(1)))
    assert.deepEqual(byNumber, rows)
    assert.equal(
      (await keptBy(store, 'e1')).every((it) => it.state === 'null'),
      true,
    )
    assert.deepEqual(await findingsBy(store, 'e1'), [])
  })

  it('reads findings in blocks by id, and reading may stop early', async () => {
    const { store } = await begun()
    const findings = Array.from({ length: 4_500 }, (_, index) =>
      findingOf(`f${String(index).padStart(4, '0')}`, { events: [] }),
    )
    await store.evaluations.commit('e1', commitOf(1, { findings: findings.toReversed() }))
    for await (const block of store.evaluations.findings('e1')) {
      assert.equal(block[0]?.id, 'f0000')
      break
    }
    assert.deepEqual(await findingsBy(store, 'e1'), findings)
  })

  it('replaces and deletes findings', async () => {
    const { store, another } = await begun()
    const [f1, f2] = [findingOf('f1', { time: T0 + 5 }), findingOf('f2', { worker: 'w2' })]
    await store.evaluations.commit('e1', commitOf(1, { findings: [f1, f2, findingOf('f4')] }))
    const [moved, f3] = [findingOf('f2', { time: T0 + 5, count: 2 }), findingOf('f3', { worker: null, device: 'd9' })]
    await store.evaluations.commit(
      'e1',
      commitOf(2, { findings: [f2, moved, f3, findingOf('f5')], gone: ['f4', 'f5', 'never there'] }),
    )
    const again = await another()
    assert.deepEqual(await findingsBy(again, 'e1'), [f1, moved, f3])
    assert.deepEqual(await again.evaluations.finding('e1', 'f2'), moved)
    assert.equal(await again.evaluations.finding('e1', 'f4'), null)
    assert.deepEqual(await again.evaluations.findingsOf('e1', 'w1'), [f1, moved])
    assert.deepEqual(await again.evaluations.findingsOf('e1', 'w2'), [])
  })

  it('returns the findings of a worker by time, then id', async () => {
    const { store } = await begun()
    const findings = [findingOf('b', { time: T0 }), findingOf('a', { time: T0 + 1 }), findingOf('c', { time: T0 })]
    await store.evaluations.commit('e1', commitOf(1, { findings }))
    assert.deepEqual(
      (await store.evaluations.findingsOf('e1', 'w1')).map((it) => it.id),
      ['b', 'c', 'a'],
    )
  })

  it('returns the findings of a laptop without a holder', async () => {
    const { store } = await begun()
    const findings = [findingOf('a', { worker: null, device: 'd9' }), findingOf('b', { worker: 'w1', device: 'd9' })]
    await store.evaluations.commit('e1', commitOf(1, { findings }))
    assert.deepEqual(
      (await store.evaluations.findingsOf('e1', 'd9')).map((it) => it.id),
      ['a'],
    )
  })

  it('gives the standings of each commit the next revision, and lists removed ones', async () => {
    const { store, another } = await begun()
    const commit = (position: number, changes: Partial<Commit>) =>
      store.evaluations.commit('e1', commitOf(position, changes))
    await commit(1, { standings: [standingOf('w1'), standingOf('w2'), standingOf('w3')] })
    await commit(2, { findings: [findingOf('f1')] })
    const before = await store.evaluations.standingsSince('e1', 0)
    assert.deepEqual(byWorker(before), { standings: ['w1', 'w2', 'w3'], gone: [] })
    await commit(3, { standings: [standingOf('w1', 10), standingOf('w1', 20)], standingsGone: ['w2', 'never there'] })
    const again = await another()
    const after = await again.evaluations.standingsSince('e1', before.revision)
    assert.deepEqual(after, { revision: before.revision + 1, standings: [standingOf('w1', 20)], gone: ['w2'] })
    assert.deepEqual(await again.evaluations.standingsSince('e1', after.revision), {
      ...{ revision: after.revision, standings: [], gone: [] },
    })
    assert.deepEqual(await again.evaluations.standing('e1', 'w1'), standingOf('w1', 20))
    assert.equal(await again.evaluations.standing('e1', 'w2'), null)
    await commit(4, { standings: [standingOf('w2', 5)], standingsGone: ['w3'] })
    assert.deepEqual(byWorker(await store.evaluations.standingsSince('e1', after.revision)), {
      ...{ standings: ['w2'], gone: ['w3'] },
    })
  })

  it('replaces all clusters, keeps their order, and keeps them when omitted', async () => {
    const { store } = await begun()
    const commit = (position: number, changes: Partial<Commit>) =>
      store.evaluations.commit('e1', commitOf(position, changes))
    await commit(1, { clusters: [clusterOf('b'), clusterOf('a'), clusterOf('c')] })
    await commit(2, {})
    assert.deepEqual(await store.evaluations.clusters('e1'), [clusterOf('b'), clusterOf('a'), clusterOf('c')])
    await commit(3, { clusters: [clusterOf('a')] })
    assert.deepEqual(await store.evaluations.clusters('e1'), [clusterOf('a')])
    await commit(4, { clusters: [] })
    assert.deepEqual(await store.evaluations.clusters('e1'), [])
  })

  it('adds changes of the active evaluation only', async () => {
    const { store } = await begun()
    await store.evaluations.commit('e1', commitOf(1, { changes: [opened('f1')] }))
    assert.equal(await store.changes.last(), 0)
    await store.evaluations.activate('e1', [])
    await store.evaluations.begin({ id: 'e2', ...RULES })
    await store.evaluations.commit('e2', commitOf(9, { changes: [opened('f2')] }))
    await store.evaluations.commit('e1', commitOf(2, { changes: [opened('f3')] }))
    assert.deepEqual(await store.changes.after(0, 9), [{ seq: 1, change: opened('f3') }])
  })

  it('writes all of a commit or nothing', async function () {
    const { store, breakFeed } = await begun()
    if (!breakFeed) return notTested(this, 'this engine cannot fail halfway', 'skip')
    const first = { kept: [kept('p', 'a', '1')], findings: [findingOf('f1')], standings: [standingOf('w1')] }
    await store.evaluations.commit('e1', commitOf(1, { ...first, clusters: [clusterOf('k')] }))
    await store.evaluations.activate('e1', [])
    const before = await everything(store)
    const repair = await breakFeed()
    const second = commitOf(2, {
      ...{ kept: [kept('p', 'a', null), kept('p', 'b')], findings: [findingOf('f2')], gone: ['f1'] },
      ...{ standings: [standingOf('w2')], standingsGone: ['w1'], clusters: [], changes: [opened('f2')] },
    })
    await assert.rejects(store.evaluations.commit('e1', second), { name: 'Fault', code: 'store.unwritable' })
    assert.deepEqual(await everything(store), before)
    await repair()
    await store.evaluations.commit('e1', second)
    const after = await everything(store)
    assert.equal(after.evaluations[0]?.position, 2)
    assert.deepEqual(after.kept, [kept('p', 'b')])
    assert.deepEqual(after.changes, [{ seq: 1, change: opened('f2') }])
  })

  it('applies commits of two handles one after another', async () => {
    const { store, another } = await begun()
    await store.evaluations.activate('e1', [])
    const handles = [store, await another()]
    const numbers = Array.from({ length: 20 }, (_, index) => index)
    await Promise.all(
      numbers.map((it) =>
        handles[it % 2]!.evaluations.commit(
          'e1',
          commitOf(1, { standings: [standingOf(`w${it}`)], changes: [opened(`f${it}`)] }),
        ),
      ),
    )
    const { revision, standings } = await store.evaluations.standingsSince('e1', 0)
    assert.deepEqual([revision, standings.length], [20, 20])
    assert.deepEqual(
      (await store.changes.after(0, 99)).map((it) => it.seq),
      numbers.map((it) => it + 1),
    )
  })
}

function byWorker({ standings, gone }: { standings: Standing[]; gone: string[] }) {
  return { standings: standings.map((it) => it.worker).sort(), gone: gone.sort() }
}

async function everything(store: Store) {
  return {
    evaluations: await store.evaluations.list(),
    kept: await keptBy(store, 'e1'),
    findings: await findingsBy(store, 'e1'),
    standings: await store.evaluations.standingsSince('e1', 0),
    clusters: await store.evaluations.clusters('e1'),
    changes: await store.changes.after(0, 99),
  }
}

function changes(given: Given): void {
  async function withChanges(...changes: Change[]): Promise<StoreUnderTest> {
    const under = given()
    await under.store.evaluations.begin({ id: 'e1', ...RULES })
    await under.store.evaluations.activate('e1', changes)
    return under
  }
  const five = [1, 2, 3, 4, 5].map((it) => opened(`f${it}`, T0 + it))

  it('begins empty, and distinguishes a consumer at 0 from an unknown one', async () => {
    const { store, another } = given()
    assert.deepEqual([await store.changes.after(0, 9), await store.changes.last()], [[], 0])
    await store.changes.setPosition('console', 0)
    const again = await another()
    assert.deepEqual([await again.changes.position('console'), await again.changes.position('outputs')], [0, null])
    assert.equal(await store.changes.trim(T0), 0)
  })

  it('continues from the position of a consumer', async () => {
    const { store, another } = await withChanges(...five)
    const again = await another()
    assert.deepEqual(
      (await again.changes.after(1, 2)).map(({ seq, change }) => [seq, change]),
      [
        [2, five[1]],
        [3, five[2]],
      ],
    )
    await store.changes.setPosition('console', 3)
    await store.changes.setPosition('outputs', 1)
    await store.changes.setPosition('console', 4)
    assert.deepEqual([await again.changes.position('console'), await again.changes.position('outputs')], [4, 1])
    assert.deepEqual(await again.changes.after(5, 9), [])
    assert.equal(await again.changes.last(), 5)
  })

  it('skips a known change, and leaves no gap', async () => {
    const { store } = await withChanges(five[0]!, five[1]!, five[1]!)
    await store.evaluations.commit('e1', commitOf(2, { changes: [five[1]!, five[2]!, five[0]!, five[2]!, five[3]!] }))
    assert.deepEqual(
      await store.changes.after(0, 9),
      five.slice(0, 4).map((it, index) => ({ seq: index + 1, change: it })),
    )
  })

  it('trims by time, and never reuses a number', async () => {
    const { store, another } = await withChanges(...five)
    assert.equal(await store.changes.trim(T0 + 4), 3)
    const again = await another()
    assert.deepEqual(
      (await again.changes.after(0, 9)).map((it) => it.seq),
      [4, 5],
    )
    assert.equal(await again.changes.trim(T0 + 99), 2)
    assert.equal(await again.changes.last(), 5)
    await again.evaluations.commit('e1', commitOf(2, { changes: [opened('f6')] }))
    assert.deepEqual(await store.changes.after(0, 9), [{ seq: 6, change: opened('f6') }])
  })
}

/** Of hashes, so that it does not compress. */
const LONG = Array.from({ length: 160 }, (_, index) => createHash('sha256').update(`${index}`).digest('hex')).join('')

const TEXTS = [
  ...HOSTILE,
  { name: 'the first half of a surrogate pair', text: 'a\ud800' },
  { name: 'the second half', text: 'a\udc00' },
  { name: '10 KB', text: LONG },
  { name: '10 KB with another end', text: `${LONG}x` },
  { name: 'a backslash and an escape', text: 'HOUSE\\ana\x1b[31m\\u0000' },
]

function hostile(given: Given): void {
  for (const { name, text } of TEXTS) {
    it(`comes back unchanged: ${name}`, async () => {
      const { store, another } = given()
      const written = await writeAll(store, text)
      const again = await another()
      assert.deepEqual(await again.devices.get(text), enrolledDevice(text, { version: text }))
      assert.equal((await again.devices.enroll('h1', enrolledDevice(text), T0)).worker, text)
      assert.deepEqual(await again.users.byName(text), written.user)
      assert.deepEqual(await again.cases.verdictsOf(text), [written.verdict])
      assert.deepEqual(await again.cases.latest(), new Map([[text, written.verdict]]))
      assert.deepEqual(await again.audit.newest(1), [written.entry])
      assert.equal(await again.values.get(text), text)
      assert.equal(await again.values.compareAndSet(text, text, ''), true)
      assert.equal((await again.evaluations.active())?.ruleset, text)
      assert.deepEqual(await keptBy(again, text), [kept('part', text, JSON.stringify(text))])
      assert.equal(await again.evaluations.keptOf(text, 'part', text), JSON.stringify(text))
      assert.deepEqual(await findingsBy(again, text), [written.finding])
      assert.deepEqual(await again.evaluations.findingsOf(text, text), [written.finding])
      assert.deepEqual(await again.evaluations.finding(text, text), written.finding)
      assert.deepEqual(await again.evaluations.standing(text, text), standingOf(text))
      assert.deepEqual(await again.evaluations.clusters(text), [clusterOf(text)])
      assert.deepEqual((await again.changes.after(0, 9))[0]?.change, written.change)
      assert.equal(await again.changes.position(text), 1)
      await again.evaluations.commit(text, commitOf(2, { standingsGone: [text], gone: [text] }))
      assert.deepEqual((await store.evaluations.standingsSince(text, 1)).gone, [text])
      assert.deepEqual(await findingsBy(store, text), [])
    })
  }

  it('distinguishes all of them', async () => {
    const { store, another } = given()
    await store.evaluations.begin({ id: 'e1', ...RULES })
    for (const { name, text } of TEXTS) {
      await store.values.set(text, name)
      await store.users.add({ ...ANA, name: text })
      await store.devices.save(enrolledDevice(text))
    }
    await store.evaluations.commit(
      'e1',
      commitOf(1, { kept: TEXTS.map(({ name, text }) => kept('p', text, JSON.stringify(name))) }),
    )
    const again = await another()
    for (const { name, text } of TEXTS) {
      assert.equal(await again.values.get(text), name)
      assert.equal((await again.users.byName(text))?.name, text)
      assert.equal(await again.evaluations.keptOf('e1', 'p', text), JSON.stringify(name))
    }
    const paged: string[] = []
    for (;;) {
      const after = paged.at(-1)
      const page = await again.devices.list({ limit: 3, ...(after !== undefined && { after }) })
      if (page.length === 0) break
      paged.push(...page.map((it) => it.device))
    }
    assert.deepEqual(new Set(paged), new Set(TEXTS.map((it) => it.text)))
    assert.equal(paged.length, TEXTS.length)
  })
}

async function writeAll(store: Store, text: string) {
  await store.devices.save(enrolledDevice(text, { version: text }))
  await store.devices.addToken({ hash: 'h1', worker: text, createdAt: T0, expiresAt: T0 + 1 })
  const user = { ...(await store.users.add({ ...ANA, name: text })), passwordHash: text }
  await store.users.setPassword(user.id, text)
  const verdict = { ...verdictOf(text, 1), reason: text, by: text }
  const change = { ...decided(text, 1), by: text } as Change
  const entry = { at: T0, user: text, action: text, about: text, detail: text }
  await store.cases.decide(verdict, change, entry)
  await store.values.set(text, text)
  await store.evaluations.begin({ id: text, ruleset: text, stream: text })
  await store.evaluations.activate(text, [])
  const finding = findingOf(text, { says: text, worker: text, device: text })
  await store.evaluations.commit(
    text,
    commitOf(1, {
      kept: [kept('part', text, JSON.stringify(text))],
      ...{ findings: [finding], standings: [standingOf(text)], clusters: [clusterOf(text)] },
      changes: [{ ...opened(text), title: text } as Change],
    }),
  )
  await store.changes.setPosition(text, 1)
  return { user, verdict, change, entry, finding }
}
