/**
 * When to look at each name again, so that time can pass without a look at all of them.
 *
 * Shape   each name has at most one time, the earliest it was added with; `take` returns those that have passed and
 *         forgets them. Times are kept to five minutes, and a name may be returned that much too early.
 */
import { MINUTE } from '../../../wire/time.ts'

const SLOT_MS = 5 * MINUTE

export class Schedule {
  readonly #names = new Map<number, Set<string>>()
  readonly #slots = new Map<string, number>()

  add(name: string, time: number): void {
    const slot = Math.floor(time / SLOT_MS)
    const known = this.#slots.get(name)
    if (known !== undefined) {
      if (known <= slot) return
      this.#names.get(known)!.delete(name)
    }
    this.#slots.set(name, slot)
    const names = this.#names.get(slot) ?? new Set()
    this.#names.set(slot, names.add(name))
  }

  take(now: number): string[] {
    const taken: string[] = []
    const last = Math.floor(now / SLOT_MS)
    for (const [slot, names] of this.#names) {
      if (slot > last) continue
      for (const name of names) {
        taken.push(name)
        this.#slots.delete(name)
      }
      this.#names.delete(slot)
    }
    return taken
  }
}
