import { ago, brief, full, now, utc } from '../clock.ts'

/** A time: relative and updated, or as a date; in full, with UTC, in the title. */
export function Time({ ms, as = 'ago' }: { ms: number; as?: 'ago' | 'brief' | 'full' }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${full(ms)} · ${utc(ms)}`}>
      {as === 'ago' ? ago(ms, now.value) : as === 'brief' ? brief(ms) : full(ms)}
    </time>
  )
}

/** An online laptop is seen now, whenever the server last stored it. */
export function LastSeen({ ms, online }: { ms: number | null; online: boolean }) {
  return online ? <span>now</span> : <TimeOrNever ms={ms} />
}

export function TimeOrNever({ ms }: { ms: number | null }) {
  return ms === null ? <span class="muted">never</span> : <Time ms={ms} />
}
