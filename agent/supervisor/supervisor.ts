/**
 * Decides which collectors may run, and notices when one of them costs too much or cannot see.
 *
 * Shape   a collector is held for the pause after a death, because it is banned, or because only the minimum runs. What
 *         is held is a gap at once and then every hour, and is counted as blindness.
 *         There is no second process: two of Node's do not fit into 80 MB (ARCHITECTURE.md). The system's service
 *         manager restarts this one, and what it must know then is on disk.
 */
import { type Collector, type Emit, gap } from '../collect.ts'
import type { Host, Places } from '../host/host.ts'
import type { Clocks } from '../ticker.ts'
import { BAN_MS, type BanList } from './bans.ts'
import { Blindness } from './blindness.ts'
import { budget, type Overspent } from './budget.ts'
import { type Deaths, MINIMUM, SETTLED_MS } from './deaths.ts'
import { guardedHost } from './guarded-host.ts'
import { type Gauges, Looks, pacedHost, pacer, realGauges, STEADY } from './looks.ts'
import type { Reader } from './reader.ts'

/** How long memory may stay above its limit after a ban, before the process ends and is started again. */
const RELIEF_MS = 60_000

export interface SupervisorOptions {
  host: Host
  reader: Reader
  places: Places
  collectors: readonly Collector[]
  emit: Emit
  bans: BanList
  deaths: Deaths
  clocks: Clocks
  /** 0 to 1. */
  random: () => number
  gauges?: Gauges
  /** Of the whole process, ms since it began. */
  cpuMs?: () => number
  /** Which collectors may run has changed. */
  onChange(): void
  /** Memory does not come back: the process must end, and be started again. */
  onExhausted(why: string): void
  /** False: whatever it costs, nothing is banned for that. */
  isCareful?: boolean | undefined
}

export class Supervisor {
  readonly blindness: Blindness
  readonly #options: SupervisorOptions
  readonly #looks: Looks
  readonly #judge: (sample: Parameters<ReturnType<typeof budget>>[0]) => Overspent | null
  readonly #gauges: Gauges
  readonly #cpuMs: () => number
  readonly #startsAt: number
  readonly #startedAt: number
  #cpuBefore: number
  #isSettled = false
  #fullSince: number | null = null
  /** What `held` last said, to notice when a hold ends. */
  #heldBefore = ''

  constructor(options: SupervisorOptions) {
    const { bans, deaths, clocks, reader } = options
    this.#options = options
    this.#gauges = options.gauges ?? realGauges
    this.#cpuMs = options.cpuMs ?? processCpuMs
    this.#cpuBefore = this.#cpuMs()
    this.#startedAt = clocks.awake()
    this.#startsAt = this.#startedAt + deaths.pauseMs(options.random)
    this.#looks = new Looks(this.#gauges, (names) => deaths.atWork(names))
    const judge = budget(this.#startedAt, this.#gauges.residentBytes())
    this.#judge = options.isCareful === false ? () => null : judge
    this.blindness = new Blindness(() => clocks.awake())
    const { guilty } = deaths
    if (guilty.length > 0) bans.add(guilty, `it was at work when the agent died ${deaths.count} times`)
    reader.onAnswering = ({ place }) => {
      for (const { name } of options.collectors) this.blindness.end(`${name} in ${place}`)
    }
    this.reportHeld()
    this.#heldBefore = this.#holds()
  }

  /** Why this collector must not run now; null: it may. */
  held({ name }: Collector): string | null {
    const { bans, deaths, clocks } = this.#options
    const ban = bans.of(name)
    if (ban !== null) return `it does not run until ${new Date(ban.since + BAN_MS).toISOString()}: ${ban.why}`
    const waits = this.#startsAt - clocks.awake()
    if (waits > 0) return `the agent died ${deaths.count} times in a row: it starts in ${Math.ceil(waits / 1_000)} s`
    if (deaths.isMinimum && !this.#isSettled && !MINIMUM.has(name))
      return `the agent died ${deaths.count} times in a row: it waits until the others have run for 10 minutes`
    return null
  }

  /** The laptop as this collector reads it, from now on. */
  hostOf(collector: Collector): Host {
    const { host, reader, places, emit } = this.#options
    const { name } = collector
    const looks = this.#looks
    const guard = { reader, places, emit }
    const by = {
      name,
      categories: collector.categories,
      onHung: (place: string) => this.blindness.begin(`${name} in ${place}`, collector.categories),
      onAnswered: (place: string) => this.blindness.end(`${name} in ${place}`),
      onAsk: () => looks.pause(name),
      onAnswer: (ms: number) => looks.resume(name, ms),
    }
    const onSlower = (askedMs: number, nowMs: number, costMs: number) => {
      const why = `a look costs ${Math.round(costMs)} ms: every ${seconds(nowMs)} instead of every ${seconds(askedMs)}`
      void emit({ ...this.#gap(collector, `${name}: interval`, why), Reason: 'overflow' })
    }
    const pace = collector.pacesItself ? STEADY : pacer()
    return pacedHost(guardedHost(host, guard, by), looks, name, onSlower, pace)
  }

  /** It no longer runs. */
  ended({ name }: Collector): void {
    this.#looks.end(name)
    this.blindness.endAll(`${name} in `)
  }

  /** Every `SAMPLE_MS`. */
  sample(): void {
    const { clocks, deaths, onChange } = this.#options
    const at = clocks.awake()
    if (!this.#isSettled && at - this.#startsAt >= SETTLED_MS) {
      this.#isSettled = true
      deaths.reached('settled')
    }
    const holds = this.#holds()
    if (holds !== this.#heldBefore) {
      this.#heldBefore = holds
      onChange()
    }
    const cpu = this.#cpuMs()
    const cpuMs = cpu - this.#cpuBefore
    this.#cpuBefore = cpu
    const residentBytes = this.#gauges.residentBytes()
    const overspent = this.#judge({ at, cpuMs, residentBytes, by: this.#looks.take() })
    if (overspent !== null) this.#punish(overspent, at)
    else if (this.#fullSince !== null && at - this.#fullSince >= RELIEF_MS) this.#fullSince = null
  }

  /** The gaps of what is held now; at the start and every hour. */
  reportHeld(): void {
    for (const it of this.#options.collectors) {
      const why = this.held(it)
      if (why === null) this.blindness.end(`held ${it.name}`)
      else {
        this.blindness.begin(`held ${it.name}`, it.categories)
        void this.#options.emit(this.#gap(it, it.name, why))
      }
    }
  }

  #punish({ what, collector, detail }: Overspent, at: number): void {
    const { bans, emit, host, onChange, onExhausted } = this.#options
    const why = `the agent used ${detail}`
    if (collector !== null) bans.add([collector], `${why}, most of it for this collector`)
    else
      void emit(gap({ time: host.now(), collector: 'agent' }, 'agent', 'overflow', `${why}, for no single collector`))
    if (what === 'memory') {
      // A second time, with nobody left to ban or no effect of the ban.
      if (this.#fullSince !== null) onExhausted(why)
      this.#fullSince = at
    }
    if (collector === null) return
    this.reportHeld()
    this.#heldBefore = this.#holds()
    onChange()
  }

  #gap({ name, categories }: Collector, about: string, why: string) {
    const found = gap({ time: this.#options.host.now(), collector: name }, about, 'stopped', why)
    return { ...found, Categories: [...categories] }
  }

  /** Which are held: what changes when a collector may start. */
  #holds(): string {
    return this.#options.collectors.map((it) => (this.held(it) === null ? '' : it.name)).join()
  }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
