/** Runs the collectors that the policy asks for, and restarts them when a new policy changes what is collected. */
import type { Policy } from '../wire/messages.ts'
import { type Collector, type Emit, pump } from './collect.ts'
import type { Host } from './host/host.ts'
import { changesCollection, forCollectors } from './policy.ts'

const RESTART_MS = 5_000

export interface CollectorRunner {
  apply(policy: Policy): void
  /** Resolves when all have ended, or after `withinMs`. None is started afterwards. */
  stop(withinMs: number): Promise<void>
}

/** `hostOf`: the laptop as this collector reads it. */
export function collectorRunner(
  collectors: readonly Collector[],
  hostOf: (collector: Collector) => Host,
  emit: Emit,
): CollectorRunner {
  let policy: Policy | null = null
  let running: { stop: AbortController; all: Promise<unknown> } | null = null
  let changing: Promise<void> = Promise.resolve()
  let isStopped = false
  return { apply, stop }

  function apply(next: Policy): void {
    const before = policy
    policy = next
    if (before === null) start(next)
    else if (changesCollection(before, next))
      changing = changing.then(async () => {
        await end(RESTART_MS)
        if (!isStopped) start(next)
      })
  }

  async function stop(withinMs: number): Promise<void> {
    isStopped = true
    await changing
    await end(withinMs)
  }

  function start(current: Policy): void {
    const stop = new AbortController()
    const policy = forCollectors(current)
    const wanted = collectors.filter((it) => isWanted(it, policy))
    const all = wanted.map((it) => pump(it, hostOf(it), policy, emit, stop.signal))
    running = { stop, all: Promise.allSettled(all) }
  }

  async function end(withinMs: number): Promise<void> {
    if (running === null) return
    running.stop.abort()
    await Promise.race([running.all, new Promise((resolve) => setTimeout(resolve, withinMs))])
    running = null
  }
}

/** A collector is not run if all its categories are switched off. */
function isWanted({ categories }: Collector, policy: Policy): boolean {
  return categories.length === 0 || categories.some((it) => !policy.off.includes(it))
}
