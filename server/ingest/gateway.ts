/**
 * The gateway for agents: accepts WebSocket upgrades, keeps the sessions, and refuses early and at little cost.
 *
 * Shape   one session per device: see sessions.ts. Every session is recorded as a `connection` line, a replaced or
 *         cloned one too, because two fingerprints with one key are evidence. Each welcome names the highest stored
 *         number of the laptop's events; when the log has lost acknowledged events, the laptop resends those it holds.
 * Errors  an HTTP answer with a JSON body before the upgrade, a `refusal` message after it. See session.ts, admission.ts.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import { Fault, type FaultDetails } from '../../wire/fault.ts'
import { LIMITS, type Policy, type SignedPolicy } from '../../wire/messages.ts'
import type { AddressFacts, Recorded, RecordedConnection } from '../../wire/recording.ts'
import { MINUTE } from '../../wire/time.ts'
import type { Store } from '../store/store.ts'
import type { Published } from '../store/stream.ts'
import { Acknowledged } from './acknowledged.ts'
import { networkOf, remoteAddress } from './address.ts'
import { Admission, type AdmissionDeps, type AdmissionLimits } from './admission.ts'
import type { ServerKeys } from './identity.ts'
import { type Policies, policyOf, signPolicy } from './policy.ts'
import type { RoundTrip } from './round-trips.ts'
import { AgentSocket, Session, type SessionDeps, TIMING, type Timing } from './session.ts'
import { Sessions } from './sessions.ts'
import { answer, type SessionLimits, upgradeRefusal } from './upgrade.ts'

/** A changed policy is sent to this many laptops before other work gets a turn. */
const PUSHED_AT_ONCE = 100

export type GatewayLimits = AdmissionLimits & SessionLimits

export interface GatewayDeps extends Omit<AdmissionDeps, 'policy' | 'durable' | 'sleep' | 'limits' | 'cpuMs'> {
  store: { devices: Pick<Store['devices'], 'get'>; values: Pick<Store['values'], 'get' | 'compareAndSet'> }
  keys: ServerKeys
  /** The policies at the start; `Gateway.push` changes them. */
  policies: Policies
  /** Every host name under which agents may reach this server. */
  hostNames: readonly string[]
  trustedProxies: readonly string[]
  lookupAddress(address: string, at: number): AddressFacts
  /** A laptop's session opened or closed. */
  connection?(device: string): void
  /** A laptop with a session is in this group, which may be news: another process can have moved it. */
  inGroup?(device: string, group: string | null): void
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
  #policies: Policies
  /** By group. */
  readonly #signed = new Map<string | null, SignedPolicy>()
  /** The groups of laptops that had a session: a batch may be read after its session has ended. */
  readonly #groups = new Map<string, string | null>()

