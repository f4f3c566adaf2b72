/**
 * The session of one agent: its socket, from hello to close.
 *
 *   hello ─▶ proof ─▶ proving ─▶ opening ─▶ open ─▶ closed
 *
 * Shape   text frames are control messages, binary frames are batches. Either side may close the session while the
 *         store is asked for the device ('proving') or the session is recorded ('opening'), so the state is checked
 *         again after each wait. When the server ends a session, it first sends a `refusal`: code, where, what to do,
 *         when to reconnect.
 * Errors  nothing thrown here leaves the session; a broken agent affects no other.
 */
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { Fault, type FaultCode } from '../../wire/fault.ts'
import { FromAgent, type FromServer, type Hello, LIMITS, type SignedPolicy } from '../../wire/messages.ts'
import { WIRE_VERSIONS_SUPPORTED } from '../../wire/version.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { networkOf } from './address.ts'
import type { Admission } from './admission.ts'
import { agentFault } from './agent-fault.ts'
import { type Bucket, bucket } from './bucket.ts'
import { FrameQueue } from './frame-queue.ts'
import { Handshake, type HandshakeDeps } from './handshake.ts'
import { Heartbeat, type HeartbeatTiming } from './heartbeat.ts'
import type { RoundTrip } from './round-trips.ts'
import { whereOf } from './validation.ts'

export interface Timing extends HeartbeatTiming {
  /** Allowed from the opening of the socket to a valid proof. */
  provenMs: number
  /** How long a refused peer may take to close. */
  closeMs: number
  /** Between the saves of two groups of acknowledged numbers. */
  rememberMs: number
}
export const TIMING: Timing = {
  provenMs: 10_000,
  firstPingsMs: 2_000,
  pingMs: 30_000,
  closeMs: 3_000,
  rememberMs: 1_000,
}

/** ws closes the socket after a frame it cannot take; this lets the session send a refusal first. */
export class AgentSocket extends WebSocket {
  onBroken: (closeCode: number) => void = () => {}
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== undefined && reason === undefined) this.onBroken(code)
    super.close(code, reason)
  }
}

/** Memory that messages to a peer that does not read may take. */
const UNSENT_BYTES_MAX = 262_144
/** Limits of control messages: an honest agent sends a pong every 30 s. */
const CONTROLS_PER_SECOND = 5
const CONTROLS_BURST = 60

type State = 'hello' | 'proof' | 'proving' | 'opening' | 'open' | 'closed'
const WAITS_FOR: Record<State, string> = {
  hello: 'a hello',
  proof: 'a proof',
  proving: "the server's welcome",
  opening: "the server's welcome",
  open: 'batches',
  closed: 'nothing: it is closed',
}

export interface SessionDeps extends HandshakeDeps {
  admission: Admission
  /** Registers a proven session, and returns the highest stored number of its events. Throws the refusal. */
  opened(session: Session): Promise<{ acked: number }>
  /** The policy in force for the session's laptop, signed: the same object until it changes. */
  policy(session: Session): SignedPolicy
  /** Called with the first, or a clearly different, round-trip time. */
  measured(session: Session, rtt: RoundTrip): void
  closed(session: Session): void
  timing: Timing
  metrics: Metrics
  log: Logger
}

export class Session {
  readonly address: string
  readonly network: string
  readonly openedAt: number
  /** Resolves when the socket has closed. */
  readonly gone: Promise<void>
  readonly #socket: AgentSocket
  readonly #deps: SessionDeps
  readonly #handshake: Handshake
  readonly #frames: FrameQueue
  readonly #heartbeat: Heartbeat
  readonly #controls: Bucket
  #state: State = 'hello'
  #eventsStored = 0
  #policy: SignedPolicy | null = null
  /** Runs until the key is proven, and after a refusal. */
  #deadline: NodeJS.Timeout

