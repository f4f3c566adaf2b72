/** Deletes telemetry and changes past their retention time. At 03:10, when few people work. */
import { DAY } from '../../wire/time.ts'
import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type { Stream } from '../store/stream.ts'
import type { Job } from './job.ts'

/** How long a consumer of changes may be away without missing any. */
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
      const removed = await deps.stream.trim(deps.now() - days * DAY)
      if (removed > 0) deps.log.info({ records: removed, days }, 'old telemetry deleted')
      await deps.store.changes.trim(deps.now() - CHANGES_DAYS * DAY)
    },
  }
}
