/**
 * The one writer of telemetry.db, in a worker thread: compression and fsync stay off the thread that talks to agents.
 *
 * All waiting calls share one commit. A commit adds one row to the journal or, when journal and calls have 1,000
 * records together, turns both into segments with postings, roll-ups and received numbers. That is one transaction, so
 * a record is always in exactly one of the two. The memory holds a copy of what the file says; after any failure it is
 * discarded and read again.
 *
 * Errors  opening compares the database with its mark (`mark.ts`). Missing positions are reported, kept as a hole that
 *         reading reports, and never assigned again. When something was lost, or the WAL is not as its writer left
 *         it, the whole file is checked; an inconsistent one is refused with Fault 'store.damaged'.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../../../wire/fault.ts'
import { DELETED, fold, type Note, noteOf, pieces, SEGMENT_CHARACTERS, SEGMENT_RECORDS, tally } from '../fold.ts'
import { REJECTED_PER_DEVICE } from '../history.ts'
import { digestOf, pack, recordOf, unpack } from '../segment.ts'
import type { Published, Rejected } from '../stream.ts'
import { asFault, openDatabase, transaction } from './database.ts'
import { holdLock, refuseHalfRestored } from './lock.ts'
import { type Mark, MarkFile, readMark } from './mark.ts'
import { type NoteColumns, notesOf } from './note-columns.ts'
import { Received, type SpoolMark } from './received.ts'
import { LOG_SCHEMA, LOG_UPGRADES, LOG_VERSION } from './schema.ts'
import { type SentFault, sent } from './store-messages.ts'
import { inspectWal } from './wal.ts'

/** Segments emptied in one transaction: about 50 ms. */
const TRIM_STEP = 20
/** Replaces a journal row that does not match its checksum; this does not match either. */
const UNREADABLE = new Uint8Array(1)
/** The WAL is moved into the database at this many bytes: about 1,000 pages. */
const WAL_BYTES = 4_194_304
/** How long agents may wait for readers to release the WAL. */
const WAL_WAIT_MS = 10

export interface WriterOptions {
  folder: string
  /** Pages of 4,096 bytes: simulates a full disk in tests. */
  maxPages: number | undefined
  /** Epoch ms. */
  now: number
}

/** One `publish`: its records as lines, joined by newlines, and the facts about them. */
export interface Call {
  lines: string
  columns: NoteColumns
  count: number
  rejected: readonly Rejected[]
}

interface Lost {
  after: number
  upTo: number
  fault: SentFault
}

interface Marks {
  last: number
  spools: SpoolMark[]
}

export type ToWriter = { type: 'commit'; calls: Call[] } | { type: 'trim'; time: number } | { type: 'close' }
export type FromWriter =
  | ({ type: 'opened'; stream: string; missing: Lost | null } & Marks)
  | ({ type: 'committed'; results: Published[] } & Marks)
  | { type: 'trimmed'; records: number; done: boolean }
  | { type: 'failed'; of: ToWriter['type'] | 'open'; fault: SentFault }

interface Row {
  first: number
  last: number
  lines: Uint8Array
}

/** What the file says, read once. */
interface Known {
  last: number
  /** Of the record at `last`. */
  digest: string | null
  edits: number
  /** The journal's records, in order. */
  pending: Note[]
  characters: number
  received: Received
  nameIds: Map<string, number>
}

export class TelemetryWriter {
  readonly #file: string
  readonly #folder: string
  readonly #now: number
  readonly #lock: DatabaseSync
  readonly #db: DatabaseSync
  readonly #sql: ReturnType<typeof statements>
  readonly #mark: MarkFile
  /** Null after a failure, until it is read again. */
  #known: Known | null = null
  #lost: Lost | null = null
  /** Bytes of the WAL. */
  #checkpointAt = WAL_BYTES
  /** Segments that `trim` could not read: skipped until the next start. */
  readonly #unreadable = new Set<number>()
  readonly stream: string

