/**
 * Serves the page for the laptop's user, on this machine only.
 *
 * Shape   GET / on 127.0.0.1, and nothing else. No cookie, no script, nothing that changes anything.
 *         The port is always the same, so that a company can name the address; where it is taken, any other one.
 * Errors  421 for another Host than this address, which is what a page of the web sends after it has rebound its name;
 *         403 for a request that another site makes a browser send, except for following a link; 405 and 404 for
 *         everything else. Null when no port can be opened: the agent goes on without a page.
 *         A program on this machine could ask all the time, and what that costs would be held against a collector: so
 *         few pages are made in ten seconds (429), and after too many connections the port is closed for a minute.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ShowReport } from './report.ts'

export const PAGE_PORT = 8_741
const HOST = '127.0.0.1'
const CONNECTIONS_MAX = 16
const REQUEST_MS = 5_000
const HEADERS_MAX = 8_192
const WINDOW_MS = 10_000
export const PAGES_MAX = 10
const ASKED_MAX = 60
const REST_MS = 60_000

export interface PageOptions {
  port: number
  /** `askerPort`: the port of whoever asks, to find out who that is. */
  report(askerPort: number): Promise<ShowReport>
  now(): number
  /** Awake time. */
  elapsed?(): number
  restMs?: number
}

export interface Page {
  url: string
  close(): void
}

export async function openPage(options: PageOptions): Promise<Page | null> {
  return (await listening(options, options.port)) ?? (options.port === 0 ? null : await listening(options, 0))
}

async function listening(options: PageOptions, port: number): Promise<Page | null> {
  const { elapsed = () => performance.now(), restMs = REST_MS } = options
  let address = ''
  let isClosed = false
  let window = { since: elapsed(), connections: 0, pages: 0 }
  const server = createServer(
    { maxHeaderSize: HEADERS_MAX, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, keepAlive: false },
    (request, response) => {
      answer(request, address, options, isTooMuch).then(
        (it) => send(response, it),
        () => send(response, { status: 500, body: 'The page could not be made.\n' }),
      )
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.timeout = 2 * REQUEST_MS
  server.unref()
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: HOST, exclusive: true }, () => resolve(true))
  })
  if (!isListening) return null
  // A failure after this, such as too many open files, concerns single connections.
  server.on('error', () => {})
  const { port: own } = server.address() as AddressInfo
  address = `${HOST}:${own}`
  server.on('connection', () => {
    if (++current().connections > ASKED_MAX) rest(own)
  })
  return {
    url: `http://${address}/`,
    close() {
      isClosed = true
      stop()
    },
  }

  function current(): typeof window {
    if (elapsed() - window.since >= WINDOW_MS) window = { since: elapsed(), connections: 0, pages: 0 }
    return window
  }

  function isTooMuch(): boolean {
    return ++current().pages > PAGES_MAX
  }

  function rest(port: number): void {
    if (!server.listening) return
    stop()
    const again = () => !isClosed && server.listen({ port, host: HOST, exclusive: true })
    setTimeout(again, restMs).unref()
  }

  function stop(): void {
    server.close()
    server.closeAllConnections()
  }
}

interface Answer {
  status: number
  body: string
  headers?: Record<string, string>
}

async function answer(
  request: IncomingMessage,
  address: string,
  { report, now }: PageOptions,
  isTooMuch: () => boolean,
): Promise<Answer> {
  const { headers, headersDistinct, method, socket, url = '' } = request
  const port = address.slice(address.lastIndexOf(':'))
  const hosts = headersDistinct.host ?? []
  if (hosts.length !== 1 || ![address, `localhost${port}`].includes(hosts[0]!))
    return { status: 421, body: `Open http://${address}/\n` }
  if (isFromElsewhere(headers)) return { status: 403, body: 'Not for other sites.\n' }
  if (method !== 'GET') return { status: 405, body: 'Only GET.\n', headers: { Allow: 'GET' } }
  const [path, query = ''] = url.split('?', 2)
  if (path !== '/') return { status: 404, body: 'There is only one page: /\n' }
  if (isTooMuch()) return { status: 429, body: 'Too often.\n', headers: { 'Retry-After': '10' } }
  // Loaded when somebody asks for it: most laptops' users never do.
  const [languages, { pageOf, STYLE_HASH }] = await Promise.all([import('./languages.ts'), import('./page.ts')])
  const asked = new URLSearchParams(query).get('lang') ?? ''
  const language = languages.isLanguage(asked) ? asked : languages.languageOfBrowser(headers['accept-language'])
  return {
    status: 200,
    body: pageOf(await report(socket.remotePort ?? 0), language, now()),
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Language': language,
      'Content-Security-Policy': `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
  }
}

/** By what every current browser says of a request; other programs on this machine say nothing. */
function isFromElsewhere(headers: IncomingMessage['headers']): boolean {
  const site = headers['sec-fetch-site']
  if (headers.origin !== undefined) return true
  if (site === undefined || site === 'none' || site === 'same-origin') return false
  return !(headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document')
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    Vary: 'Accept-Language',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...headers,
    Connection: 'close',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}
