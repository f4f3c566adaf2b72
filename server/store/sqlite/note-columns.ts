/**
 * The records' facts for the writer, computed in the thread that has the records as objects: numbers in one array that
 * is transferred, and few texts. Parsing the lines again took a quarter of the writer's time.
 */
import type { Recorded } from '../../../wire/recording.ts'
import { type Note, noteOf } from '../fold.ts'

export interface NoteColumns {
  /** `WIDTH` for each record: see `Column`. */
  numbers: Float64Array<ArrayBuffer>
  /** Devices and categories. */
  names: string[]
  /** Ids of conflicting events and of feed lines, in order. */
  ids: string[]
}

/** Missing numbers are NaN. */
const Column = { device: 0, category: 1, time: 2, epoch: 3, seq: 4, arrived: 5, flags: 6 } as const
const WIDTH = 7
const CONFLICT = 1
const LANDMARK = 2

export function columnsOf(records: readonly Recorded[]): NoteColumns {
  const numbers = new Float64Array(records.length * WIDTH)
  const names = new Map<string, number>()
  const ids: string[] = []
  for (const [index, record] of records.entries()) {
    const { facts, category, feedId, arrived, isLandmark } = noteOf('', record)
    const at = index * WIDTH
    numbers[at + Column.device] = facts ? numberOf(names, facts.device) : NaN
    numbers[at + Column.category] = category === null ? NaN : numberOf(names, category)
    numbers[at + Column.time] = facts?.time ?? NaN
    numbers[at + Column.epoch] = facts?.epoch ?? NaN
    numbers[at + Column.seq] = facts?.seq ?? NaN
    numbers[at + Column.arrived] = arrived ?? NaN
    numbers[at + Column.flags] = (facts?.conflict ? CONFLICT : 0) + (isLandmark ? LANDMARK : 0)
    if (facts?.conflict) ids.push(facts.id)
    else if (feedId !== null) ids.push(feedId)
  }
  return { numbers, names: [...names.keys()], ids }
}

/** The notes again. Of events, only conflicting ones have their id: nothing else is looked up by it. */
export function notesOf(lines: readonly string[], { numbers, names, ids }: NoteColumns): Note[] {
  let nextId = 0
  return lines.map((line, index) => {
    const at = index * WIDTH
    const device = numbers[at + Column.device]!
    const flags = numbers[at + Column.flags]!
    const category = nameAt(names, numbers[at + Column.category]!)
    const conflict = (flags & CONFLICT) !== 0
    const isEvent = !Number.isNaN(device)
    return {
      line,
      facts: isEvent
        ? {
            device: names[device]!,
            category: category!,
            time: numbers[at + Column.time]!,
            epoch: numbers[at + Column.epoch]!,
            seq: orNull(numbers[at + Column.seq]!),
            id: conflict ? ids[nextId++]! : '',
            conflict,
          }
        : null,
      category,
      feedId: !isEvent && category !== null ? ids[nextId++]! : null,
      arrived: orNull(numbers[at + Column.arrived]!),
      isLandmark: (flags & LANDMARK) !== 0,
    }
  })
}

function numberOf(names: Map<string, number>, name: string): number {
  const found = names.get(name)
  if (found !== undefined) return found
  names.set(name, names.size)
  return names.size - 1
}

const nameAt = (names: readonly string[], index: number) => (Number.isNaN(index) ? null : names[index]!)
const orNull = (value: number) => (Number.isNaN(value) ? null : value)
