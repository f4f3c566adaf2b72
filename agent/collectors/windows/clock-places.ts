/**
 * The configured time zone, and changes of the wall clock on Windows: see shared/clock-places.ts.
 *
 * Errors  TimeZone null: this runtime knows no IANA zone for Windows' name.
 * Source  GetDynamicTimeZoneInformation, GetTickCount64 (through Node); seen on Wine 10.
 */
import type { Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { clockPlacesBy } from '../shared/clock-places.ts'

export const clockPlaces = (windows: Windows) =>
  clockPlacesBy((host) => ({
    sinceBoot: async () => host.elapsed(),
    sinceBootFrom: 'GetTickCount64',
    async zone() {
      const { zone, utcOffsetMinutes: UtcOffsetMinutes } = windows.zone()
      return { TimeZone: zone === null ? null : bounded(zone, 256), UtcOffsetMinutes }
    },
  }))
