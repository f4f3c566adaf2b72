/**
 * Says when a filter of the configured rules expires: from that day on it hides nothing, and what it hid may fill the
 * queue.
 *
 * Shape   one line for each filter and day of expiry, at the start too for one that has expired before.
 */
import { type ExpiringFilter, expiringFilters, stamp } from '../detect/program.ts'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 60_000

export function expiredFilters(deps: { folders: readonly string[]; now(): number; log: Logger }): Job {
  const said = new Set<string>()
  let seen: string | null = null
  let filters: ExpiringFilter[] = []
  return {
    name: 'expired filters',
    when: EVERY_MS,
    async run() {
      const found = await stamp(deps.folders)
      if (found !== seen) {
        filters = await expiringFilters(deps.folders)
        seen = found
      }
      for (const { title, where, expires } of filters) {
        const key = JSON.stringify([title, where, expires])
        if (expires > deps.now() || said.has(key)) continue
        said.add(key)
        const day = new Date(expires).toISOString().slice(0, 10)
        deps.log.warn({ where }, `the filter '${title}' expired on ${day}: it hides nothing of what happened since`)
      }
    },
  }
}
