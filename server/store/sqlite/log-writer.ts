/**
 * The one writer of telemetry.db, in a worker thread: compression and fsync stay off the thread that talks to agents.
 *
 * All calls that wait make one commit. A commit adds one row to the journal, or, as soon as that makes 1,000 records
 * together, turns the journal and the calls into segments with postings, roll-ups and received numbers: in the same
 * transaction, so that a record is in exactly one of the two at any instant. What is kept in memory is a copy of what
 * the file says; after any failure it is thrown away and read again.
 */
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Fault, type FaultCode } from '../../../wire/fault.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { type Appended, REJECTED_PER_DEVICE, type Rejected } from '../state.ts'
import { asFault, openDatabase, transaction } from './database.ts'
import { LOG_SCHEMA, LOG_UPGRADES, LOG_VERSION } from './schema.ts'
import { arrivalOf, type EventFacts, factsOf, hourOf, pack, recordOf, unpack } from './segment.ts'

/** A segment has this many records, up to twice as many less one. */
const SEGMENT_RECORDS = 1_000
/** Or this many characters: the journal is read whole by every query, so it stays small. */
const SEGMENT_CHARACTERS = 4_000_000

/** Segments that are emptied in one transaction: some 50 ms. */
const RETAIN_STEP = 20

export interface WriterOptions {
  folder: string
  /** Pages of 4,096 bytes: a disk that fills up, for tests. */
  maxPages: number | undefined
}

/** One `append`: its records as lines, joined by newlines. */
export interface Call {
  lines: string
  count: number
  rejected: readonly Rejected[]
}

export interface StreamMark {
  device: string
  epoch: number
  seq: number
}

export type ToWriter = { type: 'commit'; calls: Call[] } | { type: 'retain'; time: number } | { type: 'close' }
export type FromWriter =
  | { type: 'opened'; last: number; streams: StreamMark[] }
  | { type: 'committed'; results: Appended[]; last: number; streams: StreamMark[] }
  | { type: 'retained'; records: number; done: boolean }
  | { type: 'failed'; of: ToWriter['type'] | 'open'; code: FaultCode; where: string; todo: string; reason: string }

interface Pending {
  line: string
  facts: EventFacts | null
  arrived: number | null
}

interface Known {
  last: number
  /** The journal's records, in order. */
  pending: Pending[]
  characters: number
  /** The journal's event numbers, by stream. */
  numbers: Map<string, StreamNumbers>
  /** The highest number stored or rejected, by stream. */
  highest: Map<string, StreamMark>
  nameIds: Map<string, number>
}

interface StreamNumbers {
  device: string
  epoch: number
  seqs: Set<number>
}

interface Tally {
  device: number
  category: number
  hour: number
  events: number
}

const streamKey = (device: string, epoch: number) => `${epoch} ${device}`

