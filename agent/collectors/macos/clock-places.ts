/**
 * The configured time zone, and changes of the wall clock on macOS: see shared/clock-places.ts.
 *
 * Errors  TimeZone and UtcOffsetMinutes are null if no zone is configured.
 * Source  /etc/localtime, a link below /var/db/timezone/zoneinfo; kern.boottime (through Node), which the kernel moves
 *         with the clock. Written from documentation; it has never run on a Mac.
 */
import { clockPlacesBy } from '../shared/clock-places.ts'
import { offsets, zoneInLink, zoneName } from '../shared/zones.ts'

export const clockPlaces = clockPlacesBy((host) => {
  const offsetOf = offsets()
  return {
    sinceBoot: async () => host.elapsed(),
    sinceBootFrom: 'kern.boottime',
    async zone(time) {
      const TimeZone = zoneName(zoneInLink(await host.link('/etc/localtime').catch(() => '')) ?? '')
      return { TimeZone, UtcOffsetMinutes: TimeZone === null ? null : offsetOf(TimeZone, time) }
    },
  }
})
