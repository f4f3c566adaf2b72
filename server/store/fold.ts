/** Turns a run of records into a segment: packed, with the data it is looked up by. The same in every engine. */
import type { Recorded } from '../../wire/recording.ts'
import { arrivalOf, categoryOf, type EventFacts, factsOf, hourOf, isLandmark, pack } from './segment.ts'

/** Records in a segment; the most is twice as many, less one. */
export const SEGMENT_RECORDS = 1_000
/** Or this many characters: every query reads all records that are not in a segment yet, so these must be few. */
export const SEGMENT_CHARACTERS = 4_000_000

/** A record's line, and the facts that the store needs without parsing it again. */
export interface Note {
  line: string
  facts: EventFacts | null
  category: string | null
  /** The id of a feed event. Null: not a feed line. */
  feedId: string | null
  arrived: number | null
  isLandmark: boolean
}

export interface Tally {
  device: string
  category: string
  hour: number
  events: number
}

/** A range of event numbers without gaps. */
export interface Run {
  device: string
  epoch: number
  first: number
  last: number
}

export interface Folded {
  first: number
  last: number
  /** The latest event time in it. Null: no events. */
  newest: number | null
  /** When its last telemetry was received. Null: no telemetry. */
  arrived: number | null
  lines: Buffer
  tallies: Tally[]
  runs: Run[]
  categories: Set<string>
  /** The lines that every scan returns, at their index; the other lines are empty. Null: there are none. */
  landmarks: Buffer | null
}

export function noteOf(line: string, record: Recorded): Note {
  return {
    line,
    facts: factsOf(record),
    category: categoryOf(record),
    feedId: record.type === 'feed' ? record.event.id : null,
    arrived: arrivalOf(record),
    isLandmark: isLandmark(record),
  }
}

/** A record deleted because of its age: it keeps its position. */
export const DELETED: Note = { line: '', facts: null, category: null, feedId: null, arrived: null, isLandmark: false }

export function fold(first: number, notes: readonly Note[]): Folded {
  const facts = notes.flatMap((it) => it.facts ?? [])
  return {
    first,
    last: first + notes.length - 1,
    newest: facts.length > 0 ? facts.reduce((latest, it) => Math.max(latest, it.time), 0) : null,
    arrived: notes.reduce<number | null>(
      (latest, it) => (it.arrived === null ? latest : Math.max(latest ?? 0, it.arrived)),
      null,
    ),
    lines: pack(
      notes.map((it) => it.line),
      3,
    ),
    tallies: tally(facts),
    runs: runsOf(facts),
    categories: new Set(notes.flatMap((it) => it.category ?? [])),
    landmarks: landmarksOf(notes),
  }
}

export function landmarksOf(notes: readonly Note[]): Buffer | null {
  const lines = notes.map((it) => (it.isLandmark ? it.line : ''))
  return lines.some((it) => it !== '') ? pack(lines, 3) : null
}

/** Splits into pieces of about `SEGMENT_RECORDS`, as equal as possible. */
export function pieces<T>(notes: readonly T[]): T[][] {
  const size = Math.ceil(notes.length / Math.max(1, Math.floor(notes.length / SEGMENT_RECORDS)))
  return Array.from({ length: Math.ceil(notes.length / size) }, (_, n) => notes.slice(n * size, (n + 1) * size))
}

/** The number of events by device, category and hour. */
export function tally(events: readonly EventFacts[]): Tally[] {
  const found = new Map<string, Tally>()
  for (const { device, category, time } of events) {
    const hour = hourOf(time)
    const key = `${hour} ${category} ${device}`
    const known = found.get(key)
    if (known) known.events++
    else found.set(key, { device, category, hour, events: 1 })
  }
  return [...found.values()]
}

function runsOf(events: readonly EventFacts[]): Run[] {
  const streams = new Map<string, { device: string; epoch: number; seqs: number[] }>()
  for (const { device, epoch, seq, conflict } of events) {
    if (seq === null || conflict) continue
    const key = `${epoch} ${device}`
    const stream = streams.get(key)
    if (stream) stream.seqs.push(seq)
    else streams.set(key, { device, epoch, seqs: [seq] })
  }
  return [...streams.values()].flatMap(({ device, epoch, seqs }) => {
    const found: Run[] = []
    for (const seq of seqs.sort((a, b) => a - b)) {
      const run = found.at(-1)
      if (run && run.last === seq - 1) run.last = seq
      else if (run?.last !== seq) found.push({ device, epoch, first: seq, last: seq })
    }
    return found
  })
}
