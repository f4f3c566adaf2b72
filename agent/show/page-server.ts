/**
 * Serves the page for the laptop's user, on this machine only.
 *
 * Shape   GET / on 127.0.0.1, and nothing else. No cookie, no script, nothing that changes anything.
 *         The port is always the same, so that a company can name the address; where it is taken, any other one.
 * Errors  421 for another Host than this address, which is what a page of the web sends after it has rebound its name;
 *         403 for a request that another site makes a browser send, except for following a link; 405 and 404 for
 *         everything else. Null when no port can be opened: the agent goes on without a page.
 *         A program on this machine can keep the few connections busy; then the page is late, and nothing else.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ShowReport } from './report.ts'

export const PAGE_PORT = 8_741
const HOST = '127.0.0.1'
const CONNECTIONS_MAX = 16
const REQUEST_MS = 5_000
const HEADERS_MAX = 8_192

export interface PageOptions {
  port: number
  /** `askerPort`: the port of whoever asks, to find out who that is. */
  report(askerPort: number): Promise<ShowReport>
  now(): number
}

export interface Page {
  url: string
  close(): void
}

export async function openPage(options: PageOptions): Promise<Page | null> {
  return (await listening(options, options.port)) ?? (options.port === 0 ? null : await listening(options, 0))
}

async function listening(options: PageOptions, port: number): Promise<Page | null> {
  let address = ''
  const server = createServer(
    { maxHeaderSize: HEADERS_MAX, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, keepAlive: false },
    (request, response) => {
      answer(request, address, options).then(
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
  address = `${HOST}:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${address}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

interface Answer {
  status: number
  body: string
  headers?: Record<string, string>
}

async function answer(request: IncomingMessage, address: string, { report, now }: PageOptions): Promise<Answer> {
  const { headers, headersDistinct, method, socket, url = '' } = request
  const port = address.slice(address.lastIndexOf(':'))
  const hosts = headersDistinct.host ?? []
  if (hosts.length !== 1 || ![address, `localhost${port}`].includes(hosts[0]!))
    return { status: 421, body: `Open http://${address}/\n` }
  if (isFromElsewhere(headers)) return { status: 403, body: 'Not for other sites.\n' }
  if (method !== 'GET') return { status: 405, body: 'Only GET.\n', headers: { Allow: 'GET' } }
  const [path, query = ''] = url.split('?', 2)
  if (path !== '/') return { status: 404, body: 'There is only one page: /\n' }
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
