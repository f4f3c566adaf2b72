import type { Report } from './firing.ts'

/**
 * Decides when a correlation fires: at each match, or at the end of a window. All decisions are stored with the
 * entries, so that a late match can undo them.
 */
export interface Decider {
  /** A new group without entries. Called before everything else for the group. */
  begin(group: number): void
  /** `entry` was added as the last of the group. */
  appended(group: number, entry: number, report: Report): void
  /** `entry` was added between others: decisions from there on may be different. */
  inserted(group: number, entry: number, report: Report): void
  /** `entry` is about to be removed, because its event was retracted. */
  removing(group: number, entry: number, report: Report): void
  /** An entry at `time` was removed; `next` (or NONE) followed it. */
  removed(group: number, next: number, time: number, report: Report): void
  /** The group's first entry is about to be dropped, because there are too many. */
  dropping(group: number): void
  /** The first entry that must not be dropped because of its age. */
  keeps(group: number): number
  /** The group's entries were restored: computes what is not saved. */
  restored(group: number): void
  /** The log's clock is about to reach `now`. */
  advance(now: number, report: Report): void
}

/** The time of the log's clock, epoch ms, shared by all correlations. */
export interface Watermark {
  now: number
}

export const FIRED = 1
/** When deciding at each match: the condition was false since the last firing. */
export const ARMED = 2
/** When deciding at the end of windows: a window begins here. */
export const OPENS = 4
