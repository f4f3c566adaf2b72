/** One measured figure. */
export interface Row {
  name: string
  unit: string
  value: number
  /** '>= 10,000', '<= 0.3', or '' without a target (design, section 8). */
  budget: string
}

export interface Bench {
  name: string
  /** Runs only when this is given. */
  needs?: 'checkout'
  run(options: BenchOptions): Promise<Row[]>
}

export interface BenchOptions {
  /** How long running processes are observed. */
  seconds: number
  /** Sizes of the fleets that are measured in several sizes. */
  sizes: readonly { workers: number; events: number }[]
  /** The folder for data that takes long to make, kept for the next run; null: none. */
  folder: string | null
  /** A checkout of the commit that a bench compares with; null: none. */
  checkout: string | null
  /** Of benches that have stages, only these; null: all. */
  stages: readonly string[] | null
  /** Prints one line of progress. */
  says(text: string): void
}

/** Null without a target. Errors  a budget in another form, so that none is ignored silently. */
export function holds({ name, value, budget }: Row): boolean | null {
  if (budget === '') return null
  const [, sign, bound] = /^([<>]=) ([\d.,]+)$/.exec(budget) ?? []
  if (!sign || !bound) throw new Error(`${name}: '${budget}' is not a budget; write '>= 10,000' or '<= 0.3'`)
  const limit = Number(bound.replaceAll(',', ''))
  return sign === '>=' ? value >= limit : value <= limit
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The smallest value that `share` of all values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** Enough digits to compare, but not more than were measured. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return 'not measured'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}