  constructor(deps: GatewayDeps) {
    const { keys, store, now, policies, log } = deps
    this.#deps = deps
    this.#timing = { ...TIMING, ...deps.timing }
    this.#policies = policies
    this.#sessions = new Sessions(now, deps.limits.unproven)
    this.#acknowledged = new Acknowledged(store.values, log)
    this.#admission = new Admission({
      ...deps,
      policy: (device) => this.policyOf(this.#groups.get(device)),
      durable: (device, epoch, seq) => this.#acknowledged.note(device, epoch, seq),
      cpuMs: threadCpuMs,
      sleep: (ms) => delay(ms, undefined, { signal: this.#closing.signal }).catch(() => {}),
    })
    const hostNames = new Set(deps.hostNames.map(bareHost))
    this.#sessionDeps = {
      keys,
      isOurName: (host) => hostNames.has(bareHost(host)),
      enrolled: (device) => store.devices.get(device),
      admission: this.#admission,
      opened: (session) => this.#opened(session),
      policy: (session) => this.#signedFor(session),
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

  /** Handler of an HTTP server's `upgrade` event. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { limits, metrics, trustedProxies } = this.#deps
    const forwardedFor = request.headers['x-forwarded-for']
    const address = remoteAddress(request.socket.remoteAddress, forwardedFor, trustedProxies)
    const sessions = this.#sessions
    const is = {
      isClosing: this.#closing.signal.aborted,
      sessions: sessions.size,
      unprovenThere: sessions.unprovenFrom(networkOf(address)),
    }
    const refusal = upgradeRefusal(request, is, limits, {
      busy: (why) => this.#admission.busy(why),
      isOurName: this.#sessionDeps.isOurName,
    })
    if (refusal) {
      metrics.refusal(refusal.fault.code)
      answer(socket, refusal)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const outnumbered = sessions.add(new Session(webSocket, request.socket, address, this.#sessionDeps))
      outnumbered?.refuse(this.#admission.busy('Too many sessions have not proven a key.'))
      metrics.sessions(sessions.size)
    })
  }

  /** The version of the policies in force. */
  get policyVersion(): number {
    return this.#policies.version
  }

  /** The policy in force for a group. */
  policyOf(group: string | null | undefined): Policy {
    return policyOf(this.#policies, group)
  }

  /** Applies `policies` to batches and welcomes from now on. Resolves when they, or later ones, are sent to all. */
  async push(policies: Policies): Promise<void> {
    this.#policies = policies
    this.#signed.clear()
    for (const [index, session] of this.#sessions.live().entries()) {
      if (index % PUSHED_AT_ONCE === PUSHED_AT_ONCE - 1) await setImmediate()
      session.sendPolicy()
    }
  }

  /** Call it when this laptop was revoked or moved to another group: so that its sessions need not wait for their next check. */
  async recheck(device: string): Promise<void> {
    const sessions = this.#sessions.all().filter((it) => it.hello?.device === device)
    await Promise.all(sessions.map((it) => it.checkEnrolled()))
  }

  /** False after a record could not be stored, until one was. */
  get isStoring(): boolean {
    return this.#admission.isStoring
  }

  /** Laptops with an open session: a live view. */
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
   * Publishes records that no laptop sent (devices, contracts, feeds, the clock). Resolves when they are durable and
   * delivered.
   * Errors  Fault 'server.busy' when the stream cannot be written: nothing is stored then.
   */
  readonly publish = (records: readonly Recorded[]): Promise<Published> => this.#admission.publish(records)

  /** Refuses new sessions, closes the open ones, and resolves when everything received is stored and delivered. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#remembering)
    const sessions = this.#sessions.all()
    for (const it of sessions) it.refuse(this.#admission.busy('The server is stopping.'))
    await Promise.all(sessions.map((it) => it.gone))
    await this.#admission.idle()
    await this.#acknowledged.saveAll()
  }

  /** A session has proven its key. Whether it may claim the device is decided before anything is awaited. */
  async #opened(session: Session): Promise<{ acked: number }> {
    const { device, epoch } = session.hello!
    if (!this.#sessions.mayOpen(session)) throw this.#tooMuch('This laptop reconnects too often.')
    const { isClone, replaced } = this.#sessions.claim(session)
    const awayMs = 60_000 + Math.floor(this.#deps.random() * 60_000)
    replaced?.refuse(cloned(device, { why: 'A newer session of this laptop has replaced this one.' }, awayMs))
    this.#deps.connection?.(device)
    await this.publish([this.#connectionLine(session, null)])
    if (isClone)
      throw cloned(
        device,
        { todo: 'Enroll each laptop with its own token; do not copy the agent folder.' },
        15 * MINUTE,
      )
    return { acked: await this.#acked(device, epoch) }
  }

  /** The highest stored number of this epoch. When it is lower than the acknowledged one: see `Acknowledged`. */
  async #acked(device: string, epoch: number): Promise<number> {
    const { stream, metrics, log } = this.#deps
    // In this order, because what another session stores in between must not look lost.
    const remembered = await this.#acknowledged.of(device, epoch)
    const acked = await stream.acked(device, epoch)
    if (acked < remembered) {
      log.error(
        { device, epoch, acknowledged: remembered, stored: acked },
        'acknowledged events are missing from the log; the laptop resends what it still holds',
      )
      metrics.lost(remembered - acked)
      // Count the loss once: later comparisons start from what the log has now.
      this.#acknowledged.note(device, epoch, acked)
    }
    return acked
  }

  #signedFor({ group, hello }: Session): SignedPolicy {
    if (hello && this.#groups.get(hello.device) !== group) {
      this.#groups.set(hello.device, group)
      this.#deps.inGroup?.(hello.device, group)
    }
    const known = this.#signed.get(group)
    if (known) return known
    const signed = signPolicy(this.policyOf(group), this.#deps.keys)
    this.#signed.set(group, signed)
    return signed
  }

  #measured(session: Session, rtt: RoundTrip): void {
    // Ignore a failure: admission reports it, and the next measurement comes within an hour.
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

  #tooMuch(why: string): Fault {
    const retryAfterMs = 30_000 + Math.floor(this.#deps.random() * 60_000)
    return new Fault('rate.exceeded', { why, todo: 'Reconnect less often.', facts: { retryAfterMs } })
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

function cloned(device: string, about: Pick<FaultDetails, 'why' | 'todo'>, retryAfterMs: number): Fault {
  return new Fault('device.cloned', { where: device, ...about, facts: { retryAfterMs } })
}

/** A host name in lower case, without brackets and final dot, so that '[::1]' and '::1' are equal. */
function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}
