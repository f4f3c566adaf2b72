/**
 * What each collector costs, and how often it may look.
 *
 * Shape   a look is what a collector does between two pauses. The main thread's CPU time is split evenly among the
 *         looks that go on at the same time, without those that wait for the reading thread; that one's own time is
 *         added exactly. Memory is the growth of the process during a look.
 *         A look that costs more than `DEAR` of its interval doubles the interval, a cheap one halves it again.
 * Units   ms of CPU, bytes.
 */
import type { Host } from '../host/host.ts'

const DEAR = 0.01
const CHEAP = 0.002
const MAX_FACTOR = 16
/** The first look reads everything, and says nothing about the next ones. */
const BASELINE_LOOKS = 1
const WEIGHT = 0.3
/** A shorter pause waits for something, such as a pipe to fill; longer ones would lose what it waits for. */
const PACED_MS = 1_000

export interface Gauges {
  /** Of the thread that calls. */
  threadCpuMs(): number
  residentBytes(): number
}

export const realGauges: Gauges = {
  threadCpuMs: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  },
  residentBytes: () => process.memoryUsage.rss(),
}

export interface Cost {
  cpuMs: number
  grownBytes: number
}

export class Looks {
  readonly #gauges: Gauges
  /** Called with the collectors that are at work, whenever one begins or ends. */
  readonly #onChange: (names: readonly string[]) => void
  readonly #active = new Map<string, { isWaiting: number; cpuMs: number; resident: number }>()
  #costs = new Map<string, Cost>()
  #readAt: number

  constructor(gauges: Gauges = realGauges, onChange: (names: readonly string[]) => void = () => {}) {
    this.#gauges = gauges
    this.#onChange = onChange
    this.#readAt = gauges.threadCpuMs()
  }

  get names(): readonly string[] {
    return [...this.#active.keys()]
  }

  begin(name: string): void {
    this.#share()
    this.#active.set(name, { isWaiting: 0, cpuMs: 0, resident: this.#gauges.residentBytes() })
    this.#onChange(this.names)
  }

  /** The CPU ms of this look. */
  end(name: string): number {
    this.#share()
    const look = this.#active.get(name)
    if (!look) return 0
    this.#active.delete(name)
    this.#costOf(name).grownBytes += Math.max(0, this.#gauges.residentBytes() - look.resident)
    this.#onChange(this.names)
    return look.cpuMs
  }

  /** It waits for the reading thread, until `resume`. */
  pause(name: string): void {
    this.#share()
    const look = this.#active.get(name)
    if (look) look.isWaiting++
  }

  resume(name: string, threadMs: number): void {
    this.#share()
    const look = this.#active.get(name)
    this.#costOf(name).cpuMs += threadMs
    if (!look) return
    look.isWaiting--
    look.cpuMs += threadMs
  }

  /** The costs since the previous call. */
  take(): Map<string, Cost> {
    this.#share()
    const costs = this.#costs
    this.#costs = new Map()
    return costs
  }

  #share(): void {
    const now = this.#gauges.threadCpuMs()
    const spent = now - this.#readAt
    this.#readAt = now
    const working = [...this.#active].filter(([, look]) => look.isWaiting === 0)
    for (const [name, look] of working) {
      look.cpuMs += spent / working.length
      this.#costOf(name).cpuMs += spent / working.length
    }
  }

  #costOf(name: string): Cost {
    let cost = this.#costs.get(name)
    if (!cost) this.#costs.set(name, (cost = { cpuMs: 0, grownBytes: 0 }))
    return cost
  }
}

/** `onSlower` gets the ms between two looks, as asked and as it is now, and what a look costs. */
export function pacedHost(
  host: Host,
  looks: Looks,
  name: string,
  onSlower: (askedMs: number, nowMs: number, costMs: number) => void,
  pace: Pace = pacer(),
): Host {
  looks.begin(name)
  return {
    ...host,
    sleep: async (ms, signal) => {
      const before = pace.factor
      const factor = pace.next(ms, looks.end(name))
      if (factor > before && factor > 1) onSlower(ms, ms * factor, pace.costMs)
      await host.sleep(ms * factor, signal)
      looks.begin(name)
    },
  }
}

export interface Pace {
  /** Before a pause of `askedMs`, after a look that cost `spentMs`. */
  next(askedMs: number, spentMs: number): number
  factor: number
  costMs: number
}

/** For a collector that paces itself. */
export const STEADY: Pace = { next: () => 1, factor: 1, costMs: 0 }

/** The factor by which a collector's pauses are longer than it asks. */
export function pacer(): Pace {
  let factor = 1
  let costMs = 0
  let looked = 0
  return {
    next,
    get factor() {
      return factor
    },
    get costMs() {
      return costMs
    },
  }

  function next(askedMs: number, spentMs: number): number {
    if (askedMs < PACED_MS) return 1
    if (looked++ < BASELINE_LOOKS) return factor
    costMs = looked === BASELINE_LOOKS + 1 ? spentMs : costMs + WEIGHT * (spentMs - costMs)
    const share = costMs / (askedMs * factor)
    if (share > DEAR) factor = Math.min(MAX_FACTOR, factor * 2)
    else if (share < CHEAP && factor > 1) factor /= 2
    return factor
  }
}
