/** What the server could not use is a hole in what it sees: a gap per reason, at most once an hour. */
import type { Observation } from '../wire/event.ts'
import type { Ack } from '../wire/messages.ts'
import { gap } from './collect.ts'
import type { Clocks } from './ticker.ts'

const HOUR_MS = 3_600_000

export interface Rejections {
  take(rejected: Ack['rejected']): void
  /** Reports those that have waited for long enough. */
  report(): void
  /** In this run, by reason. */
  readonly counts: Record<string, number>
}

export function rejections(keep: (observation: Observation) => void, clocks: Clocks): Rejections {
  const known = new Map<string, { total: number; unreported: number; reportedAt: number; where: string }>()
  return {
    take(rejected) {
      for (const { code, where } of rejected) {
        const it = known.get(code) ?? { total: 0, unreported: 0, reportedAt: Number.NEGATIVE_INFINITY, where }
        known.set(code, { ...it, total: it.total + 1, unreported: it.unreported + 1 })
      }
      report()
    },
    report,
    get counts() {
      return Object.fromEntries([...known].map(([code, { total }]) => [code, total]))
    },
  }

  function report(): void {
    const now = clocks.booted()
    for (const [code, it] of known) {
      // Switched off while it was on its way: nobody wanted it.
      if (code === 'event.off' || it.unreported === 0 || now - it.reportedAt < HOUR_MS) continue
      const stamp = { time: clocks.wall(), collector: 'uplink' }
      keep(gap(stamp, code, 'unparsed', `rejected, first at ${it.where}`, it.unreported))
      Object.assign(it, { unreported: 0, reportedAt: now })
    }
  }
}