export function openWriter(options: WriterOptions) {
  const file = join(options.folder, 'telemetry.db')
  const db = openDatabase(file, { schema: LOG_SCHEMA, version: LOG_VERSION, upgrades: LOG_UPGRADES })
  const lock = holdLock(join(options.folder, 'telemetry.lock'))
  if (options.maxPages !== undefined) db.exec(`pragma max_page_count = ${options.maxPages}`)
  const sql = statements(db)
  let known: Known | null = load()

  /** Segments that `retain` could not read: not tried again until the next start. */
  const unreadable = new Set<number>()

  return { marks: () => marks((known ??= load())), commit, retain, close }

  function marks(of: Known): { last: number; streams: StreamMark[] } {
    return { last: of.last, streams: [...of.highest.values()] }
  }

  function commit(calls: readonly Call[]): { results: Appended[]; last: number; streams: StreamMark[] } {
    try {
      const now = (known ??= load())
      const raised = new Map<string, StreamMark>()
      const results = transaction(db, 'begin immediate', () => {
        const before = now.pending.length
        const results = calls.map((call) => {
          const appended = take(now, call, raised)
          for (const rejected of call.rejected) reject(now, rejected, raised)
          return appended
        })
        if (now.pending.length >= SEGMENT_RECORDS || now.characters >= SEGMENT_CHARACTERS) fold(now)
        else if (now.pending.length > before) {
          const added = now.pending.slice(before).map((it) => it.line)
          sql.addJournal.run(now.last - added.length + 1, now.last, pack(added, 1))
        }
        return results
      })
      return { results, last: now.last, streams: [...raised.values()] }
    } catch (cause) {
      known = null
      throw asFault(cause, options.folder)
    }
  }

  function take(now: Known, call: Call, raised: Map<string, StreamMark>): Appended {
    const first = now.last + 1
    const duplicates: number[] = []
    if (call.count === 0) return { first, last: now.last, duplicates }
    for (const [index, line] of call.lines.split('\n').entries()) {
      const record = recordOf(line)
      const facts = factsOf(record)
      if (facts ? isDuplicate(now, facts) : isKnownFeed(record)) duplicates.push(index)
      else {
        now.last++
        keep(now, line, record)
        if (facts?.seq && !facts.conflict) raise(now, facts.device, facts.epoch, facts.seq, raised)
      }
    }
    return { first, last: now.last, duplicates }
  }

  function isDuplicate(now: Known, { device, epoch, seq, id, conflict }: EventFacts): boolean {
    if (seq === null) return false
    if (conflict) return sql.addConflict.run(device, epoch, seq, id).changes === 0
    // Numbers come upwards, so this line decides nearly always.
    if (seq > (now.highest.get(streamKey(device, epoch))?.seq ?? 0)) return false
    if (now.numbers.get(streamKey(device, epoch))?.seqs.has(seq)) return true
    const run = sql.runOf.get(device, epoch, seq)
    return run !== undefined && Number(run.first) <= seq
  }

  function isKnownFeed(record: Recorded): boolean {
    return record.type === 'feed' && sql.addFeedId.run(record.event.id, arrivalOf(record)).changes === 0
  }

  function raise(now: Known, device: string, epoch: number, seq: number, raised: Map<string, StreamMark>): boolean {
    const key = streamKey(device, epoch)
    if (seq <= (now.highest.get(key)?.seq ?? 0)) return false
    const mark = { device, epoch, seq }
    now.highest.set(key, mark)
    raised.set(key, mark)
    return true
  }

  function reject(now: Known, rejected: Rejected, raised: Map<string, StreamMark>): void {
    const { device, epoch, seq } = rejected
    const numbered = epoch !== undefined && seq !== null
    const entry = JSON.stringify(rejected)
    if (sql.addRejected.run(device, numbered ? epoch : null, numbered ? seq : null, entry).changes === 0) return
    sql.countRejected.run(device)
    sql.cutRejected.run(device, device, REJECTED_PER_DEVICE)
    // The journal does not know this number, so its stream is written now and not with the segment.
    if (numbered && raise(now, device, epoch, seq, raised)) sql.saveStream.run(device, epoch, seq)
  }

  /** Turns everything pending into segments. */
  function fold(now: Known): void {
    const pieces = Math.max(1, Math.floor(now.pending.length / SEGMENT_RECORDS))
    const size = Math.ceil(now.pending.length / pieces)
    const start = now.last - now.pending.length + 1
    for (let from = 0; from < now.pending.length; from += size) {
      writeSegment(now, start + from, now.pending.slice(from, from + size))
    }
    for (const key of now.numbers.keys()) {
      const { device, epoch, seq } = now.highest.get(key)!
      sql.saveStream.run(device, epoch, seq)
    }
    sql.clearJournal.run(now.last)
    now.pending = []
    now.characters = 0
    now.numbers = new Map()
  }

  function writeSegment(now: Known, first: number, records: readonly Pending[]): void {
    const numbers = new Map<string, StreamNumbers>()
    let newest: number | null = null
    let arrived: number | null = null
    for (const it of records) {
      if (it.arrived !== null) arrived = Math.max(arrived ?? 0, it.arrived)
      if (!it.facts) continue
      newest = Math.max(newest ?? 0, it.facts.time)
      addNumber(numbers, it.facts)
    }
    const lines = records.map((it) => it.line)
    sql.addSegment.run(first, first + records.length - 1, newest, arrived, pack(lines, 3))
    const facts = records.flatMap((it) => it.facts ?? [])
    for (const { device, category, hour, events } of tally(now, facts)) {
      sql.addPosting.run(device, category, hour, first)
      sql.addRollup.run(device, category, hour, events)
    }
    for (const { device, epoch, seqs } of numbers.values()) {
      for (const run of runs(seqs)) sql.addReceived.run(device, epoch, run.last, run.first, first)
    }
  }

  /** How many events of each device, category and hour. */
  function tally(now: Known, events: readonly EventFacts[]): Tally[] {
    const found = new Map<string, Tally>()
    for (const it of events) {
      const device = nameId(now, 'device', it.device)
      const category = nameId(now, 'category', it.category)
      const hour = hourOf(it.time)
      const key = `${device} ${category} ${hour}`
      const known = found.get(key)
      if (known) known.events++
      else found.set(key, { device, category, hour, events: 1 })
    }
    return [...found.values()]
  }

  function nameId(now: Known, kind: 'device' | 'category', name: string): number {
    const key = `${kind} ${name}`
    const found = now.nameIds.get(key)
    if (found !== undefined) return found
    sql.addName.run(kind, name)
    const id = Number(sql.nameId.get(kind, name)!.id)
    now.nameIds.set(key, id)
    return id
  }

  /** One small step, so that agents' commits come between. */
  function retain(time: number): { records: number; done: boolean } {
    try {
      const now = (known ??= load())
      return transaction(db, 'begin immediate', () => {
        if (now.pending.some((it) => it.arrived !== null && it.arrived < time)) fold(now)
        sql.dropRejected.run(time)
        sql.dropFeedIds.run(time)
        const old = sql.arrivedBefore.all(time, RETAIN_STEP + unreadable.size)
        const firsts = old.map((row) => Number(row.first)).filter((first) => !unreadable.has(first))
        const records = firsts.reduce((sum, first) => sum + empty(now, first), 0)
        return { records, done: firsts.length === 0 }
      })
    } catch (cause) {
      known = null
      throw asFault(cause, options.folder)
    }
  }

  /** Leaves an empty line where telemetry was, so that every other record keeps its position. */
  function empty(now: Known, first: number): number {
    const lines = readLines(first)
    if (lines === null) {
      unreadable.add(first)
      return 0
    }
    const left: string[] = []
    const gone: EventFacts[] = []
    let removed = 0
    for (const line of lines) {
      const record = line === '' ? null : recordOf(line)
      const isTelemetry = record !== null && arrivalOf(record) !== null
      left.push(isTelemetry ? '' : line)
      if (!isTelemetry) continue
      removed++
      const facts = factsOf(record)
      if (facts) gone.push(facts)
    }
    sql.emptySegment.run(pack(left, 3), first)
    for (const { device, category, hour, events } of tally(now, gone)) {
      sql.dropPosting.run(device, category, hour, first)
      sql.lowerRollup.run(events, device, category, hour)
      sql.dropRollup.run(device, category, hour)
    }
    return removed
  }

  /** Null when the checksum, or SQLite, says that they are damaged. */
  function readLines(first: number): string[] | null {
    try {
      return linesOf(sql.segment.get(first) as unknown as { first: number; last: number; lines: Uint8Array })
    } catch {
      return null
    }
  }

  function load(): Known {
    return transaction(db, 'begin immediate', () => {
      const now: Known = {
        last: Number(sql.lastOfSegments.get()?.last ?? 0),
        pending: [],
        characters: 0,
        numbers: new Map(),
        highest: new Map(),
        nameIds: new Map(),
      }
      for (const mark of sql.streams.all() as unknown as StreamMark[]) {
        now.highest.set(streamKey(mark.device, mark.epoch), mark)
      }
      for (const row of sql.journal.all() as unknown as { first: number; last: number; lines: Uint8Array }[]) {
        const lines = linesOf(row)
        if (lines === null) setAside(now, row)
        for (const line of lines ?? []) {
          const record = recordOf(line)
          const facts = factsOf(record)
          keep(now, line, record)
          if (facts?.seq && !facts.conflict) raise(now, facts.device, facts.epoch, facts.seq, new Map())
        }
        now.last = row.last
      }
      return now
    })
  }

  /** What is before a damaged row, and the row itself, become segments: reading tells of it, and the rest goes on. */
  function setAside(now: Known, damaged: { first: number; last: number }): void {
    if (now.pending.length > 0) fold(now)
    sql.moveDamaged.run(damaged.first)
    sql.clearJournal.run(damaged.last)
  }

  function close(): void {
    db.close()
    lock.close()
  }
}

