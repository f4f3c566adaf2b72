/** Times as text: in the viewer's time zone with UTC beside it, and relative ones that are updated. */
import { signal } from '@preact/signals'

/** The current time, updated every 10 s; components that read it are drawn again. */
export const now = signal(Date.now())
setInterval(() => (now.value = Date.now()), 10_000)

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const short = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
})
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

export const full = (ms: number) => clock.format(ms)
export const brief = (ms: number) => short.format(ms)
export const day = (ms: number) => date.format(ms)
export const utc = (ms: number) => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC`

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
