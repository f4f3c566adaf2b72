/**
 * The configured time zone, and changes of the wall clock.
 *
 * Shape   one clock_place at the first poll, when the zone or its offset changes (including daylight saving time), and
 *         when the clock was changed. `KeyboardLayouts` is not collected: null.
 * Units   polled every 30 s. A jump is the movement of the wall clock minus that of the time since boot, including
 *         sleep; jumps below 5 s, such as a time service's small corrections, are not reported.
 * Errors  a gap for the time since boot or the zone, if that cannot be read. A poll that took longer than a second gives
 *         no jump, because it was interrupted between reading the two clocks.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bootMoment, clockJumps } from './clock-jumps.ts'

const NAME = 'clock-places'
const EVERY_MS = 30_000

/** How a system tells; each begins anew when the collector does. */
export interface ClockSource {
  /** Ms since boot, including sleep; null: not known. */
  sinceBoot(): Promise<number | null>
  sinceBootFrom: string
  zone(time: number): Promise<Pick<ObservationOf<'clock_place'>, 'TimeZone' | 'UtcOffsetMinutes'>>
}

export const clockPlacesBy = (open: (host: Host) => ClockSource): Collector<'clock_place'> => ({
  name: NAME,
  categories: ['clock_place'],
  run: (host, _policy, signal) => run(host, open(host), signal),
})

async function* run(host: Host, source: ClockSource, signal: AbortSignal) {
  let reported = ''
  const jumpOf = clockJumps()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    let ClockJumpMs: number | null = null
    try {
      ClockJumpMs = jumpOf(await bootMoment(host, source.sinceBoot))
    } catch (cause) {
      yield gap(stamp, source.sinceBootFrom, gapReason(cause), cause)
    }
    try {
      const { TimeZone, UtcOffsetMinutes } = await source.zone(stamp.time)
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
