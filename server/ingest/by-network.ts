/**
 * What strangers hold open (sockets without a request, sessions without a proof), bounded, so that no flood keeps a
 * newcomer out: when it is full, the oldest of the network with the most gives way.
 *
 * Shape   a network is what one customer of a provider has: see `networkOf`. `add` returns what has to be closed to make
 *         room; when nobody has more than the newcomer's own network, that is the newcomer.
 */
export class ByNetwork<T> {
  readonly #max: number
  readonly #held = new Map<string, Set<T>>()
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  of(network: string): number {
    return this.#held.get(network)?.size ?? 0
  }

  /** Null: there was room. */
  add(network: string, item: T): T | null {
    let evicted: T | null = null
    if (this.#size >= this.#max) {
      const busiest = this.#busiest()
      if (busiest === null || this.of(busiest) <= this.of(network)) return item
      // A set keeps the order in which its items were added.
      evicted = this.#held.get(busiest)!.values().next().value!
      this.delete(busiest, evicted)
    }
    const held = this.#held.get(network)
    if (held) held.add(item)
    else this.#held.set(network, new Set([item]))
    this.#size++
    return evicted
  }

  delete(network: string, item: T): void {
    const held = this.#held.get(network)
    if (!held?.delete(item)) return
    this.#size--
    if (held.size === 0) this.#held.delete(network)
  }

  /** Walks every network, but only while a flood goes on. */
  #busiest(): string | null {
    let busiest: string | null = null
    let most = 0
    for (const [network, held] of this.#held) if (held.size > most) [busiest, most] = [network, held.size]
    return busiest
  }
}
