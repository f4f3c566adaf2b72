/**
 * The windows of each group that do not overlap: marked at the entry that opens each, one span long, [t, t + span).
 *
 * Shape   an entry belongs to the last window that opened before it, if that has not ended; a flag of the entry says
 *         whether it opens one.
 */
import { OPENS, type Watermark } from './decider.ts'
import { type Entries, NONE } from './entries.ts'
import type { Groups } from './groups.ts'
import { timetable } from './timetable.ts'

export interface FixedWindows {
  /** The last moment of the window that `entry` opens. */
  endOf(entry: number): number
  isOver(entry: number): boolean
  opens(entry: number): boolean
  /** The last entry of the window that `entry` opens. */
  lastOf(entry: number): number
  /** The entry that opens a window, at or before `entry`; NONE: there is none. */
  openingUpTo(entry: number): number
  /** Adds the end of the window to the timetable. */
  schedule(group: number, entry: number): void
  /** The next window that ended before `now`; null: there is none. */
  takeEnded(now: number): { group: number; entry: number } | null
}

export function fixedWindows(spanMs: number, watermark: Watermark, groups: Groups, entries: Entries): FixedWindows {
  const ends = timetable()
  return {
    endOf,
    isOver,
    opens,
    lastOf(entry) {
      const { time, next } = entries
      const end = time[entry]! + spanMs
      let last = entry
      for (let at = next[entry]!; at !== NONE && time[at]! < end; at = next[at]!) last = at
      return last
    },
    openingUpTo(entry) {
      let at = entry
      while (at !== NONE && !opens(at)) at = entries.previous[at]!
      return at
    },
    // Windows that late matches moved stay in the timetable until they are due, or until they outnumber the others.
    schedule(group, entry) {
      ends.add(endOf(entry), group)
      if (ends.size <= 4 * entries.size + 4_096) return
      ends.clear()
      for (const each of groups.all())
        for (let at = groups.first[each]!; at !== NONE; at = entries.next[at]!)
          if (opens(at) && !isOver(at)) ends.add(endOf(at), each)
    },
    takeEnded(now) {
      for (let due = ends.takeBefore(now); due !== null; due = ends.takeBefore(now)) {
        const entry = openedAt(due.group, due.time - spanMs + 1)
        // NONE: a late match has moved the window since.
        if (entry !== NONE) return { group: due.group, entry }
      }
      return null
    },
  }

  function endOf(entry: number): number {
    return entries.time[entry]! + spanMs - 1
  }

  function isOver(entry: number): boolean {
    return endOf(entry) < watermark.now
  }

  function opens(entry: number): boolean {
    return (entries.flags[entry]! & OPENS) !== 0
  }

  function openedAt(group: number, time: number): number {
    if (groups.keys[group] == null) return NONE
    let at = groups.last[group]!
    while (at !== NONE && entries.time[at]! >= time) {
      if (entries.time[at] === time && opens(at)) return at
      at = entries.previous[at]!
    }
    return NONE
  }
}
