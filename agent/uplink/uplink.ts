/**
 * The one connection to the server, kept up until it is told to stop.
 *
 * Shape   hello · challenge · proof · welcome, then batches under the server's credit; `commit` only on its ack. The
 *         server proves its key before anything but the hello is sent. Every end rolls the spool back: what was not
 *         acknowledged is sent again, with the same ids and numbers.
 * Errors  none leave it: each end is a line in `status`, and a later try.
 */
import type { KeyObject } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import { type RawData, WebSocket } from 'ws'
import { Fault } from '../../wire/fault.ts'
import {
  type Ack,
  type FromAgent,
  FromServer,
  type Hello,
  LIMITS,
  type Refusal,
  type SignedPolicy,
  signedText,
} from '../../wire/messages.ts'
import { WIRE_VERSION } from '../../wire/version.ts'
import { isSigned, signText } from '../identity.ts'
import type { Logger } from '../log.ts'
import type { Leased, Spool } from '../spool/spool.ts'
import type { Random } from '../uuid.ts'
import { BACKOFF, type Backoff, backoffMs } from './backoff.ts'

/** No frame is handed to a socket that has so much left to send. */
const UNSENT_BYTES = 262_144
const BATCH_EVENTS = 500
/** Packed; before that, what is leased at once. */
const BATCH_BYTES = 262_144
const LEASE_BYTES = 1_048_576

/** However long a server asks us to stay away. */
const ASKED_MS_MAX = 3_600_000

export interface Timing {
  backoff: Backoff
  /** From dialling to the welcome. */
  handshakeMs: number
  pingMs: number
  /** A server that answers pings but acknowledges nothing for so long is left, too. */
  ackMs: number
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

export interface UplinkOptions {
  /** Of the server, with a slash at its end. */
  url: string
  serverKey: string
  ca: string | null
  device: string
  key: KeyObject
  version: string
  fingerprint: string | null
  spool: Spool
  now: () => number
  random: Random
  log: Logger
  /** A signed policy came; verifying it is the caller's. */
  onPolicy(signed: SignedPolicy): void
  onRejected(rejected: Ack['rejected']): void
  onSent(events: readonly Leased[]): void
  timing?: Timing
}

export interface UplinkStatus {
  connected: boolean
  /** Epoch ms. */
  connectedAt: number | null
  lastAckAt: number | null
  /** Why it is not connected, or the last time was not: one line. */
  trouble: string | null
  nextTryAt: number | null
  /** Both ways, without TCP and TLS. */
  wireBytes: number
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
      session = connect(options, timing, status)
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

interface Session {
  send(): void
  end(why: Fault | null): void
  /** Why it ended; null when nobody said. */
  readonly ended: Promise<Fault | null>
}

/** One connection, from dialling to its end. */
function connect(options: UplinkOptions, timing: Timing, status: UplinkStatus): Session {
  const { spool, now, serverKey } = options
  const nonce = Buffer.from(options.random(32)).toString('hex')
  const url = new URL('agent/v1/stream', options.url)
  const host = url.hostname
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: LIMITS.frameBytes,
    handshakeTimeout: timing.handshakeMs,
    followRedirects: false,
    ...(options.ca === null ? {} : { ca: options.ca }),
  })
  let state: 'challenge' | 'welcome' | 'open' | 'ended' = 'challenge'
  let credit = 0
  let sent = spool.acked
  let inFlight: { last: number; events: number; at: number }[] = []
  let unanswered = 0
  let pings = 0
  let pinging: NodeJS.Timeout | undefined
  let ended: (why: Fault | null) => void
  const self: Session = { send, end, ended: new Promise((resolve) => (ended = resolve)) }
  const handshake = setTimeout(() => end(silent('no welcome')), timing.handshakeMs)

