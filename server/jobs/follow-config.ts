/**
 * Applies an edited configuration within seconds, where it can change while the server runs.
 *
 * Errors  a change that could not be applied, for example on a full disk, is applied again at the next turn.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config.ts'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
/** Keys that can change while the server runs. The others need a restart, and the log says so. */
const LIVE = [
  'thresholds',
  'ourRepositories',
  'sensitiveRules',
  'placeholders',
  'watchedRoots',
  'agents',
  'collection',
  'retentionDays',
] as const

export function followConfig(deps: {
  config: Config
  /** Reloads it. Errors  Fault 'config.invalid': the current configuration stays in use. */
  load(): Config
  changed(config: Config): Promise<void>
  log: Logger
}): Job {
  /** Null: the last change failed, and part of it may be in use. */
  let current: Config | null = deps.config
  let read = deps.config
  let refused: string | null = null
  return {
    name: 'follow configuration',
    when: EVERY_MS,
    async run() {
      const next = loaded()
      if (next === null || (current !== null && isDeepStrictEqual(next, read))) return
      const live = { ...deps.config, ...Object.fromEntries(LIVE.map((key) => [key, next[key]])) }
      const later = (Object.keys(next) as (keyof Config)[]).filter((key) => !isDeepStrictEqual(live[key], next[key]))
      if (!isDeepStrictEqual(next, read) && later.length > 0)
        deps.log.warn({ keys: later }, 'these keys of the configuration take effect at the next start only')
      read = next
      if (current !== null && isDeepStrictEqual(live, current)) return
      current = null
      await deps.changed(live)
      current = live
    },
  }

  function loaded(): Config | null {
    try {
      const config = deps.load()
      refused = null
      return config
    } catch (cause) {
      // Log each error once, not every five seconds.
      const why = String(cause)
      if (why !== refused) deps.log.error({ err: cause }, 'the configuration cannot be used; keeping the current one')
      refused = why
      return null
    }
  }
}
