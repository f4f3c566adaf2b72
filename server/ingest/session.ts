/**
 * One agent's socket, from hello to close.
 *
 *   hello ─▶ proof ─▶ opening ─▶ open ─▶ closed
 *
 * Shape   text frames are control messages, binary frames are batches, taken one after the other. Whatever ends a
 *         session from our side is said in a `refusal` first: code, where, what to do, when to come back.
 * Errors  nothing thrown here leaves the session; a broken agent costs only itself.
 */
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { Fault, type FaultCode } from '../../wire/fault.ts'
import { FromAgent, type FromServer, type Hello, LIMITS, signedText } from '../../wire/messages.ts'
import { WIRE_VERSIONS_SPOKEN } from '../../wire/version.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Enrolled } from '../model/device.ts'
import type { Admission } from './admission.ts'
import { bucket } from './bucket.ts'
import { whereOf } from './judge.ts'
import { type ServerKeys, signedBy } from './keys.ts'
import { type RoundTrip, roundTrips } from './round-trips.ts'

export interface Timing {
  /** From the socket's opening to a valid proof. */
  provenMs: number
  /** The first five pings, for the round-trip time, and all later ones. */
  firstPingsMs: number
  pingMs: number
  /** How long a peer that was sent a refusal may take to close. */
  closeMs: number
}
export const TIMING: Timing = { provenMs: 10_000, firstPingsMs: 2_000, pingMs: 30_000, closeMs: 3_000 }

/** ws closes by itself after a frame it cannot take; this lets us say why first. */
export class AgentSocket extends WebSocket {
  onBroken: (closeCode: number) => void = () => {}
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== undefined && reason === undefined) this.onBroken(code)
    super.close(code, reason)
  }
}

/** What a peer that does not read may leave in our memory. */
const UNSENT_BYTES_MAX = 262_144
/** What waits to be taken before we stop reading from the socket; TCP then holds the agent back. */
const WAITING_FRAMES = 8
const WAITING_BYTES = 1_048_576
/** Control messages: an honest agent sends a pong each 30 s. */
const CONTROLS_PER_SECOND = 5
const CONTROLS_BURST = 60
const FIRST_PINGS = 5

export interface Session {
  readonly address: string
  readonly openedAt: number
  /** Null before the hello. */
  readonly hello: Hello | null
  readonly clockSkewMs: number
  /** When the peer last gave any sign of life, epoch ms. */
  heardAt(): number
  rtt(): RoundTrip | null
  eventsTaken(): number
  /** Resolves when the socket has closed. */
  readonly gone: Promise<void>
  send(message: FromServer): void
  refuse(fault: Fault): void
}

export type WelcomeFacts = Pick<Extract<FromServer, { type: 'welcome' }>, 'policy' | 'acked' | 'credit'>

export interface SessionDeps {
  keys: ServerKeys
  /** Is this one of our names, as an agent may dial them? */
  isOurName(host: string): boolean
  enrolled(device: string): Enrolled | null
  admission: Admission
  /** Registers a proven session; what it throws is the refusal. Resolves with what the welcome says. */
  opened(session: Session): Promise<WelcomeFacts>
  /** A first, or a considerably different, round-trip time is known. */
  measured(session: Session, rtt: RoundTrip): void
  closed(session: Session): void
  timing: Timing
  now(): number
  randomBytes(size: number): Buffer
  metrics: Metrics
  says: Log
}

