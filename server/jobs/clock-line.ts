/**
 * Records in the log that time has passed and that the server was running.
 *
 * Shape   a `clock` line every 45 minutes, less than the step that the log's clock accepts without confirmation; and
 *         the last time the server was alive, which the next start takes as the beginning of the downtime.
 */
import type { Recorded } from '../../wire/recording.ts'
import { MINUTE } from '../../wire/time.ts'
import type { Store } from '../store/store.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
const LINE_EVERY_MS = 45 * MINUTE
/** Set back by this, so that the downtime includes events that were received but not yet stored. */
const BEHIND_MS = MINUTE

export const ALIVE_AT = 'aliveAt'

export function clockLine(deps: {
  store: Pick<Store, 'values'>
  append(records: readonly Recorded[]): Promise<unknown>
  /** False after a record could not be stored; the next clock line tries again. */
  isStoring(): boolean
  now(): number
}): Job {
  let lineAt = deps.now()
  return {
    name: 'clock line',
    when: EVERY_MS,
    async run() {
      const now = deps.now()
      await deps.store.values.set(ALIVE_AT, String(now - BEHIND_MS))
      if (now < lineAt + LINE_EVERY_MS && deps.isStoring()) return
      lineAt = now
      await deps.append([{ type: 'clock', time: now }])
    },
  }
}
