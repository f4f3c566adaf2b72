/** Everything that is asked of telemetry.db, over a connection that only reads. Also serves a second process. */
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Category, Event } from '../../../wire/event.ts'
import { Fault } from '../../../wire/fault.ts'
import { byHour, fitting, hours, newestFirst } from '../query.ts'
import type { HourCount, LogQuery, OnDamage, Rejected, Stored } from '../state.ts'
import { asFault, transaction } from './database.ts'
import { factsOf, hourOf, hourStart, recordOf, unpack } from './segment.ts'

/** A journal row or a segment. */
interface Block {
  first: number
  last: number
  lines: Uint8Array
}

interface RollupRow {
  hour: number
  device: number
  category: number
  events: number
}

export function logReader(db: DatabaseSync, file: string) {
  const sql = statements(db)
  /** An agent whose ack was lost sends a whole batch again: its numbers lie in one segment, which is unpacked once. */
  let lookedUp: { segment: number; events: Map<string, Event> } | null = null
  return { last, read, events, counts, acked, bySeq, rejected, rejectedTotal }

  function last(): number {
    return Number(sql.last.get()!.last)
  }

  async function* read(after: number, end: number, damage: OnDamage): AsyncIterable<Stored> {
    while (after < end) {
      const block = blockAt(after + 1)
      for (const [index, line] of linesOf(block, damage).entries()) {
        const position = block.first + index
        if (position > end) return
        if (position > after && line !== '') yield { position, record: recordOf(line) }
      }
      after = block.last
      await setImmediate()
    }
  }

  /** Segments in the order of the latest time they can contribute, until none can beat what was found. */
  async function events(query: LogQuery, limit: number, damage: OnDamage): Promise<Stored[]> {
    const newest = newestFirst(limit)
    if (limit < 1) return []
    const fits = fitting(query)
    const { candidates, journal } = transaction(db, 'begin', () => ({
      candidates: candidateSegments(query, limit),
      journal: journalBlocks(),
    }))
    for (const block of journal) for (const stored of matching(block)) newest.add(stored)
    for (const { segment, bound } of candidates) {
      if (newest.none(bound)) break
      for (const stored of matching(blockAt(segment))) newest.add(stored)
      await setImmediate()
    }
    return newest.list()

    function* matching(block: Block): Iterable<Stored> {
      for (const [index, line] of linesOf(block, damage).entries()) {
        if (line === '' || !fits.line(line)) continue
        const record = recordOf(line)
        const facts = factsOf(record)
        if (facts && fits.facts(facts)) yield { position: block.first + index, record }
      }
    }
  }

  async function counts(query: LogQuery): Promise<HourCount[]> {
    const range = hours(query)
    const { rows, names, journal } = transaction(db, 'begin', () => ({
      rows: sql.rollups.all({ ...scope(query), ...range }) as unknown as RollupRow[],
      names: new Map(sql.names.all().map((row) => [Number(row.id), String(row.name)])),
      journal: journalBlocks(),
    }))
    const counted = new Map<string, HourCount>()
    const add = (hour: number, device: string, category: Category, events: number) => {
      const key = `${hour} ${category} ${device}`
      const found = counted.get(key)
      if (found) found.events += events
      else counted.set(key, { hour: hourStart(hour), device, category, events })
    }
    for (const { hour, device, category, events } of rows) {
      add(hour, names.get(device)!, names.get(category) as Category, events)
    }
    const fits = fitting({ ...query, from: hourStart(range.fromHour), to: hourStart(range.toHour + 1) })
    for (const block of journal) {
      for (const line of linesOf(block, {})) {
        const facts = fits.line(line) ? factsOf(recordOf(line)) : null
        if (!facts || !fits.facts(facts)) continue
        add(hourOf(facts.time), facts.device, facts.category as Category, 1)
      }
    }
    return [...counted.values()].sort(byHour)
  }

  function acked(device: string, epoch: number): number {
    return transaction(db, 'begin', () => {
      let highest = Number(sql.stream.get(device, epoch)?.seq ?? 0)
      for (const facts of journalFacts()) {
        if (facts.device === device && facts.epoch === epoch && !facts.conflict)
          highest = Math.max(highest, facts.seq ?? 0)
      }
      return highest
    })
  }

  async function bySeq(device: string, epoch: number, seq: number): Promise<Event | null> {
    const { run, journal } = transaction(db, 'begin', () => ({
      run: sql.runOf.get(device, epoch, seq),
      journal: journalBlocks(),
    }))
    if (!run || Number(run.first) > seq) return numbered(journal).get(numberOf(device, epoch, seq)) ?? null
    const segment = Number(run.segment)
    if (lookedUp?.segment !== segment) lookedUp = { segment, events: numbered([blockAt(segment)]) }
    return lookedUp.events.get(numberOf(device, epoch, seq)) ?? null
  }

  function numbered(blocks: readonly Block[]): Map<string, Event> {
    const events = new Map<string, Event>()
    for (const block of blocks) {
      for (const line of linesOf(block, {})) {
        const record = line === '' ? null : recordOf(line)
        if (record?.type !== 'event' || record.conflict || record.event.seq === null) continue
        events.set(numberOf(record.device, record.epoch ?? 0, record.event.seq), record.event)
      }
    }
    return events
  }

  async function rejected(device: string, limit: number): Promise<Rejected[]> {
    const rows = sql.rejected.all(device, Math.max(0, limit))
    return rows.map((row) => JSON.parse(String(row.entry)) as Rejected)
  }

  function rejectedTotal(device: string): number {
    return Number(sql.rejectedTotal.get(device)?.total ?? 0)
  }

  /** The roll-ups say how far back `limit` events reach, so that no older posting is looked at. */
  function candidateSegments(query: LogQuery, limit: number): { segment: number; bound: number }[] {
    const within = scope(query)
    const range = hours(query)
    let found = 0
    for (const row of sql.hourTotals.iterate({ ...within, ...range })) {
      range.fromHour = Number(row.hour)
      // The hours at both ends may be asked for in part: what they hold is not what we may count on.
      const whole = query.to === undefined || hourStart(range.fromHour + 1) <= query.to
      if (whole) found += Number(row.events)
      if (found >= limit) break
    }
    return sql.candidates.all({ ...within, ...range }) as unknown as { segment: number; bound: number }[]
  }

  function scope({ devices, categories }: LogQuery): { devices: string; categories: string } {
    return { devices: idsOf('device', devices), categories: idsOf('category', categories) }
  }

  function idsOf(kind: 'device' | 'category', names: readonly string[] | undefined): string {
    const rows = names ? sql.namedIds.all(kind, JSON.stringify(names)) : sql.allIds.all(kind)
    return JSON.stringify(rows.map((row) => row.id))
  }

  function journalBlocks(): Block[] {
    return sql.journal.all() as unknown as Block[]
  }

  function* journalFacts() {
    for (const block of journalBlocks()) {
      for (const line of linesOf(block, {})) {
        const facts = factsOf(recordOf(line))
        if (facts) yield facts
      }
    }
  }

  function linesOf(block: Block, damage: OnDamage): string[] {
    try {
      return unpack(block.lines, block.last - block.first + 1)
    } catch (cause) {
      const fault = new Fault('store.damaged', {
        where: `${file}, segment ${block.first}`,
        todo: `Positions ${block.first} to ${block.last} cannot be read; restore the file from a backup to get them back.`,
        facts: { segment: block.first, first: block.first, last: block.last },
        cause,
      })
      if (!damage.onDamaged) throw fault
      damage.onDamaged(fault)
      return []
    }
  }

  /** The segment or journal row that holds this position. */
  function blockAt(position: number): Block {
    try {
      const block = sql.blockAt.get({ position }) as unknown as Block | undefined
      if (block) return block
    } catch (cause) {
      // SQLite itself stumbled over the lines; where they begin and end stands apart from them.
      const extent = sql.extentAt.get(position) as unknown as { first: number; last: number } | undefined
      if (!extent || extent.last < position) throw asFault(cause, file)
      return { ...extent, lines: new Uint8Array() }
    }
    throw new Fault('store.damaged', {
      where: `${file}, position ${position}`,
      todo: 'Restore the file from a backup.',
      facts: { segment: null, first: position, last: position },
    })
  }
}

