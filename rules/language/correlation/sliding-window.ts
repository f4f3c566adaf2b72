/** The window of each group that ends with its latest match, one span long, with its measure kept up to date. */
import { type Entries, NONE } from './entries.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'

export interface SlidingWindow {
  clear(group: number): void
  /** Adds an entry that follows those in the window. */
  enter(group: number, entry: number): void
  /** Removes the first entry. */
  leave(group: number): void
  /** Fills an empty window with the entries later than `after`, up to `last`. */
  fill(group: number, after: number, last: number): void
  /** Whether the condition holds for entries later than `after`; false for an empty window. */
  holds(group: number, after: number): boolean
}

export function slidingWindow(groups: Groups, entries: Entries, measure: Measure): SlidingWindow {
  return {
    clear(group) {
      measure.reset(group)
      groups.size[group] = 0
      groups.from[group] = groups.to[group] = NONE
    },
    enter,
    leave(group) {
      const entry = groups.from[group]!
      measure.leave(group, entry)
      groups.from[group] = --groups.size[group]! === 0 ? NONE : entries.next[entry]!
    },
    fill(group, after, last) {
      const { time, previous, next } = entries
      let first = last
      for (let at = last; at !== NONE && time[at]! > after; at = previous[at]!) first = at
      for (let at = first; ; at = next[at]!) {
        enter(group, at)
        if (at === last) break
      }
    },
    holds: (group, after) => groups.size[group]! > 0 && measure.holds(group, after),
  }

  function enter(group: number, entry: number): void {
    if (groups.size[group]!++ === 0) groups.from[group] = entry
    groups.to[group] = entry
    measure.enter(group, entry)
  }
}