export function session(socket: AgentSocket, raw: Socket, address: string, deps: SessionDeps): Session {
  const { now, timing, admission } = deps
  const openedAt = now()
  const nonce = deps.randomBytes(32).toString('hex')
  const controls = bucket(now, CONTROLS_PER_SECOND, CONTROLS_BURST)
  const trips = roundTrips()
  let state: 'hello' | 'proof' | 'opening' | 'open' | 'closed' = 'hello'
  let hello: Hello | null = null
  let clockSkewMs = 0
  let heardAt = openedAt
  let bytesSeen = 0
  let pings = 0
  let eventsTaken = 0
  const frames: Buffer[] = []
  let frameBytes = 0
  let taking = false
  let timer = setTimeout(() => {
    refuse(new Fault('wire.unexpected', { where: state, todo: `Prove your key within ${timing.provenMs} ms.` }))
  }, timing.provenMs)

  const self: Session = {
    address,
    openedAt,
    get hello() {
      return hello
    },
    get clockSkewMs() {
      return clockSkewMs
    },
    gone: new Promise((resolve) => socket.once('close', () => resolve())),
    heardAt: () => heardAt,
    rtt: () => trips.now(),
    eventsTaken: () => eventsTaken,
    send,
    refuse,
  }

  socket.on('message', (data, isBinary) => {
    if (state === 'closed') return
    heardAt = now()
    guarded(() => (isBinary ? takeFrame(data as Buffer) : takeText(data as Buffer)))
  })
  // A flood of WebSocket pings makes us write pongs to somebody who may not read them.
  socket.on('ping', () => state !== 'closed' && guarded(spendControl))
  socket.onBroken = (code) => refuse(code === 1009 ? oversize(LIMITS.frameBytes) : new Fault('wire.malformed'))
  socket.on('error', (cause) => deps.says.debug({ err: cause, address }, 'socket error'))
  socket.on('close', () => {
    clearTimeout(timer)
    // What still waits is stored all the same: an agent that says goodbye closes right behind its last batch.
    state = 'closed'
    deps.closed(self)
  })
  return self

  function guarded(act: () => void): void {
    try {
      act()
    } catch (cause) {
      refuse(cause)
    }
  }

  function spendControl(): void {
    if (!controls.take(1)) throw new Fault('rate.exceeded', { todo: 'Send fewer control messages.' })
    guardUnsent()
  }

  function takeText(data: Buffer): void {
    spendControl()
    if (data.length > LIMITS.controlBytes) throw oversize(LIMITS.controlBytes)
    const message = parseControl(data.toString('utf8'))
    if (message.type === 'ping') send({ type: 'pong', n: message.n })
    else if (message.type === 'pong') trips.answered(message.n, performance.now())
    else if (message.type === 'hello' && state === 'hello') takeHello(message)
    else if (message.type === 'proof' && state === 'proof') takeProof(message)
    else throw unexpected(message.type)
  }

  function takeHello(message: Hello): void {
    hello = message
    clockSkewMs = message.time - now()
    state = 'proof'
    const signature = deps.keys.sign(signedText.challenge(message.nonce, nonce))
    send({ type: 'challenge', nonce, signature, time: now() })
  }

  // Unknown and revoked are said only here: after the challenge the agent knows that it is we who say so.
  function takeProof({ host, signature }: { host: string; signature: string }): void {
    const { device, nonce: helloNonce, epoch } = hello!
    const enrolled = deps.enrolled(device)
    if (!enrolled) throw new Fault('device.unknown', { where: device, todo: 'Enrol this laptop with a new token.' })
    if (enrolled.revokedAt !== null) throw revoked(device)
    if (!signedBy(enrolled.publicKey, signedText.proof(helloNonce, nonce, host, device, epoch), signature))
      throw new Fault('device.proof', { where: device, todo: 'Sign the text of this challenge with the enrolled key.' })
    if (!deps.isOurName(host))
      throw new Fault('device.host', { where: host, todo: 'Add this name to hostNames if it is ours.' })
    state = 'opening'
    clearTimeout(timer)
    deps.opened(self).then(welcome, refuse)
  }

  function welcome(facts: WelcomeFacts): void {
    if (state !== 'opening') return
    state = 'open'
    send({ type: 'welcome', ...facts, time: now() })
    ping()
  }

  function takeFrame(frame: Buffer): void {
    if (state !== 'open') throw unexpected('batch')
    // A frame has at least one event, so this many waiting ones are more than the credit whatever is in them.
    if (frames.length >= LIMITS.creditEvents)
      throw new Fault('rate.exceeded', { where: 'batch', todo: 'Keep to the credit.' })
    if (!admission.reserve(frame.length)) throw admission.busy('Too many batches are waiting.')
    frames.push(frame)
    frameBytes += frame.length
    if (frames.length > WAITING_FRAMES || frameBytes > WAITING_BYTES) socket.pause()
    if (!taking) void takeFrames(hello!)
  }

  async function takeFrames({ device, epoch }: Hello): Promise<void> {
    taking = true
    for (let frame = frames.shift(); frame; frame = frames.shift()) {
      frameBytes -= frame.length
      try {
        const { ack, events, delivered } = await admission.batch(device, epoch, frame)
        eventsTaken += events
        send(ack)
        await delivered
      } catch (cause) {
        // Later batches of this session must not be stored over the hole that this one leaves.
        dropFrames()
        refuse(cause)
      } finally {
        admission.release(frame.length)
      }
      if (socket.isPaused && frames.length <= WAITING_FRAMES / 2) socket.resume()
    }
    taking = false
  }

  function dropFrames(): void {
    admission.release(frameBytes)
    frameBytes = 0
    frames.length = 0
  }

  function ping(): void {
    const { bytesRead } = raw
    if (bytesRead !== bytesSeen) heardAt = now()
    bytesSeen = bytesRead
    // A peer that we do not read from cannot answer.
    if (!socket.isPaused && now() - heardAt >= 2 * timing.pingMs) {
      deps.says.info({ device: hello?.device, address }, 'no answer to two pings')
      socket.terminate()
      return
    }
    if (deps.enrolled(hello!.device)?.revokedAt !== null) {
      refuse(revoked(hello!.device))
      return
    }
    // Not a counter: a pong sent ahead of its ping would make a round trip look short.
    const n = deps.randomBytes(6).readUIntBE(0, 6)
    trips.sent(n, performance.now())
    send({ type: 'ping', n })
    pings++
    timer = setTimeout(ping, pings <= FIRST_PINGS ? timing.firstPingsMs : timing.pingMs)
    const news = trips.news(now())
    if (news) deps.measured(self, news)
  }

  function send(message: FromServer): void {
    guardUnsent()
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }

  function guardUnsent(): void {
    if (socket.bufferedAmount <= UNSENT_BYTES_MAX) return
    deps.says.info({ device: hello?.device, address }, 'the peer does not read')
    deps.metrics.refusal('rate.exceeded')
    socket.terminate()
  }

  function refuse(cause: unknown): void {
    if (state === 'closed') return
    const fault = cause instanceof Fault ? cause : new Fault('server.busy', { cause })
    if (fault !== cause) deps.says.error({ err: cause, device: hello?.device, address }, 'a session failed')
    const { code, where, todo, facts } = fault
    const retryAfterMs = typeof facts.retryAfterMs === 'number' ? facts.retryAfterMs : null
    deps.metrics.refusal(code)
    deps.says.info({ code, where, device: hello?.device, address, ...facts }, 'session refused')
    send({ type: 'refusal', code, where: where?.slice(0, 512) ?? null, todo, retryAfterMs })
    state = 'closed'
    clearTimeout(timer)
    dropFrames()
    socket.resume()
    socket.close(closeCode(code), code)
    timer = setTimeout(() => socket.terminate(), timing.closeMs)
  }

  function unexpected(what: string): Fault {
    const next = { hello: 'a hello', proof: 'a proof', opening: 'our welcome', open: 'batches', closed: 'the end' }[
      state
    ]
    return new Fault('wire.unexpected', { where: what, todo: `This session is waiting for ${next}.` })
  }
}

