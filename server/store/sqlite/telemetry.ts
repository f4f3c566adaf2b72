/**
 * Telemetry in one SQLite file, `telemetry.db`, which is both the stream and its history.
 *
 * Shape   records become lines. `telemetry-writer.ts`, in its own thread, commits whatever has collected while it was
 *         busy. Reads access the file directly and never wait for the writer. `schema.ts` has the tables. When opened
 *         read-only, it needs no writer, and follows the one of another thread or process.
 * Errors  see Stream and History. When the writer dies, every later `publish` is refused.
 */
import { join } from 'node:path'
import { Fault } from '../../../wire/fault.ts'
import type { History } from '../history.ts'
import type { Missing, Stream } from '../stream.ts'
import { openDatabase } from './database.ts'
import { readMark } from './mark.ts'
import { LOG_SCHEMA, LOG_VERSION } from './schema.ts'
import { orNull, TelemetryReader } from './telemetry-reader.ts'
import { unwritable, WriterThread } from './writer-thread.ts'

/** How often a read-only instance with listeners looks for new records. */
const LOOK_MS = 100

export interface TelemetryOptions {
  folder: string
  /** Needs no writer, and may run beside a server in another thread or process; `publish` is refused. */
  readOnly?: boolean
  /** Pages of 4,096 bytes: simulates a full disk in tests. */
  maxPages?: number
  /** The writer died: nothing can be stored until the process is restarted. */
  onStopped?: (fault: Fault) => void
  now?: () => number
}

export interface Telemetry {
  stream: Stream
  history: History
  /** Closes both; either can also be closed on its own. */
  close(): Promise<void>
}

/** Errors  Fault 'store.unwritable', 'server.running', 'store.newer', 'store.missing', 'store.damaged'. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { stream, history, close } = faces(await openParts(options))
  let open = 2
  const closing = () => {
    let isOpen = true
    return async () => {
      if (isOpen && --open === 0) await close()
      isOpen = false
    }
  }
  const [closeStream, closeHistory] = [closing(), closing()]
  return {
    stream: { ...stream, close: closeStream },
    history: { ...history, close: closeHistory },
    close: async () => {
      await closeStream()
      await closeHistory()
    },
  }
}

export interface Parts {
  folder: string
  writer: WriterThread | null
  reader: TelemetryReader
  id: string
  missing: Missing | null
  close(): Promise<void>
}

export async function openParts(options: TelemetryOptions): Promise<Parts> {
  const { folder, readOnly = false, maxPages, onStopped = () => {}, now = Date.now } = options
  // Read before the database: a mark read later may belong to a commit in between.
  const mark = readOnly ? readMark(folder) : null
  const started = readOnly ? null : await WriterThread.start({ folder, maxPages, now: now() }, onStopped)
  const file = join(folder, 'telemetry.db')
  try {
    const db = openDatabase(file, { schema: LOG_SCHEMA, version: LOG_VERSION, readOnly: true })
    const reader = new TelemetryReader(db, file)
    const id = reader.stream ?? ''
    const missing = started
      ? started.missing
      : mark && mark.stream === id
        ? goneSince(mark.last, reader.last(), file)
        : null
    return { folder, writer: started?.writer ?? null, reader, id, missing, close }

    async function close(): Promise<void> {
      // The writer's connection is closed last, because the last one moves the WAL into the file.
      await started?.writer.drained()
      if (db.isOpen) db.close()
      await started?.writer.close()
    }
  } catch (cause) {
    await started?.writer.close()
    throw cause
  }
}

/** A read-only instance cannot repair a loss, but must report it. */
function goneSince(marked: number, last: number, file: string): Missing | null {
  if (marked <= last) return null
  const why = `Positions ${last + 1} to ${marked} are missing.`
  const todo = 'Start the server: laptops send again what they still have.'
  return { after: last, upTo: marked, fault: new Fault('store.damaged', { where: file, why, todo }) }
}

function faces({ folder, writer, reader, id, missing, close }: Parts): Telemetry {
  const refuse = () => Promise.reject(unwritable(folder, { why: 'It was opened read-only.' }))
  const last = () => writer?.last ?? Math.max(reader.last(), missing?.upTo ?? 0)
  const stream: Stream = {
    id,
    missing,
    publish: (records, rejected) => writer?.publish(records, rejected) ?? refuse(),
    last: async () => last(),
    onPublished: (listener) => writer?.onPublished(listener) ?? looking(reader, listener),
    read: (after, damage = {}) => reader.read(after, last(), damage),
    acked: async (device, epoch) => writer?.acked(device, epoch) ?? reader.acked(device, epoch),
    digest: async (position) => reader.digest(position),
    trim: (time) => writer?.trim(time) ?? refuse(),
    close,
  }
  const history: History = {
    // Both use the same file: the history has whatever the stream has.
    async append(stored) {
      const foreign = stored.find((it) => it.position > last())
      if (foreign)
        throw unwritable(folder, { why: `Position ${foreign.position} is not in the stream of this folder.` })
    },
    last: async () => last(),
    events: (query, limit, damage = {}) => reader.events(query, limit, damage),
    counts: (query) => reader.counts(query),
    bySeq: (device, epoch, seq) => reader.bySeq(device, epoch, seq),
    scan: (query, damage = {}) => reader.scan({ ...query, upTo: Math.min(query.upTo, last()) }, damage),
    rejected: async (device, limit) => reader.rejected(device, limit),
    rejectedTotals: async (devices) => reader.rejectedTotals(devices),
    retain: (time) => stream.trim(time),
    close,
  }
  return { stream, history, close }
}

/** Polls for new records. Unreadable data is reported by reads, not here. */
function looking(reader: TelemetryReader, listener: (last: number) => void): () => void {
  let seen = reader.last()
  const timer = setInterval(() => {
    if (!reader.isOpen) return clearInterval(timer)
    const now = orNull(() => reader.last())
    if (now === null || now === seen) return
    seen = now
    listener(now)
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
