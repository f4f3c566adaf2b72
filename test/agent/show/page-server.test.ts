import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { peopleOf, socketOwner } from '../../../agent/show/asker.ts'
import { STYLE, STYLE_HASH } from '../../../agent/show/page.ts'
import { openPage, PAGES_MAX, type Page } from '../../../agent/show/page-server.ts'
import { showReport } from '../../../agent/show/report.ts'
import { needsLinux } from '../needs-linux.ts'
import { HOSTILE, NOW, ROOT, sources } from './sample.ts'

interface Asked {
  method?: string
  path?: string
  headers?: Record<string, string>
}

describe('agent/show: the page', () => {
  let page: Page
  let port: number
  let askers: number[]
  let isBroken: boolean
  let clock: number
  beforeEach(async () => {
    askers = []
    isBroken = false
    clock = 0
    page = (await openPage({
      port: 0,
      restMs: 50,
      now: () => NOW,
      elapsed: () => clock,
      async report(askerPort) {
        askers.push(askerPort)
        if (isBroken) throw new Error('/var/lib/secret')
        return showReport(sources(), ROOT)
      },
    }))!
    port = Number(new URL(page.url).port)
  })
  afterEach(() => page.close())

  async function ask({ method = 'GET', path = '/', headers = {} }: Asked = {}) {
    const asking = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { Host: `127.0.0.1:${port}`, ...headers },
    })
    asking.end()
    const [response] = await once(asking, 'response')
    return { status: response.statusCode as number, headers: response.headers, body: await text(response) }
  }
  /** The first line of the answer to these bytes. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    return (await text(socket)).split('\r\n')[0]!
  }

  it('says what is collected, with headers that let nobody else use it', async () => {
    const { status, headers, body } = await ask()
    assert.equal(status, 200)
    assert.match(body, /^<!doctype html>\n<html lang="en">/)
    assert.match(body, /1,286 events/)
    assert.equal(
      headers['content-security-policy'],
      `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    const { 'cache-control': cache, 'x-frame-options': frame, 'x-content-type-options': sniff } = headers
    assert.deepEqual([cache, frame, sniff, headers['set-cookie']], ['no-store', 'DENY', 'nosniff', undefined])
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.ok(body.includes(`<style>${STYLE}</style>`))
    const tags = body.match(/<[^>]*>/g)!.join('\n')
    assert.doesNotMatch(tags, /<script|<form|<iframe|<img|javascript:|\son\w+=|src=/i)
    assert.equal(askers.length, 1)
  })

  it('shows hostile names as text', async () => {
    const { body } = await ask()
    assert.ok(
      body.includes('&#60;img src&#61;x') || body.includes('&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;'),
    )
    assert.ok(!body.includes(HOSTILE) && !body.includes('<img'))
    for (const it of body) assert.ok(it === '\n' || it >= ' ', JSON.stringify(it))
    assert.doesNotMatch(body, /\u202e|\u001b/)
  })

  const rebound = (host: string): Asked => ({ headers: { Host: host.replace('PORT', String(port)) } })
  for (const host of [
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost',
    '127.0.0.1.evil.example:PORT',
    '[::1]:PORT',
    '0.0.0.0:PORT',
    'user@127.0.0.1:PORT',
  ])
    it(`refuses the Host ${host}`, async () => {
      const { status, body } = await ask(rebound(host))
      assert.deepEqual([status, body, askers], [421, `Open ${page.url}\n`, []])
    })

  it('answers to localhost as well', async () => assert.equal((await ask(rebound('localhost:PORT'))).status, 200))

  const refused: { name: string; asked: Asked; status: number }[] = [
    { name: 'HEAD', asked: { method: 'HEAD' }, status: 405 },
    { name: 'POST', asked: { method: 'POST' }, status: 405 },
    { name: 'OPTIONS', asked: { method: 'OPTIONS' }, status: 405 },
    { name: 'DELETE', asked: { method: 'DELETE' }, status: 405 },
    { name: 'another path', asked: { path: '/status.json' }, status: 404 },
    { name: 'a way up', asked: { path: '/../etc/passwd' }, status: 404 },
    { name: 'a whole address', asked: { path: 'http://127.0.0.1/' }, status: 404 },
    { name: 'an Origin', asked: { headers: { Origin: 'https://evil.example' } }, status: 403 },
    {
      name: "another site's script",
      asked: { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' } },
      status: 403,
    },
    {
      name: "another site's frame",
      asked: { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' } },
      status: 403,
    },
    {
      name: "another port's script",
      asked: { headers: { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' } },
      status: 403,
    },
  ]
  for (const { name, asked, status } of refused)
    it(`${name}: ${status}, and nothing is read for it`, async () => {
      assert.equal((await ask(asked)).status, status)
      assert.deepEqual(askers, [])
    })

  it('a link on the company’s own site leads here', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
    assert.equal((await ask({ headers })).status, 200)
  })

  for (const { name, bytes, answer } of [
    {
      name: 'two Hosts',
      bytes: (h: string) => `GET / HTTP/1.1\r\nHost: ${h}\r\nHost: evil\r\n\r\n`,
      answer: /^HTTP\/1.1 4\d\d/,
    },
    { name: 'no Host', bytes: () => 'GET / HTTP/1.1\r\n\r\n', answer: /^HTTP\/1.1 400/ },
    { name: 'HTTP/1.0 without Host', bytes: () => 'GET / HTTP/1.0\r\n\r\n', answer: /^HTTP\/1.1 421/ },
    {
      name: 'huge headers',
      bytes: (h: string) => `GET / HTTP/1.1\r\nHost: ${h}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      answer: /^HTTP\/1.1 431/,
    },
    { name: 'garbage', bytes: () => '\u0000\u0001\r\n\r\n', answer: /^HTTP\/1.1 400/ },
  ])
    it(`${name}: refused`, async () => {
      assert.match(await raw(bytes(`127.0.0.1:${port}`)), answer)
      assert.deepEqual(askers, [])
      assert.equal((await ask()).status, 200)
    })

  it('makes few pages in ten seconds', async () => {
    const answers = []
    for (let n = 0; n < PAGES_MAX + 2; n++) answers.push((await ask()).status)
    assert.deepEqual(answers, [...Array.from({ length: PAGES_MAX }, () => 200), 429, 429])
    assert.equal(askers.length, PAGES_MAX)
    clock += 10_000
    assert.equal((await ask()).status, 200)
  })

  it('closes its port for a while when somebody asks all the time', async () => {
    const refused = async (): Promise<string> => {
      try {
        await ask({ path: '/x' })
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'ECONNREFUSED') return code
      }
      return await refused()
    }
    assert.equal(await refused(), 'ECONNREFUSED')
    clock += 10_000
    const opened = async (): Promise<number> => (await ask().catch(() => null))?.status ?? opened()
    assert.equal(await opened(), 200)
  })

  it('a connection that says nothing keeps nobody out', async () => {
    const idle: Socket[] = []
    for (let n = 0; n < 10; n++) idle.push(connect(port, '127.0.0.1').on('error', () => {}))
    await once(idle[9]!, 'connect')
    assert.equal((await ask()).status, 200)
    for (const it of idle) it.destroy()
  })

  it('a failure tells nothing about the laptop', async () => {
    isBroken = true
    const { status, body } = await ask()
    assert.deepEqual([status, body], [500, 'The page could not be made.\n'])
  })

  for (const { accepted, path, lang } of [
    { accepted: 'ko', path: '/', lang: 'ko' },
    { accepted: 'ko', path: '/?lang=fr', lang: 'fr' },
    { accepted: 'es', path: '/?lang=%3Cscript%3E', lang: 'es' },
  ])
    it(`${path} with ${accepted}: in ${lang}`, async () => {
      const { headers, body } = await ask({ path, headers: { 'Accept-Language': accepted } })
      assert.equal(headers['content-language'], lang)
      assert.match(body, new RegExp(`<html lang="${lang}">`))
    })

  it('takes another port when its own is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const taken = (other.address() as { port: number }).port
    const second = await openPage({ port: taken, now: () => NOW, report: async () => showReport(sources(), ROOT) })
    assert.ok(second)
    assert.notEqual(new URL(second.url).port, String(taken))
    second.close()
    other.close()
  })
})

describe('agent/show: who asks', () => {
  const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  const row = (local: string, remote: string, uid: string) =>
    `   0: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0 100 0 0 10 0\n`
  const cases = [
    { name: 'the owner of the socket', table: row('0100007F:C000', '0100007F:2225', '1000'), uid: 1_000 },
    { name: 'our own end of it', table: row('0100007F:2225', '0100007F:C000', '0'), uid: null },
    { name: 'another server', table: row('0100007F:C000', '0100007F:2226', '1000'), uid: null },
    {
      name: 'a mapped address',
      table: row('0000000000000000FFFF00000100007F:C000', '0000000000000000FFFF00000100007F:2225', '1001'),
      uid: 1_001,
    },
    { name: 'a cut line', table: '   0: 0100007F:C000\n', uid: null },
    { name: 'nothing', table: '', uid: null },
  ]
  for (const { name, table, uid } of cases) it(name, () => assert.equal(socketOwner(HEAD + table, 0xc000, 0x2225), uid))

  it('this process is found by its own connection', async function () {
    needsLinux(this)
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const { asker } = await peopleOf('linux', socket.localPort!, port)
    assert.equal(asker.isRoot, true)
    assert.notEqual(asker.name, null)
    socket.destroy()
    server.close()
  })

  it('where nobody can be told apart, nobody is known', async () => {
    const { asker } = await peopleOf('win32', 1, 2)
    assert.deepEqual(asker, { name: null, isRoot: false })
  })
})
