/**
 * The first of many repeated occurrences on each UTC day, whatever order they arrive in.
 *
 * Shape   one event per subject, kind and day: that of the earliest occurrence by (time, id). An earlier one that
 *         arrives late replaces it.
 * Memory  per subject, kind and day one time, id and key, for nine days; at most `MAX_FIRSTS` per subject, oldest
 *         dropped first.
 */
import { DAY } from '../../../wire/time.ts'
import { type Draft, LATENESS_MS, type Report } from '../deriver.ts'
import { mapCodec, type Part, Subjects } from './kept.ts'

const MAX_FIRSTS = 512

export interface Occurrence {
  /** Epoch ms. */
  time: number
  /** The record's id. */
  id: string
  kind: string
}

type First = [time: number, id: string]

export interface FirstOfDay {
  take(subject: string, occurrence: Occurrence, draft: Draft, report: Report): void
  readonly kept: Part
}

export function firstOfDay(): FirstOfDay {
  /** By day and kind. */
  const subjects = new Subjects<Map<string, First>>(mapCodec())
  return {
    take(subject, { time, id, kind }, draft, report) {
      const firsts = subjects.ensure(subject, () => new Map())
      const key = `${Math.floor(time / DAY)} ${kind}`
      const first = firsts.get(key)
      if (first && (first[0] < time || (first[0] === time && first[1] <= id))) return
      if (first && first[0] !== time) report(first[0], kind, null)
      firsts.set(key, [time, id])
      subjects.touch(subject)
      report(time, kind, draft)
      if (!first) forget(firsts, time)
    },
    kept: subjects,
  }
}

function forget(firsts: Map<string, First>, time: number): void {
  for (const [key, [at]] of firsts) if (at < time - LATENESS_MS - DAY) firsts.delete(key)
  if (firsts.size > MAX_FIRSTS) firsts.delete(firsts.keys().next().value as string)
}
