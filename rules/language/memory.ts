/**
 * Results for values that recur: programs, users, hashes, most command lines.
 *
 * Shape   two generations: a value that is read again moves into the young one; when the young ones are full the
 *         old ones are forgotten. All memories of one budget age together, so that the bound holds for all of them.
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

/** `weightOf` is what a value costs. */
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
