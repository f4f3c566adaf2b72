import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { addFeedToken, FEED_PATH, removeFeedToken, type SentCategory } from '../../../server/feeds/tokens.ts'
import { Recorded, type RecordedOf } from '../../../wire/recording.ts'
import { harness } from './harness.ts'

const LOGIN = { category: 'idp_login', Ip: '203.0.113.9', Result: 'success' }

async function feedEndpoint(...categories: SentCategory[]) {
  const made = await harness()
  const { app, store, clock, stage } = made
  const all: SentCategory[] = ['contract_event', 'idp_login', 'repo_audit']
  const token = (name: string, of: SentCategory[] = all) =>
    addFeedToken(store, { name, categories: of }, clock.at, randomBytes)
  const secret = await token('okta', categories.length > 0 ? categories : all)
  const sent = (event: object = LOGIN, about: object = {}) => ({ worker: 'w1', time: clock.at, event, ...about })
  const post = async (body: unknown, { bearer = secret as string | null, headers = {} } = {}) => {
    const response = await app.request(FEED_PATH, {
      method: 'POST',
      headers: { ...(bearer !== null && { Authorization: `Bearer ${bearer}` }), ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: response.status, headers: response.headers, answer: (await response.json()) as Answer }
  }
  const lines = async () => {
    const found: RecordedOf<'feed'>[] = []
    for await (const block of stage.stream.read(0))
      for (const { record } of block) if (record.type === 'feed') found.push(record)
    return found
  }
  return { ...made, token, sent, post, lines }
}

interface Answer {
  code: string
  todo: string
  stored: number
  duplicates: number
  refused: { index: number; path: string; todo: string }[]
  unknownWorkers: string[]
  unknownWords: { field: string; word: string; events: number }[]
}

describe('feeds: who may send', () => {
  const strangers: { name: string; bearer: string | null }[] = [
    { name: 'no token', bearer: null },
    { name: 'another token', bearer: `twf1.${'A'.repeat(43)}` },
    { name: 'a token with other characters', bearer: "' or 1=1" },
    { name: 'a token of 10 KB', bearer: 'A'.repeat(10_000) },
  ]
  for (const { name, bearer } of strangers)
    it(`${name}: 401, and nothing is stored`, async () => {
      const { post, sent, lines } = await feedEndpoint()
      const { status, answer, headers } = await post([sent()], { bearer })
      assert.deepEqual([status, answer.code, headers.get('WWW-Authenticate')], [401, 'api.unauthenticated', 'Bearer'])
      assert.deepEqual(await lines(), [])
    })

  it('a removed token is refused at once, others still work', async () => {
    const { post, sent, store, clock, token } = await feedEndpoint()
    const other = await token('hr')
    assert.equal((await post([sent()])).status, 200)
    await removeFeedToken(store, 'okta', clock.at)
    assert.equal((await post([sent()])).status, 401)
    assert.equal((await post([sent()], { bearer: other })).status, 200)
  })

  it('a session is not a token, and a token is not a session', async () => {
    const { app, post, sent, signedIn, token } = await feedEndpoint()
    const person = await signedIn('admin')
    assert.equal((await person.post(FEED_PATH, [sent()])).status, 401)
    const headers = { Authorization: `Bearer ${await token('hr')}` }
    assert.equal((await app.request('/api/v1/workers', { headers })).status, 401)
    assert.equal((await post([sent()], { headers: { Origin: 'https://elsewhere.example' } })).status, 200)
  })

  it('limits a guesser, but not other addresses', async () => {
    const { post, sent, clock } = await feedEndpoint()
    for (let tries = 0; tries < 30; tries++) assert.equal((await post([sent()], { bearer: 'x' })).status, 401)
    const held = await post([sent()])
    assert.equal(held.status, 429)
    assert.ok(Number(held.headers.get('Retry-After')) > 0)
    clock.at += 15 * 60_000
    assert.equal((await post([sent()])).status, 200)
  })

  it('refuses only the events of categories that the token may not send', async () => {
    const { post, sent } = await feedEndpoint('idp_login')
    const { answer } = await post([sent({ category: 'repo_audit', Action: 'clone' }), sent()])
    assert.deepEqual(answer.refused, [{ index: 0, path: 'event.category', todo: 'This token may send: idp_login.' }])
    assert.equal(answer.stored, 1)
  })
})

describe('feeds: what is stored', () => {
  it('stores a feed line with the facts about its address', async () => {
    const { post, sent, lines, clock } = await feedEndpoint()
    const { status, answer } = await post([sent()])
    assert.equal(status, 200)
    assert.deepEqual(answer, { stored: 1, duplicates: 0, refused: [], unknownWorkers: ['w1'], unknownWords: [] })
    const [line] = await lines()
    assert.ok(line?.type === 'feed' && line.event.category === 'idp_login')
    assert.deepEqual([line.worker, line.time, line.receivedAt], ['w1', clock.at, clock.at])
    assert.deepEqual([line.event.collector, line.event.seq, line.event.Worker], ['feed:okta', null, 'w1'])
    assert.deepEqual([line.event.Country, line.geo?.country, line.geo?.asn], ['US', 'US', 64_500])
    assert.deepEqual(Recorded.parse(JSON.parse(JSON.stringify(line))), line)
  })

  it('keeps the country that the sender gave, and looks up the MFA address', async () => {
    const { post, sent, lines } = await feedEndpoint()
    await post([sent({ ...LOGIN, Country: 'FR', MfaIp: '198.51.100.1' }), sent({ ...LOGIN, Ip: null })])
    const events = (await lines()).map((it) => it.type === 'feed' && it.event)
    assert.deepEqual(
      events.map((it) => it && it.category === 'idp_login' && [it.Country, it.MfaCountry]),
      [
        ['FR', 'DE'],
        [null, null],
      ],
    )
  })

  it('stores and reports workers without a contract', async () => {
    const { post, sent, signedIn } = await feedEndpoint()
    await (await signedIn('admin')).put('/api/v1/workers/w1/contracts', { country: 'US' })
    const { answer } = await post([sent(), sent(LOGIN, { worker: 'ghost' })])
    assert.deepEqual([answer.stored, answer.unknownWorkers], [2, ['ghost']])
  })

  it('stores words in ours, and reports those that no table knows', async () => {
    const { post, sent, lines } = await feedEndpoint()
    const act = (Action: string, nth: number) => sent({ category: 'repo_audit', Action, Count: nth })
    const { answer } = await post([
      sent({ ...LOGIN, Result: 'ALLOW' }),
      sent({ ...LOGIN, Result: 'WIBBLE' }),
      ...[1, 2].map((nth) => act('repo.rename', nth)),
      act('git.clone', 3),
    ])
    assert.deepEqual(answer.unknownWords, [
      { field: 'repo_audit.Action', word: 'repo.rename', events: 2 },
      { field: 'idp_login.Result', word: 'WIBBLE', events: 1 },
    ])
    assert.deepEqual(
      (await lines()).map(({ event }) => ('Result' in event ? event.Result : 'Action' in event && event.Action)),
      ['success', 'unknown', 'unknown', 'unknown', 'clone'],
    )
  })

  const again: { name: string; first: object; second: object; stored: number }[] = [
    { name: 'the same content', first: {}, second: {}, stored: 1 },
    { name: 'the same id', first: { id: 'e-1' }, second: { id: 'e-1' }, stored: 1 },
    {
      name: 'the same id with another time',
      first: { id: 'e-1' },
      second: { id: 'e-1', time: 1_790_000_000_001 },
      stored: 1,
    },
    { name: 'another id with the same content', first: { id: 'e-1' }, second: { id: 'e-2' }, stored: 2 },
    { name: 'another worker', first: {}, second: { worker: 'w2' }, stored: 2 },
    { name: 'another field', first: {}, second: { event: { ...LOGIN, App: 'mail' } }, stored: 2 },
    { name: 'an explicit null', first: {}, second: { event: { ...LOGIN, App: null } }, stored: 1 },
  ]
  for (const { name, first, second, ...expected } of again)
    it(`${name}: ${expected.stored} of two`, async () => {
      const { post, sent, lines, clock } = await feedEndpoint()
      await post([sent(LOGIN, first)])
      clock.at += 1_000
      const { answer } = await post([{ ...sent(LOGIN, second), time: clock.at - 1_000, ...second }])
      assert.equal(answer.duplicates, 2 - expected.stored)
      assert.equal((await lines()).length, expected.stored)
    })

  it('the same id from two feeds gives two events', async () => {
    const { post, sent, lines, token } = await feedEndpoint()
    await post([sent(LOGIN, { id: 'e-1' })])
    await post([sent({ ...LOGIN, App: 'mail' }, { id: 'e-1' })], { bearer: await token('other') })
    assert.equal((await lines()).length, 2)
  })

  it('an event twice in one request counts once', async () => {
    const { post, sent } = await feedEndpoint()
    const { answer } = await post([sent(), sent()])
    assert.deepEqual([answer.stored, answer.duplicates], [1, 1])
  })
})

describe('feeds: what is refused', () => {
  /** Written as text: JSON.stringify fails at this depth, but a hostile sender does not need it. */
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const events: { name: string; bad: unknown; path: string; todo?: RegExp }[] = [
    { name: 'a value that is not an object', bad: 7, path: '' },
    { name: 'an invalid worker id', bad: { worker: 'w 1', time: 1_790_000_000_000, event: LOGIN }, path: 'worker' },
    { name: 'seconds for milliseconds', bad: { worker: 'w1', time: 1_790_000_000, event: LOGIN }, path: 'time' },
    { name: 'next week', bad: { worker: 'w1', time: 1_790_600_000_000, event: LOGIN }, path: 'time', todo: /future/ },
    { name: 'a key beside the event', bad: about({ receivedAt: 1 }), path: 'receivedAt' },
    { name: 'an unknown category', bad: about({ event: { category: 'process_creation' } }), path: 'event.category' },
    { name: 'a misspelt field', bad: about({ event: { ...LOGIN, IP: '1' } }), path: 'event.IP' },
    { name: 'a wrong type', bad: about({ event: { ...LOGIN, Result: 5 } }), path: 'event.Result' },
    { name: 'a missing field', bad: about({ event: { category: 'idp_login' } }), path: 'event.Result' },
    { name: 'an id in the event', bad: about({ event: { ...LOGIN, id: 'x' } }), path: 'event.id', todo: /beside/ },
    { name: 'a long text', bad: about({ event: { ...LOGIN, App: 'x'.repeat(300) } }), path: 'event.App' },
    { name: 'depth', bad: about({ event: { ...LOGIN, App: 'DEEP' } }), path: 'event.App' },
    { name: 'an inherited name', bad: about({ event: { category: 'constructor' } }), path: 'event.category' },
  ]
  function about(fields: object) {
    return { worker: 'w1', time: 1_790_000_000_000, event: LOGIN, ...fields }
  }
  for (const { name, bad, path, todo = /./ } of events)
    it(`refuses only this event, with index and path: ${name}`, async () => {
      const { post, sent, lines } = await feedEndpoint()
      const text = JSON.stringify([sent(), bad, sent({ ...LOGIN, App: 'mail' })]).replace('"DEEP"', deep)
      const { status, answer } = await post(text)
      assert.equal(status, 200)
      assert.deepEqual(
        answer.refused.map((it) => [it.index, it.path]),
        [[1, path]],
      )
      assert.match(answer.refused[0]?.todo ?? '', todo)
      assert.deepEqual([answer.stored, (await lines()).length], [2, 2])
    })
  it('accepts one event per line with blank lines; a line that is not JSON affects no other', async () => {
    const { post, sent } = await feedEndpoint()
    const { answer } = await post(
      `${JSON.stringify(sent())}\r\n\n{"worker":\n${JSON.stringify(sent(LOGIN, { worker: 'w2' }))}\n`,
    )
    assert.deepEqual([answer.stored, answer.refused.map((it) => it.index)], [2, [2]])
  })

  const bodies: { name: string; body: string; status: number }[] = [
    { name: 'nothing', body: '', status: 400 },
    { name: 'blank lines', body: '\n\n', status: 400 },
    { name: 'half an array', body: '[{"worker":"w1"}', status: 400 },
    { name: 'a page', body: '<html>\n<body>', status: 400 },
    { name: 'too many events', body: JSON.stringify(Array(1_001).fill(1)), status: 400 },
    { name: 'too many lines', body: '{}\n'.repeat(1_001), status: 400 },
    { name: 'too many bytes', body: 'x'.repeat(1_048_577), status: 413 },
  ]
  for (const { name, body, status } of bodies)
    it(`${name}: ${status}`, async () => {
      const { post, failures } = await feedEndpoint()
      const found = await post(body)
      assert.deepEqual([found.status, failures], [status, []])
      assert.ok(found.answer.todo)
    })

  it('above the rate limit, answers with Retry-After, for this token only', async () => {
    const { post, clock, token } = await feedEndpoint()
    const thousand = Array(1_000).fill(1)
    for (let times = 0; times < 10; times++) assert.equal((await post(thousand)).status, 200)
    const held = await post(thousand)
    assert.deepEqual([held.status, held.headers.get('Retry-After')], [429, '10'])
    assert.equal((await post(thousand, { bearer: await token('hr') })).status, 200)
    clock.at += 10_000
    assert.equal((await post(thousand)).status, 200)
  })

  it('is in the OpenAPI document, with its own security scheme', async () => {
    const { app } = await feedEndpoint()
    const document = (await (await app.request('/api/v1/openapi.json')).json()) as {
      paths: Record<string, { post: { security: unknown } }>
    }
    assert.deepEqual(document.paths[FEED_PATH]?.post.security, [{ feedToken: [] }])
    const text = JSON.stringify(document.paths[FEED_PATH])
    for (const field of ['MfaDeviceHash', 'OutsideTeam', 'EffectiveAt']) assert.ok(text.includes(field), field)
    assert.ok(!text.includes('collector'))
  })
})
