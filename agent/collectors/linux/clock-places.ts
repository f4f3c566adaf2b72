/**
 * The configured time zone, and changes of the wall clock on Linux: see shared/clock-places.ts.
 *
 * Errors  TimeZone and UtcOffsetMinutes are null if no zone is configured.
 * Source  /etc/localtime (a link below zoneinfo, localtime(5)), else /etc/timezone; /proc/uptime.
 */
import type { Host } from '../../host/host.ts'
import { clockPlacesBy } from '../shared/clock-places.ts'
import { parseUptime } from '../shared/uptime.ts'
import { offsets, zoneInLink, zoneName } from '../shared/zones.ts'

export const clockPlaces = clockPlacesBy((host) => {
  const offsetOf = offsets()
  return {
    sinceBoot: () => uptimeMs(host),
    sinceBootFrom: '/proc/uptime',
    async zone(time) {
      const link = await host.link('/etc/localtime').catch(() => '')
      const named = zoneInLink(link) ?? (await host.readText('/etc/timezone', 4_096).catch(() => '')).trim()
      const TimeZone = zoneName(named)
      return { TimeZone, UtcOffsetMinutes: TimeZone === null ? null : offsetOf(TimeZone, time) }
    },
  }
})

async function uptimeMs(host: Host): Promise<number | null> {
  const uptime = parseUptime(await host.readText('/proc/uptime'))
  return uptime === null ? null : uptime * 1_000
}
