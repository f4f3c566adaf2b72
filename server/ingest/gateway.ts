/**
 * The door for agents: accepts WebSocket upgrades, keeps the sessions, and says no early and cheaply.
 *
 * Shape   one session per device. A second one replaces the first when it comes from the same hardware (the laptop's old
 *         socket died silently), or when the first has been quiet; otherwise it is refused as a clone. Either way its
 *         `connection` line is stored: two fingerprints on one key are evidence.
 * Errors  before the upgrade an HTTP answer with a JSON body; after it a `refusal` message. See session.ts, admission.ts.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import { Fault } from '../../wire/fault.ts'
import { LIMITS, type Policy } from '../../wire/messages.ts'
import type { AddressFacts, Recorded, RecordedConnection } from '../../wire/recording.ts'
import type { State } from '../store/state.ts'
import { remoteAddress } from './address.ts'
import { type AdmissionDeps, type AdmissionLimits, admission, type Written } from './admission.ts'
import { type Bucket, bucket } from './bucket.ts'
import { type ServerKeys, signPolicy } from './keys.ts'
import type { RoundTrip } from './round-trips.ts'
import { AgentSocket, type Session, session, TIMING, type Timing, type WelcomeFacts } from './session.ts'

export const STREAM_PATH = '/agent/v1/stream'
/** A session that gave no sign of life for so long does not stand in the way of another. */
const LIVE_MS = 45_000
/** Two live laptops with one key and one fingerprint would replace each other for ever: at most this often. */
const OPENINGS_BURST = 20
const OPENINGS_PER_SECOND = 1 / 30

export interface GatewayLimits extends AdmissionLimits {
  sessions: number
  /** Sockets that have not proven a key yet: all, and from one address (an office shares one). */
  unproven: number
  unprovenPerAddress: number
}

