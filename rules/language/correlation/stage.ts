/**
 * One correlation at work: its groups, their entries in order, and what it decides about them.
 *
 * Shape   entries are kept for lateness + span, because until then a late one can change what was decided with them.
 *         An entry that is there already is not counted again.
 */
import { closing } from './closing.ts'
import { crossing } from './crossing.ts'
import type { Watermark } from './deciding.ts'
import { entriesOf, NONE } from './entries.ts'
import { firingMaker, type Tell } from './firing.ts'
import { groupsByKey } from './groups.ts'
import type { KeptPart } from './kept.ts'
import { measureOf } from './measure.ts'
import { ownersOf } from './owners.ts'
import type { LoadedCorrelation } from './rule.ts'

export interface Limits {
  /** Matches kept a group; beyond, the earliest goes. */
  maxEventsPerGroup: number
  /** Groups that agree in the first of several fields; beyond, those whose last match is the oldest go. */
  maxGroupsPerOwner: number
  /** The last resort: groups a correlation; beyond, those whose last match is the oldest go, whosever they are. */
  maxGroups: number
  /** The last resort: matches kept a correlation; beyond, groups go in the same way. */
  maxEvents: number
}

export interface Counters {
  /** Events that came after the lateness bound, and were not used. */
  late: number
  /** Events without a field to group by, or without a value to read. */
  skipped: number
  /** Groups that went because their owner had too many. */
  crowded: number
  /** Groups that went because the correlation had too many groups or matches: the last resort. */
  evicted: number
  /** Matches that went because their group had too many. */
  truncated: number
}

/** A group's entries in order, column by column. */
type SavedGroup = [times: number[], ids: string[], rules: number[], flags: number[], values: number[] | string[] | null]

export type Value = number | string | null

export interface Stage {
  readonly counters: Counters
  readonly size: { groups: number; events: number }
  /** By group. Entries that only grew too old are not told: they go with the next edit, or with the group. */
  readonly kept: KeptPart
  insert(key: string, time: number, id: string, rule: number, value: Value, tell: Tell): void
  remove(key: string, time: number, id: string, rule: number, tell: Tell): void
  /** Decides what is due before `now`. */
  advance(now: number, tell: Tell): void
  /** Forgets what no late event can reach any more. */
  sweep(): void
  /** Lets all groups go, and takes these over, as another stage of the same correlation keeps them. */
  adopt(states: Iterable<readonly [group: string, state: unknown]>): void
}

