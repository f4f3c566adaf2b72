/** Runs periodic jobs, and detects sleep and freezes. */
import { uptime } from 'node:os'

/**
 * Units   ms. `wall`: the wall clock, which users can change; `awake`: stops while the laptop sleeps; `booted`: does
 *         not.
 * Source  Linux CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, through Node.
 */
export interface Clocks {
  wall(): number
  awake(): number
  booted(): number
}
export const realClocks: Clocks = { wall: Date.now, awake: () => performance.now(), booted: () => uptime() * 1_000 }

/** Time in which nothing was collected: the laptop slept, or the agent was stopped while the laptop was awake. */
export type LostTime = { kind: 'asleep' | 'frozen'; ms: number }

const TICK_MS = 1_000
const ASLEEP_MS = 5_000
const FROZEN_MS = 30_000

/**
 * Calls `job.run` when it is due: once, however often it was missed, and never while it is still running. It must not
 * throw. If a tick is late, `onLostTime` is called first.
 */
export function ticker(
  jobs: readonly { everyMs: number; firstMs: number; run(): void | Promise<void> }[],
  onLostTime: (lost: LostTime) => void,
  clocks: Clocks = realClocks,
): { stop(): void; tick(): void } {
  let awake = clocks.awake()
  let booted = clocks.booted()
  const due = jobs.map((job) => ({ job, at: awake + job.firstMs, isRunning: false }))
  const timer = setInterval(tick, TICK_MS)
  return { stop: () => clearInterval(timer), tick }

  function tick(): void {
    const awakeMs = clocks.awake() - awake
    const bootedMs = clocks.booted() - booted
    awake += awakeMs
    booted += bootedMs
    if (bootedMs - awakeMs > ASLEEP_MS) onLostTime({ kind: 'asleep', ms: Math.round(bootedMs - awakeMs) })
    else if (awakeMs > FROZEN_MS) onLostTime({ kind: 'frozen', ms: Math.round(awakeMs) })
    for (const it of due) {
      if (it.at > awake || it.isRunning) continue
      it.at = awake + it.job.everyMs
      it.isRunning = true
      void Promise.resolve(it.job.run()).finally(() => {
        it.isRunning = false
      })
    }
  }
}
