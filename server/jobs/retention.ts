/** Deletes telemetry and changes that are older than they are kept. At 03:10: after the day's events, before people come. */
import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type { Stream } from '../store/stream.ts'
import type { Job } from './job.ts'

const DAY_MS = 86_400_000
/** Whoever hears of changes has so long to come back. */
const CHANGES_DAYS = 30

export function retention(deps: {
  stream: Pick<Stream, 'trim'>
  store: Pick<Store, 'changes'>
  days(): number
  now(): number
  log: Logger
}): Job {
  return {
    name: 'retention',
    when: '10 3 * * *',
    async run() {
      const days = deps.days()
      const removed = await deps.stream.trim(deps.now() - days * DAY_MS)
      if (removed > 0) deps.log.info({ records: removed, days }, 'old telemetry deleted')
      await deps.store.changes.trim(deps.now() - CHANGES_DAYS * DAY_MS)
    },
  }
}
