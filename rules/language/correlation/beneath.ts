/**
 * The events beneath firings that other correlations count, so that a firing names events at any depth.
 *
 * Shape   kept in state by firing id: [time, events]. A firing without a record (older than any window) names itself.
 */
import type { KeptPart } from './kept.ts'

type Saved = [time: number, events: readonly string[]]

/** As many as a firing names. */
const MAX_EVENTS = 10

export interface Beneath {
  readonly kept: KeptPart
  /** The events of a firing whose own `events` may be firings: ten at most, in the same order. */
  eventsOf(events: readonly string[]): readonly string[]
  /** True when the firing was there with other events. */
  put(firing: string, time: number, events: readonly string[]): boolean
  remove(firing: string): void
  /** Drops firings at or before this time. */
  dropUntil(time: number): void
}

export function beneathFirings(): Beneath {
  const known = new Map<string, Saved>()
  const edited = new Set<string>()
  const saved = new Set<string>()

  return {
    kept: {
      *changed() {
        for (const id of edited) {
          const state = known.get(id)
          if (state) saved.add(id)
          else if (!saved.delete(id)) continue
          yield [id, state]
        }
        edited.clear()
      },
      restore(id, state) {
        known.set(id, state as Saved)
        saved.add(id)
      },
      all: () => known,
    },
    eventsOf(events) {
      const lower = events.filter((id) => known.has(id)).length
      if (lower === 0) return events
      // Single events count most: ten failed logons must not hide the successful one.
      const room = Math.max(1, Math.floor((MAX_EVENTS - (events.length - lower)) / lower))
      const all = events.flatMap((id) => known.get(id)?.[1].slice(0, room) ?? [id])
      return [...new Set(all)].slice(0, MAX_EVENTS)
    },
    put(firing, time, events) {
      const before = known.get(firing)?.[1]
      const isSame = before?.length === events.length && before.every((id, place) => id === events[place])
      if (isSame) return false
      known.set(firing, [time, events])
      edited.add(firing)
      return before !== undefined
    },
    remove(firing) {
      if (known.delete(firing)) edited.add(firing)
    },
    dropUntil(time) {
      for (const [id, [at]] of known)
        if (at <= time) {
          known.delete(id)
          edited.add(id)
        }
    },
  }
}
