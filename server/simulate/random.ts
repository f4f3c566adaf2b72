/**
 * Reproducible randomness: the same keys give the same numbers, on every machine.
 *
 * Shape   `stream` makes one source per purpose (worker, day, hour), so that a change for one worker does not affect
 *         another. The distributions take the source as first argument.
 * Units   0 <= a number < 1, of 32 bits.
 * Source  xoshiro128** 1.1 (Blackman and Vigna), seeded by splitmix32 from an FNV-1a hash of the keys. Not for secrets.
 */
export type Random = () => number

export function stream(...keys: readonly (string | number)[]): Random {
  let seed = hashOf(keys.join('\n'))
  const next = () => {
    seed = (seed + 0x9e3779b9) | 0
    return mixed(seed)
  }
  let [a, b, c, d] = [next(), next(), next(), next()]
  return () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotated(d, 11)
    return result / 0x1_0000_0000
  }
}

/** A 32-bit hash, well mixed. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mixed(hash)
}

export function mixed(value: number): number {
  let it = value ^ (value >>> 16)
  it = Math.imul(it, 0x21f0aaad)
  it ^= it >>> 15
  it = Math.imul(it, 0x735a2d97)
  return it ^ (it >>> 15)
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)
export const between = (random: Random, from: number, to: number): number => from + random() * (to - from)
export const chance = (random: Random, share: number): boolean => random() < share
export const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!

/** One of the keys, with a probability by weight. */
export function weighted<K extends string>(random: Random, weights: Readonly<Record<K, number>>): K {
  const keys = Object.keys(weights) as K[]
  let left = random() * keys.reduce((sum, key) => sum + weights[key], 0)
  return keys.find((key) => (left -= weights[key]) < 0) ?? keys.at(-1)!
}

/** The Box-Muller method; the second value is discarded. */
export function normal(random: Random, mean: number, deviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()))
  return mean + deviation * radius * Math.cos(2 * Math.PI * random())
}

/** Heavy-tailed: `sigma` 1 has a 99th percentile of 10 times the median, 1.5 of 33 times. */
export const logNormal = (random: Random, median: number, sigma: number): number =>
  median * Math.exp(normal(random, 0, sigma))

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random())

/** A Poisson-distributed count. Knuth's method; above 30 a rounded normal is good enough. */
export function poisson(random: Random, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(normal(random, mean, Math.sqrt(mean))))
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}

/** `digits` hex digits derived from `text`, in place of an HMAC or a serial number. */
export function hexOf(text: string, digits: number): string {
  let hex = ''
  for (let part = 0; hex.length < digits; part++)
    hex += (hashOf(`${part}|${text}|${part}`) >>> 0).toString(16).padStart(8, '0')
  return hex.slice(0, digits)
}
