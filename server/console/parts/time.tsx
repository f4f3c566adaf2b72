import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { ago, brief, elsewhere, full, hour, now, utc } from '../clock.ts'
import './time.css'

/** The time zone of the contract of the worker that the page is about; null: none. */
export const WorkersZone = createContext<string | null>(null)

const STYLES = { ago: (ms: number) => ago(ms, now.value), hour, brief, full }

/** A time: relative and updated, or as an hour or a date, with the worker's clock beside it. In full, with UTC, in the title. */
export function Time({ ms, as = 'ago' }: { ms: number; as?: keyof typeof STYLES }) {
  const theirs = elsewhere(ms, useContext(WorkersZone))
  const title = [full(ms), ...(theirs === null ? [] : [`${theirs} for the worker`]), utc(ms)].join(' · ')
  return (
    <time dateTime={new Date(ms).toISOString()} title={title}>
      <span class="time-here">{STYLES[as](ms)}</span>
      {as !== 'ago' && theirs !== null && (
        <span class="time-there" title="On the clock of the contract's place">
          {' '}
          ({theirs})
        </span>
      )}
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
