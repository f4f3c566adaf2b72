/**
 * One correlation: its groups, their entries in order, and its decisions.
 *
 * Shape   entries are kept for lateness + span, because until then a late one can change a decision. An entry that is
 *         there already is not counted again.
 */
import { closing } from './closing.ts'
import { crossing } from './crossing.ts'
import type { Watermark } from './decider.ts'
import { entriesOf, NONE } from './entries.ts'
import { entryLists, type Value } from './entry-lists.ts'
import { firingMaker, type Report } from './firing.ts'
import { groupsByKey } from './groups.ts'
import type { KeptPart } from './kept.ts'
import { measureOf } from './measure.ts'
import { ownersOf } from './owners.ts'
import type { LoadedCorrelation } from './rule.ts'

export interface Limits {
  /** Matches kept per group; beyond that, the earliest is dropped. */
  maxEventsPerGroup: number
  /** Groups of one owner (equal in the first of several fields); beyond that, those with the oldest last match go. */
  maxGroupsPerOwner: number
  /** Last resort: groups per correlation; beyond that, those with the oldest last match go, of any owner. */
  maxGroups: number
  /** Last resort: matches per correlation; beyond that, groups go in the same way. */
  maxEvents: number
}

export interface Counters {
  /** Events that arrived after the lateness bound, and were ignored. */
  late: number
  /** Events without a field to group by, or without a value to read. */
  skipped: number
  /** Groups dropped because their owner had too many. */
  crowded: number
  /** Groups dropped because the correlation had too many groups or matches: the last resort. */
  evicted: number
  /** Matches dropped because their group had too many. */
  truncated: number
}

/** A group's entries in order, column by column. */
type SavedGroup = [times: number[], ids: string[], rules: number[], flags: number[], values: number[] | string[] | null]

export interface Stage {
  readonly counters: Counters
  readonly size: { groups: number; events: number }
  /** By group. A group that only lost old entries is not reported as changed. */
  readonly kept: KeptPart
  insert(key: string, time: number, id: string, rule: number, value: Value, report: Report): void
  remove(key: string, time: number, id: string, rule: number, report: Report): void
  /** Decides what is due before `now`. */
  advance(now: number, report: Report): void
  /** Drops entries that no late event can affect. */
  sweep(): void
  /** Replaces all groups by saved groups of another stage of the same correlation. */
  adopt(states: Iterable<readonly [group: string, state: unknown]>): void
}