function linesOf(row: { first: number; last: number; lines: Uint8Array }): string[] | null {
  try {
    return unpack(row.lines, row.last - row.first + 1)
  } catch {
    return null
  }
}

function keep(now: Known, line: string, record: Recorded): void {
  const facts = factsOf(record)
  now.pending.push({ line, facts, arrived: arrivalOf(record) })
  now.characters += line.length
  if (facts) addNumber(now.numbers, facts)
}

function addNumber(numbers: Map<string, StreamNumbers>, { device, epoch, seq, conflict }: EventFacts): void {
  if (seq === null || conflict) return
  const key = streamKey(device, epoch)
  const stream = numbers.get(key)
  if (stream) stream.seqs.add(seq)
  else numbers.set(key, { device, epoch, seqs: new Set([seq]) })
}

function runs(seqs: ReadonlySet<number>): { first: number; last: number }[] {
  const found: { first: number; last: number }[] = []
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const run = found.at(-1)
    if (run && run.last === seq - 1) run.last = seq
    else found.push({ first: seq, last: seq })
  }
  return found
}

const SQLITE_BUSY = 5

/** Two writers would give one position to two records. The lock dies with the process, whatever way that goes. */
function holdLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
    return lock
  } catch (cause) {
    lock.close()
    const isHeld = (cause as { errcode?: number }).errcode === SQLITE_BUSY
    if (!isHeld) throw asFault(cause, file)
    const todo = 'Use that one, or give this one another --data-folder.'
    throw new Fault('server.running', { where: dirname(file), todo, cause })
  }
}

