/**
 * The history in PostgreSQL, for several machines: segments of about 1,000 records in one zstd blob each, found by
 * The history in PostgreSQL, for several machines: segments of about 1,000 records in one zstd blob each, with
 * postings for look-up and roll-ups for counts, as in telemetry.db. With one row per event we measured 13 times the
 * disk space, twice the time to write, 15 times the time to count, and the same time to scan.
 * Errors  Fault 'store.unwritable' (also when PostgreSQL cannot be reached), 'store.newer', 'store.damaged'.
 */
import { Fault } from '../../../wire/fault.ts'
import type { History, HistoryQuery, ScanQuery } from '../history.ts'
import { keyOf } from '../keys.ts'
import { byNumber, fitting, hourCounts, hours, newestFirst, numberOf } from '../query.ts'
import { factsOf, hourStart, recordOf, unpack, unpackBytes } from '../segment.ts'
import { sifting } from '../sift.ts'
import type { OnDamage, Rejected, Stored } from '../stream.ts'
import { type Database, openDatabase, type Query, type Row } from './database.ts'
import { HISTORY } from './history-schema.ts'
import { append, retain } from './history-writer.ts'

/** Segments fetched at a time by a scan: about 1 MB. */
const SCAN_ROWS = 32

/** A journal row or a segment. */
interface Block {
  first: number
  last: number
  lines: Buffer
}

export async function openPostgresHistory(options: { url: string }): Promise<History> {
  const database = await openDatabase({ url: options.url, schema: HISTORY })
  const { query } = database
  return {
    append: (stored, rejected = []) => append(database, stored, rejected),
    last: async () => Number((await query('select last from history_head'))[0]?.last),
    events: (asked, limit, damage = {}) => events(database, asked, limit, damage),
    counts: (asked) => counts(database, asked),
    bySeq: (device, epoch, seq) => bySeq(database, device, epoch, seq),
    scan: (asked, damage = {}) => scan(database, asked, damage),
    async rejected(device, limit) {
      const rows = await query('select entry from history_rejected where device = $1 order by id desc limit $2', [
        keyOf(device),
        Math.max(0, limit),
      ])
      return rows.map((row) => JSON.parse(String(row.entry)) as Rejected)
    },
    async rejectedTotals(devices) {
      const byKey = new Map(devices.map((it) => [keyOf(it), it]))
      const rows = await query('select device, total from history_rejected_totals where device = any($1)', [
        [...byKey.keys()],
      ])
      return new Map(rows.map((row) => [byKey.get(String(row.device))!, Number(row.total)]))
    },
    retain: (time) => retain(database, time),
    close: database.close,
  }
}

/** Reads segments by the latest event time they can contain, until none can hold a newer event than those found. */
async function events(database: Database, asked: HistoryQuery, limit: number, damage: OnDamage): Promise<Stored[]> {
  if (limit < 1) return []
  const newest = newestFirst(limit)
  const fits = fitting(asked)
  const { candidates, journal } = await snapshot(database, async (query) => ({
    candidates: await candidateSegments(query, asked, limit),
    journal: await journalBlocks(query),
  }))
  const add = (block: Block) => {
    for (const [index, line] of linesOf(block, damage).entries()) {
      if (line === '' || !fits.line(line)) continue
      const record = recordOf(line)
      const facts = factsOf(record)
      if (facts && fits.facts(facts)) newest.add({ position: block.first + index, record })
    }
  }
  for (const block of journal) add(block)
  for (const { segment, bound } of candidates) {
    if (newest.none(bound)) break
    for (const block of await segmentBlocks(database.query, segment)) add(block)
  }
  return newest.list()
}

async function counts(database: Database, asked: HistoryQuery) {
  const { where, values } = within(asked)
  const { rows, journal } = await snapshot(database, async (query) => ({
    rows: await query(
      `select r.hour, d.full_name device, c.full_name category, r.events from history_rollups r
       join history_names d on d.id = r.device join history_names c on c.id = r.category where ${where}`,
      values,
    ),
    journal: await journalBlocks(query),
  }))
  const counted = hourCounts()
  for (const { hour, device, category, events } of rows)
    counted.add(Number(hour), JSON.parse(String(device)), JSON.parse(String(category)), Number(events))
  const { fromHour, toHour } = hours(asked)
  const fits = fitting({ ...asked, from: hourStart(fromHour), to: hourStart(toHour + 1) })
  for (const line of journal.flatMap((it) => linesOf(it, {}))) {
    const facts = line !== '' && fits.line(line) ? factsOf(recordOf(line)) : null
    if (facts && fits.facts(facts)) counted.event(facts)
  }
  return counted.list()
}

