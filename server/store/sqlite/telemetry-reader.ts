/**
 * All reads of telemetry.db, over a read-only connection: in the writer's thread, in another one, or in a second
 * process.
 *
 * Errors  errors of SQLite or a checksum become Fault 'store.damaged' with the place. `read` and `scan` continue after
 *         the damage when `onDamaged` is given.
 */
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Event } from '../../../wire/event.ts'
import { Fault } from '../../../wire/fault.ts'
import { SEGMENT_RECORDS } from '../fold.ts'
import type { HistoryQuery, HourCount, ScanQuery } from '../history.ts'
import { byNumber, fitting, hourCounts, hours, newestFirst, numberOf } from '../query.ts'
import { digestOf, factsOf, hourStart, recordOf, unpack, unpackBytes } from '../segment.ts'
import { sifting } from '../sift.ts'
import type { OnDamage, Rejected, Stored } from '../stream.ts'
import { transaction } from './database.ts'

/** A journal row or a segment, from the first position to the last. `arrived`: see schema.ts. */
interface Block {
  first: number
  last: number
  arrived: number | null
  lines: Uint8Array
}

/** Positions that cannot be read. Fault null: deleted on purpose, not reported. */
interface Hole {
  last: number
  fault: Fault | null
}

interface Opened<T> {
  first: number
  last: number
  contents: T
}

interface RollupRow {
  hour: number
  device: number
  category: number
  events: number
}

/** Journal rows are small when agents connect one by one; rows are joined into blocks of this many records. */
const BLOCK_RECORDS = 1_000

export class TelemetryReader {
  readonly #db: DatabaseSync
  readonly #file: string
  readonly #sql: ReturnType<typeof statements>
  readonly #scannedFrom: number
  /** An agent whose ack was lost sends a whole batch again. Its numbers are in one segment, which is unpacked once. */
  #lookedUp: { segment: number; events: Map<string, Event> } | null = null

  constructor(db: DatabaseSync, file: string) {
    this.#db = db
    this.#file = file
    this.#sql = this.#sound(() => statements(db, hasTable(db, 'facts')))
    this.#scannedFrom = Number(this.#fact('scanned_from') ?? Number.POSITIVE_INFINITY)
  }

  /** Null in a file of an older version, which only its writer upgrades. */
  get stream(): string | null {
    return this.#fact('stream')
  }

  get isOpen(): boolean {
    return this.#db.isOpen
  }

  last(): number {
    return this.#sound(() => Number(this.#sql.last.get()!.last))
  }

  async *read(after: number, end: number, damage: OnDamage): AsyncIterable<Stored[]> {
    while (after < end) {
      const { stored, last } = this.#blockAfter(after, end, damage)
      after = last
      if (stored.length > 0) yield stored
      await setImmediate()
    }
  }

