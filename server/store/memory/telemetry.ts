/**
 * Stream and history without a disk, for `replay` and tests. They return the same objects that were stored: do not
 * edit them.
 */
import { randomUUID } from 'node:crypto'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'
import { type History, type HistoryQuery, type HourCount, REJECTED_PER_DEVICE, type ScanQuery } from '../history.ts'
import { fitting, hourCounts, hours, newestFirst } from '../query.ts'
import { arrivalOf, categoryOf, digestOf, factsOf, hourStart, isLandmark, lineOf } from '../segment.ts'
import type { Published, Rejected, Stored, Stream } from '../stream.ts'

const BLOCK_RECORDS = 1_000

/** What was received from one epoch of a device's spool. */
interface Spool {
  highest: number
  /** Null: deleted because of its age. */
  events: Map<number, RecordedOf<'event'> | null>
  conflicts: Set<string>
}

interface Refused {
  newest: Rejected[]
  total: number
  numbers: Set<string>
}

/** `random` creates the stream's id. */
export function memoryTelemetry(random: () => string = randomUUID): { stream: Stream; history: History } {
  const memory = new Memory()
  const stream: Stream = {
    id: random(),
    missing: null,
    publish: async (records, rejected = []) => memory.publish(records, rejected),
    last: async () => memory.last,
    onPublished(listener) {
      memory.listeners.add(listener)
      return () => memory.listeners.delete(listener)
    },
    read: (after) => memory.read(after, memory.last),
    acked: async (device, epoch) => memory.acked(device, epoch),
    digest: async (position) => memory.digest(position),
    trim: async (time) => memory.trim(time),
    async close() {},
  }
  const history: History = {
    async append() {},
    last: async () => memory.last,
    events: async (query, limit) => memory.events(query, limit),
    counts: async (query) => memory.counts(query),
    bySeq: async (device, epoch, seq) => memory.bySeq(device, epoch, seq),
    scan: (query) => memory.scan(query),
    rejected: async (device, limit) => memory.rejected(device, limit),
    rejectedTotals: async (devices) =>
      new Map(devices.map((it) => [it, memory.rejectedTotal(it)] as const).filter(([, total]) => total > 0)),
    retain: async (time) => memory.trim(time),
    async close() {},
  }
  return { stream, history }
}

class Memory {
  readonly listeners = new Set<(last: number) => void>()
  #stored: Stored[] = []
  #last = 0
  readonly #spools = new Map<string, Spool>()
  /** When each feed event arrived, by its id. */
  readonly #feedIds = new Map<string, number>()
  readonly #refused = new Map<string, Refused>()

  get last(): number {
    return this.#last
  }

  publish(records: readonly Recorded[], rejected: readonly Rejected[]): Published {
    const first = this.#last + 1
    const duplicates: number[] = []
    for (const [index, record] of records.entries()) {
      if (this.#isDuplicate(record)) duplicates.push(index)
      else this.#stored.push({ position: ++this.#last, record })
    }
    for (const it of rejected) this.#reject(it)
    const published = { first, last: this.#last, duplicates }
    // As with a real commit, the publisher learns of the result before the listeners.
    if (published.last >= first)
      queueMicrotask(() => {
        for (const listener of this.listeners) listener(published.last)
      })
    return published
  }

  async *read(after: number, end: number): AsyncIterable<readonly Stored[]> {
    const stored = this.#between(after, end)
    for (let from = 0; from < stored.length; from += BLOCK_RECORDS) yield stored.slice(from, from + BLOCK_RECORDS)
  }

  async *scan({ categories, after, upTo, literals }: ScanQuery): AsyncIterable<readonly Stored[]> {
    const wanted = categories && new Set<string | null>(categories)
    // A lone surrogate is in the value, but not in the text.
    const words = literals?.every((it) => it.isWellFormed())
      ? literals.map((it) => folded(JSON.stringify(it).slice(1, -1)))
      : undefined
    const found = this.#between(after, upTo).filter(({ record }) => {
      if (isLandmark(record)) return true
      if (wanted && !wanted.has(categoryOf(record))) return false
      const line = words ? folded(lineOf(record)) : ''
      return words?.some((it) => line.includes(it)) ?? true
    })
    for (let from = 0; from < found.length; from += BLOCK_RECORDS) yield found.slice(from, from + BLOCK_RECORDS)
  }

