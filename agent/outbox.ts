/** From an observation to the disk and the wire: a burst shares one sync and one batch. */
import type { Observation } from '../wire/event.ts'
import type { Spool } from './spool/spool.ts'

const FLUSH_MS = 100
const FLUSH_EVENTS = 200

export interface Outbox {
  keep(observation: Observation): void
  /** Makes durable what was kept, and says so to `onFlushed`. */
  flush(): Promise<void>
}

export function outbox(spool: Spool, onFlushed: () => void): Outbox {
  let due: NodeJS.Timeout | undefined
  return { keep, flush }

  function keep(observation: Observation): void {
    spool.append(observation)
    if (spool.unsynced >= FLUSH_EVENTS) void flush()
    else due ??= setTimeout(flush, FLUSH_MS)
  }

  async function flush(): Promise<void> {
    clearTimeout(due)
    due = undefined
    await spool.flush()
    onFlushed()
  }
}
