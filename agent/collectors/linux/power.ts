/**
 * Lid, battery, uptime, and sleep that ended.
 *
 * Shape   at the first look, when lid or battery change, after a sleep, and every 6 h.
 * Units   seconds. `ResumedAfterSeconds`: how much longer than a poll the time since the last one was, by the clock
 *         that goes on while the laptop sleeps; null when it did not sleep. An agent that was stopped looks the same.
 * Errors  null: no lid, no battery, or not readable. A laptop on mains without a battery is not on battery: false.
 * Source  /proc/acpi/button/lid/<it>/state, /sys/class/power_supply/<it>/{type,online,status}, /proc/uptime.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { parseUptime } from '../shared/uptime.ts'

const NAME = 'power'
const EVERY_MS = 10_000
const ASLEEP_MS = 60_000
const AT_LEAST_MS = 6 * 3_600_000

export const power: Collector<'power_state'> = {
  name: NAME,
  categories: ['power_state'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let said = ''
  let saidAt = Number.NEGATIVE_INFINITY
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
    if (state !== said || ResumedAfterSeconds !== null || host.elapsed() - saidAt >= AT_LEAST_MS) {
      const UptimeSeconds = uptime === null ? null : Math.floor(uptime)
      yield { category: 'power_state' as const, ...stamp, LidClosed, OnBattery, UptimeSeconds, ResumedAfterSeconds }
      said = state
      saidAt = host.elapsed()
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
    // A mouse's or a headset's battery says scope 'Device'.
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
