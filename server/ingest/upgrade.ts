/** Before there is a session: which upgrades are refused, and how that is said in HTTP. */
import type { Duplex } from 'node:stream'
import { Fault } from '../../wire/fault.ts'

export const STREAM_PATH = '/agent/v1/stream'

export interface UpgradeRefusal {
  status: 404 | 429 | 503
  fault: Fault
}

export interface Openness {
  isClosing: boolean
  sessions: number
  unproven: number
  unprovenFrom(address: string): number
}

export interface SessionLimits {
  sessions: number
  /** Sockets that have not proven a key yet: all, and from one address (an office shares one). */
  unproven: number
  unprovenPerAddress: number
}

/** Null: let it in. */
export function upgradeRefusal(
  request: { url: string | undefined; address: string },
  is: Openness,
  limits: SessionLimits,
  faults: { busy(todo: string): Fault; tooMuch(todo: string): Fault },
): UpgradeRefusal | null {
  if (is.isClosing) return { status: 503, fault: faults.busy('The server is stopping.') }
  if (request.url?.split('?')[0] !== STREAM_PATH)
    return {
      status: 404,
      fault: new Fault('api.notfound', { where: 'path', todo: `Agents connect to ${STREAM_PATH}.` }),
    }
  if (is.sessions >= limits.sessions || is.unproven >= limits.unproven)
    return { status: 503, fault: faults.busy('Too many sessions are open.') }
  if (is.unprovenFrom(request.address) < limits.unprovenPerAddress) return null
  return { status: 429, fault: faults.tooMuch('Too many sessions of this address have not proven a key.') }
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