export function stageOf(correlation: LoadedCorrelation, watermark: Watermark, limits: Limits): Stage {
  const { spanMs, latenessMs, atEnd } = correlation
  const valueKind = kindOfValue(correlation)
  const entries = entriesOf(valueKind)
  const groups = groupsByKey()
  const measure = measureOf(correlation, groups, entries)
  const maker = firingMaker(correlation, groups, entries, measure)
  const deciding = atEnd
    ? closing(spanMs, watermark, groups, entries, measure, maker)
    : crossing(spanMs, groups, entries, measure, maker)
  const owners = ownersOf(correlation.groupBy.length, limits.maxGroupsPerOwner)
  const counters: Counters = { late: 0, skipped: 0, crowded: 0, evicted: 0, truncated: 0 }
  const maxCount = Math.max(limits.maxEventsPerGroup, largest(correlation, limits.maxEvents))

  return {
    counters,
    get size() {
      return { groups: groups.known, events: entries.size }
    },
    kept: {
      *changed() {
        const { edited, gone } = groups.takeMarked()
        for (const key of gone) yield [key, undefined]
        for (const group of edited) yield [groups.keys[group]!, saved(group)]
      },
      restore(key, state) {
        put(key, state as SavedGroup)
        groups.unmark(groups.find(key)!)
      },
      *all() {
        for (const group of groups.all()) yield [groups.keys[group]!, saved(group)]
      },
    },
    insert(key, time, id, rule, value, tell) {
      const group = groups.find(key) ?? begin(key)
      const before = placeFor(group, time, id, rule)
      if (before === SAME) return
      groups.mark(group)
      const entry = link(group, before, time, id, rule, value)
      if (entry === groups.last[group]) deciding.appended(group, entry, tell)
      else deciding.inserted(group, entry, tell)
      forgetOld(group)
      if (groups.count[group]! > maxCount) {
        counters.truncated++
        deciding.dropping(group)
        unlink(group, groups.first[group]!)
      }
      while (entries.size > limits.maxEvents && groups.known > 1) counters.evicted += letGo(groups.all())
    },
    remove(key, time, id, rule, tell) {
      const group = groups.find(key)
      if (group === undefined) return
      let entry = groups.last[group]!
      while (entry !== NONE && compare(entry, time, id, rule) > 0) entry = entries.previous[entry]!
      if (entry === NONE || compare(entry, time, id, rule) !== 0) return
      deciding.removing(group, entry, tell)
      const next = entries.next[entry]!
      unlink(group, entry)
      groups.mark(group)
      if (groups.count[group] === 0) end(group)
      else deciding.removed(group, next, time, tell)
    },
    advance: (now, tell) => deciding.advance(now, tell),
    sweep() {
      for (const group of [...groups.all()]) forgetOld(group)
    },
    adopt(states) {
      for (const group of [...groups.all()]) end(group)
      for (const [key, state] of states) put(key, state as SavedGroup)
    },
  }

  function begin(key: string): number {
    if (groups.known >= limits.maxGroups) counters.evicted += letGo(groups.all())
    const group = groups.add(key)
    deciding.begin(group)
    const crowd = owners.add(key, group)
    // It has no entry yet, so it cannot be the one with the oldest.
    if (crowd) counters.crowded += letGo([...crowd].filter((it) => it !== group))
    return group
  }

  /** Those whose last match is the oldest: several at once, because finding them means looking at all. */
  function letGo(some: Iterable<number>): number {
    const { time } = entries
    const byAge = [...some].sort((a, b) => {
      const age = time[groups.last[a]!]! - time[groups.last[b]!]!
      return age !== 0 ? age : groups.keys[a]! < groups.keys[b]! ? -1 : 1
    })
    const going = byAge.slice(0, Math.max(1, Math.floor(byAge.length / 50)))
    for (const group of going) end(group)
    return going.length
  }

  /** In place of whatever is there under the key. */
  function put(key: string, [times, ids, rules, flags, values]: SavedGroup): void {
    const known = groups.find(key)
    if (known !== undefined) end(known)
    const group = begin(key)
    for (let i = 0; i < times.length; i++) {
      const entry = link(group, groups.last[group]!, times[i]!, ids[i]!, rules[i]!, values ? values[i]! : null)
      entries.flags[entry] = flags[i]!
    }
    deciding.restored(group)
  }

  function end(group: number): void {
    for (let entry = groups.first[group]!; entry !== NONE; ) {
      const next = entries.next[entry]!
      entries.free(entry)
      entry = next
    }
    measure.reset(group)
    owners.remove(groups.keys[group]!, group)
    groups.remove(group)
  }

  /** The entry to stand behind; NONE to stand first. */
  function placeFor(group: number, time: number, id: string, rule: number): number {
    let entry = groups.last[group]!
    while (entry !== NONE) {
      const order = compare(entry, time, id, rule)
      if (order === 0) return SAME
      if (order < 0) return entry
      entry = entries.previous[entry]!
    }
    return NONE
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

  function unlink(group: number, entry: number): void {
    const { previous, next } = entries
    const before = previous[entry]!
    const after = next[entry]!
    if (before === NONE) groups.first[group] = after
    else next[before] = after
    if (after === NONE) groups.last[group] = before
    else previous[after] = before
    groups.count[group]!--
    entries.free(entry)
  }

  function forgetOld(group: number): void {
    const horizon = watermark.now - latenessMs - spanMs
    if (entries.time[groups.last[group]!]! <= horizon) {
      end(group)
      return
    }
    const kept = deciding.keeps(group)
    for (;;) {
      const first = groups.first[group]!
      if (first === kept || entries.time[first]! > horizon) return
      unlink(group, first)
    }
  }

  function saved(group: number): SavedGroup {
    const all: number[] = []
    for (let entry = groups.first[group]!; entry !== NONE; entry = entries.next[entry]!) all.push(entry)
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

const SAME = -2

export function kindOfValue({ type }: LoadedCorrelation): 'number' | 'text' | null {
  if (type === 'value_count') return 'text'
  return type.startsWith('value_') ? 'number' : null
}

/** So many entries of a group must be kept for its condition to be decided at all. */
function largest({ type, bounds }: LoadedCorrelation, most: number): number {
  if (type !== 'event_count' && type !== 'value_count') return 0
  return Math.min(most, Math.max(...bounds.map(({ than }) => Math.ceil(than) + 1)))
}
