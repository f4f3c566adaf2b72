/**
 * The configured time zone, and changes of the wall clock.
 *
 * Shape   one clock_place at the first poll, when the zone or its offset changes (including daylight saving time), and
 *         when the clock was changed. `KeyboardLayouts` is not collected: null.
 * Units   polled every 30 s. A jump is the movement of the wall clock minus that of the time since boot, including
 *         sleep; jumps below 5 s, such as the time service's small corrections, are not reported.
 * Errors  TimeZone and UtcOffsetMinutes are null if no zone is configured. A poll that took longer than a second gives no
 *         jump, because it was interrupted between reading the two clocks.
 * Source  /etc/localtime, a link below /var/db/timezone/zoneinfo; kern.boottime (through Node), which the kernel moves
 *         with the clock. Written from documentation; it has never run on a Mac.
 */
import type { Collector } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { bootMoment, clockJumps } from '../shared/clock-jumps.ts'
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
    const ClockJumpMs = jumpOf(await bootMoment(host, async () => host.elapsed()))
    const named = zoneInLink(await host.link('/etc/localtime').catch(() => '')) ?? ''
    const TimeZone = /^[A-Za-z][\w+/-]{0,63}$/.test(named) ? bounded(named, 256) : null
    const UtcOffsetMinutes = TimeZone === null ? null : offsetOf(TimeZone, stamp.time)
    const current = `${TimeZone} ${UtcOffsetMinutes}`
    if (current !== reported || ClockJumpMs !== null) {
      const place = { TimeZone, UtcOffsetMinutes, KeyboardLayouts: null, ClockJumpMs }
      yield { category: 'clock_place' as const, ...stamp, ...place }
      reported = current
    }
    await host.sleep(EVERY_MS, signal)
  }
}