export function stageOf(correlation: LoadedCorrelation, watermark: Watermark, limits: Limits): Stage {
  const { spanMs, latenessMs, atEnd } = correlation
  const valueKind = kindOfValue(correlation)
  const entries = entriesOf(valueKind)
  const groups = groupsByKey()
  const lists = entryLists(groups, entries)
  const measure = measureOf(correlation, groups, entries)
  const maker = firingMaker(correlation, groups, entries, measure)
  const decider = atEnd
    ? closing(spanMs, watermark, groups, entries, measure, maker)
    : crossing(spanMs, groups, entries, measure, maker)
  const owners = ownersOf(correlation.groupBy.length, limits.maxGroupsPerOwner)
  const counters: Counters = { late: 0, skipped: 0, crowded: 0, evicted: 0, truncated: 0 }
  const maxCount = Math.max(limits.maxEventsPerGroup, leastCount(correlation, limits.maxEvents))

  return {
    counters,
    get size() {
      return { groups: groups.known, events: entries.size }
    },
    kept: {
      *changed() {
        const { edited, gone } = groups.takeMarked()
        for (const key of gone) yield [key, undefined]
        for (const group of edited) yield [groups.keys[group]!, save(group)]
      },
      restore(key, state) {
        load(key, state as SavedGroup)
        groups.unmark(groups.find(key)!)
      },
      *all() {
        for (const group of groups.all()) yield [groups.keys[group]!, save(group)]
      },
    },
    insert(key, time, id, rule, value, report) {
      const group = groups.find(key) ?? begin(key)
      const entry = lists.insert(group, time, id, rule, value)
      if (entry === null) return
      groups.mark(group)
      if (entry === groups.last[group]) decider.appended(group, entry, report)
      else decider.inserted(group, entry, report)
      dropOld(group)
      if (groups.count[group]! > maxCount) {
        counters.truncated++
        decider.dropping(group)
        lists.remove(group, groups.first[group]!)
      }
      while (entries.size > limits.maxEvents && groups.known > 1) counters.evicted += evictOldest(groups.all())
    },
    remove(key, time, id, rule, report) {
      const group = groups.find(key)
      if (group === undefined) return
      const entry = lists.find(group, time, id, rule)
      if (entry === NONE) return
      decider.removing(group, entry, report)
      const next = entries.next[entry]!
      lists.remove(group, entry)
      groups.mark(group)
      if (groups.count[group] === 0) end(group)
      else decider.removed(group, next, time, report)
    },
    advance: (now, report) => decider.advance(now, report),
    sweep() {
      for (const group of [...groups.all()]) dropOld(group)
    },
    adopt(states) {
      for (const group of [...groups.all()]) end(group)
      for (const [key, state] of states) load(key, state as SavedGroup)
    },
  }

  function begin(key: string): number {
    if (groups.known >= limits.maxGroups) counters.evicted += evictOldest(groups.all())
    const group = groups.add(key)
    decider.begin(group)
    const crowd = owners.add(key, group)
    // The new group has no entry yet, so it cannot be compared.
    if (crowd) counters.crowded += evictOldest([...crowd].filter((it) => it !== group))
    return group
  }

  function end(group: number): void {
    lists.free(group)
    measure.reset(group)
    owners.remove(groups.keys[group]!, group)
    groups.remove(group)
  }

  /** Drops the groups with the oldest last match: a fiftieth at once, because finding them takes a sort of all. */
  function evictOldest(candidates: Iterable<number>): number {
    const { time } = entries
    const byAge = [...candidates].sort((a, b) => {
      const age = time[groups.last[a]!]! - time[groups.last[b]!]!
      return age !== 0 ? age : groups.keys[a]! < groups.keys[b]! ? -1 : 1
    })
    const evicted = byAge.slice(0, Math.max(1, Math.floor(byAge.length / 50)))
    for (const group of evicted) end(group)
    return evicted.length
  }

  function dropOld(group: number): void {
    const horizon = watermark.now - latenessMs - spanMs
    if (entries.time[groups.last[group]!]! <= horizon) {
      end(group)
      return
    }
    const kept = decider.keeps(group)
    for (;;) {
      const first = groups.first[group]!
      if (first === kept || entries.time[first]! > horizon) return
      lists.remove(group, first)
    }
  }

  /** Replaces the group with this key, if there is one. */
  function load(key: string, [times, ids, rules, flags, values]: SavedGroup): void {
    const known = groups.find(key)
    if (known !== undefined) end(known)
    const group = begin(key)
    for (let i = 0; i < times.length; i++) {
      const entry = lists.append(group, times[i]!, ids[i]!, rules[i]!, values ? values[i]! : null)
      entries.flags[entry] = flags[i]!
    }
    decider.restored(group)
  }

  function save(group: number): SavedGroup {
    const all = lists.of(group)
    return [
      all.map((entry) => entries.time[entry]!),
      all.map((entry) => entries.ids[entry]!),
      all.map((entry) => entries.rule[entry]!),
      all.map((entry) => entries.flags[entry]!),
      valueKind === null
        ? null
        : valueKind === 'number'
          ? all.map((entry) => entries.numbers[entry]!)
          : all.map((entry) => entries.texts[entry]!),
    ]
  }
}

export function kindOfValue({ type }: LoadedCorrelation): 'number' | 'text' | null {
  if (type === 'value_count') return 'text'
  return type.startsWith('value_') ? 'number' : null
}

/** The number of entries that a group must be able to hold for its condition to be decided. */
function leastCount({ type, bounds }: LoadedCorrelation, most: number): number {
  if (type !== 'event_count' && type !== 'value_count') return 0
  return Math.min(most, Math.max(...bounds.map(({ than }) => Math.ceil(than) + 1)))
}