  #blockAfter(after: number, end: number, damage: OnDamage): { stored: Stored[]; last: number } {
    const stored: Stored[] = []
    while (after < end && stored.length < BLOCK_RECORDS) {
      const block = this.#open(this.#blockAt(after + 1, end), linesOf)
      if ('fault' in block) {
        // What precedes the damage is returned first, so that a reader without `onDamaged` gets everything before it.
        if (stored.length > 0) break
        this.#report(block.fault, damage)
      } else {
        for (let index = after + 1 - block.first; index < block.contents.length; index++) {
          const position = block.first + index
          const line = block.contents[index]!
          if (position > end) break
          if (line !== '') stored.push({ position, record: recordOf(line) })
        }
      }
      after = block.last
    }
    return { stored, last: after }
  }

  /** Segments without a wanted category give only their landmarks, and are not unpacked. */
  async *scan(query: ScanQuery, damage: OnDamage): AsyncIterable<Stored[]> {
    const sift = sifting(query)
    const categories = query.categories && this.#idsOf('category', query.categories)
    for (let after = query.after; after < query.upTo; ) {
      const skipped = this.#skippable(after + 1, categories)
      const block = this.#open(skipped ?? this.#blockAt(after + 1, query.upTo), ({ first, last, lines }) =>
        lines.length > 0 ? sift(unpackBytes(lines), first, last) : [],
      )
      if ('fault' in block) this.#report(block.fault, damage)
      else if (block.contents.length > 0) yield block.contents
      after = block.last
      if (!skipped) await setImmediate()
    }
  }

  /** A segment's landmarks in its place, only if it certainly has nothing of the categories. */
  #skippable(position: number, categories: string | null): Block | null {
    if (categories === null || position < this.#scannedFrom) return null
    const row = orNull(() => this.#sql.skippable?.get({ position, categories }))
    return row ? ({ arrived: null, ...row, lines: row.lines ?? new Uint8Array() } as unknown as Block) : null
  }

  /** Reads segments by the latest event time they can contain, until none can hold a newer event than those found. */
  async events(query: HistoryQuery, limit: number, damage: OnDamage): Promise<Stored[]> {
    const newest = newestFirst(limit)
    if (limit < 1) return []
    const fits = fitting(query)
    const { candidates, journal } = this.#snapshot(() => ({
      candidates: this.#candidateSegments(query, limit),
      journal: this.#journalBlocks(),
    }))
    const add = (found: Block | Hole) => {
      const block = this.#open(found, linesOf)
      if ('fault' in block) return this.#report(block.fault, damage)
      for (const [index, line] of block.contents.entries()) {
        if (line === '' || !fits.line(line)) continue
        const record = recordOf(line)
        const facts = factsOf(record)
        if (facts && fits.facts(facts)) newest.add({ position: block.first + index, record })
      }
    }
    for (const block of journal) add(block)
    for (const { segment, bound } of candidates) {
      if (newest.none(bound)) break
      add(this.#blockAt(segment, segment))
      await setImmediate()
    }
    return newest.list()
  }

  async counts(query: HistoryQuery): Promise<HourCount[]> {
    const range = hours(query)
    const { rows, names, journal } = this.#snapshot(() => ({
      rows: this.#sql.rollups.all({ ...this.#scope(query), ...range }) as unknown as RollupRow[],
      names: new Map(this.#sql.names.all().map((row) => [Number(row.id), String(row.name)])),
      journal: this.#journalBlocks(),
    }))
    const counted = hourCounts()
    for (const { hour, device, category, events } of rows) {
      counted.add(hour, names.get(device)!, names.get(category)!, events)
    }
    const fits = fitting({ ...query, from: hourStart(range.fromHour), to: hourStart(range.toHour + 1) })
    for (const line of this.#linesOf(journal)) {
      const facts = fits.line(line) ? factsOf(recordOf(line)) : null
      if (facts && fits.facts(facts)) counted.event(facts)
    }
    return counted.list()
  }

  acked(device: string, epoch: number): number {
    return this.#snapshot(() => {
      let highest = Number(this.#sql.stream.get(device, epoch)?.seq ?? 0)
      for (const line of this.#linesOf(this.#journalBlocks())) {
        const facts = factsOf(recordOf(line))
        if (facts?.device === device && facts.epoch === epoch && !facts.conflict)
          highest = Math.max(highest, facts.seq ?? 0)
      }
      return highest
    })
  }

  async bySeq(device: string, epoch: number, seq: number): Promise<Event | null> {
    const { run, journal } = this.#snapshot(() => ({
      run: this.#sql.runOf.get(device, epoch, seq),
      journal: this.#journalBlocks(),
    }))
    const number = numberOf(device, epoch, seq)
    if (!run || Number(run.first) > seq) return byNumber(this.#linesOf(journal)).get(number) ?? null
    const segment = Number(run.segment)
    if (this.#lookedUp?.segment !== segment)
      this.#lookedUp = { segment, events: byNumber(this.#linesOf([this.#blockAt(segment, segment)])) }
    return this.#lookedUp.events.get(number) ?? null
  }

  digest(position: number): string | null {
    if (position < 1) return null
    const block = this.#open(this.#blockAt(position, position), linesOf)
    const line = 'fault' in block ? '' : block.contents[position - block.first]
    return line ? digestOf(line) : null
  }

  rejected(device: string, limit: number): Rejected[] {
    return this.#sound(() =>
      this.#sql.rejected.all(device, Math.max(0, limit)).map((row) => JSON.parse(String(row.entry)) as Rejected),
    )
  }

  rejectedTotals(devices: readonly string[]): Map<string, number> {
    const rows = this.#sound(() => this.#sql.rejectedTotals.all(JSON.stringify(devices)))
    return new Map(rows.map((row) => [String(row.device), Number(row.total)]))
  }

  /** The roll-ups show how far back `limit` events reach, so that no older posting is read. */
  #candidateSegments(query: HistoryQuery, limit: number): { segment: number; bound: number }[] {
    const within = this.#scope(query)
    const range = hours(query)
    let found = 0
    for (const row of this.#sql.hourTotals.iterate({ ...within, ...range })) {
      range.fromHour = Number(row.hour)
      // The query may cover the first and the last hour only in part, so their counts are not certain.
      const whole = query.to === undefined || hourStart(range.fromHour + 1) <= query.to
      if (whole) found += Number(row.events)
      if (found >= limit) break
    }
    return this.#sql.candidates.all({ ...within, ...range }) as unknown as { segment: number; bound: number }[]
  }

  #scope({ devices, categories }: HistoryQuery): { devices: string; categories: string } {
    return { devices: this.#idsOf('device', devices), categories: this.#idsOf('category', categories) }
  }

  #idsOf(kind: 'device' | 'category', names: readonly string[] | undefined): string {
    const rows = this.#sound(() =>
      names ? this.#sql.namedIds.all(kind, JSON.stringify(names)) : this.#sql.allIds.all(kind),
    )
    return JSON.stringify(rows.map((row) => row.id))
  }

  #journalBlocks(): Block[] {
    return this.#sql.journal.all() as unknown as Block[]
  }

  /** Errors  throws the fault of a block that cannot be read. */
  *#linesOf(blocks: readonly (Block | Hole)[]): Iterable<string> {
    for (const it of blocks) {
      const block = this.#open(it, linesOf)
      if ('fault' in block) this.#report(block.fault, {})
      else yield* block.contents
    }
  }

  #open<T>(block: Block | Hole, contentsOf: (block: Block) => T): Opened<T> | Hole {
    if ('fault' in block) return block
    const { first, last } = block
    try {
      return { first, last, contents: contentsOf(block) }
    } catch (cause) {
      // The end it states is no more reliable than its contents.
      const end = this.#nextBlock(first, last) - 1
      return { last: end, fault: this.#unreadable(first, end, cause) }
    }
  }

  /** The segment or journal row that contains this position; reading goes up to `end`. */
  #blockAt(position: number, end: number): Block | Hole {
    let cause: unknown
    try {
      const block = this.#sql.blockAt.get({ position }) as unknown as Block | undefined
      if (block && block.lines.length === 0) return this.#lost(block)
      if (block) return block
    } catch (broken) {
      this.#refuseWhenClosed(broken)
      // SQLite failed on the lines; where they begin and end is stored separately.
      const extent = orNull(() => this.#sql.extentAt.get(position)) as { first: number; last: number } | null
      if (extent && extent.last >= position)
        return { last: extent.last, fault: this.#unreadable(extent.first, extent.last, broken) }
      cause = broken
    }
    const last = Math.min(end, this.#nextBlock(position, end) - 1)
    return { last, fault: this.#unreadable(position, last, cause) }
  }

  /** The first position after this one where something readable begins; beyond `end` when there is none. */
  #nextBlock(position: number, end: number): number {
    let next = end + 1
    for (const blocks of [this.#sql.segmentFrom, this.#sql.journalFrom]) {
      // A missing page hides the blocks on it, but not those after it.
      for (let from = position + 1; from < next; from += SEGMENT_RECORDS) {
        const found = orNull(() => blocks.get(from))
        if (found === null) continue
        next = Math.min(next, Number(found?.first ?? next))
        break
      }
    }
    return next
  }

  #lost({ first, last, arrived }: Block): Hole {
    if (arrived === null) return { last, fault: null }
    const found = new Date(arrived).toISOString()
    const fault = new Fault('store.damaged', {
      where: `${this.#file}, positions ${first} to ${last}`,
      why: `They were lost before ${found}.`,
      todo: 'Laptops send again what they still have; a newer backup may have the rest.',
      facts: { segment: first, first, last, lost: true },
    })
    return { last, fault }
  }

  #unreadable(first: number, last: number, cause: unknown): Fault {
    return new Fault('store.damaged', {
      where: `${this.#file}, segment ${first}`,
      why: `Positions ${first} to ${last} cannot be read.`,
      todo: 'Restore the data folder from a backup to get them back.',
      facts: { segment: first, first, last, ...(cause === undefined ? {} : { reason: String(cause) }) },
      cause,
    })
  }

  #report(fault: Fault | null, damage: OnDamage): void {
    if (fault === null) return
    if (!damage.onDamaged) throw fault
    damage.onDamaged(fault)
  }

  #fact(key: string): string | null {
    return this.#sound(() => this.#sql.fact?.get(key)?.value as string | undefined) ?? null
  }

  /** Several statements at one moment: between two of them the journal could become a segment. */
  #snapshot<T>(work: () => T): T {
    return this.#sound(() => transaction(this.#db, 'begin', work))
  }

  #refuseWhenClosed(cause: unknown): void {
    if (!this.#db.isOpen)
      throw new Fault('store.unwritable', { where: this.#file, why: 'The telemetry is closed.', cause })
  }

  /** A read fails only because of what is in the file. */
  #sound<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      this.#refuseWhenClosed(cause)
      throw new Fault('store.damaged', {
        where: this.#file,
        todo: 'Restore the data folder from a backup.',
        facts: { reason: String(cause) },
        cause,
      })
    }
  }
}

