/**
 * Writes the history in PostgreSQL. Each `append` is one transaction of about ten statements, however many records it
 * has. Every writer locks the head first, so writers run one after another and cannot deadlock.
 */
import {
  DELETED,
  type Folded,
  fold,
  type Note,
  noteOf,
  pieces,
  SEGMENT_CHARACTERS,
  SEGMENT_RECORDS,
  type Tally,
  tally,
} from '../fold.ts'
import { REJECTED_PER_DEVICE } from '../history.ts'
import { keyOf } from '../keys.ts'
import { lineOf, pack, recordOf, unpack } from '../segment.ts'
import type { Rejected, Stored } from '../stream.ts'
import type { Database, Query, Row } from './database.ts'

/** Segments emptied in one transaction. */
const RETAIN_STEP = 20
/** A larger gap in the positions ends a segment; a smaller one becomes empty lines in it. */
const MOST_EMPTY = 1_000

/** Consecutive positions. */
interface Span {
  first: number
  notes: Note[]
}

interface Head {
  last: number
  records: number
  characters: number
}

export async function append(
  database: Database,
  stored: readonly Stored[],
  rejected: readonly Rejected[],
): Promise<void> {
  if (stored.length === 0 && rejected.length === 0) return
  await database.transaction(async (query) => {
    const head = await locked(query)
    const fresh = stored.filter((it) => it.position > head.last)
    if (fresh.length > 0) await add(query, head, spansOf(fresh.map(noted)))
    if (rejected.length > 0) await reject(query, rejected)
  })
}

/** Resolves with the number of deleted records. */
export async function retain(database: Database, time: number): Promise<number> {
  await database.query('delete from history_rejected where received_at < $1', [time])
  const unreadable = new Set<number>()
  for (let removed = 0; ; ) {
    const step = await database.transaction(async (query) => {
      const head = await locked(query)
      const journal = await journalSpans(query)
      const isOld = ({ arrived }: Note) => arrived !== null && arrived < time
      if (journal.some(({ notes }) => notes.some(isOld))) await foldAll(query, head, journal)
      const old = await query(
        `select first, last, lines from history_segments where arrived < $1 and first <> all($2) order by arrived limit $3`,
        [time, [...unreadable], RETAIN_STEP],
      )
      let records = 0
      for (const it of old) records += await empty(query, it, unreadable)
      return { records, done: old.length === 0 }
    })
    removed += step.records
    if (step.done) return removed
  }
}

async function locked(query: Query): Promise<Head> {
  const [head] = await query('select last, records, characters from history_head for update')
  return head as unknown as Head
}

function noted({ position, record }: Stored): { position: number; note: Note } {
  return { position, note: noteOf(lineOf(record), record) }
}

/** Small gaps are filled: a trimmed stream may have one after every record. */
function spansOf(records: readonly { position: number; note: Note }[]): Span[] {
  const spans: Span[] = []
  for (const { position, note } of records) {
    const span = spans.at(-1)
    const hole = span ? position - span.first - span.notes.length : Infinity
    if (!span || hole > MOST_EMPTY) spans.push({ first: position, notes: [note] })
    else {
      for (let n = 0; n < hole; n++) span.notes.push(DELETED)
      span.notes.push(note)
    }
  }
  return spans
}

async function add(query: Query, head: Head, fresh: readonly Span[]): Promise<void> {
  const notes = fresh.flatMap((it) => it.notes)
  const records = head.records + notes.length
  const characters = head.characters + notes.reduce((sum, it) => sum + it.line.length, 0)
  const last = fresh.at(-1)!.first + fresh.at(-1)!.notes.length - 1
  if (records >= SEGMENT_RECORDS || characters >= SEGMENT_CHARACTERS) {
    await foldAll(query, { ...head, last }, [...(await journalSpans(query)), ...fresh])
    return
  }
  for (const { first, notes } of fresh) {
    const lines = notes.map((it) => it.line)
    await query('insert into history_journal (first, last, lines) values ($1, $2, $3)', [
      first,
      first + notes.length - 1,
      pack(lines, 1),
    ])
  }
  await query('update history_head set last = $1, records = $2, characters = $3', [last, records, characters])
}

async function journalSpans(query: Query): Promise<Span[]> {
  const rows = await query('select first, last, lines from history_journal order by first')
  return rows.map((row) => {
    const first = Number(row.first)
    const lines = unpack(row.lines as Buffer, Number(row.last) - first + 1)
    return { first, notes: lines.map((line) => (line === '' ? DELETED : noteOf(line, recordOf(line)))) }
  })
}

/** Turns the journal and the new records into segments. */
async function foldAll(query: Query, { last }: Pick<Head, 'last'>, spans: readonly Span[]): Promise<void> {
  const records = spans.flatMap(({ first, notes }) => notes.map((note, index) => ({ position: first + index, note })))
  const segments = spansOf(records).flatMap(({ first, notes }) => {
    let at = first
    return pieces(notes).map((piece) => {
      const folded = fold(at, piece)
      at += piece.length
      return folded
    })
  })
  await addSegments(query, segments)
  await query('delete from history_journal')
  await query('update history_head set last = $1, records = 0, characters = 0', [last])
}

