/**
 * Decides conditions that more events could undo (`lt`, `eq`, `not` …): when the log's clock has passed a window's end.
 *
 * Shape   a match opens a window unless it is within the last one of its group. The window takes the matches of one
 *         span: [t, t + span), which in milliseconds is (t - 1, t + span - 1]. It is decided once, as a whole, and the
 *         first match after it opens the next. So each match counts once, and no two firings share evidence.
 */
import { withRoom } from './column.ts'
import { type Decider, FIRED, OPENS, type Watermark } from './decider.ts'
import { type Entries, NONE } from './entries.ts'
import type { firingMaker, Report } from './firing.ts'
import { fixedWindows } from './fixed-windows.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'

export function closing(
  spanMs: number,
  watermark: Watermark,
  groups: Groups,
  entries: Entries,
  measure: Measure,
  { fired, retracted }: ReturnType<typeof firingMaker>,
): Decider {
  const windows = fixedWindows(spanMs, watermark, groups, entries)
  /** By group: the entry that opens its latest window. */
  let latest = new Int32Array(0)

  return {
    begin(group) {
      latest = withRoom(latest, group + 1)
      latest[group] = NONE
      measure.reset(group)
    },
    appended(group, entry, report) {
      const open = latest[group]!
      const isInside = open !== NONE && entries.time[entry]! < entries.time[open]! + spanMs
      if (windows.isOver(isInside ? open : entry)) decideFrom(group, entry, entries.time[entry]!, report)
      else if (!isInside) openAt(group, entry)
    },
    inserted: (group, entry, report) => decideFrom(group, entry, entries.time[entry]!, report),
    removing(group, entry, report) {
      if (hasFired(entry)) report(retracted(group, entry, windows.endOf(entry)))
    },
    removed: decideFrom,
    dropping(group) {
      const first = groups.first[group]!
      const second = entries.next[first]!
      if (!windows.opens(first) || windows.opens(second)) return
      // The rest of the window is decided without the dropped entry.
      entries.flags[second] = OPENS
      if (latest[group] === first) latest[group] = second
      if (!windows.isOver(second)) windows.schedule(group, second)
    },
    keeps: (group) => latest[group]!,
    restored(group) {
      for (let at = groups.first[group]!; at !== NONE; at = entries.next[at]!) {
        if (!windows.opens(at)) continue
        latest[group] = at
        // The clock may be restored after the groups. Windows that were decided are decided again, with the same
        // result.
        if (!hasFired(at)) windows.schedule(group, at)
      }
    },
    advance(now, report) {
      for (let ended = windows.takeEnded(now); ended !== null; ended = windows.takeEnded(now)) {
        const { group, entry } = ended
        if (!hasFired(entry)) decide(group, entry, windows.lastOf(entry), report)
      }
    },
  }

  function hasFired(entry: number): boolean {
    return (entries.flags[entry]! & FIRED) !== 0
  }

  function openAt(group: number, entry: number): void {
    entries.flags[entry] = OPENS
    latest[group] = entry
    windows.schedule(group, entry)
  }

  /** Decides again from `entry` on, after something changed at `changed`. */
  function decideFrom(group: number, entry: number, changed: number, report: Report): void {
    const { time, flags, previous, next } = entries
    const holder = windows.openingUpTo(entry === NONE ? groups.last[group]! : previous[entry]!)
    const isHeld = holder !== NONE && changed < time[holder]! + spanMs
    for (let open = isHeld ? holder : entry; open !== NONE; ) {
      // From here on, the windows are as they were.
      if (windows.opens(open) && open !== holder) break
      const hadFired = hasFired(open)
      const last = windows.lastOf(open)
      for (let at = open; at !== last; ) {
        at = next[at]!
        if (hasFired(at)) report(retracted(group, at, windows.endOf(at)))
        flags[at] = 0
      }
      flags[open] = OPENS
      const isOver = windows.isOver(open)
      const fires = isOver && decide(group, open, last, report)
      if (!fires && hadFired) report(retracted(group, open, windows.endOf(open)))
      if (!isOver) windows.schedule(group, open)
      open = next[last]!
    }
    latest[group] = windows.openingUpTo(groups.last[group]!)
  }

  /** Decides the window from `open` to `last`. True when it fires. */
  function decide(group: number, open: number, last: number, report: Report): boolean {
    measure.reset(group)
    groups.from[group] = open
    groups.to[group] = last
    let size = 1
    for (let at = open; at !== last; at = entries.next[at]!) size++
    groups.size[group] = size
    for (let at = open; ; at = entries.next[at]!) {
      measure.enter(group, at)
      if (at === last) break
    }
    const fires = measure.holds(group, entries.time[open]! - 1)
    if (fires) {
      entries.flags[open]! |= FIRED
      groups.mark(group)
      report(fired(group, open, windows.endOf(open)))
    }
    measure.reset(group)
    return fires
  }
}
