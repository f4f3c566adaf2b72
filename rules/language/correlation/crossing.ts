/**
 * Decides conditions that more events can only make true: at each match, over the window (t - span, t] that ends there.
 *
 * Shape   the condition is evaluated after each match, and when entries leave the window. It fires at a match after
 *         which it holds, if it was false at some evaluation since the last firing, or if one span has passed since.
 */
import { withRoom } from './column.ts'
import { ARMED, type Decider, FIRED } from './decider.ts'
import { type Entries, NONE } from './entries.ts'
import type { firingMaker, Report } from './firing.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'
import { slidingWindow } from './sliding-window.ts'

export function crossing(
  spanMs: number,
  groups: Groups,
  entries: Entries,
  measure: Measure,
  { fired, retracted }: ReturnType<typeof firingMaker>,
): Decider {
  const window = slidingWindow(groups, entries, measure)
  /** By group, after the window's last entry. */
  let armed = new Uint8Array(0)
  let lastFired = new Float64Array(0)

  return {
    begin(group) {
      armed = withRoom(armed, group + 1)
      lastFired = withRoom(lastFired, group + 1)
      clear(group)
    },
    appended(group, entry, report) {
      if (step(group, entry)) report(fired(group, entry, entries.time[entry]!))
    },
    inserted: (group, entry, report) => decideFrom(group, entry, entries.time[entry]!, report),
    removing(group, entry, report) {
      if (entries.flags[entry]! & FIRED) report(retracted(group, entry, entries.time[entry]!))
    },
    removed: decideFrom,
    dropping(group) {
      if (groups.from[group] === groups.first[group]) window.leave(group)
    },
    keeps: (group) => groups.from[group]!,
    restored: (group) => rewind(group, groups.last[group]!),
    advance() {},
  }

  /** Moves the window to the next entry. True when the condition fires there. */
  function step(group: number, entry: number): boolean {
    const { time, flags } = entries
    const now = time[entry]!
    while (groups.size[group]! > 0) {
      const leaving = time[groups.from[group]!]!
      if (leaving + spanMs > now) break
      while (groups.size[group]! > 0 && time[groups.from[group]!] === leaving) window.leave(group)
      // Entries that leave at the very time of the match are replaced by it, without an evaluation in between.
      if (leaving + spanMs < now && armed[group] === 0 && !window.holds(group, leaving)) armed[group] = 1
    }
    window.enter(group, entry)
    let fires = false
    if (!window.holds(group, now - spanMs)) armed[group] = 1
    else if (armed[group] === 1 || now >= lastFired[group]! + spanMs) {
      fires = true
      armed[group] = 0
      lastFired[group] = now
    }
    flags[entry] = (fires ? FIRED : 0) | (armed[group] === 1 ? ARMED : 0)
    return fires
  }

  /** Decides again from `entry` on, after something changed at `changed`. */
  function decideFrom(group: number, entry: number, changed: number, report: Report): void {
    const { time, flags, previous, next } = entries
    const last = groups.last[group]!
    rewind(group, entry === NONE ? last : previous[entry]!)
    for (let at = entry; at !== NONE; at = next[at]!) {
      const before = flags[at]!
      const fires = step(group, at)
      const sees = time[at]! - spanMs < changed
      if ((before & FIRED) !== 0 && !fires) report(retracted(group, at, time[at]!))
      if (fires && ((before & FIRED) === 0 || sees)) report(fired(group, at, time[at]!))
      // From here on nothing changes: the window is past the change, and the next firing depends on nothing else.
      if (!sees && before === flags[at] && before !== 0) {
        rewind(group, last)
        return
      }
    }
  }

  /** Restores the state after `entry` from the flags of the entries. */
  function rewind(group: number, entry: number): void {
    clear(group)
    if (entry === NONE) return
    const { time, flags, previous } = entries
    const after = time[entry]! - spanMs
    window.fill(group, after, entry)
    // An earlier firing has no effect any more.
    for (let at = entry; at !== NONE && time[at]! > after; at = previous[at]!) {
      if ((flags[at]! & FIRED) === 0) continue
      lastFired[group] = time[at]!
      break
    }
    armed[group] = (flags[entry]! & ARMED) !== 0 ? 1 : 0
  }

  function clear(group: number): void {
    window.clear(group)
    armed[group] = 1
    lastFired[group] = -Infinity
  }
}