export interface GatewayDeps extends Omit<AdmissionDeps, 'policy' | 'sleep' | 'limits'> {
  state: Pick<State, 'enrolled'>
  keys: ServerKeys
  policy: Policy
  /** Every name that agents may have dialled to get here. */
  hostNames: readonly string[]
  trustedProxies: readonly string[]
  lookupAddress(address: string, at: number): AddressFacts
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

export interface Gateway {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  sessions(): SessionView[]
  /** Signs it, sends it to every session and holds batches to it from now on. */
  push(policy: Policy): void
  /** Lines of others (devices, contracts, feeds, the clock): through here, so that delivery keeps the log's order. */
  append(records: readonly Recorded[]): Promise<Written>
  /** Refuses the new, says goodbye to the old, resolves when all that was taken is stored and delivered. */
  close(): Promise<void>
}

export function gateway(deps: GatewayDeps): Gateway {
  const { keys, limits, metrics, now } = deps
  const hostNames = new Set(deps.hostNames.map(bareHost))
  const timing = { ...TIMING, ...deps.timing }
  const closing = new AbortController()
  let policy = deps.policy
  let signed = signPolicy(policy, keys)
  const all = new Set<Session>()
  const unproven = new Map<Session, string>()
  const live = new Map<string, Session>()
  const openings = new Map<string, Bucket>()
  const gate = admission({
    ...deps,
    policy: () => policy,
    sleep: (ms) => delay(ms, undefined, { signal: closing.signal }).catch(() => {}),
  })
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LIMITS.frameBytes,
    clientTracking: false,
    WebSocket: AgentSocket,
  })

  return { upgrade, sessions, push, append: gate.append, close }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = refuseUpgrade(request)
    if (refusal) {
      answer(socket, refusal.status, refusal.fault)
      return
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const address = addressOf(request)
      const it = session(webSocket, request.socket, address, {
        keys,
        isOurName: (host) => hostNames.has(bareHost(host)),
        enrolled: (device) => deps.state.enrolled(device),
        admission: gate,
        opened,
        measured,
        closed,
        timing,
        now,
        randomBytes,
        metrics,
        says: deps.says,
      })
      all.add(it)
      unproven.set(it, address)
      metrics.sessions(all.size)
    })
  }

  function refuseUpgrade(request: IncomingMessage): { status: number; fault: Fault } | null {
    if (closing.signal.aborted) return { status: 503, fault: gate.busy('The server is stopping.') }
    if (request.url?.split('?')[0] !== STREAM_PATH)
      return {
        status: 404,
        fault: new Fault('api.notfound', { where: 'path', todo: `Agents connect to ${STREAM_PATH}.` }),
      }
    if (all.size >= limits.sessions || unproven.size >= limits.unproven)
      return { status: 503, fault: gate.busy('Too many sessions are open.') }
    const address = addressOf(request)
    const same = unproven.values().reduce((count, it) => count + Number(it === address), 0)
    if (same < limits.unprovenPerAddress) return null
    return { status: 429, fault: tooMuch('Too many sessions of this address have not proven a key.') }
  }

  function addressOf(request: IncomingMessage): string {
    return remoteAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], deps.trustedProxies)
  }

  function answer(socket: Duplex, status: number, { code, where, todo, facts }: Fault): void {
    metrics.refusal(code)
    const body = JSON.stringify({ code, where, todo })
    const retryAfter = Math.ceil(Number(facts.retryAfterMs ?? 0) / 1_000)
    socket.on('error', () => {})
    socket.end(
      `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `${retryAfter ? `Retry-After: ${retryAfter}\r\n` : ''}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }

  /** A key was proven. Who holds the device is decided before anything is waited for. */
  async function opened(it: Session): Promise<WelcomeFacts> {
    const { device, epoch, fingerprint } = it.hello!
    if (!openingsOf(device).take(1)) throw tooMuch('Reconnect less often.')
    unproven.delete(it)
    const other = live.get(device)
    const isClone = other?.hello?.fingerprint !== fingerprint && other && now() - other.heardAt() < LIVE_MS
    if (!isClone) {
      live.set(device, it)
      other?.refuse(
        cloned(device, 'A newer session of this laptop took over.', 60_000 + Math.floor(deps.random() * 60_000)),
      )
    }
    await gate.append([connectionLine(it, null)])
    if (isClone)
      throw cloned(device, 'Enrol this laptop with its own token; do not copy the agent folder.', 15 * 60_000)
    return {
      policy: signed,
      acked: deps.log.acked(device, epoch),
      credit: gate.credit(device),
    }
  }

  function measured(it: Session, rtt: RoundTrip): void {
    // The next news comes in an hour; a log that cannot be written says so on its own.
    gate.append([connectionLine(it, rtt)]).catch(() => {})
  }

  function closed(it: Session): void {
    all.delete(it)
    unproven.delete(it)
    if (it.hello && live.get(it.hello.device) === it) live.delete(it.hello.device)
    metrics.sessions(all.size)
  }

  function connectionLine(it: Session, rtt: RoundTrip | null): RecordedConnection {
    const time = now()
    return {
      type: 'connection',
      device: it.hello!.device,
      time,
      remoteAddress: it.address,
      rttMinMs: rtt?.minMs ?? null,
      rttJitterMs: rtt?.jitterMs ?? null,
      clockSkewMs: it.clockSkewMs,
      fingerprint: it.hello!.fingerprint,
      geo: deps.lookupAddress(it.address, time),
    }
  }

  function openingsOf(device: string): Bucket {
    const found = openings.get(device) ?? bucket(now, OPENINGS_PER_SECOND, OPENINGS_BURST)
    openings.set(device, found)
    return found
  }

  function sessions(): SessionView[] {
    return [...live.values()].map((it) => ({
      device: it.hello!.device,
      address: it.address,
      openedAt: it.openedAt,
      heardAt: it.heardAt(),
      version: it.hello!.version,
      fingerprint: it.hello!.fingerprint,
      clockSkewMs: it.clockSkewMs,
      rttMinMs: it.rtt()?.minMs ?? null,
      rttJitterMs: it.rtt()?.jitterMs ?? null,
      events: it.eventsTaken(),
    }))
  }

  function push(next: Policy): void {
    policy = next
    signed = signPolicy(next, keys)
    for (const it of live.values()) it.send({ type: 'policy', policy: signed })
  }

  async function close(): Promise<void> {
    closing.abort()
    const gone = [...all].map((it) => it.gone)
    for (const it of all) it.refuse(gate.busy('The server is stopping.'))
    await Promise.all(gone)
    await gate.idle()
  }

  function tooMuch(todo: string): Fault {
    return new Fault('rate.exceeded', { todo, facts: { retryAfterMs: 30_000 + Math.floor(deps.random() * 60_000) } })
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