const numberOf = (device: string, epoch: number, seq: number) => `${epoch} ${seq} ${device}`

const WITHIN = `device in (select value from json_each(:devices))
  and category in (select value from json_each(:categories))
  and hour between :fromHour and :toHour`

function statements(db: DatabaseSync) {
  return {
    last: db.prepare(
      `select max(coalesce((select last from segments order by first desc limit 1), 0),
                  coalesce((select last from journal order by first desc limit 1), 0)) last`,
    ),
    // One statement, one snapshot: between two the journal could have become a segment.
    blockAt: db.prepare(
      `select * from (select first, last, lines from segments where first <= :position order by first desc limit 1)
       where last >= :position
       union all
       select * from (select first, last, lines from journal where first <= :position order by first desc limit 1)
       where last >= :position`,
    ),
    extentAt: db.prepare('select first, last from segments where first <= ? order by first desc limit 1'),
    journal: db.prepare('select first, last, lines from journal order by first'),
    allIds: db.prepare('select id from names where kind = ?'),
    namedIds: db.prepare('select id from names where kind = ? and name in (select value from json_each(?))'),
    rollups: db.prepare(`select hour, device, category, events from rollups where ${WITHIN}`),
    names: db.prepare('select id, name from names'),
    hourTotals: db.prepare(
      `select hour, sum(events) events from rollups where ${WITHIN} group by hour order by hour desc`,
    ),
    // bound: the latest time at which this segment can hold an event that fits.
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
    rejectedTotal: db.prepare('select total from rejected_totals where device = ?'),
  }
}