  events(query: HistoryQuery, limit: number): Stored[] {
    const newest = newestFirst(Math.max(0, limit))
    for (const stored of this.#matching(query)) newest.add(stored)
    return newest.list()
  }

  counts(query: HistoryQuery): HourCount[] {
    const counted = hourCounts()
    const { fromHour, toHour } = hours(query)
    for (const { record } of this.#matching({ ...query, from: hourStart(fromHour), to: hourStart(toHour + 1) })) {
      counted.event(factsOf(record)!)
    }
    return counted.list()
  }

  acked(device: string, epoch: number): number {
    return this.#spools.get(keyOf(device, epoch))?.highest ?? 0
  }

  bySeq(device: string, epoch: number, seq: number): RecordedOf<'event'>['event'] | null {
    return this.#spools.get(keyOf(device, epoch))?.events.get(seq)?.event ?? null
  }

  digest(position: number): string | null {
    const record = this.#between(position - 1, position)[0]?.record
    return record ? digestOf(lineOf(record)) : null
  }

  rejected(device: string, limit: number): Rejected[] {
    return (this.#refused.get(device)?.newest ?? []).slice(0, Math.max(0, limit))
  }

  rejectedTotal(device: string): number {
    return this.#refused.get(device)?.total ?? 0
  }

  trim(time: number): number {
    const before = this.#stored.length
    for (const { record } of this.#stored) if (record.type === 'event' && record.receivedAt < time) this.#forget(record)
    for (const [id, arrived] of this.#feedIds) if (arrived < time) this.#feedIds.delete(id)
    this.#stored = this.#stored.filter(({ record }) => (arrivalOf(record) ?? Infinity) >= time)
    for (const of of this.#refused.values()) of.newest = of.newest.filter((it) => it.receivedAt >= time)
    return before - this.#stored.length
  }

  /** Deletes the event; its number stays known as received. */
  #forget({ device, epoch = 0, conflict, event: { seq } }: RecordedOf<'event'>): void {
    if (seq !== null && !conflict) this.#spoolOf(device, epoch).events.set(seq, null)
  }

  /** after < position <= end. Positions ascend, with gaps where something was deleted. */
  #between(after: number, end: number): Stored[] {
    return this.#stored.slice(this.#indexOf(after), this.#indexOf(end))
  }

  /** The number of stored records at this position or before it. */
  #indexOf(position: number): number {
    let low = 0
    for (let high = this.#stored.length; low < high; ) {
      const middle = (low + high) >> 1
      if (this.#stored[middle]!.position <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  #isDuplicate(record: Recorded): boolean {
    if (record.type === 'feed') {
      if (this.#feedIds.has(record.event.id)) return true
      this.#feedIds.set(record.event.id, arrivalOf(record) ?? 0)
      return false
    }
    if (record.type !== 'event' || record.event.seq === null) return false
    const { seq, id } = record.event
    const spool = this.#spoolOf(record.device, record.epoch ?? 0)
    if (record.conflict) {
      const before = spool.conflicts.size
      return spool.conflicts.add(`${seq} ${id}`).size === before
    }
    if (spool.events.has(seq)) return true
    spool.events.set(seq, record)
    spool.highest = Math.max(spool.highest, seq)
    return false
  }

  #reject(rejected: Rejected): void {
    const { device, epoch, seq } = rejected
    const of = this.#refused.get(device) ?? { newest: [], total: 0, numbers: new Set() }
    this.#refused.set(device, of)
    if (epoch !== undefined && seq !== null) {
      const number = `${epoch} ${seq}`
      if (of.numbers.has(number)) return
      of.numbers.add(number)
      const spool = this.#spoolOf(device, epoch)
      spool.highest = Math.max(spool.highest, seq)
    }
    of.newest.unshift(rejected)
    of.newest.splice(REJECTED_PER_DEVICE)
    of.total++
  }

  #spoolOf(device: string, epoch: number): Spool {
    const key = keyOf(device, epoch)
    const found = this.#spools.get(key)
    if (found) return found
    const made = { highest: 0, events: new Map(), conflicts: new Set<string>() }
    this.#spools.set(key, made)
    return made
  }

  *#matching(query: HistoryQuery): Iterable<Stored> {
    const fits = fitting(query)
    for (const stored of this.#stored) {
      const facts = factsOf(stored.record)
      if (facts && fits.facts(facts)) yield stored
    }
  }
}

/** Like case-insensitive matching of ASCII: long s (U+017F) matches s, and the kelvin sign (U+212A) matches k. */
const folded = (text: string) => text.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k')
const keyOf = (device: string, epoch: number) => `${epoch} ${device}`
