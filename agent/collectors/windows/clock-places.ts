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

const NAME = 'clock-places'
const EVERY_MS = 30_000
const JUMP_MS = 5_000
const INTERRUPTED_MS = 1_000

export const clockPlaces = (windows: Windows): Collector<'clock_place'> => ({
  name: NAME,
  categories: ['clock_place'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let reported = ''
  let bootedAt: number | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const moment = bootMoment(host)
    // Wall clock minus time since boot is constant unless the clock is changed.
    const moved = moment !== null && bootedAt !== null ? Math.round(moment - bootedAt) : 0
    const ClockJumpMs = Math.abs(moved) >= JUMP_MS ? moved : null
    // Updated at each poll, so that small drifts do not add up to a jump.
    bootedAt = moment ?? bootedAt
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

function bootMoment(host: Host): number | null {
  const before = host.now()
  const elapsed = host.elapsed()
  return Math.abs(host.now() - before) > INTERRUPTED_MS ? null : before - elapsed
}