  constructor(socket: AgentSocket, raw: Socket, address: string, deps: SessionDeps) {
    const { now, timing, admission } = deps
    this.address = address
    this.network = networkOf(address)
    this.openedAt = now()
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()))
    this.#socket = socket
    this.#deps = deps
    this.#handshake = new Handshake(deps)
    this.#frames = new FrameQueue({
      socket,
      admission,
      take: (frame) => this.#takeBatch(frame),
      failed: (cause) => this.refuse(cause),
    })
    this.#heartbeat = new Heartbeat({
      bytesRead: () => raw.bytesRead,
      isReading: () => !socket.isPaused,
      timing,
      now,
      randomBytes: deps.randomBytes,
      send: (n) => this.#send({ type: 'ping', n }),
      beat: () => void this.checkEnrolled(),
      silent: () => this.#terminate('no answer to two pings'),
      measured: (rtt) => deps.measured(this, rtt),
    })
    this.#controls = bucket(now, CONTROLS_PER_SECOND, CONTROLS_BURST)
    this.#deadline = setTimeout(() => this.refuse(this.#unproven()), timing.provenMs)
    this.#listen()
  }

  /** Null before the hello. */
  get hello(): Hello | null {
    return this.#handshake.hello
  }

  get clockSkewMs(): number {
    return this.#handshake.clockSkewMs
  }

  /** The group of laptops that it is in; null: none. */
  get group(): string | null {
    return this.#handshake.group
  }

  /** When the peer last gave a sign of life, epoch ms. */
  get heardAt(): number {
    return this.#heartbeat.heardAt
  }

  get rtt(): RoundTrip | null {
    return this.#heartbeat.rtt
  }

  get eventsStored(): number {
    return this.#eventsStored
  }

  /** Sends the policy in force, unless the laptop has it or will get it with its welcome. */
  sendPolicy(): void {
    const policy = this.#deps.policy(this)
    if (this.#state !== 'open' || this.#policy === policy) return
    this.#policy = policy
    this.#send({ type: 'policy', policy })
  }

  /** Ends the session when its laptop was revoked; sends the other policy when it was moved to another group. Before the proof, a session is not told; it checks for itself. */
  async checkEnrolled(): Promise<void> {
    if (this.#state !== 'opening' && this.#state !== 'open') return
    try {
      await this.#handshake.stillEnrolled()
      this.sendPolicy()
    } catch (cause) {
      if (agentFault(cause)) this.refuse(cause)
      // A failure of the store is no reason to close sessions.
      else
        this.#deps.log.error({ err: cause, device: this.hello?.device }, 'revocation of a device could not be checked')
    }
  }

  refuse(cause: unknown): void {
    if (this.#state === 'closed') return
    const { admission, log, metrics, timing } = this.#deps
    const about = { device: this.hello?.device, address: this.address }
    const reported = agentFault(cause)
    if (!reported) log.error({ err: cause, ...about }, 'a session failed')
    const fault = reported ?? admission.busy("An internal error is in the server's log.")
    const { code, where, why, detail, facts } = fault
    const retryAfterMs = typeof facts.retryAfterMs === 'number' ? facts.retryAfterMs : null
    metrics.refusal(code)
    log.info({ code, where, why, ...about, ...facts }, 'session refused')
    this.#send({ type: 'refusal', code, where: where?.slice(0, 512) ?? null, todo: detail, retryAfterMs })
    this.#end()
    this.#frames.drop()
    this.#socket.resume()
    this.#socket.close(closeCode(code), code)
    this.#deadline = setTimeout(() => this.#socket.terminate(), timing.closeMs)
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('message', (data, isBinary) => {
      if (this.#state === 'closed') return
      this.#heartbeat.heard()
      this.#guard(() => (isBinary ? this.#takeFrame(data as Buffer) : this.#takeText(data as Buffer)))
    })
    // Limit WebSocket pings: each is answered with a pong, which the peer may never read.
    socket.on('ping', () => this.#state !== 'closed' && this.#guard(() => this.#spendControl()))
    socket.onBroken = (code) => this.refuse(code === 1009 ? oversize(LIMITS.frameBytes) : new Fault('wire.malformed'))
    socket.on('error', (cause) => this.#deps.log.debug({ err: cause, address: this.address }, 'socket error'))
    socket.on('close', () => {
      // Queued batches are still stored: an agent may close right after its last batch.
      this.#end()
      this.#deps.closed(this)
    })
  }

  #guard(act: () => void): void {
    try {
      act()
    } catch (cause) {
      this.refuse(cause)
    }
  }

  #end(): void {
    this.#state = 'closed'
    clearTimeout(this.#deadline)
    this.#heartbeat.stop()
  }

  #spendControl(): void {
    if (!this.#controls.take(1)) throw new Fault('rate.exceeded', { todo: 'Send fewer control messages.' })
    this.#guardUnsent()
  }

  #takeText(data: Buffer): void {
    this.#spendControl()
    if (data.length > LIMITS.controlBytes) throw oversize(LIMITS.controlBytes)
    const message = parseControl(data.toString('utf8'))
    if (message.type === 'ping') this.#send({ type: 'pong', n: message.n })
    else if (message.type === 'pong') this.#heartbeat.answered(message.n)
    else if (message.type === 'hello' && this.#state === 'hello') {
      this.#state = 'proof'
      this.#send(this.#handshake.challenge(message))
    } else if (message.type === 'proof' && this.#state === 'proof') {
      this.#state = 'proving'
      this.#open(message).catch((cause) => this.refuse(cause))
    } else throw this.#unexpected(message.type)
  }

  async #open(proof: Extract<FromAgent, { type: 'proof' }>): Promise<void> {
    const { admission, opened, now } = this.#deps
    await this.#handshake.verify(proof)
    // Closed meanwhile: if registered now, it would stay registered for ever.
    if (this.#state !== 'proving') return
    this.#state = 'opening'
    clearTimeout(this.#deadline)
    const { acked } = await opened(this)
    await this.#handshake.stillEnrolled()
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.#policy = this.#deps.policy(this)
    const credit = admission.credit(this.hello!.device)
    this.#send({ type: 'welcome', policy: this.#policy, acked, credit, time: now() })
    this.#heartbeat.start()
  }

  #takeFrame(frame: Buffer): void {
    if (this.#state !== 'open') throw this.#unexpected('batch')
    this.#frames.add(frame)
  }

  async #takeBatch(frame: Buffer): Promise<void> {
    const { device, epoch } = this.hello!
    const { ack, events } = await this.#deps.admission.batch(device, epoch, frame)
    this.#eventsStored += events
    this.#send(ack)
  }

  #send(message: FromServer): void {
    this.#guardUnsent()
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  #guardUnsent(): void {
    if (this.#socket.bufferedAmount <= UNSENT_BYTES_MAX) return
    this.#deps.metrics.refusal('rate.exceeded')
    this.#terminate('the peer does not read')
  }

  #terminate(why: string): void {
    this.#deps.log.info({ device: this.hello?.device, address: this.address }, why)
    this.#socket.terminate()
  }

  #unproven(): Fault {
    const { admission, timing } = this.#deps
    if (this.#state === 'proving') return admission.busy('The server is too slow to check the proof.')
    return new Fault('wire.unexpected', { where: this.#state, todo: `Prove your key within ${timing.provenMs} ms.` })
  }

  #unexpected(what: string): Fault {
    return new Fault('wire.unexpected', {
      where: what,
      why: `The session is waiting for ${WAITS_FOR[this.#state]}.`,
    })
  }
}

/** Errors  Fault 'wire.version', which is checked first; 'wire.malformed' with the field's path. */
function parseControl(text: string): FromAgent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('wire.malformed', { todo: 'Send one JSON message in a text frame.', cause })
  }
  const { type, wire } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (type === 'hello' && typeof wire === 'number' && !WIRE_VERSIONS_SUPPORTED.includes(wire))
    throw new Fault('wire.version', {
      where: `wire ${wire}`,
      todo: `Use version ${WIRE_VERSIONS_SUPPORTED.join(' or ')}.`,
    })
  const message = FromAgent.safeParse(value)
  if (message.success) return message.data
  throw new Fault('wire.malformed', { where: whereOf(message.error.issues[0]!), todo: 'See wire/messages.ts.' })
}

function oversize(bytes: number): Fault {
  return new Fault('wire.oversize', { todo: `Send at most ${bytes} bytes in one frame of this kind.` })
}

/** RFC 6455, 7.4.1: 1009 too big, 1013 try again later, 1008 policy. The refusal has the details. */
function closeCode(code: FaultCode): number {
  if (code === 'wire.oversize') return 1009
  return code === 'server.busy' || code === 'rate.exceeded' ? 1013 : 1008
}
