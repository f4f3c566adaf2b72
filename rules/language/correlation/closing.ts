/**
 * Conditions that more events could undo (`lt`, `eq`, `not` …): decided when the log's clock has passed a window's end.
 *
 * Shape   a window opens with the first match of a group that none of its windows holds, and takes what comes within one
 *         span: [t, t + span), in milliseconds (t - 1, t + span - 1]. It is judged once, as a whole; the first match
 *         after it opens the next. So each match counts once, and each firing has evidence of its own.
 */
import { withRoom } from './column.ts'
import { type Deciding, FIRED, OPENS, type Watermark } from './deciding.ts'
import { type Entries, NONE } from './entries.ts'
import type { firingMaker, Tell } from './firing.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'
import { timetable } from './timetable.ts'

export function closing(
  spanMs: number,
  watermark: Watermark,
  groups: Groups,
  entries: Entries,
  measure: Measure,
  { fired, retracted }: ReturnType<typeof firingMaker>,
): Deciding {
  /** By group: the entry that opened its latest window. */
  let opener = new Int32Array(0)
  const due = timetable()

  return {
    begin(group) {
      opener = withRoom(opener, group + 1)
      opener[group] = NONE
      measure.reset(group)
    },
    appended(group, entry, tell) {
      const open = opener[group]!
      const inside = open !== NONE && entries.time[entry]! < entries.time[open]! + spanMs
      if (isOver(inside ? open : entry)) again(group, entry, entries.time[entry]!, tell)
      else if (!inside) begin(group, entry)
    },
    inserted: (group, entry, tell) => again(group, entry, entries.time[entry]!, tell),
    removing(group, entry, tell) {
      if ((entries.flags[entry]! & FIRED) !== 0) tell(retracted(group, entry, endOf(entry)))
    },
    removed: again,
    dropping(group) {
      const first = groups.first[group]!
      const second = entries.next[first]!
      // What is left of the window is judged in its place.
      if ((entries.flags[first]! & OPENS) !== 0 && (entries.flags[second]! & OPENS) === 0) {
        entries.flags[second] = OPENS
        if (opener[group] === first) opener[group] = second
        if (!isOver(second)) schedule(group, second)
      }
    },
    keeps: (group) => opener[group]!,
    restored(group) {
      for (let at = groups.first[group]!; at !== NONE; at = entries.next[at]!) {
        if ((entries.flags[at]! & OPENS) === 0) continue
        opener[group] = at
        // The clock may come back after the groups. What was decided already is decided once more, to the same.
        if ((entries.flags[at]! & FIRED) === 0) schedule(group, at)
      }
    },
    advance(now, tell) {
      for (let next = due.takeBefore(now); next !== null; next = due.takeBefore(now)) {
        const open = openedAt(next.group, next.time - spanMs + 1)
        // Otherwise a late match has moved the window since.
        if (open !== NONE && (entries.flags[open]! & FIRED) === 0) judge(next.group, open, lastWithin(open), tell)
      }
    },
  }

  function begin(group: number, entry: number): void {
    entries.flags[entry] = OPENS
    opener[group] = entry
    schedule(group, entry)
  }

  /** What late matches have moved stays in the timetable until it is due, or until there is more of it than is used. */
  function schedule(group: number, open: number): void {
    due.add(endOf(open), group)
    if (due.size <= 4 * entries.size + 4_096) return
    due.clear()
    for (const each of groups.all())
      for (let at = groups.first[each]!; at !== NONE; at = entries.next[at]!)
        if ((entries.flags[at]! & OPENS) !== 0 && !isOver(at)) due.add(endOf(at), each)
  }

  function endOf(open: number): number {
    return entries.time[open]! + spanMs - 1
  }

  function isOver(open: number): boolean {
    return endOf(open) < watermark.now
  }

  /** Decides anew from `entry` on, after something changed at `changed`. */
  function again(group: number, entry: number, changed: number, tell: Tell): void {
    const { time, flags, previous, next } = entries
    let holder = entry === NONE ? groups.last[group]! : previous[entry]!
    while (holder !== NONE && (flags[holder]! & OPENS) === 0) holder = previous[holder]!
    const held = holder !== NONE && changed < time[holder]! + spanMs
    for (let open = held ? holder : entry; open !== NONE; ) {
      const before = flags[open]!
      // From here on, the windows are as they were.
      if ((before & OPENS) !== 0 && open !== holder) break
      const last = lastWithin(open)
      for (let at = open; at !== last; ) {
        at = next[at]!
        if ((flags[at]! & FIRED) !== 0) tell(retracted(group, at, endOf(at)))
        flags[at] = 0
      }
      flags[open] = OPENS
      const fires = isOver(open) && judge(group, open, last, tell)
      if (!fires && (before & FIRED) !== 0) tell(retracted(group, open, endOf(open)))
      if (!isOver(open)) schedule(group, open)
      open = next[last]!
    }
    let latest = groups.last[group]!
    while (latest !== NONE && (flags[latest]! & OPENS) === 0) latest = previous[latest]!
    opener[group] = latest
  }

  function judge(group: number, open: number, last: number, tell: Tell): boolean {
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
      tell(fired(group, open, endOf(open)))
    }
    measure.reset(group)
    return fires
  }

  function lastWithin(open: number): number {
    const { time, next } = entries
    const end = time[open]! + spanMs
    let last = open
    for (let at = next[open]!; at !== NONE && time[at]! < end; at = next[at]!) last = at
    return last
  }

  function openedAt(group: number, time: number): number {
    if (groups.keys[group] == null) return NONE
    let at = groups.last[group]!
    while (at !== NONE && entries.time[at]! >= time) {
      if (entries.time[at] === time && (entries.flags[at]! & OPENS) !== 0) return at
      at = entries.previous[at]!
    }
    return NONE
  }
}
