/**
 * The door for agents: accepts WebSocket upgrades, keeps the sessions, and refuses early and cheaply.
 *
 * Shape   one session per device: see sessions.ts. Replaced, clone or neither, its `connection` line is stored: two
 *         fingerprints on one key are evidence. Each welcome says how far the log knows the laptop's events; a log that
 *         knows less than was acknowledged before has lost something, and the laptop sends again what it still holds.
 * Errors  before the upgrade an HTTP answer with a JSON body; after it a `refusal` message. See session.ts, admission.ts.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import { Fault } from '../../wire/fault.ts'
import { LIMITS, type Policy } from '../../wire/messages.ts'
import type { AddressFacts, Recorded, RecordedConnection } from '../../wire/recording.ts'
import type { Store } from '../store/store.ts'
import type { Published } from '../store/stream.ts'
import { Acknowledged } from './acknowledged.ts'
import { remoteAddress } from './address.ts'
import { Admission, type AdmissionDeps, type AdmissionLimits } from './admission.ts'
import type { ServerKeys } from './identity.ts'
import { signPolicy } from './policy.ts'
import type { RoundTrip } from './round-trips.ts'
import { AgentSocket, Session, type SessionDeps, TIMING, type Timing } from './session.ts'
import { Sessions } from './sessions.ts'
import { answer, type SessionLimits, upgradeRefusal } from './upgrade.ts'

/** A changed policy goes to so many laptops before everything else has a turn. */
const PUSHED_AT_ONCE = 100

export type GatewayLimits = AdmissionLimits & SessionLimits

export interface GatewayDeps extends Omit<AdmissionDeps, 'policy' | 'durable' | 'sleep' | 'limits'> {
  store: { devices: Pick<Store['devices'], 'get'>; values: Pick<Store['values'], 'get' | 'compareAndSet'> }
  keys: ServerKeys
  /** In force at the start; see `Gateway.push`. */
  policy: Policy
  /** Every name that agents may have dialled to get here. */
  hostNames: readonly string[]
  trustedProxies: readonly string[]
  lookupAddress(address: string, at: number): AddressFacts
  /** The set of laptops with an open session is another one now. */
  connection?(device: string): void
  limits: GatewayLimits
  timing?: Partial<Timing>
}

export interface SessionView {
  device: string
  address: string
  openedAt: number
  heardAt: number
  version: string
  fingerprint: string | null
  clockSkewMs: number
  rttMinMs: number | null
  rttJitterMs: number | null
  /** Events stored in this session. */
  events: number
}

