/** The collectors as the policy wants them: started, and started anew when it changes what is collected. */
import type { Policy } from '../wire/messages.ts'
import { type Collector, type Keep, pump } from './collect.ts'
import type { Host } from './host/host.ts'
import { changesCollection, forCollectors } from './policy.ts'

const RESTART_MS = 5_000

export interface Collecting {
  follow(policy: Policy): void
  /** Resolves when all have ended, or after `withinMs`. None is started afterwards. */
  stop(withinMs: number): Promise<void>
}

export function collecting(collectors: readonly Collector[], host: Host, keep: Keep): Collecting {
  let policy: Policy | null = null
  let running: { stop: AbortController; all: Promise<unknown> } | null = null
  let changing: Promise<void> = Promise.resolve()
  let isOver = false
  return { follow, stop }

  function follow(next: Policy): void {
    const before = policy
    policy = next
    if (before === null) start(next)
    else if (changesCollection(before, next))
      changing = changing.then(async () => {
        await end(RESTART_MS)
        if (!isOver) start(next)
      })
  }

  async function stop(withinMs: number): Promise<void> {
    isOver = true
    await changing
    await end(withinMs)
  }

  function start(current: Policy): void {
    const stop = new AbortController()
    const asked = forCollectors(current)
    const all = collectors.filter((it) => isWanted(it, asked)).map((it) => pump(it, host, asked, keep, stop.signal))
    running = { stop, all: Promise.allSettled(all) }
  }

  async function end(withinMs: number): Promise<void> {
    if (running === null) return
    running.stop.abort()
    await Promise.race([running.all, new Promise((resolve) => setTimeout(resolve, withinMs))])
    running = null
  }
}

/** A collector all of whose categories are off is not run at all. */
function isWanted({ categories }: Collector, policy: Policy): boolean {
  return categories.length === 0 || categories.some((it) => !policy.off.includes(it))
}
