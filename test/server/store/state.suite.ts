/** What every state must do, whatever it is made of. */
import assert from 'node:assert/strict'
import type { User } from '../../../server/model/user.ts'
import type { State } from '../../../server/store/state.ts'
import { enrolledDevice, findingOf, HOSTILE, T0 } from './samples.ts'

export interface StateUnderTest {
  state: State
  /** Closes it and opens what it left; the same state where nothing outlives the process. */
  reopen(): State
  done(): void
}

const ANA: Omit<User, 'id'> = { name: 'ana', role: 'admin', passwordHash: null, createdAt: T0 }

export function stateSuite(name: string, open: () => StateUnderTest): void {
  describe(name, () => {
    let under: StateUnderTest
    let state: State
    beforeEach(() => {
      under = open()
      state = under.state
    })
    afterEach(() => under.done())

    it('begins empty', () => {
      assert.deepEqual([state.allEnrolled(), state.findings({}), state.users(), state.auditTrail(9)], [[], [], [], []])
      assert.deepEqual(
        [state.enrolled('d1'), state.finding('f1'), state.progress(), state.user('ana'), state.get('salt')],
        [null, null, null, null, null],
      )
    })

    it('keeps the newest word on an enrolled device', () => {
      state.saveEnrolled(enrolledDevice('d2'))
      state.saveEnrolled(enrolledDevice('d1'))
      state.saveEnrolled(enrolledDevice('d2', { revokedAt: T0 + 1, fingerprint: 'abcdef01' }))
      const again = under.reopen()
      const revoked = enrolledDevice('d2', { revokedAt: T0 + 1, fingerprint: 'abcdef01' })
      assert.deepEqual(again.enrolled('d2'), revoked)
      assert.deepEqual(again.allEnrolled(), [enrolledDevice('d1'), revoked])
    })

    const token = { hash: 'h1', worker: 'w1', createdAt: T0, expiresAt: T0 + 1_000 }
    const takings = [
      { name: 'a fresh token', hash: 'h1', at: T0 + 999, answer: { worker: 'w1' } },
      { name: 'an expired token', hash: 'h1', at: T0 + 1_000, answer: null },
      { name: 'an unknown token', hash: 'h2', at: T0, answer: null },
    ]
    for (const { name, hash, at, answer } of takings) {
      it(`takes ${name}`, () => {
        state.addToken(token)
        assert.deepEqual(state.takeToken(hash, at), answer)
      })
    }
    it('takes a token once, also after a restart, and one without a worker', () => {
      state.addToken(token)
      state.addToken({ ...token, hash: 'h2', worker: null })
      assert.deepEqual(state.takeToken('h2', T0), { worker: null })
      assert.deepEqual(state.takeToken('h1', T0), { worker: 'w1' })
      assert.equal(under.reopen().takeToken('h1', T0), null)
    })

    const progressAt = (position: number) => ({ position, pipeline: `{"at":${position}}`, rules: 'abc' })

    it('replaces a finding by its id, and answers newest first', () => {
      const [f1, f2] = [findingOf('f1', { lastTime: T0 + 1 }), findingOf('f2', { lastTime: T0 + 2, worker: 'w2' })]
      const more = findingOf('f1', { lastTime: T0 + 3, count: 2 })
      state.saveProgress(progressAt(1), [f1, f2, findingOf('f4')], [])
      state.saveProgress(progressAt(2), [more, findingOf('f3', { worker: null })], ['f4', 'never there'])
      const again = under.reopen()
      const ids = (query: Parameters<State['findings']>[0]) => again.findings(query).map((it) => it.id)
      assert.deepEqual(ids({}), ['f1', 'f2', 'f3'])
      assert.deepEqual(ids({ limit: 1 }), ['f1'])
      assert.deepEqual(ids({ since: T0 + 2 }), ['f1', 'f2'])
      assert.deepEqual(ids({ worker: 'w2' }), ['f2'])
      assert.deepEqual(ids({ worker: 'w1', since: T0 + 4 }), [])
      assert.deepEqual(again.finding('f1'), more)
      assert.deepEqual(again.progress(), progressAt(2))
    })

    it('forgets findings and progress together', () => {
      state.saveProgress(progressAt(1), [findingOf('f1')], [])
      state.clearFindings()
      const again = under.reopen()
      assert.deepEqual([again.findings({}), again.progress()], [[], null])
    })

    it("keeps the pipeline's state, of any size", () => {
      const pipeline = JSON.stringify({ windows: Array.from({ length: 50_000 }, (_, n) => `group ${n} \0`) })
      state.saveProgress({ position: 2, pipeline, rules: 'abc' }, [], [])
      assert.deepEqual(under.reopen().progress(), { position: 2, pipeline, rules: 'abc' })
    })

    it('numbers users, refuses a name twice, and changes a password', () => {
      const ana = state.saveUser(ANA)
      const ben = state.saveUser({ ...ANA, name: 'ben', role: 'viewer' })
      assert.notEqual(ana.id, ben.id)
      assert.throws(() => state.saveUser({ ...ANA, role: 'viewer' }), { name: 'Fault', code: 'api.invalid' })
      state.setPassword(ben.id, 'argon2')
      const again = under.reopen()
      assert.deepEqual(again.users(), [
        { id: ana.id, ...ANA },
        { id: ben.id, ...ANA, name: 'ben', role: 'viewer', passwordHash: 'argon2' },
      ])
      assert.deepEqual(again.user('ana'), { id: ana.id, ...ANA })
      assert.equal(again.user('Ana'), null)
    })

    it('ends a session when it is told to, and when its time is over', () => {
      const { id: userId } = state.saveUser(ANA)
      state.addSession({ hash: 's1', userId, createdAt: T0, expiresAt: T0 + 10, once: false })
      state.addSession({ hash: 's2', userId, createdAt: T0, expiresAt: T0 + 10, once: true })
      const again = under.reopen()
      assert.deepEqual(again.session('s1', T0 + 9), { userId, once: false })
      assert.deepEqual(again.session('s2', T0), { userId, once: true })
      assert.equal(again.session('s1', T0 + 10), null)
      again.endSession('s2')
      assert.equal(again.session('s2', T0), null)
    })

    it('keeps every verdict, newest first', () => {
      const verdict = (worker: string, at: number) => ({
        ...{ worker, verdict: 'confirmed' as const, reason: 'the far end is abroad', by: 'ana', at },
        ...{ band: 'high' as const, points: 80, kinds: ['r1'] },
      })
      for (const it of [verdict('w1', 1), verdict('w2', 2), verdict('w1', 3)]) state.addVerdict(it)
      const again = under.reopen()
      assert.deepEqual(again.verdicts('w1'), [verdict('w1', 3), verdict('w1', 1)])
      assert.deepEqual(
        again.verdicts().map((it) => it.at),
        [3, 2, 1],
      )
    })

    it('keeps the audit trail in order, newest first', () => {
      const entry = (at: number) => ({ at, user: 'ana', action: 'login', about: null, detail: `${at}` })
      for (const at of [1, 2, 3]) state.audit(entry(at))
      assert.deepEqual(under.reopen().auditTrail(2), [entry(3), entry(2)])
      assert.deepEqual(under.reopen().auditTrail(0), [])
    })

    for (const { name, text } of HOSTILE) {
      it(`gives back hostile text as it came: ${name}`, () => {
        state.saveEnrolled(enrolledDevice('d1', { version: text }))
        const user = state.saveUser({ ...ANA, name: text })
        state.setPassword(user.id, text)
        state.audit({ at: T0, user: text, action: 'a', about: text, detail: null })
        state.saveProgress(progressAt(1), [findingOf('f1', { says: text })], [])
        state.set('note', text)
        const again = under.reopen()
        assert.equal(again.enrolled('d1')?.version, text)
        assert.deepEqual(again.user(text), { ...user, passwordHash: text })
        assert.equal(again.auditTrail(1)[0]?.about, text)
        assert.equal(again.finding('f1')?.says, text)
        assert.equal(again.get('note'), text)
      })
    }

    it('replaces a named value', () => {
      state.set('salt', 'a')
      state.set('salt', '')
      assert.equal(under.reopen().get('salt'), '')
    })
  })
}