async function bySeq(database: Database, device: string, epoch: number, seq: number) {
  const blocks = await snapshot(database, async (query) => {
    const [run] = await query(
      `select first, segment from history_received
       where device = (select id from history_names where kind = 'device' and name = $1) and epoch = $2 and last >= $3
       order by last limit 1`,
      [keyOf(device), epoch, seq],
    )
    return run && Number(run.first) <= seq ? segmentBlocks(query, Number(run.segment)) : journalBlocks(query)
  })
  return byNumber(blocks.flatMap((it) => linesOf(it, {}))).get(numberOf(device, epoch, seq)) ?? null
}

/** Segments without a wanted category give only their landmarks; their lines are not fetched. */
async function* scan(database: Database, asked: ScanQuery, damage: OnDamage): AsyncIterable<readonly Stored[]> {
  const sift = sifting(asked)
  const found = database.blocks(
    `select first, last, case when wanted then lines else landmarks end lines from (
       select first, last, landmarks, lines, $3::text[] is null or exists (
         select 1 from history_contents c join history_names n on n.id = c.category
         where c.segment = s.first and n.kind = 'category' and n.name = any($3)) wanted
       from history_segments s where last > $1 and first <= $2
       union all
       select first, last, null, lines, true from history_journal where last > $1 and first <= $2) blocks
     order by first`,
    [asked.after, asked.upTo, asked.categories?.map(keyOf) ?? null],
    SCAN_ROWS,
  )
  for await (const rows of found) {
    for (const block of rows.map(blockOf)) {
      if (block.lines === null) continue
      const stored = opened(block, damage, ({ first, last, lines }) => sift(unpackBytes(lines), first, last)) ?? []
      if (stored.length > 0) yield stored
    }
  }
}

/** The roll-ups show how far back `limit` events reach, so that no older posting is read. */
async function candidateSegments(query: Query, asked: HistoryQuery, limit: number) {
  const { where, values } = within(asked)
  const totals = await query(
    `select hour, sum(events) events from history_rollups r where ${where} group by hour order by hour desc`,
    values,
  )
  let found = 0
  let fromHour = values[0]
  for (const row of totals) {
    fromHour = Number(row.hour)
    // The query may cover the first and the last hour only in part, so their counts are not certain.
    if (asked.to === undefined || hourStart(fromHour + 1) <= asked.to) found += Number(row.events)
    if (found >= limit) break
  }
  const rows = await query(
    `select r.segment, least(max(r.hour) * 3600000 + 3599999, s.newest) bound from history_postings r
     join history_segments s on s.first = r.segment where ${where}
     group by r.segment, s.newest order by bound desc, segment desc`,
    [fromHour, ...values.slice(1)],
  )
  return rows.map((row) => ({ segment: Number(row.segment), bound: Number(row.bound) }))
}

/** Conditions on the rows r of roll-ups or postings. */
function within(asked: HistoryQuery): { where: string; values: [number, ...unknown[]] } {
  const { fromHour, toHour } = hours(asked)
  const values: [number, ...unknown[]] = [fromHour, toHour]
  const conditions = ['r.hour between $1 and $2']
  for (const [kind, names] of [
    ['device', asked.devices],
    ['category', asked.categories],
  ] as const) {
    if (names === undefined) continue
    values.push(names.map(keyOf))
    conditions.push(
      `r.${kind} = any(array(select id from history_names where kind = '${kind}' and name = any($${values.length})))`,
    )
  }
  return { where: conditions.join(' and '), values }
}

async function journalBlocks(query: Query): Promise<Block[]> {
  return (await query('select first, last, lines from history_journal order by first')).map(blockOf)
}

async function segmentBlocks(query: Query, first: number): Promise<Block[]> {
  return (await query('select first, last, lines from history_segments where first = $1', [first])).map(blockOf)
}

function blockOf({ first, last, lines }: Row): Block {
  return { first: Number(first), last: Number(last), lines: lines as Buffer }
}

function linesOf(block: Block, damage: OnDamage): string[] {
  return opened(block, damage, ({ first, last, lines }) => unpack(lines, last - first + 1)) ?? []
}

function opened<T>(block: Block, damage: OnDamage, contentsOf: (block: Block) => T): T | null {
  try {
    return contentsOf(block)
  } catch (cause) {
    const { first, last } = block
    const fault = new Fault('store.damaged', {
      where: `history in PostgreSQL, segment ${first}`,
      why: `Positions ${first} to ${last} cannot be read.`,
      todo: 'Restore the database from a backup to get them back.',
      facts: { segment: first, first, last, reason: String(cause) },
      cause,
    })
    if (!damage.onDamaged) throw fault
    damage.onDamaged(fault)
    return null
  }
}

/** Several statements at one moment: between two of them the journal could become a segment. */
function snapshot<T>(database: Database, work: (query: Query) => Promise<T>): Promise<T> {
  return database.transaction(async (query) => {
    await query('set transaction isolation level repeatable read read only')
    return work(query)
  })
}
