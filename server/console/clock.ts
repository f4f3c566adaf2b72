/**
 * Times as text: 24 hours, with the zone in every one; in the reader's zone, and in the worker's beside it.
 *
 * Shape   zones are said as what they are at that moment, 'UTC+5:30': abbreviations are ambiguous.
 */
import { signal } from '@preact/signals'

/** The current time, updated every 10 s; components that read it are drawn again. */
export const now = signal(Date.now())
setInterval(() => (now.value = Date.now()), 10_000)

type Style = 'full' | 'brief' | 'hour' | 'clock' | 'offset'
const STYLES: Record<Style, [locale: string | undefined, options: Intl.DateTimeFormatOptions]> = {
  full: [
    undefined,
    { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  ],
  brief: [undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }],
  hour: [undefined, { hour: '2-digit', minute: '2-digit' }],
  clock: [undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' }],
  offset: ['en', { timeZoneName: 'longOffset' }],
}
/** By style and zone: making one costs more than using it. */
const formats = new Map<string, Intl.DateTimeFormat>()
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
const utcDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' })

/** `zone` null: the reader's. */
function formatOf(style: Style, zone: string | null): Intl.DateTimeFormat {
  const key = `${style} ${zone}`
  let format = formats.get(key)
  if (!format) {
    const [locale, options] = STYLES[style]
    format = new Intl.DateTimeFormat(locale, {
      ...options,
      ...(style !== 'offset' && { hourCycle: 'h23' as const }),
      ...(zone !== null && { timeZone: zone }),
    })
    formats.set(key, format)
  }
  return format
}

/** 'UTC', 'UTC+5:30', 'UTC−6'. */
export function offset(ms: number, zone: string | null = null): string {
  const parts = formatOf('offset', zone).formatToParts(ms)
  const [, sign = '', hours = '0', minutes = '00'] =
    /GMT([+-])(\d\d):(\d\d)/.exec(parts.find((it) => it.type === 'timeZoneName')?.value ?? '') ?? []
  if (Number(hours) === 0 && minutes === '00') return 'UTC'
  return `UTC${sign === '-' ? '−' : '+'}${Number(hours)}${minutes === '00' ? '' : `:${minutes}`}`
}

export const full = (ms: number) => `${formatOf('full', null).format(ms)} ${offset(ms)}`
export const brief = (ms: number) => `${formatOf('brief', null).format(ms)} ${offset(ms)}`
/** Where the day is known: under its heading. */
export const hour = (ms: number) => `${formatOf('hour', null).format(ms)} ${offset(ms)}`
export const utc = (ms: number) => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC`
export const day = (ms: number) => date.format(ms)
/** Contracts name days, which begin and end in UTC. */
export const utcDay = (ms: number) => utcDate.format(ms)

/** The same moment on the worker's clock, 'Mon 23:10 UTC−6'; null when it is the reader's clock too. */
export function elsewhere(ms: number, zone: string | null): string | null {
  if (zone === null || offset(ms, zone) === offset(ms)) return null
  return `${formatOf('clock', zone).format(ms)} ${offset(ms, zone)}`
}

/** Contracts come from outside: null for what is no zone. */
export function zoneOf(name: unknown): string | null {
  if (typeof name !== 'string' || name === '') return null
  try {
    formatOf('offset', name)
    return name
  } catch {
    return null
  }
}

/** 'just now', '4 min ago', '3 h ago', '2 d ago'; 'in 4 min' for a time that a wrong clock puts in the future. */
export function ago(ms: number, at: number): string {
  const seconds = Math.round((at - ms) / 1_000)
  if (seconds < -90) return `in ${span(-seconds)}`
  if (seconds < 45) return 'just now'
  return `${span(seconds)} ago`
}

function span(seconds: number): string {
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  if (hours < 48) return `${hours} h`
  return `${Math.round(hours / 24)} d`
}
