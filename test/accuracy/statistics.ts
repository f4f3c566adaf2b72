/** How sure a figure is. */
import { below, type Random } from '../../server/simulate/random.ts'

/** Shares, 0 to 1; of medians, the unit of what was measured. */
export type Interval = [low: number, high: number]

/** Two-sided 95 %. */
const Z = 1.959964
const RESAMPLED = 2_000

/**
 * Wilson's score interval at 95 %.
 *
 * Shape   `share` of `trials` that could each have gone the other way. Where several people share one scene they do not:
 *         then `trials` is the number of scenes, and the share is of people.
 * Errors  no trials: 0 to 1, which is what is known then.
 * Source  E. B. Wilson, JASA 22 (1927), 209-212.
 */
export function wilson(share: number, trials: number): Interval {
  if (trials === 0) return [0, 1]
  const spread =
    (Z * Math.sqrt((share * (1 - share)) / trials + (Z * Z) / (4 * trials * trials))) / (1 + (Z * Z) / trials)
  const middle = (share + (Z * Z) / (2 * trials)) / (1 + (Z * Z) / trials)
  // At its ends the interval reaches 0 and 1 exactly; the sum above misses them by a bit.
  return [share === 0 ? 0 : middle - spread, share === 1 ? 1 : middle + spread]
}

/**
 * The least value that `share` of all do not exceed; null when there is none.
 * What never happened is `Infinity`: it counts as later than everything that did.
 */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
}

/**
 * 95 % of what `figure` would be had other seeds been drawn: whole seeds are drawn again, as what is in one fleet is
 * not independent.
 *
 * Errors  a figure that cannot be had from a draw (null) leaves that draw out; null when there is no other.
 */
export function resampled<T>(
  seeds: readonly T[],
  figure: (seeds: readonly T[]) => number | null,
  random: Random,
): Interval | null {
  const drawn: number[] = []
  for (let n = 0; n < RESAMPLED && seeds.length > 0; n++) {
    const value = figure(Array.from(seeds, () => seeds[below(random, seeds.length)]!))
    if (value !== null) drawn.push(value)
  }
  const [low, high] = [quantile(drawn, 0.025), quantile(drawn, 0.975)]
  return low === null || high === null ? null : [low, high]
}
