/**
 * A cache of results for values that recur: programs, users, hashes, most command lines.
 *
 * Shape   two generations: a value that is read again moves to the young one; when that is full, the old one is
 *         dropped. All memories of one budget do this together, so that the bound holds for their sum.
 *         Where values hardly recur, a memory rests: it keeps nothing of the next values and does not look them up.
 *         Without that, a third of the time went into values that are all new.
 * Units   about characters.
 */
export interface Budget {
  generation: number
  spent: number
  readonly most: number
}

export interface Memory<T> {
  get(text: string): T | undefined
  set(text: string, value: T): void
}

export function budget(most: number): Budget {
  return { generation: 0, spent: 0, most }
}

export function spend(budget: Budget, amount: number): void {
  budget.spent += amount
  if (budget.spent <= budget.most) return
  budget.generation++
  budget.spent = 0
}

/** After this many values the memory decides whether to rest. */
const TRIAL = 512
/** It rests when fewer of them were found: one in 16. */
const LEAST_FOUND = TRIAL / 16
/** Values. The trials in between cost an eighth of what is saved, and find out when values recur again. */
const REST = 4_096

/** `weightOf`: the memory cost of a value. */
export function memory<T>(budget: Budget, weightOf: (text: string, value: T) => number): Memory<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  let generation = budget.generation
  let asked = 0
  let found = 0
  let resting = 0

  function set(text: string, value: T): void {
    if (resting > 0) return
    young.set(text, value)
    spend(budget, weightOf(text, value))
  }

  return {
    get(text) {
      if (resting > 0) {
        resting--
        return undefined
      }
      const known = lookUp(text)
      if (known !== undefined) found++
      if (++asked === TRIAL) {
        if (found < LEAST_FOUND) resting = REST
        asked = found = 0
      }
      return known
    },
    set,
  }

  function lookUp(text: string): T | undefined {
    if (generation !== budget.generation) {
      old = generation + 1 === budget.generation ? young : new Map()
      young = new Map()
      generation = budget.generation
    }
    const known = young.get(text)
    if (known !== undefined || old.size === 0) return known
    const before = old.get(text)
    if (before !== undefined) set(text, before)
    return before
  }
}
