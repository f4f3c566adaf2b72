import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { PERMISSIONS } from '../../../server/access/permissions.ts'
import type { Store } from '../../../server/store/store.ts'
import { harness, PASSWORD } from '../api/harness.ts'

const HOUR = 3_600_000

describe('server/api: sign-in', () => {
  it('a one-time link opens a session, once, and asks for a password', async () => {
    const { browser, link } = await harness()
    const secret = await link()
    const first = browser()
    const opened = await first.post('/api/v1/session/once', { secret })
    assert.equal(opened.status, 200)
    assert.deepEqual(await opened.json(), {
      ...{ name: 'admin', role: 'admin', passwordSet: false, byLink: true, simulated: false },
      may: [...PERMISSIONS],
    })
    assert.equal((await browser().post('/api/v1/session/once', { secret })).status, 401)
    assert.equal((await first.get('/api/v1/session')).status, 200)
  })

  it('a link used twice at once opens one session', async () => {
    const { browser, link } = await harness()
    const secret = await link()
    const tries = await Promise.all([1, 2, 3].map(() => browser().post('/api/v1/session/once', { secret })))
    assert.deepEqual(tries.map((it) => it.status).sort(), [200, 401, 401])
  })

  it('a request is accepted while its session is being extended', async () => {
    const { signedIn, clock, store } = await harness()
    const person = await signedIn('viewer')
    const [moving, moved] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { addSession } = store.users
    store.users.addSession = async (session) => {
      moving.resolve()
      await moved.promise
      await addSession(session)
    }
    clock.at += HOUR
    const first = person.get('/api/v1/session')
    await moving.promise
    const second = person.get('/api/v1/session')
    await setImmediate()
    moved.resolve()
    assert.deepEqual([(await first).status, (await second).status], [200, 200])
  })

  it('a session that ends while being extended stays ended', async () => {
    const { signedIn, browser, clock, store } = await harness()
    const person = await signedIn('viewer')
    const other = browser()
    other.steal(person.cookie())
    slow(store)
    clock.at += HOUR
    await Promise.all([other.get('/api/v1/session'), person.delete('/api/v1/session'), other.get('/api/v1/session')])
    assert.equal((await other.get('/api/v1/session')).status, 401)
  })

  it('a link is valid for 24 hours', async () => {
    const { browser, link, clock } = await harness()
    const [used, late] = [await link(), await link()]
    clock.at += 24 * HOUR - 1
    assert.equal((await browser().post('/api/v1/session/once', { secret: used })).status, 200)
    clock.at += 1
    assert.equal((await browser().post('/api/v1/session/once', { secret: late })).status, 401)
  })

  it('a link secret is not a session, and a session secret is not a link', async () => {
    const { browser, link } = await harness()
    const person = browser()
    const secret = await link()
    person.steal(`tellwire=${secret}`)
    assert.equal((await person.get('/api/v1/session')).status, 401)
    await person.post('/api/v1/session/once', { secret })
    const session = person.cookie()?.replace('tellwire=', '')
    assert.equal((await browser().post('/api/v1/session/once', { secret: session })).status, 401)
  })

  it('the first user chooses a name and a password, and signs in with them', async () => {
    const { browser, link, store } = await harness()
    const person = browser()
    await person.post('/api/v1/session/once', { secret: await link() })
    const saved = await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name: 'ada' })
    assert.deepEqual(await saved.json(), {
      ...{ name: 'ada', role: 'admin', passwordSet: true, byLink: true, simulated: false },
      may: [...PERMISSIONS],
    })
    assert.equal((await browser().post('/api/v1/session', { name: 'ada', password: PASSWORD })).status, 200)
    assert.equal(await store.users.byName('admin'), null)
    assert.match((await store.users.byName('ada'))?.passwordHash ?? '', /^\$argon2id\$/)
  })

  it('a new link is for the administrator with a password', async () => {
    const { browser, link } = await harness()
    const person = browser()
    await person.post('/api/v1/session/once', { secret: await link() })
    await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name: 'ada' })
    const opened = await browser().post('/api/v1/session/once', { secret: await link() })
    assert.equal(((await opened.json()) as { name: string }).name, 'ada')
  })

  it('an unknown name, a wrong password and a user without a password get the same answer', async () => {
    const { browser, signedIn, link } = await harness()
    await signedIn('analyst', 'eve')
    await link() // makes 'admin', without a password
    const answers = await Promise.all(
      [
        { name: 'nobody', password: PASSWORD },
        { name: 'eve', password: 'wrong wrong wrong' },
        { name: 'admin', password: PASSWORD },
      ].map(async (body) => {
        const response = await browser().post('/api/v1/session', body)
        return { status: response.status, body: await response.json(), cookie: response.headers.get('Set-Cookie') }
      }),
    )
    assert.equal(answers[0]?.status, 401)
    assert.equal(answers[0]?.cookie, null)
    assert.deepEqual(answers[1], answers[0])
    assert.deepEqual(answers[2], answers[0])
  })

  it('guessing is refused after six attempts, even in parallel, and others may still sign in', async () => {
    const { browser, signedIn, clock } = await harness()
    await signedIn('analyst', 'eve')
    await signedIn('analyst', 'bob')
    const tries = Array.from({ length: 9 }, () => browser().post('/api/v1/session', { name: 'eve', password: 'no' }))
    const statuses = (await Promise.all(tries)).map((it) => it.status)
    assert.equal(statuses.filter((it) => it === 401).length, 6)
    const refused = await browser().post('/api/v1/session', { name: 'EVE', password: PASSWORD })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('Retry-After')) > 0)
    assert.equal((await browser().post('/api/v1/session', { name: 'bob', password: PASSWORD })).status, 200)
    clock.at += 15 * 60_000
    assert.equal((await browser().post('/api/v1/session', { name: 'eve', password: PASSWORD })).status, 200)
  })

  it('after a thousand guesses at one name from a hundred networks, the right password still works from anywhere', async () => {
    const { browser, signedIn } = await harness()
    const inside = await signedIn('analyst', 'eve')
    const guess = async (address: string, password: string) =>
      (await browser(address).post('/api/v1/session', { name: 'eve', password })).status
    let checked = 0
    for (let network = 0; network < 100; network++)
      for (let i = 0; i < 10; i++) checked += Number((await guess(`198.51.100.${network}`, 'no')) === 401)
    // Six per network until the fiftieth failure, and one per network afterwards.
    assert.equal(checked, 8 * 6 + 3 + 91)
    assert.equal(await guess('192.0.2.7', PASSWORD), 200)
    assert.equal(await guess('192.0.2.7', 'a slip'), 401)
    assert.equal(await guess('192.0.2.7', PASSWORD), 200, 'a network from which the name signed in keeps six attempts')
    const change = { current: PASSWORD, password: `${PASSWORD} 2`, name: null }
    assert.equal((await inside.post('/api/v1/users/me/password', change)).status, 200)
  })

  it('the addresses of one IPv6 /64 share their attempts', async () => {
    const { browser, signedIn } = await harness()
    await signedIn('analyst', 'eve')
    const statuses = []
    for (let i = 1; i <= 7; i++)
      statuses.push((await browser(`2001:db8::${i}`).post('/api/v1/session', { name: 'eve', password: 'no' })).status)
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 429])
  })

  it('wrong current passwords are counted by session, and do not prevent signing in', async () => {
    const { browser, signedIn } = await harness()
    await signedIn('analyst', 'eve')
    const thief = browser()
    await thief.post('/api/v1/session', { name: 'eve', password: PASSWORD })
    const change = (current: string) =>
      thief.post('/api/v1/users/me/password', { current, password: `${PASSWORD} 2`, name: null })
    for (let i = 0; i < 6; i++) assert.equal((await change('no')).status, 403)
    assert.equal((await change(PASSWORD)).status, 429)
    assert.equal((await browser().post('/api/v1/session', { name: 'eve', password: PASSWORD })).status, 200)
  })

  it('an own account buys no more guesses at others from the same address', async () => {
    const { browser, signedIn } = await harness()
    await signedIn('analyst', 'eve')
    const guess = async (name: string, password: string) =>
      (await browser().post('/api/v1/session', { name, password })).status
    for (let i = 0; i < 29; i++) assert.equal(await guess(`victim${i}`, 'no'), 401)
    assert.equal(await guess('eve', PASSWORD), 200)
    assert.equal(await guess('victim29', 'no'), 401)
    assert.equal(await guess('victim30', 'no'), 429)
  })

  it('a session is extended by 12 hours at each use, and ends after 7 days', async () => {
    const { signedIn, clock } = await harness()
    const [idle, busy] = [await signedIn('analyst', 'idle'), await signedIn('analyst', 'busy')]
    const began = clock.at
    for (let hours = 11; hours < 7 * 24; hours += 11) {
      clock.at = began + hours * HOUR
      assert.equal((await busy.get('/api/v1/session')).status, 200, `after ${hours} h`)
    }
    clock.at = began + 7 * 24 * HOUR
    assert.equal((await busy.get('/api/v1/session')).status, 401)
    clock.at = began + 12 * HOUR
    assert.equal((await idle.get('/api/v1/session')).status, 401)
  })

  it('signing out ends the session itself, not only the cookie', async () => {
    const { signedIn, browser } = await harness()
    const person = await signedIn('viewer')
    const thief = browser()
    thief.steal(person.cookie())
    assert.equal((await thief.get('/api/v1/session')).status, 200)
    assert.equal((await person.delete('/api/v1/session')).status, 204)
    assert.equal((await thief.get('/api/v1/session')).status, 401)
  })

  it('a new password needs the old one, and ends every other session and link', async () => {
    const { signedIn, browser, link } = await harness()
    await signedIn('admin', 'ada')
    const person = browser()
    await person.post('/api/v1/session', { name: 'ada', password: PASSWORD })
    const other = browser()
    await other.post('/api/v1/session', { name: 'ada', password: PASSWORD })
    const unused = await link()
    const change = (current: string | null) =>
      person.post('/api/v1/users/me/password', { current, password: 'another long one', name: null })
    assert.equal((await change(null)).status, 403)
    assert.equal((await change('not the old one')).status, 403)
    assert.equal((await change(PASSWORD)).status, 200)
    assert.equal((await person.get('/api/v1/session')).status, 200)
    assert.equal((await other.get('/api/v1/session')).status, 401)
    assert.equal((await browser().post('/api/v1/session/once', { secret: unused })).status, 401)
  })

  it('a link allows a new password, but not a new name', async () => {
    const { signedIn, browser, link } = await harness()
    await signedIn('admin', 'ada')
    const person = browser()
    await person.post('/api/v1/session/once', { secret: await link() })
    const change = (name: string | null) =>
      person.post('/api/v1/users/me/password', { current: null, password: 'another long one', name })
    assert.equal((await change('eve')).status, 403)
    assert.equal((await change(null)).status, 200)
    assert.equal((await browser().post('/api/v1/session', { name: 'ada', password: 'another long one' })).status, 200)
  })

  const names = [
    { name: '<img src=x onerror=alert(1)>', why: 'markup' },
    { name: 'ad\u202enim', why: 'a bidirectional override' },
    { name: '', why: 'empty' },
    { name: 'x'.repeat(65), why: 'too long' },
    { name: '=HYPERLINK("http://x")', why: 'a formula' },
    { name: '__proto__', why: 'a name of the language' },
  ]
  for (const { name, why } of names)
    it(`refuses a user name: ${why}`, async () => {
      const { browser, link } = await harness()
      const person = browser()
      await person.post('/api/v1/session/once', { secret: await link() })
      const response = await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name })
      assert.equal(response.status, 400)
      assert.equal(((await response.json()) as { where: string }).where, 'body.name')
    })

  it('refuses a password of 11 characters and a name that is taken', async () => {
    const { browser, link, signedIn } = await harness()
    await signedIn('viewer', 'taken')
    const person = browser()
    await person.post('/api/v1/session/once', { secret: await link() })
    const short = await person.post('/api/v1/users/me/password', { current: null, password: '12345678901', name: null })
    assert.equal(short.status, 400)
    const taken = await person.post('/api/v1/users/me/password', { current: null, password: PASSWORD, name: 'taken' })
    assert.equal(taken.status, 400)
    assert.equal((await person.get('/api/v1/session')).status, 200)
  })

  it('the cookie is for this host, this site and no script; behind TLS it is bound to both', async () => {
    for (const [isPublicOverTls, pattern] of [
      [false, /^tellwire=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/],
      [true, /^__Host-tellwire=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/],
    ] as const) {
      const { browser, link } = await harness({ isPublicOverTls })
      const opened = await browser().post('/api/v1/session/once', { secret: await link() })
      assert.match(opened.headers.get('Set-Cookie') ?? '', pattern)
    }
  })

  it('behind a trusted TLS-terminating proxy, sets the cookie and HSTS as with TLS', async () => {
    const { browser, link } = await harness({ trustedProxies: ['10.0.0.1'] })
    const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https' }
    for (const [address, isSecure] of [
      ['10.0.0.1', true],
      ['203.0.113.9', false],
    ] as const) {
      const person = browser(address)
      const opened = await person.post('/api/v1/session/once', { secret: await link() }, headers)
      assert.equal(/^__Host-tellwire=.*; Secure/.test(opened.headers.get('Set-Cookie') ?? ''), isSecure)
      assert.equal(opened.headers.has('Strict-Transport-Security'), isSecure)
      assert.equal((await person.get('/api/v1/session', headers)).status, 200)
    }
  })

  it('the store never sees a secret, and the audit tells who came, who was refused and who left', async () => {
    const { signedIn, browser, store } = await harness()
    const person = await signedIn('admin', 'ada')
    await browser().post('/api/v1/session', { name: 'ada', password: 'a wrong password' })
    await person.delete('/api/v1/session')
    const trail = (await store.audit.newest(100)).reverse()
    assert.deepEqual(
      trail.map(({ action, user, about }) => [action, user ?? about]),
      [
        ['user.added', 'ada'],
        ['link.made', 'ada'],
        ['link.used', 'ada'],
        ['password.set', 'ada'],
        ['session.refused', 'ada'],
        ['session.closed', 'ada'],
      ],
    )
    assert.ok(!JSON.stringify(trail).includes(PASSWORD))
  })
})

/** Makes writing a session slow, like on a disk. */
function slow(store: Store): void {
  const { addSession } = store.users
  store.users.addSession = async (session) => {
    await setImmediate()
    await addSession(session)
  }
}
