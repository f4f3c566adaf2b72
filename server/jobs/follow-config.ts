/** A configuration that was edited: what laptops collect and what derivers call too much takes effect in seconds. */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config.ts'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
/** What can change while the server runs. The rest waits for a restart, and the log says so. */
const LIVE = ['thresholds', 'sensitiveRules', 'watchedRoots', 'collection', 'retentionDays'] as const

export function followConfig(deps: {
  config: Config
  /** Reads it again. Errors  Fault 'config.invalid': what is in force stays. */
  load(): Config
  changed(config: Config): Promise<void>
  log: Logger
}): Job {
  let inForce = deps.config
  let read = deps.config
  let refused: string | null = null
  return {
    name: 'follow configuration',
    when: EVERY_MS,
    async run() {
      const next = loaded()
      if (next === null || isDeepStrictEqual(next, read)) return
      read = next
      const live = { ...inForce, ...Object.fromEntries(LIVE.map((key) => [key, next[key]])) }
      if (!isDeepStrictEqual(live, next))
        deps.log.warn({}, 'the configuration changed in a part that takes effect with the next start only')
      if (isDeepStrictEqual(live, inForce)) return
      inForce = live
      await deps.changed(live)
    },
  }

  function loaded(): Config | null {
    try {
      const config = deps.load()
      refused = null
      return config
    } catch (cause) {
      // Once, and not every five seconds.
      const why = String(cause)
      if (why !== refused) deps.log.error({ err: cause }, 'the configuration cannot be read; the one in force stays')
      refused = why
      return null
    }
  }
}
