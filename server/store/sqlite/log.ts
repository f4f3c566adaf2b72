/**
 * The telemetry log in one SQLite file, `telemetry.db`.
 *
 * Shape   records become lines here; `log-writer.ts`, in its own thread, commits whatever has gathered while it was
 *         busy; reads go to the file directly and never wait for it. `schema.ts` has the tables.
 * Errors  see TelemetryLog. When the writer itself dies, every later append is refused: what became of the last
 *         commit is known only to the file, and opening it anew reads it there.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../../wire/fault.ts'
import type { Recorded } from '../../../wire/recording.ts'
import type { Appended, Rejected, TelemetryLog } from '../state.ts'
import { openDatabase } from './database.ts'
import { logReader } from './log-reader.ts'
import type { Call, FromWriter, StreamMark, ToWriter, WriterOptions } from './log-writer.ts'
import { LOG_SCHEMA, LOG_VERSION } from './schema.ts'
import { lineOf } from './segment.ts'

/** One commit takes no more than this, so that the first to wait does not wait for everybody. */
const COMMIT_RECORDS = 10_000
const COMMIT_CHARACTERS = 16_000_000

interface Waiting {
  call: Call
  resolve: (appended: Appended) => void
  reject: (fault: Fault) => void
}

interface RetainStep {
  records: number
  done: boolean
}

/**
 * Shape   `readOnly` needs no writer and may run beside a server in another process; its `append` refuses.
 *         `maxPages` of 4,096 bytes: a disk that fills up, for tests.
 * Errors  Fault 'store.unwritable', 'server.running', 'store.newer', 'store.missing', 'store.damaged'.
 */
export async function openLog(options: {
  folder: string
  readOnly?: boolean
  maxPages?: number
  /** The writer died: nothing can be stored any more, and only a new process mends that. */
  onStopped?: (fault: Fault) => void
}): Promise<TelemetryLog> {
  const { folder, readOnly = false, maxPages, onStopped = () => {} } = options
  const writer = readOnly ? null : await startWriter({ folder, maxPages }, onStopped)
  const file = join(folder, 'telemetry.db')
  const db = openDatabase(file, { schema: LOG_SCHEMA, version: LOG_VERSION, readOnly: true })
  const reader = logReader(db, file)
  const last = writer?.last ?? reader.last
  const refuse = () => Promise.reject(unwritable(folder, 'It was opened for reading only.'))
  return {
    append: writer?.append ?? refuse,
    last,
    read: (after = 0, damage = {}) => reader.read(after, last(), damage),
    events: (query, limit, damage = {}) => reader.events(query, limit, damage),
    counts: reader.counts,
    acked: writer?.acked ?? reader.acked,
    bySeq: reader.bySeq,
    rejected: reader.rejected,
    rejectedTotal: reader.rejectedTotal,
    retain: writer?.retain ?? refuse,
    async close() {
      // The writer's connection is the last to go: that one moves what is in the WAL into the file.
      await writer?.drained()
      if (db.isOpen) db.close()
      await writer?.close()
    },
  }
}

async function startWriter(options: WriterOptions, onStopped: (fault: Fault) => void) {
  let isOpen = false
  let isClosing = false
  const worker = new Worker(new URL('./log-writer.ts', import.meta.url), { workerData: options })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const acked = new Map<string, Map<number, number>>()
  const queue: Waiting[] = []
  let committing: Waiting[] = []
  let retaining: PromiseWithResolvers<RetainStep> | null = null
  let refusal: Fault | null = null
  let lastPosition = 0
  let onIdle: (() => void) | null = null

  const opened = Promise.withResolvers<void>()
  worker.on('message', (message: FromWriter) => {
    if (message.type === 'opened') {
      learn(message)
      opened.resolve()
      return
    }
    if (message.type === 'retained') {
      retaining?.resolve(message)
      return
    }
    if (message.type === 'failed') {
      const { of, code, where, todo, reason } = message
      const fault = new Fault(code, { where, todo, facts: { reason } })
      opened.reject(fault)
      if (of === 'retain') retaining?.reject(fault)
      if (of !== 'commit') return
      for (const it of committing) it.reject(fault)
    } else {
      learn(message)
      for (const [index, it] of committing.entries()) it.resolve(message.results[index]!)
    }
    committing = []
    next()
  })
  worker.on('error', (cause) => stopped(`The writer stopped: ${cause.message}. Restart the server.`))
  worker.on('exit', () => stopped('The log is closed.'))
  try {
    await opened.promise
  } catch (fault) {
    await worker.terminate()
    throw fault
  }
  isOpen = true
  return { append, last: () => lastPosition, acked: ackedOf, retain, drained, close }

  function append(records: readonly Recorded[], rejected: readonly Rejected[] = []): Promise<Appended> {
    if (refusal) return Promise.reject(refusal)
    const { promise, resolve, reject } = Promise.withResolvers<Appended>()
    const call = { lines: records.map(lineOf).join('\n'), count: records.length, rejected }
    queue.push({ call, resolve, reject })
    next()
    return promise
  }

  function next(): void {
    if (committing.length > 0 || refusal) return
    committing = takeGroup(queue)
    if (committing.length > 0) send({ type: 'commit', calls: committing.map((it) => it.call) })
    else onIdle?.()
  }

  async function retain(time: number): Promise<number> {
    // Once at a time; whoever comes meanwhile is served by the one that runs.
    if (retaining) return 0
    try {
      for (let removed = 0; ; ) {
        if (refusal) throw refusal
        retaining = Promise.withResolvers()
        send({ type: 'retain', time })
        const step = await retaining.promise
        removed += step.records
        if (step.done) return removed
      }
    } finally {
      retaining = null
    }
  }

  function learn({ last, streams }: { last: number; streams: readonly StreamMark[] }): void {
    lastPosition = last
    for (const { device, epoch, seq } of streams) {
      const epochs = acked.get(device)
      if (epochs) epochs.set(epoch, seq)
      else acked.set(device, new Map([[epoch, seq]]))
    }
  }

  function ackedOf(device: string, epoch: number): number {
    return acked.get(device)?.get(epoch) ?? 0
  }

  function stopped(todo: string): void {
    refusal ??= unwritable(options.folder, todo)
    opened.reject(refusal)
    retaining?.reject(refusal)
    for (const it of [...committing.splice(0), ...queue.splice(0)]) it.reject(refusal)
    onIdle?.()
    if (isOpen && !isClosing) onStopped(refusal)
  }

  function drained(): Promise<void> {
    if (refusal || (committing.length === 0 && queue.length === 0)) return Promise.resolve()
    return new Promise((resolve) => {
      onIdle = resolve
    })
  }

  async function close(): Promise<void> {
    isClosing = true
    refusal ??= unwritable(options.folder, 'The log is closed.')
    send({ type: 'close' })
    await exited
  }

  function send(message: ToWriter): void {
    worker.postMessage(message)
  }
}

/** From the front of the queue, at least one, as much as one commit takes. */
function takeGroup(queue: Waiting[]): Waiting[] {
  let records = 0
  let characters = 0
  const end = queue.findIndex(({ call }, index) => {
    records += call.count
    characters += call.lines.length
    return index > 0 && (records > COMMIT_RECORDS || characters > COMMIT_CHARACTERS)
  })
  return queue.splice(0, end < 0 ? queue.length : end)
}

function unwritable(folder: string, todo: string): Fault {
  return new Fault('store.unwritable', { where: folder, todo })
}
