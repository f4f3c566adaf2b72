/** Applies replaced address lists and databases without a restart. */
import type { Addresses } from '../addresses/addresses.ts'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export function reloadAddresses({ addresses, log }: { addresses: Addresses; log: Logger }): Job {
  return {
    name: 'reload addresses',
    when: EVERY_MS,
    async run() {
      if (!(await addresses.reload())) return
      log.info(
        { lists: addresses.lists().length, databases: addresses.databases() },
        'address lists or databases changed',
      )
      for (const problem of addresses.problems()) log.warn({}, problem)
    },
  }
}
