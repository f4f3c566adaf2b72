/** The entries of each group as a linked list, in order of (time, id, rule). */
import { type Entries, NONE } from './entries.ts'
import type { Groups } from './groups.ts'

export type Value = number | string | null

export interface EntryLists {
  /** Adds an entry, and returns it; null when the same one is there already. */
  insert(group: number, time: number, id: string, rule: number, value: Value): number | null
  /** Adds an entry after all others: the caller knows the order. */
  append(group: number, time: number, id: string, rule: number, value: Value): number
  /** NONE: there is no such entry. */
  find(group: number, time: number, id: string, rule: number): number
  remove(group: number, entry: number): void
  /** Frees all entries of the group. */
  free(group: number): void
  /** In order. */
  of(group: number): number[]
}

export function entryLists(groups: Groups, entries: Entries): EntryLists {
  return {
    insert(group, time, id, rule, value) {
      const before = lastUpTo(group, time, id, rule)
      if (before !== NONE && compare(before, time, id, rule) === 0) return null
      return link(group, before, time, id, rule, value)
    },
    append: (group, time, id, rule, value) => link(group, groups.last[group]!, time, id, rule, value),
    find(group, time, id, rule) {
      const entry = lastUpTo(group, time, id, rule)
      return entry !== NONE && compare(entry, time, id, rule) === 0 ? entry : NONE
    },
    remove(group, entry) {
      const { previous, next } = entries
      const before = previous[entry]!
      const after = next[entry]!
      if (before === NONE) groups.first[group] = after
      else next[before] = after
      if (after === NONE) groups.last[group] = before
      else previous[after] = before
      groups.count[group]!--
      entries.free(entry)
    },
    free(group) {
      for (let entry = groups.first[group]!; entry !== NONE; ) {
        const next = entries.next[entry]!
        entries.free(entry)
        entry = next
      }
    },
    of(group) {
      const all: number[] = []
      for (let entry = groups.first[group]!; entry !== NONE; entry = entries.next[entry]!) all.push(entry)
      return all
    },
  }

  /** The last entry that is not later in the order; NONE: all are later. Most events arrive in order. */
  function lastUpTo(group: number, time: number, id: string, rule: number): number {
    let entry = groups.last[group]!
    while (entry !== NONE && compare(entry, time, id, rule) > 0) entry = entries.previous[entry]!
    return entry
  }

  function compare(entry: number, time: number, id: string, rule: number): number {
    const byTime = entries.time[entry]! - time
    if (byTime !== 0) return byTime
    const its = entries.ids[entry]!
    return its === id ? entries.rule[entry]! - rule : its < id ? -1 : 1
  }

  function link(group: number, before: number, time: number, id: string, rule: number, value: Value): number {
    const entry = entries.add(time, id, rule, value)
    const { previous, next } = entries
    const after = before === NONE ? groups.first[group]! : next[before]!
    previous[entry] = before
    next[entry] = after
    if (before === NONE) groups.first[group] = entry
    else next[before] = entry
    if (after === NONE) groups.last[group] = entry
    else previous[after] = entry
    groups.count[group]!++
    return entry
  }
}
