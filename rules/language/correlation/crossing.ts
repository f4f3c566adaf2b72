/**
 * Conditions that more events can only make true: decided at each match, over the window (t - span, t] that ends there.
 *
 * Shape   looked at after each match, and when something leaves the window. It fires at a match after which it holds,
 *         if it was false at some look since the last firing, or one span has passed since.
 */
import { withRoom } from './column.ts'
import { ARMED, type Deciding, FIRED } from './deciding.ts'
import { type Entries, NONE } from './entries.ts'
import type { firingMaker, Tell } from './firing.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'

export function crossing(
  spanMs: number,
  groups: Groups,
  entries: Entries,
  measure: Measure,
  { fired, retracted }: ReturnType<typeof firingMaker>,
): Deciding {
  /** By group, as of the window's last entry. */
  let armed = new Uint8Array(0)
  let lastFired = new Float64Array(0)

  return {
    begin(group) {
      armed = withRoom(armed, group + 1)
      lastFired = withRoom(lastFired, group + 1)
      clear(group)
    },
    appended(group, entry, tell) {
      if (step(group, entry)) tell(fired(group, entry, entries.time[entry]!))
    },
    inserted: (group, entry, tell) => again(group, entry, entries.time[entry]!, tell),
    removing(group, entry, tell) {
      if (entries.flags[entry]! & FIRED) tell(retracted(group, entry, entries.time[entry]!))
    },
    removed: again,
    dropping(group) {
      if (groups.from[group] === groups.first[group]) leave(group)
    },
    keeps: (group) => groups.from[group]!,
    restored: (group) => rewind(group, groups.last[group]!),
    advance() {},
  }

  /** Moves the window on to `entry`, the next one. True when it fires there. */
  function step(group: number, entry: number): boolean {
    const { time, flags } = entries
    const now = time[entry]!
    while (groups.size[group]! > 0) {
      const leaving = time[groups.from[group]!]!
      if (leaving + spanMs > now) break
      while (groups.size[group]! > 0 && time[groups.from[group]!] === leaving) leave(group)
      // What leaves as the match comes makes way for it: only then is it looked at.
      if (leaving + spanMs < now && armed[group] === 0 && !holds(group, leaving)) armed[group] = 1
    }
    enter(group, entry)
    let fires = false
    if (!holds(group, now - spanMs)) armed[group] = 1
    else if (armed[group] === 1 || now >= lastFired[group]! + spanMs) {
      fires = true
      armed[group] = 0
      lastFired[group] = now
    }
    flags[entry] = (fires ? FIRED : 0) | (armed[group] === 1 ? ARMED : 0)
    return fires
  }

  /** Decides anew from `entry` on, after something changed at `changed`. */
  function again(group: number, entry: number, changed: number, tell: Tell): void {
    const { time, flags, previous, next } = entries
    const last = groups.last[group]!
    rewind(group, entry === NONE ? last : previous[entry]!)
    for (let at = entry; at !== NONE; at = next[at]!) {
      const before = flags[at]!
      const fires = step(group, at)
      const sees = time[at]! - spanMs < changed
      if ((before & FIRED) !== 0 && !fires) tell(retracted(group, at, time[at]!))
      if (fires && ((before & FIRED) === 0 || sees)) tell(fired(group, at, time[at]!))
      // From here on all is as it was: the window does not reach the change, and the next firing depends on nothing else.
      if (!sees && before === flags[at] && before !== 0) {
        rewind(group, last)
        return
      }
    }
  }

  /** The state after `entry`, from what was written beside the entries. */
  function rewind(group: number, entry: number): void {
    clear(group)
    if (entry === NONE) return
    const { time, flags, previous, next } = entries
    const after = time[entry]! - spanMs
    let first = entry
    for (let at = entry; at !== NONE && time[at]! > after; at = previous[at]!) {
      first = at
      // A firing that is further back no longer keeps anything quiet.
      if (lastFired[group] === -Infinity && (flags[at]! & FIRED) !== 0) lastFired[group] = time[at]!
    }
    for (let at = first; ; at = next[at]!) {
      enter(group, at)
      if (at === entry) break
    }
    armed[group] = (flags[entry]! & ARMED) !== 0 ? 1 : 0
  }

  function clear(group: number): void {
    measure.reset(group)
    groups.size[group] = 0
    groups.from[group] = groups.to[group] = NONE
    armed[group] = 1
    lastFired[group] = -Infinity
  }

  function enter(group: number, entry: number): void {
    if (groups.size[group]!++ === 0) groups.from[group] = entry
    groups.to[group] = entry
    measure.enter(group, entry)
  }

  function leave(group: number): void {
    const entry = groups.from[group]!
    measure.leave(group, entry)
    groups.from[group] = --groups.size[group]! === 0 ? NONE : entries.next[entry]!
  }

  function holds(group: number, after: number): boolean {
    return groups.size[group]! > 0 && measure.holds(group, after)
  }
}
