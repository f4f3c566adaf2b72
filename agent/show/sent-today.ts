/**
 * How many events of each category were sent since the laptop's day began. An event that is sent again counts once.
 *
 * Shape   in memory, and in status.json, from which the next run of the agent goes on: what was counted since its last
 *         write is lost with a kill.
 */
import type { Status } from '../status.ts'
import { dayOf } from './report.ts'

export type SentToday = NonNullable<Status['sent']>

const CATEGORY = Buffer.from('"category":"')

export interface SentCounter {
  readonly today: SentToday
  add(events: readonly { seq: number; text: Buffer }[]): void
}

/** `before`: of the last run. `acked`: events up to this number were counted by it. */
export function sentCounter(now: () => number, before: SentToday | null, acked: number): SentCounter {
  let today = before
  let highest = acked
  return {
    get today() {
      return current()
    },
    add(events) {
      const { counts } = current()
      for (const { seq, text } of events) {
        if (seq <= highest) continue
        highest = seq
        const category = categoryOf(text)
        counts[category] = (counts[category] ?? 0) + 1
      }
    },
  }

  function current(): SentToday {
    const day = dayOf(now())
    if (today?.day !== day) today = { day, since: now(), counts: {} }
    return today
  }
}

/** Of an event's JSON as the spool wrote it: a name without escapes. */
function categoryOf(text: Buffer): string {
  const start = text.indexOf(CATEGORY) + CATEGORY.length
  return text.toString('latin1', start, text.indexOf('"', start))
}
