/**
 * The configured time zone, and changes of the wall clock.
 *
 * Shape   one clock_place at the first poll, when the zone or its offset changes (including daylight saving time), and
 *         when the clock was changed. `KeyboardLayouts` is not collected: null.
 * Units   polled every 30 s. A jump is the movement of the wall clock minus that of the time since boot, including
 *         sleep; jumps below 5 s, such as the time service's small corrections, are not reported.
 * Errors  TimeZone null: this runtime knows no IANA zone for Windows' name. A poll that took longer than a second gives no
 *         jump, because it was interrupted between reading the two clocks.
 * Source  GetDynamicTimeZoneInformation, GetTickCount64 (through Node); seen on Wine 10.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { bootMoment, clockJumps } from '../shared/clock-jumps.ts'

const NAME = 'clock-places'
const EVERY_MS = 30_000

export const clockPlaces = (windows: Windows): Collector<'clock_place'> => ({
  name: NAME,
  categories: ['clock_place'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let reported = ''
  const jumpOf = clockJumps()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const ClockJumpMs = jumpOf(await bootMoment(host, async () => host.elapsed()))
    try {
      const { zone, utcOffsetMinutes: UtcOffsetMinutes } = windows.zone()
      const TimeZone = zone === null ? null : bounded(zone, 256)
      const current = `${TimeZone} ${UtcOffsetMinutes}`
      if (current !== reported || ClockJumpMs !== null) {
        const place = { TimeZone, UtcOffsetMinutes, KeyboardLayouts: null, ClockJumpMs }
        yield { category: 'clock_place' as const, ...stamp, ...place }
        reported = current
      }
    } catch (cause) {
      yield gap(stamp, 'time zone', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}
