/** Warns once a day about old address lists and databases. */
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

export function feedAges({ warnings, log }: { warnings(): string[]; log: Logger }): Job {
  return {
    name: 'feed ages',
    when: '15 3 * * *',
    async run() {
      for (const warning of warnings()) log.warn({}, warning)
    },
  }
}
