/** How certain a figure is. */
import { below, type Random } from '../../server/simulate/random.ts'

/** Shares, 0 to 1; of medians, the unit of what was measured. */
export type Interval = [low: number, high: number]

/** Two-sided 95 %. */
const Z = 1.959964
const RESAMPLED = 2_000

/**
 * Wilson's score interval at 95 %.
 *
 * Shape   `share` of `trials` independent trials. Several people of one scene are not independent: then `trials` is
 *         the number of scenes, and the share is of people.
 * Errors  no trials: 0 to 1.
 * Source  E. B. Wilson, JASA 22 (1927), 209-212.
 */
export function wilson(share: number, trials: number): Interval {
  if (trials === 0) return [0, 1]
  const spread =
    (Z * Math.sqrt((share * (1 - share)) / trials + (Z * Z) / (4 * trials * trials))) / (1 + (Z * Z) / trials)
  const middle = (share + (Z * Z) / (2 * trials)) / (1 + (Z * Z) / trials)
  // At the ends the interval is exactly 0 or 1; the sum above misses them by a rounding error.
  return [share === 0 ? 0 : middle - spread, share === 1 ? 1 : middle + spread]
}

/**
 * The smallest value that at least `share` of all do not exceed; null when there is none.
 * `Infinity` stands for never: later than everything else.
 */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
}

/**
 * The 95 % interval of `figure` if other seeds had been drawn: resamples whole seeds, because people in one fleet are
 * not independent.
 *
 * Errors  draws without a figure (null) are omitted; null when there is no other.
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
