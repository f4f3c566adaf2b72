/**
 * The writer's side in the thread that talks to agents: calls wait while it is busy, and share the next commit.
 *
 * Errors  when the writer dies, every later call is refused: only the file knows whether the last commit was written,
 *         and opening it again shows that.
 */
import { Worker } from 'node:worker_threads'
import { Fault, type FaultDetails } from '../../../wire/fault.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { lineOf } from '../segment.ts'
import type { Missing, Published, Rejected } from '../stream.ts'
import { columnsOf } from './note-columns.ts'
import type { SpoolMark } from './received.ts'
import { received } from './store-messages.ts'
import type { Call, FromWriter, ToWriter, WriterOptions } from './telemetry-writer.ts'

/** The limit of one commit, so that the first caller does not wait for everybody. */
const COMMIT_RECORDS = 10_000
const COMMIT_CHARACTERS = 16_000_000

interface Waiting {
  call: Call
  resolve: (published: Published) => void
  reject: (fault: Fault) => void
}

interface TrimStep {
  records: number
  done: boolean
}

type Opened = Extract<FromWriter, { type: 'opened' }>

export class WriterThread {
  readonly #folder: string
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #acked = new Map<string, Map<number, number>>()
  readonly #queue: Waiting[] = []
  readonly #listeners = new Set<(last: number) => void>()
  readonly #opened = Promise.withResolvers<Opened>()
  #committing: Waiting[] = []
  #trimming: PromiseWithResolvers<TrimStep> | null = null
  #refusal: Fault | null = null
  #last = 0
  #onIdle: (() => void) | null = null

  /** `onStopped`: the writer died, and nothing can be stored until the process is restarted. */
  static async start(
    options: WriterOptions,
    onStopped: (fault: Fault) => void,
  ): Promise<{ writer: WriterThread; stream: string; missing: Missing | null }> {
    const writer = new WriterThread(options)
    try {
      const { stream, missing } = await writer.#opened.promise
      writer.#onStopped = onStopped
      return { writer, stream, missing: missing && { ...missing, fault: received(missing.fault) } }
    } catch (fault) {
      await writer.#worker.terminate()
      throw fault
    }
  }

  /** Null while it opens and while it closes, when its end is expected. */
  #onStopped: ((fault: Fault) => void) | null = null

  private constructor(options: WriterOptions) {
    this.#folder = options.folder
    this.#worker = new Worker(new URL('./telemetry-writer.ts', import.meta.url), { workerData: options })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', (message: FromWriter) => this.#take(message))
    this.#worker.on('error', (cause) =>
      this.#stop({ why: `The writer stopped: ${cause.message}.`, todo: 'Restart the server.' }),
    )
    this.#worker.on('exit', () => this.#stop({ why: 'The telemetry is closed.' }))
  }

  get last(): number {
    return this.#last
  }

  acked(device: string, epoch: number): number {
    return this.#acked.get(device)?.get(epoch) ?? 0
  }

  publish(records: readonly Recorded[], rejected: readonly Rejected[] = []): Promise<Published> {
    if (this.#refusal) return Promise.reject(this.#refusal)
    const { promise, resolve, reject } = Promise.withResolvers<Published>()
    const lines = records.map(lineOf).join('\n')
    const call = { lines, columns: columnsOf(records), count: records.length, rejected }
    this.#queue.push({ call, resolve, reject })
    this.#next()
    return promise
  }

  onPublished(listener: (last: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async trim(time: number): Promise<number> {
    // Only one runs at a time; a call in the meantime gets the result of the running one.
    if (this.#trimming) return 0
    try {
      for (let removed = 0; ; ) {
        if (this.#refusal) throw this.#refusal
        this.#trimming = Promise.withResolvers()
        this.#send({ type: 'trim', time })
        const step = await this.#trimming.promise
        removed += step.records
        if (step.done) return removed
      }
    } finally {
      this.#trimming = null
    }
  }

  /** Resolves when everything that was published has been committed or refused. */
  drained(): Promise<void> {
    if (this.#refusal || (this.#committing.length === 0 && this.#queue.length === 0)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  async close(): Promise<void> {
    this.#onStopped = null
    this.#refusal ??= unwritable(this.#folder, { why: 'The telemetry is closed.' })
    this.#send({ type: 'close' })
    await this.#exited
  }

  #take(message: FromWriter): void {
    if (message.type === 'opened') {
      this.#learn(message)
      this.#opened.resolve(message)
    } else if (message.type === 'trimmed') this.#trimming?.resolve(message)
    else if (message.type === 'failed') this.#fail(message.of, received(message.fault))
    else {
      const before = this.#last
      this.#learn(message)
      const committed = this.#committing
      this.#committing = []
      for (const [index, it] of committed.entries()) it.resolve(message.results[index]!)
      this.#next()
      if (this.#last > before) for (const listener of this.#listeners) listener(this.#last)
    }
  }

  #fail(of: ToWriter['type'] | 'open', fault: Fault): void {
    if (of === 'open') this.#opened.reject(fault)
    if (of === 'trim') this.#trimming?.reject(fault)
    if (of !== 'commit') return
    for (const it of this.#committing.splice(0)) it.reject(fault)
    this.#next()
  }

  #next(): void {
    if (this.#committing.length > 0 || this.#refusal) return
    this.#committing = takeGroup(this.#queue)
    const calls = this.#committing.map((it) => it.call)
    const numbers = calls.map((it) => it.columns.numbers.buffer)
    if (calls.length > 0) this.#send({ type: 'commit', calls }, numbers)
    else this.#onIdle?.()
  }

  #learn({ last, spools }: { last: number; spools: readonly SpoolMark[] }): void {
    this.#last = last
    for (const { device, epoch, seq } of spools) {
      const epochs = this.#acked.get(device)
      if (epochs) epochs.set(epoch, seq)
      else this.#acked.set(device, new Map([[epoch, seq]]))
    }
  }

  #stop(details: FaultDetails): void {
    this.#refusal ??= unwritable(this.#folder, details)
    this.#opened.reject(this.#refusal)
    this.#trimming?.reject(this.#refusal)
    for (const it of [...this.#committing.splice(0), ...this.#queue.splice(0)]) it.reject(this.#refusal)
    this.#onIdle?.()
    this.#onStopped?.(this.#refusal)
    this.#onStopped = null
  }

  #send(message: ToWriter, handedOver: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handedOver)
  }
}

/** From the front of the queue: at least one call, and as many as one commit takes. */
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

export function unwritable(folder: string, details: FaultDetails): Fault {
  return new Fault('store.unwritable', { where: folder, ...details })
}
