/** Takes in the rosters that commands put into the inbox folder. */
import type { Contracts } from '../roster/contracts.ts'
import { takeInbox } from '../roster/inbox.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export function rosterInbox(deps: { folder: string; contracts: Contracts }): Job {
  return {
    name: 'roster inbox',
    when: EVERY_MS,
    async run() {
      for await (const item of takeInbox(deps.folder)) {
        try {
          await deps.contracts.take([item], null)
          await item.done()
        } catch (cause) {
          await item.fail(cause instanceof Error ? cause.message : String(cause))
        }
      }
    },
  }
}
