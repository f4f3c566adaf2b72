/**
 * The value that a correlation's type computes of a window, updated as entries enter and leave.
 *
 * Shape   depends on the entries in the window only, and not on rounding: sums are updated while they are exact, and
 *         otherwise computed again in the entries' order.
 */
import { withRoom } from './column.ts'
import type { Entries } from './entries.ts'
import type { Groups } from './groups.ts'
import type { Alternative, Bound, LoadedCorrelation } from './rule.ts'

export interface Measure {
  /** Empties the window. Called before everything else for a group. */
  reset(group: number): void
  enter(group: number, entry: number): void
  leave(group: number, entry: number): void
  /** Whether the condition holds. The window must not be empty, and begins after `after`. */
  holds(group: number, after: number): boolean
  values(group: number): Record<string, number>
}

export function measureOf(correlation: LoadedCorrelation, groups: Groups, entries: Entries): Measure {
  const { type, bounds } = correlation
  if (type === 'temporal' || type === 'temporal_ordered') return seenRules(correlation, groups, entries)
  const [name, figure] = figureOf(correlation, groups, entries)
  return {
    reset: figure.reset,
    enter: figure.enter,
    leave: figure.leave,
    holds: (group) => meets(bounds, figure.value(group)),
    values: (group) => ({ count: groups.size[group]!, [name]: figure.value(group) }),
  }
}

interface Figure extends Pick<Measure, 'reset' | 'enter' | 'leave'> {
  value(group: number): number
}

/** The number that the type computes of a window, and its name. */
function figureOf({ type, percentile }: LoadedCorrelation, groups: Groups, entries: Entries): [string, Figure] {
  if (type === 'event_count')
    return ['count', { reset() {}, enter() {}, leave() {}, value: (group) => groups.size[group]! }]
  if (type === 'value_count') return ['values', distinctTexts(groups, entries)]
  if (type === 'value_median') return ['median', sorted(entries, 50)]
  if (type === 'value_percentile') return ['percentile', sorted(entries, percentile)]
  const sum = sums(groups, entries)
  if (type === 'value_sum') return ['sum', sum]
  return ['average', { ...sum, value: (group) => sum.value(group) / groups.size[group]! }]
}

function meets(bounds: readonly Bound[], value: number): boolean {
  for (let i = 0; i < bounds.length; i++) if (!compares(bounds[i]!, value)) return false
  return true
}

function compares({ by, than }: Bound, value: number): boolean {
  if (by === 'gte') return value >= than
  if (by === 'gt') return value > than
  if (by === 'lt') return value < than
  if (by === 'lte') return value <= than
  return by === 'eq' ? value === than : value !== than
}

/** In windows of up to this size, comparing all pairs is cheaper than a map. */
const FEW = 12

function distinctTexts(groups: Groups, entries: Entries): Figure {
  const tallies = new Map<number, Map<string, number>>()
  return {
    reset: (group) => void tallies.delete(group),
    enter(group, entry) {
      const tally = tallies.get(group)
      if (tally) count(tally, entries.texts[entry]!)
    },
    leave(group, entry) {
      const tally = tallies.get(group)
      if (!tally) return
      const text = entries.texts[entry]!
      const left = tally.get(text)! - 1
      if (left > 0) tally.set(text, left)
      else tally.delete(text)
    },
    value(group) {
      const tally = tallies.get(group)
      if (tally) return tally.size
      if (groups.size[group]! <= FEW) return compareEach(group)
      const made = new Map<string, number>()
      walk(group, (entry) => count(made, entries.texts[entry]!))
      tallies.set(group, made)
      return made.size
    },
  }

  function count(tally: Map<string, number>, text: string): void {
    tally.set(text, (tally.get(text) ?? 0) + 1)
  }

  function walk(group: number, each: (entry: number) => void): void {
    const last = groups.to[group]!
    for (let entry = groups.from[group]!; ; entry = entries.next[entry]!) {
      each(entry)
      if (entry === last) return
    }
  }

  function compareEach(group: number): number {
    const { texts, next } = entries
    const first = groups.from[group]!
    const last = groups.to[group]!
    let distinct = 1
    for (let entry = first; entry !== last; ) {
      entry = next[entry]!
      let before = first
      while (before !== entry && texts[before] !== texts[entry]) before = next[before]!
      if (before === entry) distinct++
    }
    return distinct
  }
}

function sums(groups: Groups, entries: Entries): Figure {
  let total = new Float64Array(0)
  /** The number of entries in the window that could make the sum inexact. */
  let rough = new Int32Array(0)
  return {
    reset(group) {
      total = withRoom(total, group + 1)
      rough = withRoom(rough, group + 1)
      total[group] = rough[group] = 0
    },
    enter(group, entry) {
      const number = entries.numbers[entry]!
      if (isExact(number)) total[group]! += number
      else rough[group]!++
    },
    leave(group, entry) {
      const number = entries.numbers[entry]!
      if (isExact(number)) total[group]! -= number
      else rough[group]!--
    },
    value(group) {
      if (rough[group] === 0) return total[group]!
      let sum = 0
      const last = groups.to[group]!
      for (let entry = groups.from[group]!; ; entry = entries.next[entry]!) {
        sum += entries.numbers[entry]!
        if (entry === last) return sum
      }
    },
  }
}

