/** Managing users by the API: who is signed out, which secrets still work, and what the audit trail says. */
import assert from 'node:assert/strict'
import type { AddedUser, UserView } from '../../../server/api/schema.ts'
import { type Harness, harness, PASSWORD } from './harness.ts'

type Person = Awaited<ReturnType<Harness['signedIn']>>

describe('server/api: users', () => {
  const secretOf = (link: string) => link.replace('/#/welcome/', '')
  const users = (admin: Person) => admin.read<UserView[]>('/api/v1/users')
  const numberOf = async (admin: Person, name: string) => (await users(admin)).find((it) => it.name === name)!.id
  const statusOf = async (person: Person) => (await person.get('/api/v1/session')).status

  /** An admin, and a user who is signed in and has an unused link. */
  async function given() {
    const here = await harness()
    const admin = await here.signedIn('admin', 'ada')
    const ben = await here.signedIn('analyst', 'ben')
    const id = await numberOf(admin, 'ben')
    const link = (await (await admin.post(`/api/v1/users/${id}/link`, {})).json()) as { link: string }
    return { ...here, admin, ben, id, secret: secretOf(link.link) }
  }
  type Given = Awaited<ReturnType<typeof given>>

  it('adds a user whose link works once, and lists all without their secrets', async () => {
    const { admin, browser, clock } = await given()
    const added = await admin.post('/api/v1/users', { name: 'eve', role: 'viewer' })
    const { user, link } = (await added.json()) as AddedUser
    assert.deepEqual(
      { ...user, id: 0 },
      { id: 0, name: 'eve', role: 'viewer', passwordSet: false, createdAt: clock.at, disabledAt: null },
    )
    const eve = browser()
    assert.equal((await eve.post('/api/v1/session/once', { secret: secretOf(link) })).status, 200)
    assert.equal((await browser().post('/api/v1/session/once', { secret: secretOf(link) })).status, 401)
    assert.deepEqual(
      (await users(admin)).map((it) => [it.name, it.role, it.passwordSet]),
      [
        ['ada', 'admin', true],
        ['ben', 'analyst', true],
        ['eve', 'viewer', false],
      ],
    )
    assert.doesNotMatch(await (await admin.get('/api/v1/users')).text(), /argon2|generation/)
  })

  const refusals = [
    { name: 'a name that is taken', body: { name: 'ben', role: 'viewer' }, status: 400 },
    { name: 'markup as a name', body: { name: '<b>', role: 'viewer' }, status: 400 },
    { name: 'an unknown role', body: { name: 'eve', role: 'root' }, status: 400 },
  ]
  for (const { name, body, status } of refusals)
    it(`adds no user with ${name}`, async () => {
      const { admin } = await given()
      assert.equal((await admin.post('/api/v1/users', body)).status, status)
      assert.equal((await users(admin)).length, 2)
    })

  it('a new role holds from the next request on, in the open session', async () => {
    const { admin, ben, id } = await given()
    assert.equal((await ben.get('/api/v1/users')).status, 403)
    assert.equal((await admin.patch(`/api/v1/users/${id}`, { role: 'admin' })).status, 200)
    assert.equal((await ben.get('/api/v1/users')).status, 200)
    await admin.patch(`/api/v1/users/${id}`, { role: 'viewer' })
    assert.equal((await ben.post('/api/v1/enrollment-tokens', { worker: null })).status, 403)
  })

  const endings: { name: string; act(of: Given): Promise<Response>; password: number }[] = [
    {
      name: 'disabling',
      act: ({ admin, id }) => admin.patch(`/api/v1/users/${id}`, { disabled: true }),
      password: 401,
    },
    { name: 'removing', act: ({ admin, id }) => admin.delete(`/api/v1/users/${id}`), password: 401 },
    {
      name: 'ending all sessions',
      act: ({ admin, id }) => admin.delete(`/api/v1/users/${id}/sessions`),
      password: 200,
    },
  ]
  for (const { name, act, password } of endings)
    it(`${name} ends sessions and links at once; the password then answers ${password}`, async () => {
      const here = await given()
      const { ben, admin, browser, secret } = here
      assert.equal(await statusOf(ben), 200)
      assert.ok((await act(here)).ok)
      assert.equal(await statusOf(ben), 401)
      assert.equal((await browser().post('/api/v1/session/once', { secret })).status, 401)
      const again = await browser().post('/api/v1/session', { name: 'ben', password: PASSWORD })
      assert.equal(again.status, password)
      assert.equal(await statusOf(admin), 200)
    })

  it('enabling lets the password work again, but no session or link made before', async () => {
    const { admin, ben, id, secret, browser } = await given()
    await admin.patch(`/api/v1/users/${id}`, { disabled: true })
    assert.equal((await admin.post(`/api/v1/users/${id}/link`, {})).status, 400)
    await admin.patch(`/api/v1/users/${id}`, { disabled: false })
    assert.equal(await statusOf(ben), 401)
    assert.equal((await browser().post('/api/v1/session/once', { secret })).status, 401)
    assert.equal((await browser().post('/api/v1/session', { name: 'ben', password: PASSWORD })).status, 200)
  })

  it('a disabled user gets the same answer as a wrong password, and the same line in the audit trail', async () => {
    const { admin, id, browser, store } = await given()
    const wrong = await browser().post('/api/v1/session', { name: 'ben', password: 'a wrong password' })
    await admin.patch(`/api/v1/users/${id}`, { disabled: true })
    const disabled = await browser().post('/api/v1/session', { name: 'ben', password: PASSWORD })
    assert.deepEqual([disabled.status, await disabled.json()], [wrong.status, await wrong.json()])
    const lines = (await store.audit.newest(99)).filter((it) => it.action === 'session.refused')
    assert.deepEqual(lines[0], lines[1])
  })

  it('a session that is opened while the user is disabled never works', async () => {
    const { admin, id, browser, store } = await given()
    const { addSession } = store.users
    store.users.addSession = async (session) => {
      store.users.addSession = addSession
      await admin.patch(`/api/v1/users/${id}`, { disabled: true })
      await admin.patch(`/api/v1/users/${id}`, { disabled: false })
      await addSession(session)
    }
    assert.equal((await browser().post('/api/v1/session', { name: 'ben', password: PASSWORD })).status, 401)
  })

  it("a removed user's name can be used again: other number, old secrets and password do not work", async () => {
    const { admin, ben, id, secret, browser, store } = await given()
    await admin.delete(`/api/v1/users/${id}`)
    await admin.post('/api/v1/users', { name: 'ben', role: 'admin' })
    assert.ok((await numberOf(admin, 'ben')) > id)
    assert.equal(await statusOf(ben), 401)
    assert.equal((await browser().post('/api/v1/session/once', { secret })).status, 401)
    assert.equal((await browser().post('/api/v1/session', { name: 'ben', password: PASSWORD })).status, 401)
    for (const path of ['', '/sessions']) assert.equal((await admin.delete(`/api/v1/users/${id}${path}`)).status, 404)
    assert.ok((await store.audit.newest(99)).some((it) => it.action === 'user.removed' && it.about === 'ben'))
  })

  it('the last admin who can sign in cannot be disabled, demoted or removed, and stays signed in', async () => {
    const { admin } = await given()
    const id = await numberOf(admin, 'ada')
    const tries = [
      await admin.patch(`/api/v1/users/${id}`, { disabled: true }),
      await admin.patch(`/api/v1/users/${id}`, { role: 'viewer' }),
      await admin.delete(`/api/v1/users/${id}`),
    ]
    for (const it of tries) {
      assert.equal(it.status, 403)
      assert.match(await it.text(), /last admin who can sign in/)
    }
    assert.equal(await statusOf(admin), 200)
  })

  it('two admins who remove each other at once leave one', async () => {
    const { admin, signedIn } = await given()
    const other = await signedIn('admin', 'cat')
    const [ada, cat] = [await numberOf(admin, 'ada'), await numberOf(admin, 'cat')]
    const done = await Promise.all([admin.delete(`/api/v1/users/${cat}`), other.delete(`/api/v1/users/${ada}`)])
    assert.equal(done.filter((it) => it.status === 204).length, 1)
    assert.deepEqual([await statusOf(admin), await statusOf(other)].sort(), [200, 401])
  })

  it('the audit trail says who did what to whom, and nothing when nothing changed', async () => {
    const { admin, id, store } = await given()
    const before = (await store.audit.newest(99)).length
    for (const body of [{ role: 'viewer' }, { role: 'viewer' }, { disabled: true }, { disabled: true }, {}])
      assert.equal((await admin.patch(`/api/v1/users/${id}`, body)).status, 200)
    await admin.patch(`/api/v1/users/${id}`, { role: 'analyst', disabled: false })
    await admin.delete(`/api/v1/users/${id}/sessions`)
    await admin.delete(`/api/v1/users/${id}`)
    const trail = (await store.audit.newest(99)).reverse().slice(before)
    assert.deepEqual(
      trail.map(({ user, action, about, detail }) => [user, action, about, detail]),
      [
        ['ada', 'user.role', 'ben', 'analyst to viewer'],
        ['ada', 'user.disabled', 'ben', null],
        ['ada', 'user.role', 'ben', 'viewer to analyst'],
        ['ada', 'user.enabled', 'ben', null],
        ['ada', 'user.signed_out', 'ben', null],
        ['ada', 'user.removed', 'ben', null],
      ],
    )
  })
})