/** Errors: Fault 'wire.version' before anything else is looked at, then 'wire.malformed' with the field's path. */
function parseControl(text: string): FromAgent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('wire.malformed', { todo: 'A text frame is one JSON message.', cause })
  }
  const { type, wire } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (type === 'hello' && typeof wire === 'number' && !WIRE_VERSIONS_SPOKEN.includes(wire))
    throw new Fault('wire.version', { where: `wire ${wire}`, todo: `Spoken here: ${WIRE_VERSIONS_SPOKEN.join(', ')}.` })
  const message = FromAgent.safeParse(value)
  if (message.success) return message.data
  throw new Fault('wire.malformed', { where: whereOf(message.error.issues[0]!), todo: 'See wire/messages.ts.' })
}

function oversize(bytes: number): Fault {
  return new Fault('wire.oversize', { todo: `Send at most ${bytes} bytes in one frame of this kind.` })
}

function revoked(device: string): Fault {
  return new Fault('device.revoked', { where: device, todo: 'Ask the security team for a new token.' })
}

/** RFC 6455, 7.4.1: 1009 too big, 1013 try again later, 1008 policy. The refusal says the rest. */
function closeCode(code: FaultCode): number {
  if (code === 'wire.oversize') return 1009
  return code === 'server.busy' || code === 'rate.exceeded' ? 1013 : 1008
}
