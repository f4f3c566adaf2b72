/**
 * Parts of a point in time, in UTC. Sigma has no time zones; a time without one is UTC.
 *
 * Units   numbers are epoch milliseconds, or seconds below 1e11 (which as milliseconds would be before March 1973).
 */
import { DAY, MINUTE } from '../../wire/time.ts'

export const UNITS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const
export type Unit = (typeof UNITS)[number]

const WRITTEN = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s?(Z|[+-]\d\d:?\d\d)?$/

/** Null when the value is not a point in time. */
export function timePart(value: unknown, unit: Unit): number | null {
  const ms = epochMs(value)
  if (ms === null || Math.abs(ms) > 8.64e15) return null
  const date = new Date(ms)
  if (unit === 'minute') return date.getUTCMinutes()
  if (unit === 'hour') return date.getUTCHours()
  if (unit === 'day') return date.getUTCDate()
  if (unit === 'week') return isoWeek(date)
  if (unit === 'month') return date.getUTCMonth() + 1
  return date.getUTCFullYear()
}

function epochMs(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? (Math.abs(value) < 1e11 ? value * 1_000 : value) : null
  if (typeof value !== 'string' || value.length > 64) return null
  const text = value.trim()
  if (/^\d{1,16}$/.test(text)) return epochMs(Number(text))
  const [, year, month, day, hour = '0', minute = '0', second = '0', , zone] = WRITTEN.exec(text) ?? []
  if (!year) return null
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const written = new Date(ms)
  if (written.getUTCDate() !== Number(day) || Number(hour) > 23 || Number(minute) > 59) return null
  return ms - zoneMs(zone)
}

function zoneMs(zone: string | undefined): number {
  if (!zone || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone[0] === '-' ? -minutes : minutes) * MINUTE
}

/** ISO 8601: weeks begin on Monday; week 1 contains the year's first Thursday. */
function isoWeek(date: Date): number {
  const thursday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()))
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7))
  const yearStart = Date.UTC(thursday.getUTCFullYear(), 0, 1)
  return 1 + Math.floor((thursday.getTime() - yearStart) / (7 * DAY))
}
