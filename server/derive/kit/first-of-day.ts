/**
 * Of what is seen again and again, the first sighting of each UTC day, whatever order the sightings come in.
 *
 * Shape   per subject and kind one sighting a day stands: the earliest, by (time, id). An earlier one takes its place.
 * Memory  per subject, kind and day one time, id and key, for nine days; `MOST` of them a subject, the oldest go first.
 */
import { DAY } from '../../../wire/time.ts'
import { type Draft, LATENESS_MS } from '../deriver.ts'
import { mapCodec, type Part, Subjects } from './kept.ts'

const MOST = 512

export interface Sighting {
  /** Epoch ms. */
  time: number
  /** The record's id. */
  id: string
  kind: string
}

type Say = (time: number, key: string, draft: Draft | null) => void
type First = [time: number, id: string]

export interface FirstOfDay {
  take(subject: string, sighting: Sighting, draft: Draft, say: Say): void
  readonly kept: Part
}

export function firstOfDay(): FirstOfDay {
  const subjects = new Subjects<Map<string, First>>(mapCodec())
  return {
    take(name, { time, id, kind }, draft, say) {
      const known = subjects.ensure(name, () => new Map())
      const place = `${Math.floor(time / DAY)} ${kind}`
      const first = known.get(place)
      if (first && (first[0] < time || (first[0] === time && first[1] <= id))) return
      if (first && first[0] !== time) say(first[0], kind, null)
      known.set(place, [time, id])
      subjects.touch(name)
      say(time, kind, draft)
      if (!first) forget(known, time)
    },
    kept: subjects,
  }
}

function forget(known: Map<string, First>, time: number): void {
  for (const [place, [at]] of known) if (at < time - LATENESS_MS - DAY) known.delete(place)
  if (known.size > MOST) known.delete(known.keys().next().value as string)
}