describe('server/api: revoking a laptop', () => {
  it('shows when, by whom and why, and audits it', async () => {
    const { signedIn, stage, store, clock } = await harness()
    await stage.enroll('d1')
    const person = await signedIn('analyst', 'ann')
    const answer = await person.post('/api/v1/laptops/d1/revoke', { reason: ' stolen ' })
    const { revokedAt, revokedBy, revokedWhy } = (await answer.json()) as Record<string, unknown>
    assert.deepEqual([revokedAt, revokedBy, revokedWhy], [clock.at, 'ann', 'stolen'])
    const { laptops } = await person.read<{ laptops: Record<string, unknown>[] }>('/api/v1/laptops')
    assert.deepEqual([laptops[0]?.revokedAt, laptops[0]?.revokedBy], [clock.at, 'ann'])
    const expected = { at: clock.at, user: 'ann', action: 'laptop.revoked', about: 'd1', detail: 'stolen' }
    assert.deepEqual((await store.audit.newest(1))[0], expected)
  })

  const refusals = [
    { name: 'no reason', device: 'd1', body: {}, status: 400 },
    { name: 'a blank reason', device: 'd1', body: { reason: '    ' }, status: 400 },
    { name: 'an unknown laptop', device: 'd2', body: { reason: 'stolen' }, status: 404 },
  ]
  for (const { name, device, body, status } of refusals)
    it(`answers ${status} for ${name}, and revokes nothing`, async () => {
      const { signedIn, stage, store } = await harness()
      await stage.enroll('d1')
      const person = await signedIn('admin')
      assert.equal((await person.post(`/api/v1/laptops/${device}/revoke`, body)).status, status)
      assert.equal((await store.devices.get('d1'))?.revokedAt, null)
    })
})
