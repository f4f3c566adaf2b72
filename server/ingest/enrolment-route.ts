/** POST /agent/v1/enroll, outside the API: it is called by agents, which have no session, cookie or Origin. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '../../wire/fault.ts'
import { refusal } from '../api/refusal.ts'
import type { Enrolment } from './enrolment.ts'

export const ENROLL_PATH = '/agent/v1/enroll'
const MAX_BODY_BYTES = 16_384
const BODY_MS = 10_000

/**
 * `enroll` decides; `keep` makes what it decided durable before the answer is sent.
 *
 * Errors  a Fault is answered as JSON with its status; what nobody foresaw goes to `onError` and is answered with 500.
 */
export function enrolmentRoute(deps: {
  enroll(request: unknown, incoming: IncomingMessage): Enrolment
  keep(records: Enrolment['records']): Promise<void>
  onError(cause: unknown): void
}) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (request.method !== 'POST') throw new Fault('api.notfound', { where: 'method', todo: 'Use POST.' })
      const { reply, records } = deps.enroll(await body(request), request)
      await deps.keep(records)
      answer(response, 200, reply)
    } catch (cause) {
      if (!(cause instanceof Fault)) deps.onError(cause)
      const fault = cause instanceof Fault ? cause : new Fault('api.failed')
      const refused = refusal(fault)
      answer(response, refused.status, refused.body)
    }
  }
}

async function body(request: IncomingMessage): Promise<unknown> {
  const late = setTimeout(() => request.destroy(new Fault('enroll.malformed', { where: 'body' })), BODY_MS)
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
