/**
 * The registry of sessions: every open socket, those without a proven key, and the one live session of each device.
 *
 * Shape   a second session of a device replaces the first one when it comes from the same hardware (the old socket died
 *         silently) or when the first one is silent; otherwise it is a clone. This is decided synchronously, so that
 *         two sessions that open at the same time cannot both claim the device.
 */
import { type Bucket, bucket } from './bucket.ts'
import { ByNetwork } from './by-network.ts'
import type { Session } from './session.ts'

/** A session without a sign of life for this long can be replaced. */
const LIVE_MS = 45_000
/** Limits how often two laptops with the same key and fingerprint can replace each other. */
const OPENINGS_BURST = 20
const OPENINGS_PER_SECOND = 1 / 30

export class Sessions {
  readonly #now: () => number
  readonly #all = new Set<Session>()
  readonly #unproven: ByNetwork<Session>
  readonly #live = new Map<string, Session>()
  readonly #devices = new Set<string>()
  readonly #openings = new Map<string, Bucket>()

  constructor(now: () => number, unprovenMax: number) {
    this.#now = now
    this.#unproven = new ByNetwork(unprovenMax)
  }

  get size(): number {
    return this.#all.size
  }

  unprovenFrom(network: string): number {
    return this.#unproven.of(network)
  }

  all(): Session[] {
    return [...this.#all]
  }

  /** Devices of the live sessions. */
  get devices(): ReadonlySet<string> {
    return this.#devices
  }

  /** The sessions that have claimed their device. */
  live(): Session[] {
    return [...this.#live.values()]
  }

  /** Returns the session that has to give way, the added one itself included; null when there is room. */
  add(session: Session): Session | null {
    this.#all.add(session)
    return this.#unproven.add(session.network, session)
  }

  /** To be called for a proven session; false when the device has opened too many sessions. */
  mayOpen(session: Session): boolean {
    const { device } = session.hello!
    const openings = this.#openings.get(device) ?? bucket(this.#now, OPENINGS_PER_SECOND, OPENINGS_BURST)
    this.#openings.set(device, openings)
    if (!openings.take(1)) return false
    this.#unproven.delete(session.network, session)
    return true
  }

  /** Makes it the live session of its device, unless it is a clone; `replaced` is the previous one. */
  claim(session: Session): { isClone: boolean; replaced: Session | null } {
    const { device, fingerprint } = session.hello!
    const other = this.#live.get(device) ?? null
    const isSame = other === null || other.hello?.fingerprint === fingerprint
    if (!isSame && this.#now() - other.heardAt < LIVE_MS) return { isClone: true, replaced: null }
    this.#live.set(device, session)
    this.#devices.add(device)
    return { isClone: false, replaced: other }
  }

  remove(session: Session): void {
    this.#all.delete(session)
    this.#unproven.delete(session.network, session)
    const device = session.hello?.device
    if (device === undefined || this.#live.get(device) !== session) return
    this.#live.delete(device)
    this.#devices.delete(device)
  }
}
