/**
 * How rare a day is among those of the colleagues.
 *
 * Shape   the share of days at least as high as `value / exceeds`, of the other members of the role, less the fifth of
 *         them that moved most in the window: two or three thieves among twenty do not hide each other. `typicalDays`
 *         days with the typical shares are added, so that a role with few days is judged carefully.
 * Memory  one number for each member and day, during one call.
 */
import { type SlowMetric, typicalShare } from './metrics.ts'

export interface RankLimits {
  windowDays: number
  leftOut: number
  exceeds: number
  typicalDays: number
}

/** Days `first` to `first + span - 1` of one member; undefined: not active. */
export interface Member {
  name: string
  values: (number | undefined)[]
}

export interface Ranked {
  /** -log10 of the share. */
  rarity: number
  peerDays: number
}

/** The ranks of all members with a value above zero on the last day of `windowDays` before `end` (exclusive index). */
export function ranksOn(
  metric: SlowMetric,
  members: readonly Member[],
  end: number,
  limits: RankLimits,
): Map<string, Ranked> {
  const found = new Map<string, Ranked>()
  const judged = members.filter((it) => (it.values[end - 1] ?? 0) > 0)
  if (judged.length === 0) return found
  const windows = members.map((it) => windowOf(it, Math.max(0, end - limits.windowDays), end))
  const active = windows.filter((it) => it.days > 0)
  const busiest = active.toSorted((a, b) => b.sum - a.sum || (a.name < b.name ? -1 : 1))
  // Of the others, whoever is judged; so one more than are left out may be needed.
  const leftOut = Math.round((active.length - 1) * limits.leftOut)
  const top = busiest.slice(0, leftOut)
  const spare = busiest[leftOut]
  const rest = busiest.slice(leftOut)
  const sorted = rest.flatMap((it) => it.values).sort((a, b) => a - b)
  const days = rest.reduce((sum, it) => sum + it.days, 0)
  for (const { name, values } of judged) {
    const value = values[end - 1]!
    // Who is among the busiest is left out anyway, and the next one takes that place.
    const own = top.some((it) => it.name === name) ? spare : active.find((it) => it.name === name)
    const least = value / limits.exceeds
    const others = own && rest.includes(own) ? own : null
    const asHigh = atLeast(sorted, least) - (others ? others.values.filter((it) => it >= least).length : 0)
    const peerDays = days - (others?.days ?? 0)
    const share = (asHigh + limits.typicalDays * typicalShare(metric, value)) / (peerDays + limits.typicalDays)
    found.set(name, { rarity: -Math.log10(share), peerDays })
  }
  return found
}

interface Window {
  name: string
  /** Active days, and the values above zero on them. */
  days: number
  values: number[]
  sum: number
}

function windowOf({ name, values }: Member, first: number, end: number): Window {
  const window: Window = { name, days: 0, values: [], sum: 0 }
  for (let at = first; at < end; at++) {
    const value = values[at]
    if (value === undefined) continue
    window.days++
    if (value === 0) continue
    window.values.push(value)
    window.sum += value
  }
  return window
}

/** How many of the sorted values are at least `least`. */
function atLeast(sorted: readonly number[], least: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < least) low = middle + 1
    else high = middle
  }
  return sorted.length - low
}
