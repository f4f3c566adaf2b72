/** Which holder had which key on which days, and which holders had a key. */
import { type Keeper, type Parts, Subjects } from '../../kit/kept.ts'
import { DAYS_BY_KEY, type Days, forgetDays, sameDays } from './holder.ts'

export class HeldKeys implements Keeper {
  /** By holder, then key. */
  readonly #days = new Subjects(DAYS_BY_KEY, (holder, keys) => {
    for (const key of keys.keys()) this.#add(key, holder)
  })
  /** By key; follows from `#days`. */
  readonly #holders = new Map<string, Set<string>>()

  readonly kept: Parts = { heldKeys: this.#days }

  /** The days on which the holder had each key. */
  of(holder: string): ReadonlyMap<string, Days> {
    return this.#days.get(holder) ?? NONE
  }

  holdersOf(key: string): ReadonlySet<string> {
    return this.#holders.get(key) ?? NOBODY
  }

  /** Replaces what is known of a holder. Returns the keys whose days are different from before. */
  set(holder: string, keys: Map<string, Days>): string[] {
    const before = this.of(holder)
    const changed = [...new Set([...before.keys(), ...keys.keys()])].filter(
      (key) => !sameDays(before.get(key), keys.get(key)),
    )
    for (const key of changed) {
      if (keys.has(key)) this.#add(key, holder)
      else this.#remove(key, holder)
    }
    if (changed.length > 0) this.#days.set(holder, keys)
    return changed
  }

  /** Drops days up to `oldest`. */
  forget(oldest: number): void {
    for (const [holder, keys] of this.#days)
      for (const [key, days] of keys) {
        if (!forgetDays(days, oldest)) continue
        this.#days.touch(holder)
        if (days.size > 0) continue
        keys.delete(key)
        this.#remove(key, holder)
        if (keys.size === 0) this.#days.delete(holder)
      }
  }

  #add(key: string, holder: string): void {
    this.#holders.set(key, (this.#holders.get(key) ?? new Set()).add(holder))
  }

  #remove(key: string, holder: string): void {
    const holders = this.#holders.get(key)
    holders?.delete(holder)
    if (holders?.size === 0) this.#holders.delete(key)
  }
}

const NONE: ReadonlyMap<string, Days> = new Map()
const NOBODY: ReadonlySet<string> = new Set()