function statements(db: DatabaseSync) {
  return {
    lastOfSegments: db.prepare('select last from segments order by first desc limit 1'),
    streams: db.prepare('select device, epoch, seq from streams'),
    journal: db.prepare('select first, last, lines from journal order by first'),
    addJournal: db.prepare('insert into journal (first, last, lines) values (?, ?, ?)'),
    clearJournal: db.prepare('delete from journal where last <= ?'),
    moveDamaged: db.prepare(
      `insert into segments (first, last, newest, arrived, lines)
       select first, last, null, null, lines from journal where first = ?`,
    ),
    addSegment: db.prepare('insert into segments (first, last, newest, arrived, lines) values (?, ?, ?, ?, ?)'),
    segment: db.prepare('select first, last, lines from segments where first = ?'),
    arrivedBefore: db.prepare('select first from segments where arrived < ? order by arrived limit ?'),
    emptySegment: db.prepare('update segments set newest = null, arrived = null, lines = ? where first = ?'),
    dropPosting: db.prepare('delete from postings where device = ? and category = ? and hour = ? and segment = ?'),
    lowerRollup: db.prepare('update rollups set events = events - ? where device = ? and category = ? and hour = ?'),
    dropRollup: db.prepare('delete from rollups where device = ? and category = ? and hour = ? and events <= 0'),
    addName: db.prepare('insert into names (kind, name) values (?, ?) on conflict do nothing'),
    nameId: db.prepare('select id from names where kind = ? and name = ?'),
    addPosting: db.prepare('insert into postings (device, category, hour, segment) values (?, ?, ?, ?)'),
    addRollup: db.prepare(
      `insert into rollups (device, category, hour, events) values (?, ?, ?, ?)
       on conflict do update set events = events + excluded.events`,
    ),
    addReceived: db.prepare('insert into received (device, epoch, last, first, segment) values (?, ?, ?, ?, ?)'),
    runOf: db.prepare('select first from received where device = ? and epoch = ? and last >= ? order by last limit 1'),
    saveStream: db.prepare(
      `insert into streams (device, epoch, seq) values (?, ?, ?)
       on conflict do update set seq = max(seq, excluded.seq)`,
    ),
    addConflict: db.prepare(
      'insert into conflicts (device, epoch, seq, id) values (?, ?, ?, ?) on conflict do nothing',
    ),
    addFeedId: db.prepare('insert into feed_ids (id, arrived) values (?, ?) on conflict do nothing'),
    dropFeedIds: db.prepare('delete from feed_ids where arrived < ?'),
    addRejected: db.prepare(
      'insert into rejected (device, epoch, seq, entry) values (?, ?, ?, ?) on conflict do nothing',
    ),
    countRejected: db.prepare(
      'insert into rejected_totals (device, total) values (?, 1) on conflict do update set total = total + 1',
    ),
    dropRejected: db.prepare(`delete from rejected where json_extract(entry, '$.receivedAt') < ?`),
    cutRejected: db.prepare(
      `delete from rejected where device = ? and id <=
       (select id from rejected where device = ? order by id desc limit 1 offset ?)`,
    ),
  }
}

function serve(port: MessagePort): void {
  const say = (message: FromWriter) => port.postMessage(message)
  const { folder } = workerData as WriterOptions
  const sayFailed = (of: ToWriter['type'] | 'open', cause: unknown) => {
    const { code, where, todo, facts, message } = asFault(cause, folder)
    say({ type: 'failed', of, code, where: where ?? folder, todo: todo ?? '', reason: String(facts.reason ?? message) })
  }
  let writer: ReturnType<typeof openWriter>
  try {
    writer = openWriter(workerData as WriterOptions)
    say({ type: 'opened', ...writer.marks() })
  } catch (cause) {
    sayFailed('open', cause)
    return
  }
  port.on('message', (message: ToWriter) => {
    if (message.type === 'close') {
      writer.close()
      port.close()
      return
    }
    try {
      if (message.type === 'retain') say({ type: 'retained', ...writer.retain(message.time) })
      else say({ type: 'committed', ...writer.commit(message.calls) })
    } catch (cause) {
      sayFailed(message.type, cause)
    }
  })
}

if (parentPort) serve(parentPort)
