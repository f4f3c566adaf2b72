/**
 * The HTTP server: one port for laptops, feeds and people.
 *
 * Errors  a request with two Host headers is answered with 400, as RFC 9112 requires: a proxy may use the other one.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '../../wire/fault.ts'
import type { Config } from '../config.ts'
import { networkOf, normalAddress, within } from '../ingest/address.ts'
import { ByNetwork } from '../ingest/by-network.ts'
import { namedFile } from '../named-file.ts'

/** Slow headers, slow bodies and connections without a request are cut off early. WebSockets are not affected. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
}
const HANDSHAKE_MS = 10_000
/** The maximum of connections without a request; above it, the oldest one of the busiest network is closed. */
const SILENT_MAX = 2_048

export type HttpLimits = typeof LIMITS & { silentMax: number }

/** Errors  Fault 'config.invalid' for a certificate or key that cannot be read. */
export function httpServer(
  { tls, trustedProxies }: Pick<Config, 'tls' | 'trustedProxies'>,
  { silentMax = SILENT_MAX, ...limits }: Partial<HttpLimits> = {},
): Server {
  const bounds = { ...LIMITS, ...limits }
  const server = tls ? secureServer(tls, bounds) : createServer(bounds)
  boundSilent(server, trustedProxies, silentMax)
  return server
}

function secureServer(tls: NonNullable<Config['tls']>, bounds: typeof LIMITS): Server {
  const cert = namedFile(tls.certFile, 'tls.certFile')
  const key = namedFile(tls.keyFile, 'tls.keyFile')
  try {
    return createSecureServer({ ...bounds, handshakeTimeout: HANDSHAKE_MS, cert, key })
  } catch (cause) {
    const where = `tls ${tls.certFile} and ${tls.keyFile}`
    const why = `They are not a PEM certificate and its key: ${(cause as Error).message}.`
    throw new Fault('config.invalid', { where, why, todo: 'Give a certificate and the key it was made with.', cause })
  }
}

/** Adds the handlers of requests, and of upgrades to a WebSocket. */
export function serveRequests(
  http: Server,
  onRequest: RequestListener,
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): void {
  http.on('request', (request, response) => {
    if (hasNoSecondHost(request)) return void onRequest(request, response)
    response.writeHead(400, { Connection: 'close' }).end()
  })
  http.on('upgrade', (request, socket, head) => {
    if (hasNoSecondHost(request)) return onUpgrade(request, socket, head)
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
}

function hasNoSecondHost({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length <= 1
}

/** Connections of a trusted proxy are not counted: it opens them in advance, for everybody. */
function boundSilent(http: Server, trustedProxies: readonly string[], silentMax: number): void {
  const silent = new ByNetwork<Socket>(silentMax)
  /** By the peer's address and port, because a request over TLS has another socket object than the connection. */
  const connected = new Map<string, { socket: Socket; network: string }>()
  http.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    const address = normalAddress(socket.remoteAddress ?? '')
    if (address === null || within(address, trustedProxies)) return
    const network = networkOf(address)
    connected.set(peer, { socket, network })
    socket.once('close', () => {
      silent.delete(network, socket)
      connected.delete(peer)
    })
    silent.add(network, socket)?.destroy()
  })
  const heard = (request: IncomingMessage) => {
    const { socket, network } = connected.get(peerOf(request.socket)) ?? {}
    if (socket && network) silent.delete(network, socket)
  }
  http.on('request', heard)
  http.on('upgrade', heard)
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** The port it listens on. Errors  Fault 'server.port'. */
export function listen(http: Server, { listen }: Pick<Config, 'listen'>): Promise<number> {
  const { host, port } = listen
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => {
      const about =
        cause.code === 'EADDRINUSE'
          ? { why: 'Another program listens there.', todo: 'Stop it, or choose another port with --port.' }
          : { why: cause.message, todo: 'Choose another address with --host and --port.' }
      reject(new Fault('server.port', { where: `${host}:${port}`, ...about, cause }))
    })
    http.listen(port, host, () => resolve((http.address() as AddressInfo).port))
  })
}

export function urlOf({ tls, listen }: Pick<Config, 'tls' | 'listen'>, port: number): string {
  const isEvery = listen.host === '0.0.0.0' || listen.host === '::'
  // Nobody can open the address that means every interface.
  const host = isEvery ? 'localhost' : listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return `${tls ? 'https' : 'http'}://${host}:${port}`
}
