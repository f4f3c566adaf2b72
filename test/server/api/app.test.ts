import assert from 'node:assert/strict'
import type { HttpBindings } from '@hono/node-server'
import { PERMISSIONS, type Permission, ROLES_WITH } from '../../../server/access/permissions.ts'
import type { Deps } from '../../../server/api/deps.ts'
import { buildConsole } from '../../../server/console/build.ts'
import { ROLES } from '../../../server/model/user.ts'
import type { Laptop } from '../../../server/views/schema.ts'
import { Fault } from '../../../wire/fault.ts'
import { contract } from '../events.ts'
import { type Harness, harness } from './harness.ts'

const READING = [
  ...['/workers', '/workers/w1', '/laptops', '/laptops/d1', '/clusters', '/categories', '/audit', '/events'],
  ...['/session', '/workers/w1/contracts', '/workers/w1/next-case', '/users'],
]

describe('server/api: routes', () => {
  it('without a session every route answers 401 in the same shape', async () => {
    const { browser } = await harness()
    for (const path of READING) {
      const response = await browser().get(`/api/v1${path}`)
      assert.equal(response.status, 401, path)
      assert.deepEqual(await response.json(), {
        code: 'api.unauthenticated',
        message: 'Sign in first.',
        where: null,
        todo: null,
      })
    }
    assert.equal((await browser().post('/api/v1/enrollment-tokens', { worker: null })).status, 401)
    assert.equal((await browser().delete('/api/v1/session')).status, 401)
  })

  /** One route per permission. */
  const guarded: Record<Permission, (person: Person) => Promise<Response>> = {
    'worker.read': (it) => it.get('/api/v1/workers'),
    'laptop.read': (it) => it.get('/api/v1/laptops'),
    'metrics.read': (it) => it.get('/metrics'),
    'case.decide': (it) => it.post('/api/v1/workers/w1/verdict', { verdict: 'bad_data', reason: 'a test' }),
    'evidence.make': (it) => it.post('/api/v1/workers/w1/evidence', {}),
    'contract.read': (it) => it.get('/api/v1/workers/w1/contracts'),
    'contract.write': (it) => it.put('/api/v1/workers/w1/contracts', { country: 'US' }),
    'laptop.enroll': (it) => it.post('/api/v1/enrollment-tokens', { worker: 'w1' }),
    'laptop.revoke': (it) => it.post('/api/v1/laptops/d1/revoke', { reason: 'a test' }),
    'laptop.group': (it) => it.post('/api/v1/laptops/d1/group', { group: 'designers' }),
    'audit.read': (it) => it.get('/api/v1/audit'),
    'user.manage': (it) => it.get('/api/v1/users'),
  }
  for (const role of ROLES)
    for (const permission of PERMISSIONS) {
      const status = ROLES_WITH[permission].includes(role) ? 200 : 403
      it(`${permission} as ${role}: ${status}`, async () => {
        const { signedIn, stage } = await harness()
        await stage.records(contract('w1'))
        await stage.enroll('d1')
        const answer = await guarded[permission](await signedIn(role))
        assert.equal(answer.status, status)
        if (status === 403) assert.match(await answer.text(), /Ask a user with the role admin/)
      })
    }

  it('moves a laptop among the groups of the configuration, and makes none', async () => {
    const { signedIn, stage, tokens } = await harness()
    await stage.enroll('d1')
    const ann = await signedIn('analyst')
    assert.deepEqual(await ann.read('/api/v1/laptop-groups'), { groups: ['designers', 'builders'] })
    const moved = await ann.post('/api/v1/laptops/d1/group', { group: 'builders' })
    assert.equal(((await moved.json()) as Laptop).group, 'builders')
    assert.equal((await ann.read<Laptop>('/api/v1/laptops/d1')).group, 'builders')
    const refused = [
      ann.post('/api/v1/laptops/d1/group', { group: 'spies' }),
      ann.post('/api/v1/laptops/d1/group', { group: '../x' }),
      ann.post('/api/v1/laptops/d1/group', { group: 'builders', watchedRoots: [{ path: '/home', kind: 'sync' }] }),
      ann.post('/api/v1/enrollment-tokens', { worker: 'w1', group: 'spies' }),
    ]
    assert.deepEqual(
      (await Promise.all(refused)).map((it) => it.status),
      [400, 400, 400, 400],
    )
    assert.equal((await ann.post('/api/v1/laptops/nobody/group', { group: null })).status, 404)
    assert.equal((await ann.read<Laptop>('/api/v1/laptops/d1')).group, 'builders')
    assert.deepEqual(tokens, [])
  })

  it('creates a token for a worker, in the name of the caller', async () => {
    const { signedIn, tokens } = await harness()
    const person = await signedIn('analyst', 'ann')
    assert.equal((await person.post('/api/v1/enrollment-tokens', { worker: 'w1' })).status, 200)
    assert.deepEqual(tokens, [{ worker: 'w1', group: null, by: 'ann' }])
    assert.equal((await person.post('/api/v1/enrollment-tokens', { worker: '<b>' })).status, 400)
  })

  it('looks up an id with any characters unchanged', async () => {
    const { signedIn, stage } = await harness()
    const person = await signedIn('viewer')
    const ids = ['<img src=x onerror=alert(1)>', 'a/b', '\u202egnp.exe', '%00', "'; drop table"]
    for (const id of ids) {
      const path = `/api/v1/workers/${encodeURIComponent(id)}`
      assert.equal((await person.get(path)).status, 404)
      await stage.records(contract(id))
      assert.equal((await person.read<{ worker: string }>(path)).worker, id)
    }
    assert.equal((await person.get(`/api/v1/workers/${'x'.repeat(300)}`)).status, 400)
  })

  const strangers: { name: string; headers: Record<string, string> }[] = [
    { name: 'another site', headers: { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' } },
    { name: 'a sibling host', headers: { 'Sec-Fetch-Site': 'same-site', Origin: 'http://other.localhost' } },
    { name: 'another port', headers: { 'Sec-Fetch-Site': 'same-site', Origin: 'http://localhost:8080' } },
    { name: 'a sandboxed frame', headers: { 'Sec-Fetch-Site': 'cross-site', Origin: 'null' } },
    { name: 'an old browser from another site', headers: { 'Sec-Fetch-Site': '', Origin: 'https://evil.example' } },
  ]
  for (const { name, headers } of strangers)
    it(`${name} changes nothing, even with a cookie`, async () => {
      const { signedIn, tokens } = await harness()
      const person = await signedIn('admin')
      const response = await person.post('/api/v1/enrollment-tokens', { worker: null }, headers)
      assert.equal(response.status, 403)
      assert.deepEqual(tokens, [])
    })

  it('refuses a request without an origin', async () => {
    const { app, signedIn } = await harness()
    const person = await signedIn('admin')
    const init = { method: 'POST', headers: { Cookie: person.cookie() ?? '', 'Content-Type': 'application/json' } }
    const body = JSON.stringify({ worker: null })
    assert.equal((await app.request('/api/v1/enrollment-tokens', { ...init, body })).status, 403)
    const named = { ...init, headers: { ...init.headers, Origin: 'http://localhost' } }
    assert.equal((await app.request('/api/v1/enrollment-tokens', { ...named, body })).status, 200)
  })

  const hosts = [
    { host: 'localhost:7433', status: 401 },
    { host: '127.0.0.1:7433', status: 401 },
    { host: '[::1]:7433', status: 401 },
    { host: '198.51.100.7', status: 401 },
    { host: 'tellwire.example', status: 401 },
    { host: 'TELLWIRE.example', status: 401 },
    { host: 'rebound.evil.example', status: 403 },
    { host: 'localhost.evil.example', status: 403 },
    { host: '127.0.0.1.evil.example', status: 403 },
  ]
  for (const { host, status } of hosts)
    it(`answers ${status} under the host name ${host}`, async () => {
      const { app } = await harness()
      assert.equal((await app.request(`http://${host}/api/v1/session`)).status, status)
    })

  const bodies = [
    { name: 'not JSON', body: '{', status: 400, where: 'body' },
    { name: 'a key too many', body: '{"name":"a","password":"b","x":1}', status: 400, where: 'body' },
    { name: 'a number for a name', body: '{"name":1,"password":"b"}', status: 400, where: 'body.name' },
    { name: 'an array', body: '[]', status: 400, where: 'body' },
    { name: '17 KiB', body: JSON.stringify({ name: 'a', password: 'x'.repeat(17_000) }), status: 413, where: 'body' },
  ]
  for (const { name, body, status, where } of bodies)
    it(`refuses a body with its place: ${name}`, async () => {
      const { browser, failures } = await harness()
      const response = await browser().post('/api/v1/session', body)
      assert.equal(response.status, status)
      const error = (await response.json()) as { where: string; todo: string }
      assert.equal(error.where, where)
      assert.ok(error.todo)
      assert.deepEqual(failures, [])
    })

  it('refuses content types that a foreign page can send without a preflight', async () => {
    const { browser } = await harness()
    const headers = { 'Content-Type': 'text/plain' }
    const response = await browser().post('/api/v1/session', '{"name":"a","password":"b"}', headers)
    assert.equal(response.status, 400)
  })

  it('every response has the security headers, refusals and failures included', async () => {
    const { files } = await buildConsole()
    const { app, browser, stage, failures, signedIn } = await harness({ files })
    const person = await signedIn('admin')
    stage.queue.page = () => {
      throw new Error('the disk is on fire')
    }
    const answers = [
      await person.get('/'),
      await person.get('/favicon.svg'),
      await person.get('/nothing'),
      await person.get('/healthz'),
      await person.get('/api/v1/openapi.json'),
      await person.get('/api/v1/session'),
      await person.get('/api/v1/nothing'),
      await browser().get('/api/v1/laptops'),
      await browser().post('/api/v1/session', '{'),
      await app.request('http://evil.example/'),
      await person.get('/api/v1/workers'),
    ]
    assert.deepEqual(
      answers.map((it) => it.status),
      [200, 200, 404, 200, 200, 200, 404, 401, 400, 403, 500],
    )
    for (const response of answers) {
      const policy = response.headers.get('Content-Security-Policy') ?? ''
      assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self'"), response.url)
      assert.ok(!policy.includes('unsafe'))
      assert.equal(response.headers.get('X-Content-Type-Options'), 'nosniff')
      assert.equal(response.headers.get('Referrer-Policy'), 'no-referrer')
      assert.equal(response.headers.get('Cross-Origin-Opener-Policy'), 'same-origin')
      assert.equal(response.headers.get('Cross-Origin-Resource-Policy'), 'same-origin')
      assert.ok(response.headers.get('Cache-Control'))
    }
    assert.equal(answers[5]?.headers.get('Cache-Control'), 'no-store')
    assert.equal(failures.length, 1)
    assert.ok(!(await answers.at(-1)?.text())?.includes('fire'))
  })

  it('serves the console by exact path, compressed, with hashed files cached for ever', async () => {
    const { files } = await buildConsole()
    const { app } = await harness({ files })
    const script = [...files.keys()].find((path) => path.endsWith('.js')) ?? ''
    const zipped = await app.request(script, { headers: { 'Accept-Encoding': 'gzip, br' } })
    assert.equal(zipped.headers.get('Content-Encoding'), 'br')
    assert.match(zipped.headers.get('Cache-Control') ?? '', /immutable/)
    const page = await app.request('/')
    assert.equal(page.headers.get('Cache-Control'), 'no-cache')
    const again = await app.request('/', { headers: { 'If-None-Match': page.headers.get('ETag') ?? '' } })
    assert.equal(again.status, 304)
    for (const path of ['/assets/../package.json', '/assets/%2e%2e/package.json', '/assets/', '/index.html/'])
      assert.equal((await app.request(path)).status, 404, path)
  })

  it('health is for everybody, readiness tells the truth', async () => {
    const { app } = await harness({ notReady: () => 'starting or stopping' })
    assert.equal((await app.request('http://10.0.0.9/healthz')).status, 200)
    const readiness = await app.request('http://any-name-a-probe-uses/readyz')
    assert.deepEqual([readiness.status, await readiness.text()], [503, 'not ready: starting or stopping\n'])
  })

  const readers = [
    { name: 'this machine', address: '127.0.0.1', headers: {}, status: 200 },
    { name: 'this machine, mapped', address: '::ffff:127.0.0.1', headers: {}, status: 200 },
    { name: 'another machine', address: '198.51.100.7', headers: {}, status: 401 },
    {
      name: 'a proxy on this machine',
      address: '127.0.0.1',
      headers: { 'X-Forwarded-For': '1.2.3.4' },
      status: 401,
    },
  ]
  for (const { name, address, headers, status } of readers)
    it(`metrics for ${name}: ${status}`, async () => {
      const { app } = await harness()
      const env = { incoming: { socket: { remoteAddress: address } } } as unknown as HttpBindings
      assert.equal((await app.request('/metrics', { headers }, env)).status, status)
    })

  it('behind a proxy, metrics need the token', async () => {
    const { app } = await harness({
      metrics: { text: async () => 'x 1\n', token: 'a'.repeat(16), isOpenToLoopback: false },
    })
    const env = { incoming: { socket: { remoteAddress: '127.0.0.1' } } } as unknown as HttpBindings
    const read = async (headers: Record<string, string>) => (await app.request('/metrics', { headers }, env)).status
    assert.equal(await read({}), 401)
    assert.equal(await read({ Authorization: `Bearer ${'b'.repeat(16)}` }), 401)
    assert.equal(await read({ Authorization: `Bearer ${'a'.repeat(16)}` }), 200)
  })

  it('an unwritable store is a 503 without paths', async () => {
    const fault = new Fault('store.unwritable', {
      where: '/srv/tellwire/state.db',
      why: 'SQLITE_FULL: /srv/tellwire',
      todo: 'Free space at /srv.',
    })
    const broken = new Proxy({}, { get: () => () => Promise.reject(fault) })
    const { browser, failures } = await harness({
      store: { users: broken, audit: broken, values: broken } as Deps['store'],
    })
    const refused = await browser().post('/api/v1/session', { name: 'eve', password: 'long enough a password' })
    assert.equal(refused.status, 503)
    assert.doesNotMatch(await refused.text(), /srv|SQLITE/)
    assert.deepEqual(failures, [fault])
  })

  it('metrics for who is signed in', async () => {
    const { signedIn } = await harness()
    const person = await signedIn('viewer')
    assert.match(await (await person.get('/metrics')).text(), /tellwire_events_total 3/)
  })

  it('the OpenAPI document has every route, each with ApiError responses', async () => {
    const { app, browser } = await harness()
    const document = (await (await browser().get('/api/v1/openapi.json')).json()) as {
      openapi: string
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
    }
    assert.equal(document.openapi, '3.1.0')
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    )
    const existing = app.routes
      .filter(
        ({ method, path }) => method !== 'ALL' && /^\/(api|feed)\/v1\//.test(path) && !path.endsWith('openapi.json'),
      )
      .map(({ method, path }) => `${method} ${path}`)
    assert.ok(described.length >= 12)
    assert.deepEqual([...new Set(described)].sort(), [...new Set(existing)].sort())
  })
})

type Person = Awaited<ReturnType<Harness['signedIn']>>
