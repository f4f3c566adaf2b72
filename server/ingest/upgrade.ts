/** WebSocket upgrades: which are refused, and with what HTTP answer. */
import type { Duplex } from 'node:stream'
import { Fault } from '../../wire/fault.ts'

export const STREAM_PATH = '/agent/v1/stream'

export interface UpgradeRefusal {
  status: 403 | 404 | 429 | 503
  fault: Fault
}

export interface Load {
  isClosing: boolean
  sessions: number
  /** Sockets without a proven key from the asker's network. */
  unprovenThere: number
}

export interface SessionLimits {
  sessions: number
  /**
   * Sockets without a proven key: in total, beyond which the oldest of the busiest network gives way, and from one
   * network, which a whole office may share.
   */
  unproven: number
  unprovenPerNetwork: number
}

/** Null when the upgrade is accepted. Agents send no Origin; a browser sends that of the page, which may be anybody's. */
export function upgradeRefusal(
  request: { url?: string | undefined; headers: { origin?: string | undefined } },
  is: Load,
  limits: SessionLimits,
  deps: { busy(why: string): Fault; isOurName(host: string): boolean },
): UpgradeRefusal | null {
  if (is.isClosing) return { status: 503, fault: deps.busy('The server is stopping.') }
  if (request.url?.split('?')[0] !== STREAM_PATH)
    return {
      status: 404,
      fault: new Fault('api.notfound', { where: 'path', todo: `Connect to ${STREAM_PATH}.` }),
    }
  const { origin } = request.headers
  if (origin !== undefined && !(URL.canParse(origin) && deps.isOurName(new URL(origin).hostname)))
    return {
      status: 403,
      fault: new Fault('api.forbidden', { where: 'header Origin', todo: 'Connect from an agent.' }),
    }
  if (is.sessions >= limits.sessions) return { status: 503, fault: deps.busy('Too many sessions are open.') }
  if (is.unprovenThere < limits.unprovenPerNetwork) return null
  return { status: 429, fault: deps.busy('Too many sessions from this network have not proven a key yet.') }
}

export function answer(socket: Duplex, { status, fault }: UpgradeRefusal): void {
  const { code, where, detail, facts } = fault
  const body = JSON.stringify({ code, where, todo: detail })
  const retryAfter = Math.ceil(Number(facts.retryAfterMs ?? 0) / 1_000)
  socket.on('error', () => {})
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `${retryAfter ? `Retry-After: ${retryAfter}\r\n` : ''}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
