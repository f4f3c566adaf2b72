import assert from 'node:assert/strict'
import { harness } from './harness.ts'

const PATH = '/api/v1/workers/w1/contracts'
const row = (name: string) => `worker,country\nw1,US\nw2,${name}\n`

describe('server/api: contracts', () => {
  it('reading and writing need a session', async () => {
    const { browser } = await harness()
    assert.equal((await browser().get(PATH)).status, 401)
    assert.equal((await browser().put(PATH, { country: 'US' })).status, 401)
    assert.equal((await browser().post('/api/v1/roster', { format: 'csv', text: 'worker\nw1' })).status, 401)
  })

  it('a viewer may not read or write them', async () => {
    const { signedIn } = await harness()
    const person = await signedIn('viewer')
    assert.equal((await person.get(PATH)).status, 403)
    assert.equal((await person.put(PATH, { country: 'US' })).status, 403)
    assert.equal((await person.post('/api/v1/roster', { format: 'csv', text: 'worker\nw1' })).status, 403)
  })

  it('a version begins now by default, and all versions can be read', async () => {
    const { signedIn, clock, log, store } = await harness()
    const person = await signedIn('analyst', 'ann')
    assert.deepEqual(await (await person.get(PATH)).json(), [])
    const first = { country: 'US', approvedTools: [{ tool: 'Zoom', to: clock.at + 1, ticket: 'T-1', reviewed: 'yes' }] }
    assert.equal((await person.put(PATH, first)).status, 200)
    const earlier = { country: 'DE', from: clock.at - 1 }
    const answer = await person.put(PATH, earlier)
    const versions = (await answer.json()) as { country: string; from: number; worker: string }[]
    assert.deepEqual(
      versions.map((it) => [it.worker, it.country, it.from]),
      [
        ['w1', 'DE', clock.at - 1],
        ['w1', 'US', clock.at],
      ],
    )
    assert.deepEqual(await (await person.get(PATH)).json(), versions)
    assert.equal(log.length, 2)
    assert.deepEqual(
      (await store.audit.newest(2)).map((it) => [it.user, it.action, it.about]),
      [
        ['ann', 'contracts.taken', 'w1'],
        ['ann', 'contracts.taken', 'w1'],
      ],
    )
  })

  const refused: { name: string; body: unknown; where: string; path?: string }[] = [
    { name: 'a wrong type', body: { country: 5 }, where: 'body.country' },
    { name: 'an unknown country', body: { country: 'QQ' }, where: 'body.country' },
    { name: 'a misspelt key', body: { time_zone: 'UTC' }, where: 'body.time_zone' },
    { name: 'a laptop', body: { device: 'd1' }, where: 'body.device' },
    {
      name: 'an entry that ends before it begins',
      body: { approvedTools: [{ tool: 'Zoom', from: 1.9e12, to: 1.8e12 }] },
      where: 'body.approvedTools.0.to',
    },
    {
      name: 'an invalid worker id',
      body: { country: 'US' },
      where: 'param.id',
      path: '/api/v1/workers/w%201/contracts',
    },
    { name: 'not an object', body: [1], where: 'body' },
  ]
  for (const { name, body, where, path = PATH } of refused)
    it(`refuses ${name} with its place, and stores nothing`, async () => {
      const { signedIn, log } = await harness()
      const person = await signedIn('admin')
      const response = await person.put(path, body)
      const answer = (await response.json()) as { where: string; todo: string }
      assert.deepEqual([response.status, answer.where], [400, where])
      assert.ok(answer.todo)
      assert.deepEqual(log, [])
    })

  it('the worker is taken from the path, not from the body', async () => {
    const { signedIn, log } = await harness()
    const person = await signedIn('admin')
    await person.put(PATH, { worker: 'w9', type: 'device', country: 'US' })
    assert.deepEqual(
      log.map((it) => [it.type, it.type === 'contract' && it.worker]),
      [['contract', 'w1']],
    )
  })

  it('a roster: good rows are imported, the others reported with line and column', async () => {
    const { signedIn, log } = await harness()
    const person = await signedIn('analyst')
    const response = await person.post('/api/v1/roster', { format: 'csv', text: row('Germny'), fileName: 'r.csv' })
    assert.deepEqual(await response.json(), {
      usable: { contracts: 1, devices: 0 },
      stored: { contracts: 1, devices: 0 },
      omitted: 1,
      problems: [{ file: 'r.csv', line: 3, column: 'country', why: "'Germny' is not a country; did you mean DE?" }],
    })
    assert.equal(log.length, 1)
    const again = await person.post('/api/v1/roster', { format: 'csv', text: row('Germany') })
    assert.deepEqual(((await again.json()) as { stored: unknown }).stored, { contracts: 1, devices: 0 })
  })

  it('0.5 MB of bad rows: the first 1,000 reported, the others counted', async () => {
    const { signedIn, log } = await harness()
    const person = await signedIn('analyst')
    const rows = Array.from({ length: 20_000 }, (_, n) => `w${n},Cuntry${n}`).join('\n')
    const response = await person.post('/api/v1/roster', { format: 'csv', text: `worker,country\n${rows}\nw,US` })
    const answer = (await response.json()) as { stored: unknown; omitted: number; problems: unknown[] }
    assert.deepEqual([answer.omitted, answer.problems.length], [20_000, 1_000])
    assert.deepEqual([answer.stored, log.length], [{ contracts: 1, devices: 0 }, 1])
  })

  it('a dry run stores nothing', async () => {
    const { signedIn, log } = await harness()
    const person = await signedIn('analyst')
    const response = await person.post('/api/v1/roster', { format: 'csv', text: row('Germany'), dryRun: true })
    assert.deepEqual(((await response.json()) as { usable: unknown }).usable, { contracts: 2, devices: 0 })
    assert.deepEqual(log, [])
  })

  it('a file that is not a roster is refused', async () => {
    const { signedIn } = await harness()
    const person = await signedIn('analyst')
    const response = await person.post('/api/v1/roster', { format: 'csv', text: 'name\nJane' })
    assert.equal(response.status, 400)
    assert.equal(((await response.json()) as { code: string }).code, 'roster.invalid')
  })

  it('accepts a roster larger than other bodies, up to a limit', async () => {
    const { signedIn, log } = await harness()
    const person = await signedIn('analyst')
    const rows = Array.from({ length: 3_000 }, (_, n) => `w${n},US`).join('\n')
    assert.equal((await person.post('/api/v1/roster', { format: 'csv', text: `worker,country\n${rows}` })).status, 200)
    assert.equal(log.length, 3_000)
    assert.equal((await person.post('/api/v1/roster', { format: 'csv', text: 'x'.repeat(2 ** 19 + 1) })).status, 400)
    assert.equal((await person.post('/api/v1/roster', { format: 'csv', text: 'x'.repeat(2 ** 20) })).status, 413)
    assert.equal((await person.post('/api/v1/enrollment-tokens', { worker: 'w'.repeat(20_000) })).status, 413)
  })

  it('the OpenAPI document has these routes and fields', async () => {
    const { app } = await harness()
    const document = (await (await app.request('/api/v1/openapi.json')).json()) as {
      paths: Record<string, Record<string, unknown>>
    }
    assert.deepEqual(Object.keys(document.paths['/api/v1/workers/{id}/contracts'] ?? {}), ['get', 'put'])
    assert.deepEqual(Object.keys(document.paths['/api/v1/roster'] ?? {}), ['post'])
    const text = JSON.stringify(document.paths['/api/v1/workers/{id}/contracts'])
    for (const field of ['declaredHours', 'approvedEgress', 'peripherals', 'travelNotices', 'referredBy'])
      assert.ok(text.includes(field), field)
  })
})