  socket.on('open', () => say(hello()))
  socket.on('message', (data, isBinary) => {
    if (state === 'ended') return
    try {
      take(data, isBinary)
    } catch (cause) {
      end(cause instanceof Fault ? cause : new Fault('wire.malformed', { where: host, cause }))
    }
  })
  socket.on('unexpected-response', (_request, response) => {
    const seconds = Number(response.headers['retry-after'])
    const facts = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}
    response.resume()
    end(new Fault('agent.unreachable', { where: url.host, todo: `It answered ${response.statusCode}.`, facts }))
  })
  socket.on('error', (cause) =>
    end(
      new Fault('agent.unreachable', {
        where: url.host,
        todo: `${cause.message || (cause as NodeJS.ErrnoException).code}.`,
        cause,
      }),
    ),
  )
  socket.on('close', () => end(null))
  return self

  function end(why: Fault | null): void {
    if (state === 'ended') return
    state = 'ended'
    clearTimeout(handshake)
    clearInterval(pinging)
    // Not `close`: that waits 30 s for a peer that may be gone.
    if (why === null && socket.readyState === WebSocket.OPEN) socket.close(1000)
    const late = setTimeout(() => socket.terminate(), why === null ? 1_000 : 0)
    socket.once('close', () => clearTimeout(late))
    ended(why)
  }

  function hello(): Hello {
    const { device, version, fingerprint } = options
    return { type: 'hello', wire: WIRE_VERSION, device, version, epoch: spool.epoch, nonce, fingerprint, time: now() }
  }

  function take(data: RawData, isBinary: boolean): void {
    const bytes = data as Buffer
    status.wireBytes += bytes.length
    if (isBinary) throw new Fault('wire.unexpected', { where: host, todo: 'Servers send text.' })
    const parsed = FromServer.safeParse(JSON.parse(bytes.toString('utf8')))
    if (!parsed.success) throw new Fault('wire.malformed', { where: parsed.error.issues[0]?.path.join('.') ?? '' })
    const message = parsed.data
    if (message.type === 'challenge') challenged(message.nonce, message.signature)
    else if (message.type === 'welcome') welcome(message)
    else if (message.type === 'ack') acknowledged(message)
    else if (message.type === 'ping') say({ type: 'pong', n: message.n })
    else if (message.type === 'pong') unanswered = message.n === pings ? 0 : unanswered
    else if (message.type === 'refusal') refused(message)
    else {
      expect('open')
      options.onPolicy(message.policy)
    }
  }

  function challenged(challengeNonce: string, signature: string): void {
    expect('challenge')
    if (!isSigned(serverKey, signedText.challenge(nonce, challengeNonce), signature))
      throw new Fault('agent.server', { where: host, todo: 'Nothing was sent to it; tell the security team.' })
    state = 'welcome'
    const text = signedText.proof(nonce, challengeNonce, host, options.device, spool.epoch)
    say({ type: 'proof', host, signature: signText(options.key, text) })
  }

  function refused({ code, where, todo, retryAfterMs }: Refusal): void {
    const facts = retryAfterMs === null ? {} : { retryAfterMs }
    end(new Fault(code, { ...(where === null ? {} : { where }), ...(todo === null ? {} : { todo }), facts }))
  }

  function expect(wanted: typeof state): void {
    if (state !== wanted) throw new Fault('wire.unexpected', { where: host, todo: `Waiting for ${state}.` })
  }

  function welcome(message: Extract<FromServer, { type: 'welcome' }>): void {
    expect('welcome')
    clearTimeout(handshake)
    state = 'open'
    Object.assign(status, { connected: true, connectedAt: now(), trouble: null })
    // More than we ever numbered: this folder was set back (an old disk image). The server tells both apart by id.
    if (message.acked < spool.acked) sendAgain(message.acked)
    else if (message.acked <= spool.synced) spool.commit(message.acked)
    else status.trouble = `The server has events up to ${message.acked}, this folder only knows ${spool.synced}.`
    sent = spool.acked
    credit = message.credit
    options.onPolicy(message.policy)
    pinging = setInterval(ping, timing.pingMs)
    send()
  }

  /** The server was restored from a backup, or knows nothing of this spool. New events wait until it has the older ones. */
  function sendAgain(acked: number): void {
    const before = spool.acked
    const { again, gone } = spool.rewind(acked)
    const message = 'the server forgot events that it had acknowledged: what is kept is sent again'
    options.log.warn({ server: host, acknowledged: before, stored: acked, again, gone }, message)
  }

  function acknowledged(ack: Ack): void {
    expect('open')
    if (ack.epoch !== spool.epoch || ack.seq > sent)
      throw new Fault('wire.unexpected', { where: `ack of ${ack.seq}`, todo: 'This was never sent.' })
    spool.commit(ack.seq)
    inFlight = inFlight.filter(({ last }) => last > ack.seq)
    credit = ack.credit
    status.lastAckAt = now()
    if (ack.rejected.length > 0) options.onRejected(ack.rejected)
    send()
  }

  function ping(): void {
    const waitedMs = inFlight[0] ? performance.now() - inFlight[0].at : 0
    if (unanswered >= 2) end(silent('two pings'))
    else if (waitedMs > timing.ackMs) end(silent('no acknowledgement'))
    else {
      unanswered++
      say({ type: 'ping', n: ++pings })
    }
  }

  function silent(what: string): Fault {
    return new Fault('agent.unreachable', { where: url.host, todo: `It does not answer (${what}).` })
  }

  /** As much as credit and socket allow. Called again by every ack, drained frame and new event. */
  function send(): void {
    while (state === 'open' && socket.bufferedAmount <= UNSENT_BYTES) {
      const room = credit - inFlight.reduce((sum, { events }) => sum + events, 0)
      if (room <= 0) return
      const leased = spool.lease(Math.min(BATCH_EVENTS, room), LEASE_BYTES)
      if (leased.length === 0) return
      for (const { frame, events } of pack(spool.epoch, leased)) {
        const last = events.at(-1)!.seq
        inFlight.push({ last, events: events.length, at: performance.now() })
        sent = last
        status.wireBytes += frame.length
        socket.send(frame, (error) => {
          if (!error && socket.bufferedAmount <= UNSENT_BYTES) send()
        })
        options.onSent(events)
      }
    }
  }

  function say(message: FromAgent): void {
    if (socket.readyState !== WebSocket.OPEN) return
    const text = JSON.stringify(message)
    status.wireBytes += text.length
    socket.send(text)
  }
}

/** Frames of at most BATCH_BYTES; halved until they are. */
export function pack(epoch: number, events: Leased[]): { frame: Buffer; events: Leased[] }[] {
  const texts = events.flatMap(({ text }, index) => (index === 0 ? [text] : [COMMA, text]))
  const raw = Buffer.concat([Buffer.from(`{"type":"batch","epoch":${epoch},"events":[`), ...texts, Buffer.from(']}')])
  const frame = zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
  if (frame.length <= BATCH_BYTES || events.length === 1) return [{ frame, events }]
  const half = Math.ceil(events.length / 2)
  return [...pack(epoch, events.slice(0, half)), ...pack(epoch, events.slice(half))]
}
const COMMA = Buffer.from(',')

/** 0 <= fraction < 1. */
function fraction(random: Random): number {
  return Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48
}
