/**
 * Whether the peer is still there, and how far away: pings from the welcome on, a few quick ones first.
 *
 * Shape   any byte is a sign of life, also a part of a frame that is still on its way.
 * Units   heardAt epoch ms; round trips ms.
 */
import { type RoundTrip, roundTrips } from './round-trips.ts'

export interface HeartbeatTiming {
  /** The first five pings, for the round-trip time, and all later ones. */
  firstPingsMs: number
  pingMs: number
}

export interface HeartbeatDeps {
  /** As of the TCP socket: grows with every byte that came. */
  bytesRead(): number
  /** False while we do not read: a peer that we do not hear cannot answer. */
  isReading(): boolean
  timing: HeartbeatTiming
  now(): number
  randomBytes(size: number): Buffer
  send(n: number): void
  /** With every ping but the first ones, which come when everybody reconnects at once. */
  beat(): void
  /** No sign of life for two pings; no more are sent. */
  silent(): void
  /** A first, or a considerably different, round-trip time is known. */
  measured(rtt: RoundTrip): void
}

const FIRST_PINGS = 5

export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #trips = roundTrips()
  #heardAt: number
  #bytesSeen = 0
  #pings = 0
  #timer: NodeJS.Timeout | undefined

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps
    this.#heardAt = deps.now()
  }

  get heardAt(): number {
    return this.#heardAt
  }

  get rtt(): RoundTrip | null {
    return this.#trips.now()
  }

  heard(): void {
    this.#heardAt = this.#deps.now()
  }

  answered(n: number): void {
    this.#trips.answered(n, performance.now())
  }

  /** Pings, now and from now on. */
  start(): void {
    const { timing, now, isReading, randomBytes, send, beat, silent, measured } = this.#deps
    this.#noteBytes()
    if (isReading() && now() - this.#heardAt >= 2 * timing.pingMs) {
      silent()
      return
    }
    // Not a counter: a pong sent ahead of its ping would make a round trip look short.
    const n = randomBytes(6).readUIntBE(0, 6)
    this.#trips.sent(n, performance.now())
    send(n)
    const isFirst = ++this.#pings <= FIRST_PINGS
    this.#timer = setTimeout(() => this.start(), isFirst ? timing.firstPingsMs : timing.pingMs)
    if (!isFirst) beat()
    const rtt = this.#trips.toRecord(now())
    if (rtt) measured(rtt)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #noteBytes(): void {
    const bytes = this.#deps.bytesRead()
    if (bytes !== this.#bytesSeen) this.heard()
    this.#bytesSeen = bytes
  }
}
