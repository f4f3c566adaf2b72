/** The HTTP server: one port for laptops, feeds and people. */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Fault } from '../../wire/fault.ts'
import type { Config } from '../config.ts'

/** Slow headers and bodies are cut off early. WebSockets are not affected. */
const LIMITS = { headersTimeout: 15_000, requestTimeout: 30_000, maxHeaderSize: 16_384 }

/** Errors  Fault 'config.invalid' for a certificate or key that cannot be read. */
export function httpServer(config: Pick<Config, 'tls'>, onRequest: RequestListener): Server {
  if (!config.tls) return createServer(LIMITS, onRequest)
  const { certFile, keyFile } = config.tls
  return createSecureServer(
    { ...LIMITS, cert: pem(certFile, 'tls.certFile'), key: pem(keyFile, 'tls.keyFile') },
    onRequest,
  )
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
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return `${tls ? 'https' : 'http'}://${host}:${port}`
}

function pem(file: string, key: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    const why = `The file cannot be read: ${(cause as NodeJS.ErrnoException).code}.`
    throw new Fault('config.invalid', { where: `${key} ${file}`, why, todo: 'Check its path and permissions.', cause })
  }
}
