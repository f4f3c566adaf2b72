/**
 * The configured time zone, and changes of the wall clock.
 *
 * Shape   one clock_place at the first poll, when the zone or its offset changes (including daylight saving time), and
 *         when the clock was changed. `KeyboardLayouts` is not collected: null.
 * Units   polled every 30 s. A jump is the movement of the wall clock minus that of the time since boot, including
 *         sleep; jumps below 5 s, such as NTP's small corrections, are not reported.
 * Errors  TimeZone and UtcOffsetMinutes are null if no zone is configured. A poll that took longer than a second gives
 *         no jump, because it was interrupted between reading the two clocks.
 * Source  /etc/localtime (a link below zoneinfo, localtime(5)), else /etc/timezone; /proc/uptime.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { bootMoment, clockJumps } from '../shared/clock-jumps.ts'
import { parseUptime } from '../shared/uptime.ts'
import { offsets, zoneInLink } from '../shared/zones.ts'

const NAME = 'clock-places'
const EVERY_MS = 30_000

export const clockPlaces: Collector<'clock_place'> = {
  name: NAME,
  categories: ['clock_place'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const offsetOf = offsets()
  let reported = ''
  const jumpOf = clockJumps()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    let ClockJumpMs: number | null = null
    try {
      ClockJumpMs = jumpOf(await bootMoment(host, () => uptimeMs(host)))
    } catch (cause) {
      yield gap(stamp, '/proc/uptime', gapReason(cause), cause)
    }
    const TimeZone = await zoneOf(host)
    const UtcOffsetMinutes = TimeZone === null ? null : offsetOf(TimeZone, stamp.time)
    const current = `${TimeZone} ${UtcOffsetMinutes}`
    if (current !== reported || ClockJumpMs !== null) {
      yield {
        category: 'clock_place' as const,
        ...stamp,
        TimeZone,
        UtcOffsetMinutes,
        KeyboardLayouts: null,
        ClockJumpMs,
      }
      reported = current
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function uptimeMs(host: Host): Promise<number | null> {
  const uptime = parseUptime(await host.readText('/proc/uptime'))
  return uptime === null ? null : uptime * 1_000
}

async function zoneOf(host: Host): Promise<string | null> {
  const link = await host.link('/etc/localtime').catch(() => '')
  const named = zoneInLink(link) ?? (await host.readText('/etc/timezone', 4_096).catch(() => '')).trim()
  return /^[A-Za-z][\w+/-]{0,63}$/.test(named) ? bounded(named, 256) : null
}