async function addSegments(query: Query, segments: readonly Folded[]): Promise<void> {
  await query(
    `insert into history_segments (first, last, newest, arrived, landmarks, lines)
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])`,
    columns(segments, (it) => [it.first, it.last, it.newest, it.arrived, it.landmarks, it.lines], 6),
  )
  const ids = await namesOf(
    query,
    segments.flatMap((it) => it.tallies.map(({ device }) => device)),
    segments.flatMap((it) => [...it.categories]),
  )
  const tallies = segments.flatMap((it) => it.tallies.map((tally) => ({ ...tally, segment: it.first })))
  await query(
    `insert into history_postings (device, category, hour, segment)
     select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[])`,
    columns(tallies, (it) => [ids.device(it.device), ids.category(it.category), it.hour, it.segment], 4),
  )
  await query(
    `insert into history_rollups (device, category, hour, events)
     select device, category, hour, sum(events)
     from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[]) t (device, category, hour, events)
     group by device, category, hour
     on conflict (device, category, hour) do update set events = history_rollups.events + excluded.events`,
    tallyColumns(tallies, ids),
  )
  const contents = segments.flatMap((it) => [...it.categories].map((category) => ({ category, segment: it.first })))
  await query(
    'insert into history_contents (category, segment) select * from unnest($1::int[], $2::bigint[])',
    columns(contents, (it) => [ids.category(it.category), it.segment], 2),
  )
  const runs = segments.flatMap((it) => it.runs.map((run) => ({ ...run, segment: it.first })))
  await query(
    `insert into history_received (device, epoch, last, first, segment)
     select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) on conflict do nothing`,
    columns(runs, (it) => [ids.device(it.device), it.epoch, it.last, it.first, it.segment], 5),
  )
}

interface Ids {
  device(name: string): number
  category(name: string): number
}

/** Ids of names; new names are added. */
async function namesOf(query: Query, devices: readonly string[], categories: readonly string[]): Promise<Ids> {
  const of = async (kind: 'device' | 'category', names: readonly string[]) => {
    const byKey = new Map(names.map((it) => [keyOf(it), it]))
    const select = 'select id, name from history_names where kind = $1 and name = any($2)'
    const found = await query(select, [kind, [...byKey.keys()]])
    for (const { name } of found) byKey.delete(String(name))
    const added = await query(
      `insert into history_names (kind, name, full_name) select $1, * from unnest($2::text[], $3::text[])
       returning id, name`,
      [kind, [...byKey.keys()], [...byKey.values()].map((it) => JSON.stringify(it))],
    )
    return new Map([...found, ...added].map(({ id, name }) => [String(name), Number(id)]))
  }
  const [device, category] = [await of('device', devices), await of('category', categories)]
  return { device: (name) => device.get(keyOf(name))!, category: (name) => category.get(keyOf(name))! }
}

/** Replaces deleted telemetry by empty lines, so that every other record keeps its position. */
async function empty(query: Query, row: Row, unreadable: Set<number>): Promise<number> {
  const first = Number(row.first)
  let lines: string[]
  try {
    lines = unpack(row.lines as Buffer, Number(row.last) - first + 1)
  } catch {
    unreadable.add(first)
    return 0
  }
  const notes = lines.map((line) => (line === '' ? DELETED : noteOf(line, recordOf(line))))
  const gone = notes.filter((it) => it.arrived !== null)
  const left = notes.map((it) => (it.arrived === null ? it.line : ''))
  await query('update history_segments set newest = null, arrived = null, lines = $2 where first = $1', [
    first,
    pack(left, 3),
  ])
  const events = gone.flatMap((it) => it.facts ?? [])
  const ids = await namesOf(
    query,
    events.map((it) => it.device),
    events.map((it) => it.category),
  )
  await query('delete from history_postings where segment = $1 and device = any($2)', [
    first,
    [...new Set(events.map((it) => ids.device(it.device)))],
  ])
  const tallies = tallyColumns(tally(events), ids)
  await query(
    `update history_rollups r set events = r.events - t.events
     from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[]) t (device, category, hour, events)
     where r.device = t.device and r.category = t.category and r.hour = t.hour`,
    tallies,
  )
  await query(
    `delete from history_rollups r
     using unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[]) t (device, category, hour, events)
     where r.device = t.device and r.category = t.category and r.hour = t.hour and r.events <= 0`,
    tallies,
  )
  await query('delete from history_contents where segment = $1', [first])
  return gone.length
}

async function reject(query: Query, rejected: readonly Rejected[]): Promise<void> {
  const added = await query(
    `insert into history_rejected (device, epoch, seq, received_at, entry)
     select device, epoch, seq, received_at, entry
     from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
       with ordinality t (device, epoch, seq, received_at, entry, place)
     order by place
     on conflict (device, epoch, seq) do nothing returning device`,
    columns(
      rejected,
      (it) => {
        const isNumbered = it.epoch !== undefined && it.seq !== null
        const number = isNumbered ? [it.epoch, it.seq] : [null, null]
        return [keyOf(it.device), ...number, it.receivedAt, JSON.stringify(it)]
      },
      5,
    ),
  )
  const devices = added.map((it) => String(it.device))
  await query(
    `insert into history_rejected_totals (device, total)
     select device, count(*) from unnest($1::text[]) t (device) group by device
     on conflict (device) do update set total = history_rejected_totals.total + excluded.total`,
    [devices],
  )
  await query(
    `delete from history_rejected where id in (
       select id from (
         select id, row_number() over (partition by device order by id desc) place
         from history_rejected where device = any($1)) t
       where place > $2)`,
    [[...new Set(devices)], REJECTED_PER_DEVICE],
  )
}

function tallyColumns(tallies: readonly Tally[], ids: Ids): unknown[][] {
  return columns(tallies, (it) => [ids.device(it.device), ids.category(it.category), it.hour, it.events], 4)
}

/** One array per column, for `unnest`. */
function columns<T>(rows: readonly T[], valuesOf: (row: T) => readonly unknown[], width: number): unknown[][] {
  const values = rows.map(valuesOf)
  return Array.from({ length: width }, (_, column) => values.map((it) => it[column]))
}
