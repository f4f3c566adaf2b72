/**
 * One connection, from dialing to its end.
 *
 * Shape   hello · challenge · proof · welcome, then batches under the server's credit. The server proves its key before
 *         anything but the hello is sent.
 * Errors  none leave it: `ended` says why.
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

/** No frame is handed to a socket that has so much left to send. */
const UNSENT_BYTES = 262_144

export interface SessionTiming {
  /** From dialing to the welcome. */
  handshakeMs: number
  pingMs: number
  ackMs: number
}

export interface SessionOptions {
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

type Welcome = Extract<FromServer, { type: 'welcome' }>

export class Session {
  /** Why it ended; null when nobody said. */
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
    this.#handshake = setTimeout(() => this.end(this.#silent('no welcome')), timing.handshakeMs)
    this.#socket = this.#dial()
  }

  /** As much as credit and socket allow. Called again by every ack, drained frame and new event. */
  send(): void {
    while (this.#state === 'open' && this.#queue !== null && this.#socket.bufferedAmount <= UNSENT_BYTES) {
      const frames = this.#queue.next()
      if (frames.length === 0) return
      for (const { bytes, events } of frames) {
        this.#status.wireBytes += bytes.length
        this.#socket.send(bytes, (error) => {
          if (!error && this.#socket.bufferedAmount <= UNSENT_BYTES) this.send()
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
    // Not `close`: that waits 30 s for a peer that may be gone.
    if (why === null && socket.readyState === WebSocket.OPEN) socket.close(1000)
    const late = setTimeout(() => socket.terminate(), why === null ? 1_000 : 0)
    socket.once('close', () => clearTimeout(late))
    this.#resolve(why)
  }

  #dial(): WebSocket {
    const { ca } = this.#options
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes,
      handshakeTimeout: this.#timing.handshakeMs,
      followRedirects: false,
      ...(ca === null ? {} : { ca }),
    })
    socket.on('open', () => this.#hello())
    socket.on('message', (data, isBinary) => this.#received(data, isBinary))
    socket.on('unexpected-response', (_request, response) => {
      const seconds = Number(response.headers['retry-after'])
      const facts = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}
      response.resume()
      this.end(this.#unreachable(`It answered ${response.statusCode}.`, { facts }))
    })
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      this.end(this.#unreachable(`${cause.message || cause.code}.`, { cause })),
    )
    socket.on('close', () => this.end(null))
    return socket
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#state === 'ended') return
    try {
      this.#take(data as Buffer, isBinary)
    } catch (cause) {
      this.end(cause instanceof Fault ? cause : new Fault('wire.malformed', { where: this.#url.hostname, cause }))
    }
  }

  #take(bytes: Buffer, isBinary: boolean): void {
    this.#status.wireBytes += bytes.length
    if (isBinary) throw new Fault('wire.unexpected', { where: this.#url.hostname, todo: 'Servers send text.' })
    const parsed = FromServer.safeParse(JSON.parse(bytes.toString('utf8')))
    if (!parsed.success) throw new Fault('wire.malformed', { where: parsed.error.issues[0]?.path.join('.') ?? '' })
    const message = parsed.data
    if (message.type === 'challenge') this.#challenged(message.nonce, message.signature)
    else if (message.type === 'welcome') this.#welcomed(message)
    else if (message.type === 'ack') this.#acknowledged(message)
    else if (message.type === 'ping') this.#say({ type: 'pong', n: message.n })
    else if (message.type === 'pong') this.#heartbeat?.pong(message.n)
    else if (message.type === 'refusal') this.#refused(message)
    else {
      this.#expect('open')
      this.#options.onPolicy(message.policy)
    }
  }

  #hello(): void {
    const { device, version, fingerprint, spool, now } = this.#options
    const who = { device, version, epoch: spool.epoch, nonce: this.#nonce, fingerprint }
    this.#say({ type: 'hello', wire: WIRE_VERSION, ...who, time: now() })
  }

  #challenged(nonce: string, signature: string): void {
    this.#expect('challenge')
    const { serverKey, key, device, spool } = this.#options
    const host = this.#url.hostname
    if (!isSigned(serverKey, signedText.challenge(this.#nonce, nonce), signature))
      throw new Fault('agent.server', { where: host, todo: 'Nothing was sent to it; tell the security team.' })
    this.#state = 'welcome'
    const text = signedText.proof(this.#nonce, nonce, host, device, spool.epoch)
    this.#say({ type: 'proof', host, signature: signText(key, text) })
  }

  #welcomed({ acked, credit, policy }: Welcome): void {
    this.#expect('welcome')
    clearTimeout(this.#handshake)
    const { spool, now, onPolicy } = this.#options
    this.#state = 'open'
    Object.assign(this.#status, { connected: true, connectedAt: now(), trouble: null })
    if (acked < spool.acked) this.#sendAgain(acked)
    else if (acked <= spool.synced) spool.commit(acked)
    // More than we ever numbered: this folder was set back (an old disk image). The server tells both apart by id.
    else this.#status.trouble = `The server has events up to ${acked}, this folder only knows ${spool.synced}.`
    const queue = new FrameQueue(spool, credit)
    this.#queue = queue
    onPolicy(policy)
    this.#heartbeat = heartbeat({
      everyMs: this.#timing.pingMs,
      ackMs: this.#timing.ackMs,
      ping: (n) => this.#say({ type: 'ping', n }),
      waitedMs: () => queue.waitedMs,
      onSilent: (what) => this.end(this.#silent(what)),
    })
    this.send()
  }

  /** The server was restored from a backup, or knows nothing of this spool. New events wait until it has the older ones. */
  #sendAgain(stored: number): void {
    const { spool, log } = this.#options
    const acknowledged = spool.acked
    const { again, gone } = spool.rewind(stored)
    const message = 'the server has lost events that it had acknowledged; sending again what is kept'
    log.warn({ server: this.#url.hostname, acknowledged, stored, again, gone }, message)
  }

  #acknowledged(ack: Ack): void {
    this.#expect('open')
    this.#queue!.acknowledge(ack)
    this.#status.lastAckAt = this.#options.now()
    if (ack.rejected.length > 0) this.#options.onRejected(ack.rejected)
    this.send()
  }

  #refused({ code, where, todo, retryAfterMs }: Refusal): void {
    const facts = retryAfterMs === null ? {} : { retryAfterMs }
    this.end(new Fault(code, { ...(where === null ? {} : { where }), ...(todo === null ? {} : { todo }), facts }))
  }

  #expect(wanted: 'challenge' | 'welcome' | 'open'): void {
    if (this.#state !== wanted)
      throw new Fault('wire.unexpected', { where: this.#url.hostname, todo: `Waiting for ${this.#state}.` })
  }

  #silent(what: string): Fault {
    return this.#unreachable(`It does not answer (${what}).`)
  }

  #unreachable(todo: string, more: { facts?: Record<string, unknown>; cause?: unknown } = {}): Fault {
    return new Fault('agent.unreachable', { where: this.#url.host, todo, ...more })
  }

  #say(message: FromAgent): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    const text = JSON.stringify(message)
    this.#status.wireBytes += text.length
    this.#socket.send(text)
  }
}
