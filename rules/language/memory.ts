/**
 * A cache of results for values that recur: programs, users, hashes, most command lines.
 *
 * Shape   two generations: a value that is read again moves to the young one; when that is full, the old one is
 *         dropped. All memories of one budget do this together, so that the bound holds for their sum.
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

/** `weightOf`: the memory cost of a value. */
export function memory<T>(budget: Budget, weightOf: (text: string, value: T) => number): Memory<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  let generation = budget.generation

  function set(text: string, value: T): void {
    young.set(text, value)
    spend(budget, weightOf(text, value))
  }

  return {
    get(text) {
      if (generation !== budget.generation) {
        old = generation + 1 === budget.generation ? young : new Map()
        young = new Map()
        generation = budget.generation
      }
      const found = young.get(text)
      if (found !== undefined || old.size === 0) return found
      const before = old.get(text)
      if (before !== undefined) set(text, before)
      return before
    },
    set,
  }
}
