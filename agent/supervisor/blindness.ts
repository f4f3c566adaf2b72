/**
 * For how long the agent could not see, by category.
 *
 * Shape   `begin` and `end` by a key of the caller's, so that two reasons for one category are not counted twice.
 * Units   ms of the given clock, which goes on while the laptop sleeps: what happens then is not seen either, but
 *         callers do not count sleep.
 */
export class Blindness {
  readonly #now: () => number
  readonly #open = new Map<string, ReadonlySet<string>>()
  #lost = new Map<string, number>()
  #countedAt: number

  constructor(now: () => number) {
    this.#now = now
    this.#countedAt = now()
  }

  begin(key: string, categories: readonly string[]): void {
    this.#count()
    this.#open.set(key, new Set(categories))
  }

  end(key: string): void {
    this.#count()
    this.#open.delete(key)
  }

  /** Time in which none of these were seen, and that nobody announced: the agent was frozen. */
  add(categories: readonly string[], ms: number): void {
    for (const it of categories) this.#lost.set(it, (this.#lost.get(it) ?? 0) + ms)
  }

  /** Since the previous call: the categories, and the seconds of the one that was missed longest. */
  take(): { categories: string[]; seconds: number } {
    this.#count()
    const lost = this.#lost
    this.#lost = new Map()
    return {
      categories: [...lost.keys()].sort(),
      seconds: Math.round(Math.max(0, ...lost.values()) / 1_000),
    }
  }

  #count(): void {
    const now = this.#now()
    const passed = Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    if (passed > 0) this.add([...new Set([...this.#open.values()].flatMap((it) => [...it]))], passed)
  }
}
