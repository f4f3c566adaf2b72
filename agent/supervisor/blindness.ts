/**
 * For how long the agent could not see, by category.
 *
 * Shape   `begin` and `end` by a key of the caller's, so that two reasons for one category are not counted twice. Who
 *         begins with a key that is open adds categories to it.
 * Units   ms of the given clock, which goes on while the laptop sleeps: what happens then is not seen either, but
 *         callers do not count sleep.
 */
export class Blindness {
  readonly #now: () => number
  readonly #open = new Map<string, Set<string>>()
  #lost = new Map<string, number>()
  #countedAt: number

  constructor(now: () => number) {
    this.#now = now
    this.#countedAt = now()
  }

  begin(key: string, categories: readonly string[]): void {
    this.#count()
    this.#open.set(key, new Set([...(this.#open.get(key) ?? []), ...categories]))
  }

  end(key: string): void {
    this.#count()
    this.#open.delete(key)
  }

  /** All whose key begins so. */
  endAll(prefix: string): void {
    this.#count()
    for (const it of this.#open.keys()) if (it.startsWith(prefix)) this.#open.delete(it)
  }

  /** Time that has just passed, in which none of these were seen, and that nobody announced: the agent was frozen. */
  add(categories: readonly string[], ms: number): void {
    this.#count()
    // What is open has been counted for that time.
    const open = this.#openCategories()
    this.#lose(
      categories.filter((it) => !open.has(it)),
      ms,
    )
  }

  /** Since the previous call, the seconds by category, rounded up. */
  take(): Record<string, number> {
    this.#count()
    const lost = this.#lost
    this.#lost = new Map()
    return Object.fromEntries([...lost].sort().map(([category, ms]) => [category, Math.ceil(ms / 1_000)]))
  }

  #openCategories(): Set<string> {
    return new Set([...this.#open.values()].flatMap((it) => [...it]))
  }

  #lose(categories: Iterable<string>, ms: number): void {
    for (const it of categories) this.#lost.set(it, (this.#lost.get(it) ?? 0) + ms)
  }

  #count(): void {
    const now = this.#now()
    const passed = Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    if (passed > 0) this.#lose(this.#openCategories(), passed)
  }
}
