/** Sessions of remote control, as the tools' logs tell them, and the hours that they cover. */
import type { EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'

/** A session as of its latest event, at `time` with `id`. */
export interface RemoteSession {
  start: number
  end: number
  time: number
  id: string
}

export function sessionOf({ id, time, StartedAt, EndedAt }: EventOf<'remote_session'>): RemoteSession {
  const start = Math.min(StartedAt, time)
  // An end later than the event is not an end yet.
  return { start, end: Math.max(start, Math.min(EndedAt ?? time, time)), time, id }
}

/** What its latest event says of a session; `end` null: no event has said it. */
type Word = Omit<RemoteSession, 'end'> & { end: number | null }

/** Whether `a` is the later word about a session. */
export function isLater(a: Word, b: Word): boolean {
  return a.time > b.time || (a.time === b.time && a.id > b.id)
}

/** The key of the shortest session; of equally short ones, the alphabetically last. */
export function shortest(sessions: ReadonlyMap<string, Word>): string {
  const length = ({ start, end, time }: Word) => (end ?? time) - start
  return [...sessions].reduce((a, b) => {
    const longer = length(b[1]) - length(a[1])
    return longer < 0 || (longer === 0 && b[0] < a[0]) ? b : a
  })[0]
}

export interface SessionDay {
  /** Overlapping sessions count once. */
  ms: number
  /** When the day reached `enough`; null: it did not. */
  full: number | null
}

/** By UTC day. `enough` in ms. */
export function hoursByDay(sessions: readonly RemoteSession[], enough: number): Map<number, SessionDay> {
  const days = new Map<number, SessionDay>()
  let covered = Number.NEGATIVE_INFINITY
  for (const { start, end } of sessions.toSorted((a, b) => a.start - b.start)) {
    for (let from = Math.max(start, covered); from < end; ) {
      const day = Math.floor(from / DAY)
      const to = Math.min(end, (day + 1) * DAY)
      const before = days.get(day) ?? { ms: 0, full: null }
      const ms = before.ms + to - from
      days.set(day, { ms, full: before.full ?? (ms >= enough ? from + enough - before.ms : null) })
      from = to
    }
    covered = Math.max(covered, end)
  }
  return days
}
