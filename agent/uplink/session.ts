/**
 * One connection, from opening it to its end.
 *
 * Shape   hello · challenge · proof · welcome, then batches within the server's credit. Nothing but the hello is sent
 *         before the server has proved that it holds its key.
 * Errors  it does not throw; `ended` has the reason.
 */
import type { KeyObject } from 'node:crypto'
import { type RawData, WebSocket } from 'ws'
import { Fault } from '../../wire/fault.ts'
import {
  type Ack,
  type FromAgent,
  FromServer,
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
import { FrameQueue } from './frame-queue.ts'
import { type Heartbeat, heartbeat } from './heartbeat.ts'

const REPORT_IT = 'Report this to the security team.'
/** No frame is passed to a socket that has more than this left to send. */
const MAX_BUFFERED_BYTES = 262_144

export interface SessionTiming {
  /** From opening the connection to the welcome. */
  handshakeMs: number
  pingMs: number
  ackMs: number
}

export interface SessionOptions {
  /** The server's URL, with a trailing slash. */
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
  /** Called with a signed policy, whose signature the caller must verify. */
  onPolicy(signed: SignedPolicy): void
  onRejected(rejected: Ack['rejected']): void
  /** The server has events up to `stored`, and this folder only up to a lower number: it is an old copy. */
  onRestored(stored: number): void
  onSent(events: readonly Leased[]): void
}

export interface UplinkStatus {
  connected: boolean
  /** Epoch ms. */
  connectedAt: number | null
  lastAckAt: number | null
  /** Why it is not connected, or why the latest connection ended: one line. */
  trouble: string | null
  /**
   * What the latest attempt ended with: the system's code, 'silent' for an address that does not answer, else the
   * fault's. Null: it was answered.
   */
  failure: string | null
  nextTryAt: number | null
  /** The latest attempt was answered, and refused for lack of room. */
  throttled: boolean
  /** Sent and received, without TCP and TLS overhead. */
  wireBytes: number
}

type Welcome = Extract<FromServer, { type: 'welcome' }>

export class Session {
  /** Why it ended; null if the peer just closed it. */
  readonly ended: Promise<Fault | null>
  readonly #options: SessionOptions
  readonly #timing: SessionTiming
  readonly #status: UplinkStatus
  readonly #url: URL
  readonly #socket: WebSocket
  readonly #nonce: string
  readonly #handshake: NodeJS.Timeout
  #state: 'challenge' | 'welcome' | 'open' | 'ended' = 'challenge'
  #queue: FrameQueue | null = null
  #heartbeat: Heartbeat | null = null
  #resolve: (why: Fault | null) => void = () => {}

  constructor(options: SessionOptions, timing: SessionTiming, status: UplinkStatus) {
    this.#options = options
    this.#timing = timing
    this.#status = status
    this.#nonce = Buffer.from(options.random(32)).toString('hex')
    this.#url = new URL('agent/v1/stream', options.url)
    this.#url.protocol = this.#url.protocol === 'https:' ? 'wss:' : 'ws:'
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#handshake = setTimeout(() => this.end(this.#noReply('no welcome')), timing.handshakeMs)
    this.#socket = this.#connect()
  }

  /** Sends as much as credit and socket allow. Called again on every ack, drained frame and new event. */
  send(): void {
    while (this.#state === 'open' && this.#queue !== null && this.#socket.bufferedAmount <= MAX_BUFFERED_BYTES) {
      const frames = this.#queue.next()
      if (frames.length === 0) return
      for (const { bytes, events } of frames) {
        this.#status.wireBytes += bytes.length
        this.#socket.send(bytes, (error) => {
          if (!error && this.#socket.bufferedAmount <= MAX_BUFFERED_BYTES) this.send()
        })
        this.#options.onSent(events)
      }
    }
  }

  end(why: Fault | null): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    clearTimeout(this.#handshake)
    this.#heartbeat?.stop()
    const socket = this.#socket
    // After a failure, terminate at once: `close` would wait 30 s for a peer that may be dead.
    if (why === null && socket.readyState === WebSocket.OPEN) socket.close(1000)
    const late = setTimeout(() => socket.terminate(), why === null ? 1_000 : 0)
    socket.once('close', () => clearTimeout(late))
    this.#resolve(why)
  }

  #connect(): WebSocket {
    const { ca } = this.#options
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes,
      handshakeTimeout: this.#timing.handshakeMs,
      followRedirects: false,
      ...(ca === null ? {} : { ca }),
    })
    socket.on('open', () => this.#sendHello())
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary))
    socket.on('unexpected-response', (_request, response) => {
      const seconds = Number(response.headers['retry-after'])
      const { statusCode: status } = response
      const facts = { status, ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}) }
      response.resume()
      this.end(this.#unreachable(`It replied with status ${response.statusCode}.`, { facts }))
    })
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      this.end(this.#unreachable(`${cause.message || cause.code}.`, { cause })),
    )
    socket.on('close', () => this.end(null))
    return socket
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#state === 'ended') return
    try {
      this.#handle(data as Buffer, isBinary)
    } catch (cause) {
      this.end(cause instanceof Fault ? cause : new Fault('wire.malformed', { where: this.#url.hostname, cause }))
    }
  }

  #handle(bytes: Buffer, isBinary: boolean): void {
    this.#status.wireBytes += bytes.length
    if (isBinary)
      throw new Fault('wire.unexpected', { where: this.#url.hostname, why: 'A server must send text frames only.' })
    const parsed = FromServer.safeParse(JSON.parse(bytes.toString('utf8')))
    if (!parsed.success) throw new Fault('wire.malformed', { where: parsed.error.issues[0]?.path.join('.') ?? '' })
    const message = parsed.data
    if (message.type === 'challenge') this.#onChallenge(message.nonce, message.signature)
    else if (message.type === 'welcome') this.#onWelcome(message)
    else if (message.type === 'ack') this.#onAck(message)
    else if (message.type === 'ping') this.#send({ type: 'pong', n: message.n })
    else if (message.type === 'pong') this.#heartbeat?.pong(message.n)
    else if (message.type === 'refusal') this.#onRefusal(message)
    else {
      this.#expect('open')
      this.#options.onPolicy(message.policy)
    }
  }

  #sendHello(): void {
    const { device, version, fingerprint, spool, now } = this.#options
    const who = { device, version, epoch: spool.epoch, nonce: this.#nonce, fingerprint }
    this.#send({ type: 'hello', wire: WIRE_VERSION, ...who, time: now() })
  }

  #onChallenge(nonce: string, signature: string): void {
    this.#expect('challenge')
    const { serverKey, key, device, spool } = this.#options
    const host = this.#url.hostname
    if (!isSigned(serverKey, signedText.challenge(this.#nonce, nonce), signature))
      throw new Fault('agent.server', { where: host, why: 'No event was sent to it.', todo: REPORT_IT })
    this.#state = 'welcome'
    const text = signedText.proof(this.#nonce, nonce, host, device, spool.epoch)
    this.#send({ type: 'proof', host, signature: signText(key, text) })
  }

  #onWelcome({ acked, credit, policy }: Welcome): void {
    this.#expect('welcome')
    clearTimeout(this.#handshake)
    const { spool, now, onPolicy } = this.#options
    this.#state = 'open'
    Object.assign(this.#status, { connected: true, connectedAt: now(), trouble: null, failure: null, throttled: false })
    if (acked < spool.acked) this.#resend(acked)
    else if (acked <= spool.synced) spool.commit(acked)
    // More than was ever numbered here: this folder was restored from an old disk image.
    else {
      this.#status.trouble = `The server has events up to ${acked}, this folder only up to ${spool.synced}.`
      // Of what the image had not sent, the server compares the ids.
      if (spool.skipTo(acked)) this.#options.onRestored(acked)
    }
    const queue = new FrameQueue(spool, credit)
    this.#queue = queue
    onPolicy(policy)
    this.#heartbeat = heartbeat({
      everyMs: this.#timing.pingMs,
      ackMs: this.#timing.ackMs,
      ping: (n) => this.#send({ type: 'ping', n }),
      waitedMs: () => queue.waitedMs,
      onSilent: (what) => this.end(this.#noReply(what)),
    })
    this.send()
  }

  /**
   * The server was restored from a backup, or does not know this spool. New events wait until the old ones are sent.
   */
  #resend(stored: number): void {
    const { spool, log } = this.#options
    const acknowledged = spool.acked
    const { resendable, lost } = spool.rewind(stored)
    const message = 'the server has lost events that it had acknowledged; resending those that are kept'
    log.warn({ server: this.#url.hostname, acknowledged, stored, resendable, lost }, message)
  }

  #onAck(ack: Ack): void {
    this.#expect('open')
    this.#queue!.acknowledge(ack)
    this.#status.lastAckAt = this.#options.now()
    if (ack.rejected.length > 0) this.#options.onRejected(ack.rejected)
    this.send()
  }

  #onRefusal({ code, where, todo, retryAfterMs }: Refusal): void {
    const facts = retryAfterMs === null ? {} : { retryAfterMs }
    this.end(new Fault(code, { ...(where === null ? {} : { where }), ...(todo === null ? {} : { todo }), facts }))
  }

  #expect(wanted: 'challenge' | 'welcome' | 'open'): void {
    if (this.#state !== wanted)
      throw new Fault('wire.unexpected', {
        where: this.#url.hostname,
        why: `The agent is waiting for '${this.#state}'.`,
      })
  }

  #noReply(what: string): Fault {
    return this.#unreachable(`It does not reply (${what}).`, { facts: { silent: true } })
  }

  #unreachable(why: string, more: { facts?: Record<string, unknown>; cause?: unknown } = {}): Fault {
    return new Fault('agent.unreachable', { where: this.#url.host, why, ...more })
  }

  #send(message: FromAgent): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    const text = JSON.stringify(message)
    this.#status.wireBytes += text.length
    this.#socket.send(text)
  }
}
