/**
 * Says in the log that time passed and that the server was listening, when nothing else says so.
 *
 * Shape   a `clock` line an hour, well under the step that the log's clock believes by itself; and the moment that the
 *         next start will take for the beginning of the time in which nobody was listening.
 */
import type { Recorded } from '../../wire/recording.ts'
import type { Store } from '../store/store.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
const LINE_EVERY_MS = 45 * 60_000
/** What is being written down right now was heard. */
const BEHIND_MS = 60_000

export const ALIVE_AT = 'aliveAt'

export function clockLine(deps: {
  store: Pick<Store, 'values'>
  append(records: readonly Recorded[]): Promise<unknown>
  now(): number
}): Job {
  let lineAt = deps.now()
  return {
    name: 'clock line',
    when: EVERY_MS,
    async run() {
      const now = deps.now()
      await deps.store.values.set(ALIVE_AT, String(now - BEHIND_MS))
      if (now < lineAt + LINE_EVERY_MS) return
      lineAt = now
      await deps.append([{ type: 'clock', time: now }])
    },
  }
}
