/**
 * Lid, battery, uptime, and the end of sleep.
 *
 * Shape   at the first poll, when lid or battery change, after sleep, and every 6 h.
 * Units   seconds. `ResumedAfterSeconds`: the time since the previous poll beyond the polling interval, by the clock
 *         that includes sleep; null if the laptop did not sleep. If the agent was stopped, it looks the same.
 * Errors  null: no lid, no battery, or not readable. OnBattery is false on mains without a battery.
 * Source  /proc/acpi/button/lid/<it>/state, /sys/class/power_supply/<it>/{type,online,status}, /proc/uptime.
 */
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { parseUptime } from '../shared/uptime.ts'

const NAME = 'power'
const EVERY_MS = 10_000
const ASLEEP_MS = 60_000
const REPEAT_MS = 6 * HOUR

export const power: Collector<'power_state'> = {
  name: NAME,
  categories: ['power_state'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let reported = ''
  let reportedAt = Number.NEGATIVE_INFINITY
  let lastUptime: number | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const LidClosed = await lidClosed(host)
    const OnBattery = await onBattery(host)
    let uptime: number | null = null
    try {
      uptime = parseUptime(await host.readText('/proc/uptime'))
      if (uptime === null) yield gap(stamp, '/proc/uptime', 'unparsed')
    } catch (cause) {
      yield gap(stamp, '/proc/uptime', gapReason(cause), cause)
    }
    const slept = uptime !== null && lastUptime !== null ? uptime - lastUptime - EVERY_MS / 1_000 : 0
    const ResumedAfterSeconds = slept * 1_000 > ASLEEP_MS ? Math.round(slept) : null
    const state = `${LidClosed} ${OnBattery}`
    if (state !== reported || ResumedAfterSeconds !== null || host.elapsed() - reportedAt >= REPEAT_MS) {
      const UptimeSeconds = uptime === null ? null : Math.floor(uptime)
      yield { category: 'power_state' as const, ...stamp, LidClosed, OnBattery, UptimeSeconds, ResumedAfterSeconds }
      reported = state
      reportedAt = host.elapsed()
    }
    lastUptime = uptime
    await host.sleep(EVERY_MS, signal)
  }
}

async function lidClosed(host: Host): Promise<boolean | null> {
  for (const lid of await host.list('/proc/acpi/button/lid').catch(() => [])) {
    const state = parseLid(await host.readText(`/proc/acpi/button/lid/${lid}/state`, 256).catch(() => ''))
    if (state !== null) return state
  }
  return null
}

async function onBattery(host: Host): Promise<boolean | null> {
  let mains: boolean | null = null
  let discharging: boolean | null = null
  for (const name of await host.list('/sys/class/power_supply').catch(() => [])) {
    const folder = `/sys/class/power_supply/${name}`
    const [type, online, status, scope] = await Promise.all(
      ['type', 'online', 'status', 'scope'].map((it) =>
        host.readText(`${folder}/${it}`, 64).then(
          (text) => text.trim(),
          () => '',
        ),
      ),
    )
    // The battery of a mouse or headset has scope 'Device'.
    if (scope === 'Device') continue
    if ((type === 'Mains' || type === 'USB') && online !== '') mains = mains === true || online === '1'
    if (type === 'Battery' && status !== '') discharging = discharging === true || status === 'Discharging'
  }
  return mains === null ? discharging : !mains
}

export function parseLid(state: string): boolean | null {
  const found = /^state:\s+(open|closed)\s*$/m.exec(state)
  return found ? found[1] === 'closed' : null
}