  constructor({ folder, maxPages, now }: WriterOptions) {
    this.#folder = folder
    this.#now = now
    this.#file = join(folder, 'telemetry.db')
    this.#lock = holdLock(folder)
    let db: DatabaseSync | undefined
    try {
      refuseHalfRestored(folder)
      const mark = readMark(folder)
      const wal = inspectWal(`${this.#file}-wal`)
      db = openDatabase(this.#file, { schema: LOG_SCHEMA, version: LOG_VERSION, upgrades: LOG_UPGRADES })
      db.exec('pragma wal_autocheckpoint = 0')
      if (maxPages !== undefined) db.exec(`pragma max_page_count = ${maxPages}`)
      this.#db = db
      this.#sql = statements(db)
      this.stream = String(this.#sql.fact.get('stream')?.value)
      if (mark && !mark.isWalEmpty && wal !== 'whole' && wal !== 'torn') this.#check()
      this.#known = this.#load()
      if (mark) this.#compare(mark, this.#known)
      this.#mark = new MarkFile(folder)
      this.#writeMark(this.#known, this.#emptyWal())
    } catch (cause) {
      db?.close()
      this.#lock.close()
      throw this.#faultOf(cause)
    }
  }

  get missing(): Lost | null {
    return this.#lost
  }

  /** Of every spool. */
  marks(): Marks {
    const { last, received } = (this.#known ??= this.#load())
    return { last, spools: received.all() }
  }

  commit(calls: readonly Call[]): { results: Published[] } & Marks {
    const committed = this.#changed((now) => {
      const before = { last: now.last, pending: now.pending.length }
      const results = calls.map((call) => this.#take(now, call))
      const refused = calls.flatMap((call) => call.rejected).filter((it) => this.#reject(now, it)).length
      if (now.pending.length >= SEGMENT_RECORDS || now.characters >= SEGMENT_CHARACTERS) this.#fold(now)
      else if (now.last > before.last) {
        const added = now.pending.slice(before.pending).map((it) => it.line)
        this.#sql.addJournal.run(before.last + 1, now.last, pack(added, 1))
      } else if (refused > 0) this.#edited(now)
      return { results, last: now.last, spools: now.received.takeRaised() }
    })
    this.#checkpoint()
    return committed
  }

  /** One small step, so that agents' commits can run in between. */
  trim(time: number): { records: number; done: boolean } {
    const step = this.#changed((now) => {
      if (now.pending.some((it) => it.arrived !== null && it.arrived < time)) this.#fold(now)
      this.#sql.dropRejected.run(time)
      this.#sql.dropFeedIds.run(time)
      const old = this.#sql.arrivedBefore.all(time, TRIM_STEP + this.#unreadable.size)
      const firsts = old.map((row) => Number(row.first)).filter((first) => !this.#unreadable.has(first))
      const records = firsts.reduce((sum, first) => sum + this.#empty(now, first), 0)
      this.#edited(now)
      return { records, done: firsts.length === 0 }
    })
    this.#checkpoint()
    return step
  }

  close(): void {
    if (this.#known) this.#writeMark(this.#known, this.#emptyWal())
    this.#db.close()
    this.#mark.close()
    this.#lock.close()
  }

  /** One transaction, and its mark, before anyone learns of it. */
  #changed<T>(work: (now: Known) => T): T {
    try {
      const now = (this.#known ??= this.#load())
      const result = transaction(this.#db, 'begin immediate', () => work(now))
      this.#writeMark(now)
      return result
    } catch (cause) {
      this.#known = null
      throw this.#faultOf(cause)
    }
  }

  #take(now: Known, call: Call): Published {
    const first = now.last + 1
    const duplicates: number[] = []
    if (call.count === 0) return { first, last: now.last, duplicates }
    for (const [index, note] of notesOf(call.lines.split('\n'), call.columns).entries()) {
      if (note.facts ? now.received.isKnown(note.facts) : this.#isKnownFeed(note)) duplicates.push(index)
      else {
        now.last++
        keep(now, note)
      }
    }
    if (duplicates.length < call.count) now.digest = digestOf(now.pending.at(-1)!.line)
    return { first, last: now.last, duplicates }
  }

  #isKnownFeed({ feedId, arrived }: Note): boolean {
    return feedId !== null && this.#sql.addFeedId.run(feedId, arrived).changes === 0
  }

  /** False: this number was already refused. */
  #reject(now: Known, rejected: Rejected): boolean {
    const { device, epoch, seq } = rejected
    const numbered = epoch !== undefined && seq !== null
    const entry = JSON.stringify(rejected)
    const added = this.#sql.addRejected.run(device, numbered ? epoch : null, numbered ? seq : null, entry)
    if (added.changes === 0) return false
    this.#sql.countRejected.run(device)
    this.#sql.cutRejected.run(device, device, REJECTED_PER_DEVICE)
    now.received.refuse(rejected)
    return true
  }

  /** Counts a commit without a record, so that its loss can be noticed. */
  #edited(now: Known): void {
    this.#sql.setFact.run(String(++now.edits), 'edits')
  }

  /** Turns everything pending into segments. */
  #fold(now: Known): void {
    let first = now.last - now.pending.length + 1
    for (const piece of pieces(now.pending)) {
      this.#addSegment(now, first, piece)
      first += piece.length
    }
    now.received.settle()
    this.#sql.clearJournal.run(now.last)
    now.pending = []
    now.characters = 0
  }

  #addSegment(now: Known, first: number, notes: readonly Note[]): void {
    const folded = fold(first, notes)
    this.#sql.addSegment.run(first, folded.last, folded.newest, folded.arrived, folded.lines)
    for (const { device, category, hour, events } of folded.tallies) {
      const ids = [this.#nameId(now, 'device', device), this.#nameId(now, 'category', category)] as const
      this.#sql.addPosting.run(...ids, hour, first)
      this.#sql.addRollup.run(...ids, hour, events)
    }
    for (const it of folded.categories) this.#sql.addContent.run(this.#nameId(now, 'category', it), first)
    if (folded.landmarks) this.#sql.addLandmarks.run(first, folded.landmarks)
    now.received.addRuns(folded.runs, first)
  }

  #nameId(now: Known, kind: 'device' | 'category', name: string): number {
    const key = `${kind} ${name}`
    const found = now.nameIds.get(key)
    if (found !== undefined) return found
    this.#sql.addName.run(kind, name)
    const id = Number(this.#sql.nameId.get(kind, name)!.id)
    now.nameIds.set(key, id)
    return id
  }

  /** Replaces deleted telemetry by empty lines, so that every other record keeps its position. */
  #empty(now: Known, first: number): number {
    if (Number(this.#sql.bytes.get(first)?.bytes) === 0) {
      // A hole older than the retention time: its records would be deleted by now.
      this.#sql.emptySegment.run(new Uint8Array(), first)
      return 0
    }
    const lines = linesOf(() => this.#sql.segment.get(first))
    if (lines === null) {
      this.#unreadable.add(first)
      return 0
    }
    const notes = lines.map((line) => (line === '' ? DELETED : noteOf(line, recordOf(line))))
    const gone = notes.filter((it) => it.arrived !== null)
    this.#sql.emptySegment.run(
      pack(
        notes.map((it) => (it.arrived === null ? it.line : '')),
        3,
      ),
      first,
    )
    for (const { device, category, hour, events } of tally(gone.flatMap((it) => it.facts ?? []))) {
      const ids = [this.#nameId(now, 'device', device), this.#nameId(now, 'category', category)] as const
      this.#sql.dropPosting.run(...ids, hour, first)
      this.#sql.lowerRollup.run(events, ...ids, hour)
      this.#sql.dropRollup.run(...ids, hour)
    }
    for (const it of new Set(gone.flatMap((it) => it.category ?? []))) {
      this.#sql.dropContent.run(this.#nameId(now, 'category', it), first)
    }
    return gone.length
  }

  #load(): Known {
    return transaction(this.#db, 'begin immediate', () => {
      const now: Known = {
        last: Number(this.#sql.lastOfSegments.get()?.last ?? 0),
        digest: null,
        edits: Number(this.#sql.fact.get('edits')?.value ?? 0),
        pending: [],
        characters: 0,
        received: new Received(this.#db, this.#file),
        nameIds: new Map(),
      }
      let line = linesOf(() => this.#sql.newestSegment.get())?.at(-1)
      for (const { first, last } of this.#sql.journal.all() as unknown as Omit<Row, 'lines'>[]) {
        if (first <= now.last)
          throw this.#contradicts(`the journal begins at ${first}, the segments end at ${now.last}`)
        if (first > now.last + 1) this.#addHole(now, first - 1, `nothing is stored before ${first}`)
        const lines = linesOf(() => this.#sql.journalRow.get(first))
        if (lines === null) this.#setAside(now, first, last)
        for (const it of lines ?? []) keep(now, noteOf(it, recordOf(it)))
        now.last = last
        line = lines?.at(-1)
      }
      now.received.takeRaised()
      if (line) now.digest = digestOf(line)
      return now
    })
  }

  /** Makes segments of the records before a damaged row, and of the row: reads report it, and the rest is usable. */
  #setAside(now: Known, first: number, last: number): void {
    if (now.pending.length > 0) this.#fold(now)
    this.#sql.addSegment.run(first, last, null, null, UNREADABLE)
    this.#sql.clearJournal.run(last)
  }

  #addHole(now: Known, upTo: number, reason: string): void {
    const after = now.last
    if (now.pending.length > 0) this.#fold(now)
    this.#sql.addSegment.run(after + 1, upTo, null, this.#now, new Uint8Array())
    now.last = upTo
    now.digest = null
    this.#lost = { after: this.#lost?.after ?? after, upTo, fault: this.#loss(after, upTo, reason) }
  }

  /** The mark is ahead of the database only when commits were lost, or another database took its place. */
  #compare(mark: Mark, now: Known): void {
    const isSame = mark.stream === this.stream
    if (isSame && mark.last <= now.last && mark.edits <= now.edits) {
      const digest = mark.last === now.last ? now.digest : null
      if (!digest || !mark.digest || digest === mark.digest) return
    }
    this.#check()
    const reason = !isSame
      ? `the stream here was ${mark.stream} before`
      : mark.last === now.last && mark.edits <= now.edits
        ? 'its last record has changed'
        : 'its newest commits are missing'
    if (mark.last > now.last) transaction(this.#db, 'begin immediate', () => this.#addHole(now, mark.last, reason))
    const after = isSame ? (this.#lost?.after ?? now.last) : 0
    this.#lost = { after, upTo: mark.last, fault: this.#loss(after, mark.last, reason) }
  }

  #loss(after: number, upTo: number, reason: string): SentFault {
    const what =
      after < upTo ? `Positions ${after + 1} to ${upTo}` : 'Refused events or deletions after the last record'
    return sent(
      new Fault('store.damaged', {
        where: this.#file,
        why: `${what} are missing.`,
        todo: 'Laptops send again what they still have; restore the rest from a backup, if there is one.',
        facts: { reason },
      }),
    )
  }

  /** Errors  Fault 'store.damaged' when tables, indexes and pages contradict each other. */
  #check(): void {
    const found = this.#db.prepare('pragma integrity_check(1)').get()?.integrity_check
    if (found !== 'ok') throw this.#contradicts(String(found))
  }

  #contradicts(reason: string): Fault {
    return new Fault('store.damaged', {
      where: this.#file,
      why: 'It was changed while the server was stopped, or the disk is failing.',
      todo: 'Restore the data folder from a backup.',
      facts: { reason },
    })
  }

  #writeMark({ last, digest, edits }: Known, isWalEmpty = false): void {
    this.#mark.write({ stream: this.stream, last, digest, edits, isWalEmpty })
  }