const linesOf = ({ first, last, lines }: Block) => unpack(lines, last - first + 1)

/** Null: it cannot be read. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}

function hasTable(db: DatabaseSync, name: string): boolean {
  return db.prepare(`select 1 from sqlite_schema where type = 'table' and name = ?`).get(name) !== undefined
}

const WITHIN = `device in (select value from json_each(:devices))
  and category in (select value from json_each(:categories))
  and hour between :fromHour and :toHour`

function statements(db: DatabaseSync, hasFacts: boolean) {
  return {
    last: db.prepare(
      `select max(coalesce((select last from segments order by first desc limit 1), 0),
                  coalesce((select last from journal order by first desc limit 1), 0)) last`,
    ),
    fact: hasFacts ? db.prepare('select value from facts where key = ?') : null,
    // One statement, one snapshot: between two statements the journal could become a segment.
    blockAt: db.prepare(
      `select * from
         (select first, last, arrived, lines from segments where first <= :position order by first desc limit 1)
       where last >= :position
       union all
       select * from
         (select first, last, null arrived, lines from journal where first <= :position order by first desc limit 1)
       where last >= :position`,
    ),
    extentAt: db.prepare('select first, last from segments where first <= ? order by first desc limit 1'),
    segmentFrom: db.prepare('select first from segments where first >= ? order by first limit 1'),
    journalFrom: db.prepare('select first from journal where first >= ? order by first limit 1'),
    journal: db.prepare('select first, last, null arrived, lines from journal order by first'),
    skippable: hasFacts
      ? db.prepare(
          `select first, last, (select lines from landmarks where segment = first) lines from
             (select first, last, length(lines) bytes from segments where first <= :position order by first desc limit 1)
           where last >= :position and bytes > 0 and not exists (select 1 from contents
             where category in (select value from json_each(:categories)) and segment = first)`,
        )
      : null,
    allIds: db.prepare('select id from names where kind = ?'),
    namedIds: db.prepare('select id from names where kind = ? and name in (select value from json_each(?))'),
    rollups: db.prepare(`select hour, device, category, events from rollups where ${WITHIN}`),
    names: db.prepare('select id, name from names'),
    hourTotals: db.prepare(
      `select hour, sum(events) events from rollups where ${WITHIN} group by hour order by hour desc`,
    ),
    // bound: the latest time of a matching event in this segment.
    candidates: db.prepare(
      `select segment, min(max(hour) * 3600000 + 3599999, newest) bound from postings
       join segments on segments.first = postings.segment where ${WITHIN}
       group by segment order by bound desc, segment desc`,
    ),
    stream: db.prepare('select seq from streams where device = ? and epoch = ?'),
    runOf: db.prepare(
      'select first, segment from received where device = ? and epoch = ? and last >= ? order by last limit 1',
    ),
    rejected: db.prepare('select entry from rejected where device = ? order by id desc limit ?'),
    rejectedTotals: db.prepare(
      'select device, total from rejected_totals where device in (select value from json_each(?))',
    ),
  }
}
