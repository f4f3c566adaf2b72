/**
 * Battery, uptime, and the end of sleep.
 *
 * Shape   at the first poll, when the battery's use changes, after sleep, and every 6 h. LidClosed is null: Windows tells
 *         of the lid only when it moves.
 * Units   seconds. `ResumedAfterSeconds`: the time since the previous poll beyond the polling interval, by the clock
 *         that includes sleep; null if the laptop did not sleep. If the agent was stopped, it looks the same.
 * Errors  OnBattery null: Windows does not know.
 * Source  GetSystemPowerStatus, GetTickCount64 (through Node); seen on Wine 10.
 */
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'

const NAME = 'power'
const EVERY_MS = 10_000
const ASLEEP_MS = 60_000
const REPEAT_MS = 6 * HOUR

export const power = (windows: Windows): Collector<'power_state'> => ({
  name: NAME,
  categories: ['power_state'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let reported: boolean | null | undefined
  let reportedAt = Number.NEGATIVE_INFINITY
  let lookedAt: number | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const now = host.elapsed()
    try {
      const { onBattery: OnBattery } = windows.power()
      const slept = lookedAt === null ? 0 : now - lookedAt - EVERY_MS
      const ResumedAfterSeconds = slept > ASLEEP_MS ? Math.round(slept / 1_000) : null
      if (OnBattery !== reported || ResumedAfterSeconds !== null || now - reportedAt >= REPEAT_MS) {
        const UptimeSeconds = Math.floor(now / 1_000)
        const state = { LidClosed: null, OnBattery, UptimeSeconds, ResumedAfterSeconds }
        yield { category: 'power_state' as const, ...stamp, ...state }
        reported = OnBattery
        reportedAt = now
      }
    } catch (cause) {
      yield gap(stamp, 'power_state', gapReason(cause), cause)
    }
    lookedAt = now
    await host.sleep(EVERY_MS, signal)
  }
}
