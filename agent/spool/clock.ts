/**
 * Time as the spool counts it: how much has certainly passed, whatever happens to the clock that a user can set.
 *
 * Shape   begins at the wall clock's time when the spool is created, and from then on only adds time since boot, sleep
 *         included. Between two runs it adds the least that can have passed: the difference of the two times since
 *         boot, or the whole of the later one where that is smaller, because then the laptop was restarted.
 * Units   ms. A laptop that is switched off does not age its spool: nothing measures that time but the wall clock.
 */
export interface ClockState {
  /** The spool's time. */
  at: number
  /** Time since boot at that moment. */
  booted: number
}

export class SpoolClock {
  readonly #booted: () => number
  #state: ClockState

  /** `saved` null: begins at `start`. */
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

  /** Asks the system, which costs a read of /proc/uptime: once a batch, not once an event. */
  tick(): number {
    const booted = Math.max(0, Math.floor(this.#booted()))
    const before = this.#state
    const passed = booted >= before.booted ? booted - before.booted : booted
    this.#state = { at: before.at + passed, booted }
    return this.#state.at
  }
}
