/** What a query means, the same in every engine. */
import type { Category, Event } from '../../wire/event.ts'
import type { HistoryQuery, HourCount } from './history.ts'
import { type EventFacts, factsOf, hourOf, hourStart, recordOf } from './segment.ts'
import type { Stored } from './stream.ts'

/** After every possible hour. */
const FOREVER_HOUR = 2 ** 40

/** The hours that a query covers, both ends included. */
export function hours({ from, to }: HistoryQuery): { fromHour: number; toHour: number } {
  return {
    fromHour: from === undefined ? 0 : hourOf(from),
    toHour: to === undefined ? FOREVER_HOUR : hourOf(to - 1),
  }
}

/** `line` is a fast check that may accept too much: parsing costs fifty times as much. */
export function fitting(query: HistoryQuery) {
  const { from = -Infinity, to = Infinity } = query
  const devices = query.devices && new Set<string>(query.devices)
  const categories = query.categories && new Set<string>(query.categories)
  const mark = query.devices?.length === 1 ? JSON.stringify(query.devices[0]) : ''
  return {
    line: (line: string) => line.includes(mark),
    facts: ({ device, category, time }: { device: string; category: string; time: number }) =>
      from <= time && time < to && (devices?.has(device) ?? true) && (categories?.has(category) ?? true),
  }
}

/** The newest `limit` of all added records, in a buffer not much larger than that. */
export function newestFirst(limit: number) {
  let kept: { time: number; stored: Stored }[] = []
  const cut = () => {
    kept = kept.sort((a, b) => b.time - a.time || b.stored.position - a.stored.position).slice(0, limit)
  }
  return {
    add(stored: Stored): void {
      kept.push({ time: factsOf(stored.record)?.time ?? 0, stored })
      if (kept.length > 2 * limit + 1_000) cut()
    },
    /** True when no event at `time` or before can be among the newest. */
    none(time: number): boolean {
      if (kept.length < limit) return false
      cut()
      return kept.at(-1)!.time > time
    },
    list(): Stored[] {
      cut()
      return kept.map((it) => it.stored)
    },
  }
}

/** Events by hour, device and category, from counts and from single events. */
export function hourCounts() {
  const counted = new Map<string, HourCount>()
  return { add, event, list }

  /** `hour` as `hourOf` counts them. */
  function add(hour: number, device: string, category: string, events: number): void {
    const key = `${hour} ${category} ${device}`
    const found = counted.get(key)
    if (found) found.events += events
    else counted.set(key, { hour: hourStart(hour), device, category: category as Category, events })
  }

  function event({ time, device, category }: EventFacts): void {
    add(hourOf(time), device, category, 1)
  }

  function list(): HourCount[] {
    return [...counted.values()].sort(
      (a, b) => a.hour - b.hour || compare(a.device, b.device) || compare(a.category, b.category),
    )
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** The events among these lines, by their spool's number. */
export function byNumber(lines: Iterable<string>): Map<string, Event> {
  const events = new Map<string, Event>()
  for (const line of lines) {
    const record = line === '' ? null : recordOf(line)
    if (record?.type !== 'event' || record.conflict || record.event.seq === null) continue
    events.set(numberOf(record.device, record.epoch ?? 0, record.event.seq), record.event)
  }
  return events
}

export const numberOf = (device: string, epoch: number, seq: number) => `${epoch} ${seq} ${device}`
