/**
 * Reads places that somebody else controls, so that one that never answers cannot blind the agent.
 *
 * Shape   questions go to a thread (reader-thread.ts). One that has made no progress for `patientMs` keeps its thread,
 *         and another thread takes over all others; questions about the same place wait. After `stuckMs` it fails with
 *         'EHUNG', and so does every other question about that place, until the thread returns from it. A thread that
 *         never returns is abandoned: nothing can end it but the system.
 * Units   at most `maxAside` abandoned threads, about 10 MB each. Beyond that, questions fail until one returns, except
 *         those about `systemPlaces`, where only the system's administrator can put a mount.
 * Errors  as node:fs's, with its codes; 'EHUNG' as above.
 */
import { Worker } from 'node:worker_threads'
import type { FolderWatcher, WatchFolder } from '../collectors/shared/folder-watcher.ts'
import { isBelow } from '../collectors/shared/mounts.ts'
import { fileNames } from '../host/file-names.ts'
import type { Places } from '../host/host.ts'
import {
  type Answer,
  type Failure,
  type Message,
  type Question,
  readerThread,
  type ThreadData,
  type Value,
} from './reader-thread.ts'

export interface ReaderOptions {
  places: Omit<Places, 'isSafe'>
  /** Ms, monotonic. */
  now?(): number
  patientMs?: number
  stuckMs?: number
  maxAside?: number
  /** How often its threads look whether the main thread runs: see reader-thread.ts. */
  pulseMs?: number
  /** A thread that answers a `Message` with an `Answer`. Tests have their own. */
  startThread?(data: ThreadData): Worker
}

/** A place that does not answer. */
export interface Hung {
  place: string
  /** The call that did not return. */
  kind: Question['kind']
  /** By the reader's own time. */
  since: number
}

const PATIENT_MS = 2_000
const STUCK_MS = 15_000
const MAX_ASIDE = 4
const CHECK_MS = 250
/** Twelve of them are two minutes: the agent's longest call on its own disk is shorter. */
const PULSE_MS = 10_000
const MAX_RESCANS = 256
/** Questions that touch what is in a folder, too. */
const FOLDERS: ReadonlySet<Question['kind']> = new Set(['entries', 'watch', 'rescan'])

interface Asked {
  question: Question
  place: string
  settle(answer: { value: Value; cpuMs: number } | { failure: Failure; cpuMs: number }): void
}

interface Thread {
  worker: Worker
  beat: Int32Array
  seen: number
  /** When it last made progress, or began to work. Null: it has not started yet. */
  movedAt: number | null
  pending: Map<number, Asked>
  /** The place that it does not return from. */
  hung: Hung | null
}

interface Watched {
  question: Extract<Question, { kind: 'watch' }>
  place: string
  onChange: () => void
  onError: (cause: unknown) => void
}