export class Gateway {
  readonly #deps: GatewayDeps
  readonly #timing: Timing
  readonly #admission: Admission
  readonly #acknowledged: Acknowledged
  readonly #sessions: Sessions
  readonly #sessionDeps: SessionDeps
  readonly #closing = new AbortController()
  readonly #remembering: NodeJS.Timeout
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LIMITS.frameBytes,
    clientTracking: false,
    WebSocket: AgentSocket,
  })
  #policy: Policy
  #signed: ReturnType<typeof signPolicy>

  constructor(deps: GatewayDeps) {
    const { keys, store, now, policy, log } = deps
    this.#deps = deps
    this.#timing = { ...TIMING, ...deps.timing }
    this.#policy = policy
    this.#signed = signPolicy(policy, keys)
    this.#sessions = new Sessions(now)
    this.#acknowledged = new Acknowledged(store.values, log)
    this.#admission = new Admission({
      ...deps,
      policy: () => this.#policy,
      durable: (device, epoch, seq) => this.#acknowledged.note(device, epoch, seq),
      sleep: (ms) => delay(ms, undefined, { signal: this.#closing.signal }).catch(() => {}),
    })
    const hostNames = new Set(deps.hostNames.map(bareHost))
    this.#sessionDeps = {
      keys,
      isOurName: (host) => hostNames.has(bareHost(host)),
      enrolled: (device) => store.devices.get(device),
      admission: this.#admission,
      opened: (session) => this.#opened(session),
      policy: () => this.#signed,
      measured: (session, rtt) => this.#measured(session, rtt),
      closed: (session) => this.#closed(session),
      timing: this.#timing,
      now,
      randomBytes,
      metrics: deps.metrics,
      log,
    }
    this.#remembering = setInterval(() => void this.#acknowledged.saveNext(), this.#timing.rememberMs)
    this.#remembering.unref()
  }

  /** For `upgrade` of an HTTP server. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { limits, metrics, trustedProxies } = this.#deps
    const forwardedFor = request.headers['x-forwarded-for']
    const address = remoteAddress(request.socket.remoteAddress, forwardedFor, trustedProxies)
    const sessions = this.#sessions
    const is = {
      isClosing: this.#closing.signal.aborted,
      sessions: sessions.size,
      unproven: sessions.unproven,
      unprovenFrom: (from: string) => sessions.unprovenFrom(from),
    }
    const refusal = upgradeRefusal({ url: request.url, address }, is, limits, {
      busy: (todo) => this.#admission.busy(todo),
      tooMuch: (todo) => this.#tooMuch(todo),
    })
    if (refusal) {
      metrics.refusal(refusal.fault.code)
      answer(socket, refusal)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      sessions.add(new Session(webSocket, request.socket, address, this.#sessionDeps))
      metrics.sessions(sessions.size)
    })
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy
  }

  /** Signs it, and holds batches and welcomes to it from now on. Resolves when it, or a later one, is sent to all. */
  async push(policy: Policy): Promise<void> {
    this.#policy = policy
    this.#signed = signPolicy(policy, this.#deps.keys)
    for (const [index, session] of this.#sessions.live().entries()) {
      if (index % PUSHED_AT_ONCE === PUSHED_AT_ONCE - 1) await setImmediate()
      session.sendPolicy()
    }
  }

  /** Laptops with an open session: the set itself, not a copy. */
  get online(): ReadonlySet<string> {
    return this.#sessions.devices
  }

  sessions(): SessionView[] {
    return this.#sessions.live().map((it) => ({
      device: it.hello!.device,
      address: it.address,
      openedAt: it.openedAt,
      heardAt: it.heardAt,
      version: it.hello!.version,
      fingerprint: it.hello!.fingerprint,
      clockSkewMs: it.clockSkewMs,
      rttMinMs: it.rtt?.minMs ?? null,
      rttJitterMs: it.rtt?.jitterMs ?? null,
      events: it.eventsStored,
    }))
  }

  /**
   * Records of others (devices, contracts, feeds, the clock). Resolves when they are durable and `delivered` has them.
   * Errors  Fault 'server.busy' when the stream cannot be written: nothing was kept.
   */
  readonly publish = (records: readonly Recorded[]): Promise<Published> => this.#admission.publish(records)

  /** Refuses the new, says goodbye to the old, resolves when all that was taken is stored and delivered. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#remembering)
    const sessions = this.#sessions.all()
    for (const it of sessions) it.refuse(this.#admission.busy('The server is stopping.'))
    await Promise.all(sessions.map((it) => it.gone))
    await this.#admission.idle()
    await this.#acknowledged.saveAll()
  }

  /** A key was proven. Who holds the device is decided before anything is waited for. */
  async #opened(session: Session): Promise<{ acked: number }> {
    const { device, epoch } = session.hello!
    if (!this.#sessions.mayOpen(session)) throw this.#tooMuch('Reconnect less often.')
    const { isClone, replaced } = this.#sessions.claim(session)
    const awayMs = 60_000 + Math.floor(this.#deps.random() * 60_000)
    replaced?.refuse(cloned(device, 'A newer session of this laptop took over.', awayMs))
    this.#deps.connection?.(device)
    await this.publish([this.#connectionLine(session, null)])
    if (isClone)
      throw cloned(device, 'Enroll this laptop with its own token; do not copy the agent folder.', 15 * 60_000)
    return { acked: await this.#acked(device, epoch) }
  }

  /** How far the log knows this life of the spool. When that is less than it was: see `Acknowledged`. */
  async #acked(device: string, epoch: number): Promise<number> {
    const { stream, metrics, log } = this.#deps
    // In this order: what another session has stored in between is then in both numbers, or in the log's alone.
    const remembered = await this.#acknowledged.of(device, epoch)
    const acked = await stream.acked(device, epoch)
    if (acked < remembered) {
      log.error(
        { device, epoch, acknowledged: remembered, stored: acked },
        'the log lacks events that were acknowledged; the laptop sends again what it still holds',
      )
      metrics.lost(remembered - acked)
      // Counted once: from here on the log is compared with what it knew now.
      this.#acknowledged.note(device, epoch, acked)
    }
    return acked
  }

  #measured(session: Session, rtt: RoundTrip): void {
    // The next one comes in an hour; a stream that cannot be written is reported by admission.
    this.publish([this.#connectionLine(session, rtt)]).catch(() => {})
  }

  #closed(session: Session): void {
    this.#sessions.remove(session)
    if (session.hello) this.#deps.connection?.(session.hello.device)
    this.#deps.metrics.sessions(this.#sessions.size)
  }

  #connectionLine(session: Session, rtt: RoundTrip | null): RecordedConnection {
    const time = this.#deps.now()
    return {
      type: 'connection',
      device: session.hello!.device,
      time,
      remoteAddress: session.address,
      rttMinMs: rtt?.minMs ?? null,
      rttJitterMs: rtt?.jitterMs ?? null,
      clockSkewMs: session.clockSkewMs,
      fingerprint: session.hello!.fingerprint,
      geo: this.#deps.lookupAddress(session.address, time),
    }
  }

  #tooMuch(todo: string): Fault {
    const retryAfterMs = 30_000 + Math.floor(this.#deps.random() * 60_000)
    return new Fault('rate.exceeded', { todo, facts: { retryAfterMs } })
  }
}

function cloned(device: string, todo: string, retryAfterMs: number): Fault {
  return new Fault('device.cloned', { where: device, todo, facts: { retryAfterMs } })
}

/** Without brackets, final dot and case: '[::1]' and '::1' are one name. */
function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}
