import type { Tell } from './firing.ts'

/**
 * When a correlation is decided: at each match, or at the end of a window. Everything decided is written beside the
 * entries, so that a late one can undo it.
 */
export interface Deciding {
  /** A group without entries. Comes before everything else for it. */
  begin(group: number): void
  /** `entry` came last in the group's order. */
  appended(group: number, entry: number, tell: Tell): void
  /** `entry` came in between: from it on, things may be otherwise. */
  inserted(group: number, entry: number, tell: Tell): void
  /** About to be taken out, because what it stood for is no longer so. */
  removing(group: number, entry: number, tell: Tell): void
  /** Was taken out: `next` (or NONE) stood behind it at `time`. */
  removed(group: number, next: number, time: number, tell: Tell): void
  /** The group's first entry is about to be forgotten, because there are too many. */
  dropping(group: number): void
  /** The first entry that must not be forgotten for being old. */
  keeps(group: number): number
  /** The entries were put back: what follows from them is made again. */
  restored(group: number): void
  /** The log's clock is about to reach `now`. */
  advance(now: number, tell: Tell): void
}

/** Epoch ms of the log's clock, the same for all correlations. */
export interface Watermark {
  now: number
}

export const FIRED = 1
/** Deciding at each match: it was false since the last firing. */
export const ARMED = 2
/** Deciding at the end: a window begins here. */
export const OPENS = 4
