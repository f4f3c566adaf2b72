import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { httpServer, listen, serveRequests } from '../../../server/roles/http.ts'

const LISTEN = { host: '127.0.0.1', port: 0 }

describe('server/roles: the HTTP server', () => {
  let http: Server
  let port: number
  afterEach(() => {
    http.closeAllConnections()
    return new Promise<void>((resolve) => http.close(() => resolve()))
  })

  async function begin(limits: Parameters<typeof httpServer>[1] = {}): Promise<void> {
    http = httpServer({ tls: null, trustedProxies: [] }, limits)
    serveRequests(
      http,
      (_, response) => void response.end('hello'),
      (_, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    )
    port = await listen(http, { listen: LISTEN })
  }

  async function connected(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }

  async function answerTo(lines: string[]): Promise<string> {
    const socket = await connected()
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    return (await text(socket)).split('\r\n')[0] ?? ''
  }

  const close = 'Connection: close'
  for (const { what, lines, status } of [
    { what: 'one Host header', lines: ['GET / HTTP/1.1', 'Host: a', close], status: '200' },
    { what: 'two Host headers', lines: ['GET / HTTP/1.1', 'Host: a', 'Host: b', close], status: '400' },
    { what: 'the same Host header twice', lines: ['GET / HTTP/1.1', 'Host: a', 'hOST: a', close], status: '400' },
    { what: 'no Host header', lines: ['GET / HTTP/1.1', close], status: '400' },
    {
      what: 'an upgrade with two Host headers',
      lines: ['GET / HTTP/1.1', 'Host: a', 'Host: b', 'Connection: Upgrade', 'Upgrade: websocket'],
      status: '400',
    },
    {
      what: 'an upgrade with one',
      lines: ['GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket'],
      status: '101',
    },
  ])
    it(`${what}: ${status}`, async () => {
      await begin()
      assert.equal((await answerTo(lines)).split(' ')[1], status)
    })

  it('a connection that never sends a byte is closed', async () => {
    await begin({ headersTimeout: 200, connectionsCheckingInterval: 20 })
    const socket = await connected()
    assert.match(await text(socket), /^HTTP\/1\.1 408 /)
    await once(socket, 'close')
  })

  it('limits connections without a request, and keeps those with one', async () => {
    await begin({ silentMax: 3 })
    const heard = await connected()
    heard.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(heard, 'data')
    const silent = [await connected(), await connected(), await connected()]
    const outnumbered = await connected()
    outnumbered.resume()
    await once(outnumbered, 'close')
    heard.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(heard, 'data')
    assert.deepEqual(
      silent.map((it) => it.closed),
      [false, false, false],
    )
    for (const it of [heard, ...silent]) it.destroy()
  })
})