export class Reader {
  readonly #options: ReaderOptions
  readonly #now: () => number
  readonly #patientMs: number
  readonly #stuckMs: number
  readonly #watches = new Map<number, Watched>()
  readonly #aside = new Set<Thread>()
  /** Questions about a place that is waited for. */
  #waiting: Asked[] = []
  #thread: Thread | null = null
  readonly #pulse = new SharedArrayBuffer(4)
  #pulsing: NodeJS.Timeout | null = null
  #check: NodeJS.Timeout | null = null
  /**
   * Ms in which this process watched: after it was frozen or starved, its threads get as long as before to answer.
   */
  #time = 0
  #checkedAt = 0
  #ids = 0
  #isClosed = false
  /** Called when the reads of a place have answered again. */
  onAnswering: (hung: Hung) => void = () => {}

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#patientMs = options.patientMs ?? PATIENT_MS
    this.#stuckMs = options.stuckMs ?? STUCK_MS
  }

  /** The places that do not answer now. */
  get hung(): readonly Hung[] {
    return [...this.#aside].flatMap(({ hung }) => (hung !== null && this.#isStuck(hung) ? [hung] : []))
  }

  /** Whether a thread is left that never returned: then only a signal ends this process. */
  get isHeld(): boolean {
    return this.#aside.size > 0
  }

  /** `onCpu` gets the thread's CPU ms for this question, also when it fails. */
  ask<V extends Value>(question: Question, onCpu: (ms: number) => void = () => {}): Promise<V> {
    return new Promise((resolve, reject) => {
      const place = this.#options.places.placeOf(question.path)
      const settle: Asked['settle'] = (answer) => {
        onCpu(answer.cpuMs)
        if ('value' in answer) resolve(answer.value as V)
        else reject(errorOf(answer.failure))
      }
      this.#put({ question, place, settle })
    })
  }

  /** As `WatchFolder`: a hint that something changed in a folder or below it. */
  watch(...[root, options, onChange, onError]: Parameters<WatchFolder>): FolderWatcher {
    const id = ++this.#ids
    const { depth, maxFolders, ignore } = options
    const question = { kind: 'watch', path: root, watch: id, depth, maxFolders, ignore: [...ignore] } as const
    const watched = { question, place: this.#options.places.placeOf(root), onChange, onError }
    this.#watches.set(id, watched)
    this.#startWatch(watched)
    return {
      close: async () => {
        if (!this.#watches.delete(id) || this.#hungAt(watched.place)) return
        await this.ask({ kind: 'unwatch', path: root, watch: id }).catch(() => {})
      },
    }
  }

  /** Ends its threads. Those that do not return are left, see `isHeld`. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#check !== null) clearInterval(this.#check)
    const threads = [...this.#aside, ...(this.#thread ? [this.#thread] : [])]
    this.#thread = null
    for (const { pending } of threads) this.#fail([...pending.values()], 'The agent stops.')
    this.#fail(this.#waiting.splice(0), 'The agent stops.')
    for (const thread of threads) if (thread.hung === null) await thread.worker.terminate()
    // A thread that returns later must not find that the main one has stopped.
    if (this.#pulsing !== null && !this.isHeld) clearInterval(this.#pulsing)
  }

  #put(asked: Asked): void {
    const hung = this.#hungAt(asked.place)
    if (this.#isClosed) this.#fail([asked], 'The agent stops.')
    else if (hung && this.#isStuck(hung)) this.#fail([asked], sentenceOf(hung))
    else if (hung) this.#waiting.push(asked)
    else if (this.#isFull() && !this.#options.places.isSystemPlace(asked.question.path))
      this.#fail([asked], `${this.#aside.size} other places do not answer`)
    else this.#post(asked)
  }

  #post(asked: Asked): void {
    this.#thread ??= this.#start()
    const thread = this.#thread
    if (thread.pending.size === 0 && thread.movedAt !== null) thread.movedAt = this.#time
    const id = ++this.#ids
    thread.pending.set(id, asked)
    const { question } = asked
    const skip = FOLDERS.has(question.kind) ? this.#options.places.remoteBelow(question.path) : []
    thread.worker.postMessage({ id, question, skip } satisfies Message)
    if (this.#check !== null) return
    this.#checkedAt = this.#now()
    this.#check = setInterval(() => this.#look(), CHECK_MS)
  }

  #start(): Thread {
    const memory = new SharedArrayBuffer(4)
    const pulseMs = this.#options.pulseMs ?? PULSE_MS
    this.#pulsing ??= setInterval(() => Atomics.add(new Int32Array(this.#pulse), 0, 1), pulseMs / 4).unref()
    const worker = (this.#options.startThread ?? startThread)({ beat: memory, pulse: this.#pulse, pulseMs })
    worker.unref()
    const beat = new Int32Array(memory)
    const thread: Thread = { worker, beat, seen: 0, movedAt: null, pending: new Map(), hung: null }
    worker.once('online', () => {
      thread.movedAt = this.#time
    })
    worker.on('message', (answer: Answer) => this.#take(thread, answer))
    worker.on('error', (cause) => this.#ended(thread, cause))
    worker.on('exit', () => this.#ended(thread, new Error('the reading thread ended')))
    return thread
  }

  #take(thread: Thread, answer: Answer): void {
    thread.movedAt = this.#time
    if (!('id' in answer)) {
      if (thread === this.#thread) this.#changed(answer)
      return
    }
    const asked = thread.pending.get(answer.id)
    thread.pending.delete(answer.id)
    asked?.settle(answer)
    if (thread.hung !== null) this.#release(thread)
    else if (thread.pending.size === 0 && this.#aside.size === 0 && this.#check !== null) {
      clearInterval(this.#check)
      this.#check = null
    }
  }

  #changed(answer: Extract<Answer, { watch: number }>): void {
    const watched = this.#watches.get(answer.watch)
    if (!watched) return
    watched.onChange()
    if ('failure' in answer) {
      if (answer.failure !== null) watched.onError(errorOf(answer.failure))
      return
    }
    for (const path of answer.stale.slice(0, MAX_RESCANS))
      this.ask({ kind: 'rescan', path, watch: answer.watch }).catch(() => {}) // the sweep reports what cannot be read
  }

  /** Looks for a thread that makes no progress, while there are questions. */
  #look(): void {
    const now = this.#now()
    this.#time += Math.min(now - this.#checkedAt, 2 * CHECK_MS)
    this.#checkedAt = now
    const thread = this.#thread
    if (thread !== null && thread.movedAt !== null && thread.pending.size > 0) {
      const beat = Atomics.load(thread.beat, 0)
      if (beat !== thread.seen) thread.movedAt = this.#time
      thread.seen = beat
      if (this.#time - thread.movedAt >= this.#patientMs) this.#setAside(thread, thread.movedAt)
    }
    for (const { hung, pending } of this.#aside)
      if (hung !== null && this.#isStuck(hung)) {
        this.#fail([...pending.values()], sentenceOf(hung))
        this.#fail(
          this.#waiting.filter((it) => isBelow(it.place, hung.place)),
          sentenceOf(hung),
        )
        pending.clear()
        this.#waiting = this.#waiting.filter((it) => !isBelow(it.place, hung.place))
      }
  }

  /** Another thread takes over everything but the question that it works on. */
  #setAside(thread: Thread, since: number): void {
    const [[, first], ...others] = [...thread.pending] as [[number, Asked], ...[number, Asked][]]
    thread.hung = { place: first.place, kind: first.question.kind, since }
    this.#aside.add(thread)
    this.#thread = null
    for (const [id, asked] of others) {
      thread.pending.delete(id)
      this.#put(asked)
    }
    for (const watched of this.#watches.values()) if (!isBelow(watched.place, first.place)) this.#startWatch(watched)
  }

  /** It has returned after all. */
  #release(thread: Thread): void {
    const hung = thread.hung!
    this.#aside.delete(thread)
    void thread.worker.terminate()
    if (this.#isClosed) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const asked of waiting) this.#put(asked)
    for (const watched of this.#watches.values()) if (isBelow(watched.place, hung.place)) this.#startWatch(watched)
    if (this.#isStuck(hung)) this.onAnswering(hung)
  }

  #ended(thread: Thread, cause: unknown): void {
    const pending = [...thread.pending.values()]
    thread.pending.clear()
    this.#fail(pending, cause instanceof Error ? cause.message : String(cause))
    if (thread.hung !== null && this.#aside.has(thread)) this.#release(thread)
    if (this.#thread !== thread || this.#isClosed) return
    this.#thread = null
    for (const watched of this.#watches.values()) if (!this.#hungAt(watched.place)) this.#startWatch(watched)
  }

  /** Also when another thread takes over; what changed in between is unknown, so the caller looks for itself. */
  #startWatch(watched: Watched): void {
    this.ask(watched.question).then(watched.onChange, watched.onError)
  }

  #isFull(): boolean {
    return this.#aside.size >= (this.#options.maxAside ?? MAX_ASIDE)
  }

  #hungAt(place: string): Hung | null {
    for (const { hung } of this.#aside) if (hung !== null && isBelow(place, hung.place)) return hung
    return null
  }

  #isStuck({ since }: Hung): boolean {
    return this.#time - since >= this.#stuckMs
  }

  #fail(all: readonly Asked[], message: string): void {
    for (const { settle } of all) settle({ failure: { code: 'EHUNG', message: `EHUNG: ${message}` }, cpuMs: 0 })
  }
}

function startThread(workerData: ThreadData): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }
  return new Worker(`(${readerThread.toString()})((${fileNames.toString()})())`, {
    eval: true,
    execArgv: [],
    workerData,
    resourceLimits,
  })
}

function sentenceOf({ place, kind }: Hung): string {
  return `a call does not return (${kind} in ${place})`
}

function errorOf({ code, message }: Failure): Error {
  return Object.assign(new Error(message), code === null ? {} : { code })
}
