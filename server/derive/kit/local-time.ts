/** The UTC offset of a time zone at a given time, with daylight saving. */
import { HOUR, MINUTE } from '../../../wire/time.ts'

/** Cached hours per zone: about 170 days. */
const MAX_HOURS = 4_096

interface Zone {
  format: Intl.DateTimeFormat | null
  offsets: Map<number, number>
}

/** Returns minutes east of UTC for the hour that contains `time`; null: unknown zone. Each hour of a zone is cached. */
export function utcOffsets(): (zone: string, time: number) => number | null {
  const zones = new Map<string, Zone>()
  return (name, time) => {
    const zone = zones.get(name) ?? { format: formatOf(name), offsets: new Map<number, number>() }
    zones.set(name, zone)
    if (!zone.format) return null
    const hour = Math.floor(time / HOUR)
    let offset = zone.offsets.get(hour)
    if (offset === undefined) {
      if (zone.offsets.size >= MAX_HOURS) zone.offsets.clear()
      offset = offsetAt(zone.format, hour * HOUR)
      zone.offsets.set(hour, offset)
    }
    return offset
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  } catch {
    return null
  }
}

function offsetAt(format: Intl.DateTimeFormat, time: number): number {
  const parts = Object.fromEntries(format.formatToParts(time).map((it) => [it.type, Number(it.value)]))
  const wall = Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute)
  return Math.round((wall - time) / MINUTE)
}