  #checkpoint(): void {
    const size = statSync(`${this.#file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (size < this.#checkpointAt) return
    const isEmpty = this.#emptyWal()
    this.#checkpointAt = isEmpty ? WAL_BYTES : size + WAL_BYTES / 4
    if (isEmpty && this.#known) this.#writeMark(this.#known, true)
  }

  /**
   * Moves the WAL into the database and empties it. A WAL whose frames are already in the database must not stay: if it
   * is damaged later, SQLite mixes old and new pages. False: readers hold it, or the disk is full; nothing is lost.
   */
  #emptyWal(): boolean {
    this.#db.exec(`pragma busy_timeout = ${WAL_WAIT_MS}`)
    try {
      return Number(this.#db.prepare('pragma wal_checkpoint(truncate)').get()?.busy) === 0
    } catch {
      return false
    } finally {
      this.#db.exec('pragma busy_timeout = 5000')
    }
  }

  #faultOf(cause: unknown): Fault {
    return asFault(cause, this.#folder)
  }
}

function keep(now: Known, note: Note): void {
  now.pending.push(note)
  now.characters += note.line.length
  if (note.facts) now.received.add(note.facts)
}

/** Null when the checksum, or SQLite, shows that they are damaged. */
function linesOf(read: () => unknown): string[] | null {
  try {
    const { first, last, lines } = read() as Row
    return unpack(lines, last - first + 1)
  } catch {
    return null
  }
}

function statements(db: DatabaseSync) {
  return {
    fact: db.prepare('select value from facts where key = ?'),
    setFact: db.prepare('update facts set value = ? where key = ?'),
    lastOfSegments: db.prepare('select last from segments order by first desc limit 1'),
    newestSegment: db.prepare('select first, last, lines from segments order by first desc limit 1'),
    journal: db.prepare('select first, last from journal order by first'),
    journalRow: db.prepare('select first, last, lines from journal where first = ?'),
    addJournal: db.prepare('insert into journal (first, last, lines) values (?, ?, ?)'),
    clearJournal: db.prepare('delete from journal where last <= ?'),
    addSegment: db.prepare('insert into segments (first, last, newest, arrived, lines) values (?, ?, ?, ?, ?)'),
    bytes: db.prepare('select length(lines) bytes from segments where first = ?'),
    segment: db.prepare('select first, last, lines from segments where first = ?'),
    arrivedBefore: db.prepare('select first from segments where arrived < ? order by arrived limit ?'),
    emptySegment: db.prepare('update segments set newest = null, arrived = null, lines = ? where first = ?'),
    dropPosting: db.prepare('delete from postings where device = ? and category = ? and hour = ? and segment = ?'),
    lowerRollup: db.prepare('update rollups set events = events - ? where device = ? and category = ? and hour = ?'),
    dropRollup: db.prepare('delete from rollups where device = ? and category = ? and hour = ? and events <= 0'),
    addContent: db.prepare('insert into contents (category, segment) values (?, ?)'),
    dropContent: db.prepare('delete from contents where category = ? and segment = ?'),
    addLandmarks: db.prepare('insert into landmarks (segment, lines) values (?, ?)'),
    addName: db.prepare('insert into names (kind, name) values (?, ?) on conflict do nothing'),
    nameId: db.prepare('select id from names where kind = ? and name = ?'),
    addPosting: db.prepare('insert into postings (device, category, hour, segment) values (?, ?, ?, ?)'),
    addRollup: db.prepare(
      `insert into rollups (device, category, hour, events) values (?, ?, ?, ?)
       on conflict do update set events = events + excluded.events`,
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
  const post = (message: FromWriter) => port.postMessage(message)
  const options = workerData as WriterOptions
  const fail = (of: ToWriter['type'] | 'open', cause: unknown) => {
    post({ type: 'failed', of, fault: sent(asFault(cause, options.folder)) })
  }
  let writer: TelemetryWriter
  try {
    writer = new TelemetryWriter(options)
    post({ type: 'opened', stream: writer.stream, missing: writer.missing, ...writer.marks() })
  } catch (cause) {
    fail('open', cause)
    return
  }
  port.on('message', (message: ToWriter) => {
    if (message.type === 'close') {
      writer.close()
      port.close()
      return
    }
    try {
      if (message.type === 'trim') post({ type: 'trimmed', ...writer.trim(message.time) })
      else post({ type: 'committed', ...writer.commit(message.calls) })
    } catch (cause) {
      fail(message.type, cause)
    }
  })
}

if (parentPort) serve(parentPort)
