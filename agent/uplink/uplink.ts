/**
 * The one connection to the server, kept up until it is told to stop.
 *
 * Shape   session after session. Every end rolls the spool back: what was not acknowledged is sent again, with the same
 *         ids and numbers.
 * Errors  none leave it: each end is a line in `status`, and a later try.
 */
import { Fault } from '../../wire/fault.ts'
import type { Random } from '../uuid.ts'
import { BACKOFF, type Backoff, backoffMs } from './backoff.ts'
import { Session, type SessionOptions, type SessionTiming, type UplinkStatus } from './session.ts'

/** However long a server asks us to stay away. */
const ASKED_MS_MAX = 3_600_000

export interface Timing extends SessionTiming {
  backoff: Backoff
  /** A connection that held so long ends the row of failures. */
  stableMs: number
}
export const TIMING: Timing = {
  backoff: BACKOFF,
  handshakeMs: 20_000,
  pingMs: 30_000,
  ackMs: 120_000,
  stableMs: 60_000,
}

export interface UplinkOptions extends SessionOptions {
  timing?: Timing
}

export interface Uplink {
  readonly status: Readonly<UplinkStatus>
  /** There is something to send. */
  wake(): void
  /** The laptop slept or froze: what we think of the connection is old. */
  reconnect(): void
  /** The network changed: if there is no connection, now is the time to try. */
  retry(): void
  /** Resolves once everything durable is acknowledged, when there is no connection in sight, or after `ms`. */
  drained(ms: number): Promise<void>
  /** Resolves when stopped by the signal. */
  readonly done: Promise<void>
}

export function uplink(options: UplinkOptions, signal: AbortSignal): Uplink {
  const timing = options.timing ?? TIMING
  const status: UplinkStatus = {
    connected: false,
    connectedAt: null,
    lastAckAt: null,
    trouble: null,
    nextTryAt: null,
    wireBytes: 0,
  }
  let session: Session | null = null
  let retryNow = () => {}
  let isAtOnce = false
  return {
    status,
    wake: () => session?.send(),
    reconnect: () => {
      isAtOnce = session !== null
      session?.end(new Fault('agent.unreachable', { todo: 'The laptop slept.' }))
      retryNow()
    },
    retry: () => retryNow(),
    drained,
    done: run(),
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const started = performance.now()
      session = new Session(options, timing, status)
      const stop = () => session?.end(null)
      signal.addEventListener('abort', stop)
      const why = await session.ended
      signal.removeEventListener('abort', stop)
      session = null
      const wasStable = status.connectedAt !== null && performance.now() - started >= timing.stableMs
      Object.assign(status, { connected: false, connectedAt: null })
      options.spool.rollback()
      if (signal.aborted) return
      status.trouble = why?.message ?? 'The connection was closed.'
      if (wasStable) failures = 0
      if (!isAtOnce) await pause(delayAfter(why, failures++))
      isAtOnce = false
    }
  }

  function delayAfter(why: Fault | null, failures: number): number {
    const { backoff } = timing
    const jittered = (failures: number) => backoffMs(failures, () => fraction(options.random), backoff)
    // Only a person can end these: no hurry, but the collecting goes on, and so does asking.
    if (why?.code === 'device.revoked' || why?.code === 'device.unknown')
      return Math.max(jittered(Number.MAX_SAFE_INTEGER), backoff.baseMs)
    const asked = Number(why?.facts.retryAfterMs ?? 0)
    // On top of what was asked for, so that all who were asked the same do not come at once.
    return Math.min(asked, ASKED_MS_MAX) + jittered(failures)
  }

  async function pause(ms: number): Promise<void> {
    status.nextTryAt = options.now() + ms
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      retryNow = () => {
        clearTimeout(timer)
        resolve()
      }
      signal.addEventListener('abort', retryNow, { once: true })
    })
    signal.removeEventListener('abort', retryNow)
    retryNow = () => {}
    status.nextTryAt = null
  }

  async function drained(ms: number): Promise<void> {
    const { spool } = options
    const end = performance.now() + ms
    while (spool.acked < spool.synced && status.nextTryAt === null && performance.now() < end) {
      session?.send()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** 0 <= fraction < 1. */
function fraction(random: Random): number {
  return Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48
}
