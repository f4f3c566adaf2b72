/** POST /agent/v1/enroll. It is not part of the API, because agents have no session, cookie or Origin header. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { FAULTS, Fault, type FaultCode } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import { remoteAddress } from './address.ts'
import { agentFault } from './agent-fault.ts'
import type { Enroll } from './enrollment.ts'

export const ENROLL_PATH = '/agent/v1/enroll'
const MAX_BODY_BYTES = 16_384
const BODY_MS = 10_000
/** All other codes are answered with 400. */
const STATUS: Partial<Record<FaultCode, number>> = {
  'api.notfound': 404,
  'wire.oversize': 413,
  'rate.exceeded': 429,
  'api.failed': 500,
  'server.busy': 503,
}

export interface EnrollmentRouteDeps {
  enroll: Enroll
  /** Makes the enrollment durable before it is answered. */
  publish(records: readonly Recorded[]): Promise<unknown>
  trustedProxies: readonly string[]
  /** Counts an enrollment that was refused, or failed. */
  refused(code: FaultCode): void
  /** Reports an internal error, which the laptop is told nothing about. */
  onError(cause: unknown): void
}

/** Errors  a Fault about the request is answered as JSON with its status; any other error with 500 and no details. */
export function enrollmentRoute(deps: EnrollmentRouteDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (request.method !== 'POST') throw new Fault('api.notfound', { where: 'method', todo: 'Use POST.' })
      const { reply, records } = await deps.enroll(await body(request), addressOf(request, deps))
      await deps.publish(records)
      answer(response, 200, reply)
    } catch (cause) {
      const about = agentFault(cause)
      if (!about) deps.onError(cause)
      const { code, where, detail } = about ?? new Fault('api.failed')
      deps.refused(code)
      answer(response, STATUS[code] ?? 400, { code, message: FAULTS[code], where, todo: detail })
    }
  }
}

function addressOf({ socket, headers }: IncomingMessage, { trustedProxies }: EnrollmentRouteDeps): string {
  return remoteAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxies)
}

async function body(request: IncomingMessage): Promise<unknown> {
  const tooSlow = new Fault('enroll.malformed', { where: 'body', why: `It took more than ${BODY_MS / 1_000} s.` })
  const late = setTimeout(() => request.destroy(tooSlow), BODY_MS)
  try {
    const chunks: Buffer[] = []
    let total = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      total += chunk.length
      if (total > MAX_BODY_BYTES)
        throw new Fault('wire.oversize', { where: 'body', todo: `Send at most ${MAX_BODY_BYTES} bytes.` })
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('enroll.malformed', { where: 'body', todo: 'Send JSON.', cause })
  } finally {
    clearTimeout(late)
  }
}

function answer(response: ServerResponse, status: number, reply: unknown): void {
  const text = JSON.stringify(reply)
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  })
  response.end(text)
}
