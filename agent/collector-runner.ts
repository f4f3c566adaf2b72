/** Runs the collectors that the policy asks for, and restarts them when a new policy changes what is collected. */
import type { Policy } from '../wire/messages.ts'
import { type Collector, type Emit, pump } from './collect.ts'
import type { Host } from './host/host.ts'
import { changesCollection, forCollectors, slownessOf } from './policy.ts'

const RESTART_MS = 5_000
/** Once is a bad moment. */
const FAILING = 2

export interface CollectorRunner {
  apply(policy: Policy): void
  /** Ends those that must not run any more, and starts those that may run by now. */
  review(): void
  /** Those that failed at least twice in a row, and have not said anything since. */
  failing(): string[]
  /** Resolves when all have ended, or after `withinMs`. None is started afterwards. */
  stop(withinMs: number): Promise<void>
}

/** What decides about single collectors; `Supervisor` does. */
export interface Permission {
  /** Why it must not run now; null: it may. */
  held(collector: Collector): string | null
  /** The laptop as it reads it, from now on. */
  hostOf(collector: Collector): Host
  ended(collector: Collector): void
}

interface Running {
  stop: AbortController
  done: Promise<unknown>
  health: { failures: number }
}

export function collectorRunner(collectors: readonly Collector[], permission: Permission, emit: Emit): CollectorRunner {
  let policy: Policy | null = null
  const running = new Map<Collector, Running>()
  let changing: Promise<void> = Promise.resolve()
  let isStopped = false
  return { apply, review, failing, stop }

  function apply(next: Policy): void {
    const before = policy
    policy = next
    if (before === null) start()
    else if (changesCollection(before, next))
      changing = changing.then(async () => {
        await end([...running.keys()], RESTART_MS)
        start()
      })
  }

  function review(): void {
    changing = changing.then(async () => {
      await end(
        [...running.keys()].filter((it) => permission.held(it) !== null),
        RESTART_MS,
      )
      start()
    })
  }

  function failing(): string[] {
    return [...running].filter(([, { health }]) => health.failures >= FAILING).map(([{ name }]) => name)
  }

  async function stop(withinMs: number): Promise<void> {
    isStopped = true
    await changing
    await end([...running.keys()], withinMs)
  }

  /** Those that do not run yet. */
  function start(): void {
    if (policy === null || isStopped) return
    const current = forCollectors(policy)
    for (const it of collectors) {
      if (running.has(it) || !isWanted(it, current) || permission.held(it) !== null) continue
      const stop = new AbortController()
      const host = slowed(permission.hostOf(it), slownessOf(it.categories, current))
      const health = { failures: 0 }
      const done = pump(it, host, current, emit, stop.signal, health).finally(() => permission.ended(it))
      running.set(it, { stop, done, health })
    }
  }

  async function end(which: readonly Collector[], withinMs: number): Promise<void> {
    const ending = which.flatMap((it) => running.get(it) ?? [])
    for (const it of which) running.delete(it)
    for (const { stop } of ending) stop.abort()
    if (ending.length === 0) return
    const all = Promise.allSettled(ending.map(({ done }) => done))
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, withinMs))])
  }
}

function slowed(host: Host, factor: number): Host {
  return factor === 1 ? host : { ...host, sleep: (ms, signal) => host.sleep(ms * factor, signal) }
}

/** A collector is not run if all its categories are switched off. */
function isWanted({ categories }: Collector, policy: Policy): boolean {
  return categories.length === 0 || categories.some((it) => !policy.off.includes(it))
}
