/**
 * Pings: whether the peer is still connected, and its round-trip time. They start with the welcome, a few in quick
 * succession first.
 *
 * Shape   any received byte is a sign of life, even a part of an incomplete frame.
 * Units   heardAt epoch ms; round trips ms.
 */
import { type RoundTrip, roundTrips } from './round-trips.ts'

export interface HeartbeatTiming {
  /** The first five pings, for the round-trip time, and all later ones. */
  firstPingsMs: number
  pingMs: number
}

export interface HeartbeatDeps {
  /** Bytes received by the TCP socket so far. */
  bytesRead(): number
  /** False while the socket is paused: its answers are then not read. */
  isReading(): boolean
  timing: HeartbeatTiming
  now(): number
  randomBytes(size: number): Buffer
  send(n: number): void
  /** Called with every ping except the first ones, which many agents get at once after a restart. */
  beat(): void
  /** There was no sign of life for two pings; no more are sent. */
  silent(): void
  /** Called with the first, or a clearly different, round-trip time. */
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

  /** Sends a ping, and schedules the next. */
  start(): void {
    const { timing, now, isReading, randomBytes, send, beat, silent, measured } = this.#deps
    this.#noteBytes()
    if (isReading() && now() - this.#heardAt >= 2 * timing.pingMs) {
      silent()
      return
    }
    // Not a counter: an agent could answer in advance to fake a short round trip.
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