/** 2^20 of these add up exactly, in any order. */
function isExact(number: number): boolean {
  return Number.isInteger(number) && Math.abs(number) <= 2 ** 33
}

/** The numbers in order, for percentiles. */
function sorted(entries: Entries, percentile: number): Figure {
  const byGroup = new Map<number, { numbers: Float64Array; size: number }>()
  return {
    reset: (group) => void byGroup.delete(group),
    enter(group, entry) {
      let list = byGroup.get(group)
      if (!list) byGroup.set(group, (list = { numbers: new Float64Array(4), size: 0 }))
      const number = entries.numbers[entry]!
      const place = placeIn(list.numbers, list.size, number)
      list.numbers = withRoom(list.numbers, list.size + 1)
      list.numbers.copyWithin(place + 1, place, list.size)
      list.numbers[place] = number
      list.size++
    },
    leave(group, entry) {
      const list = byGroup.get(group)!
      const place = placeIn(list.numbers, list.size, entries.numbers[entry]!)
      list.numbers.copyWithin(place, place + 1, list.size)
      list.size--
    },
    value(group) {
      const { numbers, size } = byGroup.get(group)!
      const at = ((size - 1) * percentile) / 100
      const low = numbers[Math.floor(at)]!
      return low + (numbers[Math.ceil(at)]! - low) * (at - Math.floor(at))
    },
  }
}

/** The index of the first number that is not smaller. */
function placeIn(numbers: Float64Array, size: number, number: number): number {
  let low = 0
  let high = size
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle]! < number) low = middle + 1
    else high = middle
  }
  return low
}

/** Which rules matched, and for `temporal_ordered` whether in their order. */
function seenRules(correlation: LoadedCorrelation, groups: Groups, entries: Entries): Measure {
  const { members, bounds, anyOf } = correlation
  const rules = members.length
  let counts = new Uint32Array(0)
  let seen = new Int32Array(0)
  const chains = correlation.type === 'temporal_ordered' ? chainsOf(anyOf!, rules) : null
  return {
    reset(group) {
      counts = withRoom(counts, (group + 1) * rules)
      seen = withRoom(seen, group + 1)
      counts.fill(0, group * rules, (group + 1) * rules)
      seen[group] = 0
      chains?.reset(group)
    },
    enter(group, entry) {
      const rule = entries.rule[entry]!
      counts[group * rules + rule]!++
      seen[group]! |= 1 << rule
      chains?.enter(group, rule, entries.time[entry]!)
    },
    leave(group, entry) {
      const rule = entries.rule[entry]!
      if (--counts[group * rules + rule]! === 0) seen[group]! &= ~(1 << rule)
    },
    holds(group, after) {
      const bits = seen[group]!
      if (!anyOf) return meets(bounds, countOf(bits))
      for (let way = 0; way < anyOf.length; way++) {
        const { all, none } = anyOf[way]!
        if ((bits & all) === all && (bits & none) === 0 && (!chains || chains.within(group, way, after))) return true
      }
      return false
    },
    values: (group) => ({ count: groups.size[group]!, rules: countOf(seen[group]!) }),
  }
}

/**
 * For each alternative and each of its rules: the latest start of a sequence that has reached that rule. A sequence is
 * in the window exactly when its start is.
 */
function chainsOf(anyOf: readonly Alternative[], rules: number) {
  const offsets: number[] = []
  let width = 0
  const steps = anyOf.map(({ all }) => {
    offsets.push(width)
    const its = Array.from({ length: rules }, (_, rule) => rule).filter((rule) => (all & (1 << rule)) !== 0)
    width += its.length
    return its
  })
  let began = new Float64Array(0)
  return {
    reset(group: number): void {
      began = withRoom(began, (group + 1) * width)
      began.fill(-Infinity, group * width, (group + 1) * width)
    },
    enter(group: number, rule: number, time: number): void {
      for (let way = 0; way < steps.length; way++) {
        const step = steps[way]!.indexOf(rule)
        if (step < 0) continue
        const at = group * width + offsets[way]! + step
        began[at] = step === 0 ? time : began[at - 1]!
      }
    },
    within(group: number, way: number, after: number): boolean {
      const length = steps[way]!.length
      return length === 0 || began[group * width + offsets[way]! + length - 1]! > after
    },
  }
}

function countOf(bits: number): number {
  let count = 0
  for (let left = bits; left !== 0; left &= left - 1) count++
  return count
}
