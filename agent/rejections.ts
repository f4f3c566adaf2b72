/** Reports events that the server rejected: one gap per reason, at most once an hour. */
import type { Observation } from '../wire/event.ts'
import type { Ack } from '../wire/messages.ts'
import { HOUR } from '../wire/time.ts'
import { gap } from './collect.ts'
import type { Clocks } from './ticker.ts'

export interface Rejections {
  add(rejected: Ack['rejected']): void
  /** Emits the gaps that are due. */
  report(): void
  /** Rejected events of this run, by code. */
  readonly counts: Record<string, number>
}

export function rejections(emit: (observation: Observation) => void, clocks: Clocks): Rejections {
  const known = new Map<string, { total: number; unreported: number; reportedAt: number; where: string }>()
  return {
    add(rejected) {
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
      // The policy switched the category off while the event was in flight: nothing is missing.
      if (code === 'event.off' || it.unreported === 0 || now - it.reportedAt < HOUR) continue
      const stamp = { time: clocks.wall(), collector: 'uplink' }
      emit(gap(stamp, code, 'unparsed', `rejected, first at ${it.where}`, it.unreported))
      Object.assign(it, { unreported: 0, reportedAt: now })
    }
  }
}
