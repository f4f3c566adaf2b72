/**
 * The spool's own clock, which measures the age of events independently of changes to the wall clock.
 *
 * Shape   starts at the wall clock's time when the spool is created, and from then on only adds time since boot,
 *         including sleep. Between two runs it adds the minimum that can have passed: the difference of the two times
 *         since boot, or, if the later one is smaller because the laptop was rebooted, the whole later one.
 * Units   ms. The spool does not age while the laptop is switched off: only the wall clock measures that time.
 */
export interface ClockState {
  /** The time of this clock. */
  at: number
  /** The time since boot at that time. */
  booted: number
}

export class SpoolClock {
  readonly #booted: () => number
  #state: ClockState

  /** `saved` null: starts at `start`. */
  constructor(booted: () => number, saved: ClockState | null, start: number) {
    this.#booted = booted
    this.#state = saved ?? { at: start, booted: booted() }
    this.tick()
  }

  /** As of the last `tick`. */
  get state(): Readonly<ClockState> {
    return this.#state
  }
  get now(): number {
    return this.#state.at
  }

  /** Reads the time since boot (a read of /proc/uptime), so call it once per batch, not once per event. */
  tick(): number {
    const booted = Math.max(0, Math.floor(this.#booted()))
    const before = this.#state
    const passed = booted >= before.booted ? booted - before.booted : booted
    this.#state = { at: before.at + passed, booted }
    return this.#state.at
  }
}
