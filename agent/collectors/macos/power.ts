/**
 * Lid, battery, uptime, and the end of sleep.
 *
 * Shape   at the first poll, when lid or battery change, after sleep, and every 6 h.
 * Units   seconds. `ResumedAfterSeconds`: the time since the previous poll beyond the polling interval, by the clock that
 *         includes sleep; null if the laptop did not sleep. If the agent was stopped, it looks the same.
 * Errors  null: no lid, or not readable. OnBattery is false on mains without a battery.
 * Source  IOPMrootDomain's AppleClamshellState and AppleSmartBattery's ExternalConnected in the I/O registry; kern.boottime
 *         (through Node). Written from documentation; it has never run on a Mac.
 */
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac } from '../../host/macos/calls.ts'

const NAME = 'power'
const EVERY_MS = 10_000
const ASLEEP_MS = 60_000
const REPEAT_MS = 6 * HOUR

export const power = (mac: Mac): Collector<'power_state'> => ({
  name: NAME,
  categories: ['power_state'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  let reported = ''
  let reportedAt = Number.NEGATIVE_INFINITY
  let lookedAt: number | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const now = host.elapsed()
    try {
      const LidClosed = lidOf(mac)
      const OnBattery = batteryOf(mac)
      const slept = lookedAt === null ? 0 : now - lookedAt - EVERY_MS
      const ResumedAfterSeconds = slept > ASLEEP_MS ? Math.round(slept / 1_000) : null
      const current = `${LidClosed} ${OnBattery}`
      if (current !== reported || ResumedAfterSeconds !== null || now - reportedAt >= REPEAT_MS) {
        const UptimeSeconds = Math.floor(now / 1_000)
        const state = { LidClosed, OnBattery, UptimeSeconds, ResumedAfterSeconds }
        yield { category: 'power_state' as const, ...stamp, ...state }
        reported = current
        reportedAt = now
      }
    } catch (cause) {
      yield gap(stamp, 'power_state', gapReason(cause), cause)
    }
    lookedAt = now
    await host.sleep(EVERY_MS, signal)
  }
}

function lidOf(mac: Mac): boolean | null {
  const [domain] = mac.registry('IOPMrootDomain', ['AppleClamshellState'])
  const closed = domain?.properties.AppleClamshellState
  return typeof closed === 'boolean' ? closed : null
}

function batteryOf(mac: Mac): boolean | null {
  const [battery] = mac.registry('AppleSmartBattery', ['ExternalConnected', 'BatteryInstalled'])
  if (battery === undefined || battery.properties.BatteryInstalled === false) return false
  const external = battery.properties.ExternalConnected
  return typeof external === 'boolean' ? !external : null
}
