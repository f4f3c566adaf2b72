/**
 * Keeps one connection to the server open until the signal.
 *
 * Shape   one session after another. When one ends, the spool is rolled back: what was not acknowledged is sent again,
 *         with the same ids and numbers.
 * Errors  it does not throw; `status.trouble` has the reason, and it retries.
 */
import { Fault } from '../../wire/fault.ts'
import { HOUR } from '../../wire/time.ts'
import type { Random } from '../uuid.ts'
import { BACKOFF, type Backoff, backoffMs } from './backoff.ts'
import { Session, type SessionOptions, type SessionTiming, type UplinkStatus } from './session.ts'

/** The longest `retryAfterMs` of a server that is respected. */
const MAX_RETRY_AFTER_MS = HOUR

export interface Timing extends SessionTiming {
  backoff: Backoff
  /** A connection that lasted this long resets the count of failures. */
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
  /** Sends new events, if connected. */
  wake(): void
  /** After sleep or a freeze: opens a new connection, because the old one may be dead. */
  reconnect(): void
  /** After a change of network: if it is waiting for the next attempt, tries at once. */
  retry(): void
  /** Resolves when everything durable is acknowledged, when an attempt to connect has failed, or after `ms`. */
  drain(ms: number): Promise<void>
  /** Resolves after the signal. */
  readonly done: Promise<void>
}

export function uplink(options: UplinkOptions, signal: AbortSignal): Uplink {
  const timing = options.timing ?? TIMING
  const status: UplinkStatus = {
    connected: false,
    connectedAt: null,
    lastAckAt: null,
    trouble: null,
    failure: null,
    nextTryAt: null,
    throttled: false,
    wireBytes: 0,
  }
  let session: Session | null = null
  let retryNow = () => {}
  let skipDelay = false
  return {
    status,
    wake: () => session?.send(),
    reconnect: () => {
      skipDelay = session !== null
      session?.end(new Fault('agent.unreachable', { why: 'The laptop slept.' }))
      retryNow()
    },
    retry: () => retryNow(),
    drain,
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
      status.failure = why && failureOf(why)
      status.throttled = why !== null && isThrottling(why)
      if (wasStable) failures = 0
      if (!skipDelay) await pause(delayAfter(why, failures++))
      skipDelay = false
    }
  }

  function delayAfter(why: Fault | null, failures: number): number {
    const { backoff } = timing
    const jittered = (failures: number) => backoffMs(failures, () => fraction(options.random), backoff)
    // Only an administrator can change these: retry at the slowest rate, and keep collecting.
    if (why?.code === 'device.revoked' || why?.code === 'device.unknown')
      return Math.max(jittered(Number.MAX_SAFE_INTEGER), backoff.baseMs)
    const requested = Number(why?.facts.retryAfterMs ?? 0)
    // Jitter on top, so that agents with the same `retryAfterMs` do not return at the same time.
    return Math.min(requested, MAX_RETRY_AFTER_MS) + jittered(failures)
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

  async function drain(ms: number): Promise<void> {
    const { spool } = options
    const end = performance.now() + ms
    while (spool.acked < spool.synced && status.nextTryAt === null && performance.now() < end) {
      session?.send()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function failureOf({ code, cause, facts }: Fault): string {
  if (facts.silent === true) return 'silent'
  const system = (cause as NodeJS.ErrnoException | undefined)?.code
  return typeof system === 'string' ? system : code
}

/** The server has no room for this laptop now: 429 and 503 in HTTP, or a refusal that says so. */
function isThrottling({ code, facts }: Fault): boolean {
  return code === 'server.busy' || code === 'rate.exceeded' || facts.status === 429 || facts.status === 503
}

/** 0 <= fraction < 1. */
export function fraction(random: Random): number {
  return Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48
}
