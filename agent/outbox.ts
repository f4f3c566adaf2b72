/** Appends observations to the spool and flushes it, so that a burst needs only one sync and one batch. */
import type { Observation } from '../wire/event.ts'
import type { Spool } from './spool/spool.ts'

const FLUSH_MS = 100
const FLUSH_EVENTS = 200

export interface Outbox {
  append(observation: Observation): void
  /** Makes everything durable that was appended, then calls `onFlushed`. */
  flush(): Promise<void>
}

export function outbox(spool: Spool, onFlushed: () => void): Outbox {
  let due: NodeJS.Timeout | undefined
  return { append, flush }

  function append(observation: Observation): void {
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
