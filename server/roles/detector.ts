/**
 * The detector role: one thread that runs the active evaluation, and a second one that catches up after a change of
 * rules.
 *
 * Shape   a change of rules or thresholds starts a second thread; when it has caught up, the first one stops and the
 *         second takes over. Another change stops the thread that is catching up, and a new one starts when it has
 *         ended. No thread is terminated: Node aborts the whole process when that hits a zstd stream being made.
 * Errors  a thread that dies is reported and restarted with growing delays, one that catches up too. Laptops are served
 *         in the meantime, and nothing is lost, because findings follow from the log.
 */
import { Worker } from 'node:worker_threads'
import { Gauge, type Registry } from 'prom-client'
import type { RecordedRarity } from '../../wire/recording.ts'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import type { Logger } from '../log.ts'
import type { Verdict } from '../model/case.ts'
import type { DetectorOptions, FromDetector, ToDetector } from './detector-messages.ts'

const RESTART_MS = 1_000
const RESTART_MAX_MS = 60_000
/** How often progress is logged. */
const PROGRESS_MS = 10_000
/** About 100 KB per worker while the whole log is evaluated. */
export const HEAP_MB = 8_192

export interface DetectorDeps {
  config: Config
  log: Logger
  /** After each commit of the active evaluation, and when another one becomes active. */
  onCommit(committed: { evaluation: string; position: number; time: number }): void
  onRuleset(ruleset: { rules: number; omitted: number }): void
  onMoved(changes: FeedChange[]): void
  /** A count of colleagues that is to be recorded in the log. */
  onCounted(record: RecordedRarity): void
}

/** Metrics of how far the detector has come. */
export function detectorGauges(registry: Registry, status: () => DetectorStatus, last: () => Promise<number>): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: `tellwire_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('judged_position', 'Position of the last record that was evaluated and saved', () => status().position)
  gauge(
    'judged_behind',
    'Records of the log that are not yet evaluated',
    async () => (await last()) - status().position,
  )
  gauge('reevaluation_position', 'Position that a re-evaluation has reached; 0 without one', () => {
    return status().catchingUp?.position ?? 0
  })
  gauge('clock_held', "1 while no laptop confirms the server's clock, and the log's clock is held", () =>
    status().clockHeld ? 1 : 0,
  )
}

export interface DetectorStatus {
  /** Null while none is active in this process. */
  evaluation: string | null
  position: number
  /** The log's clock. */
  time: number
  /** Progress of a re-evaluation. */
  catchingUp: { position: number; last: number } | null
  /** The server's clock is far ahead of the log's, and no laptop confirms it. */
  clockHeld: { stamp: number; time: number } | null
}

interface Thread {
  worker: Worker
  onlyIfChanged: boolean
  isActive: boolean
  /** The rules changed again: another thread replaces it when it has ended. */
  isOutdated: boolean
  hasFailed: boolean
  gone: Promise<void>
}

export class DetectorRole {
  readonly #deps: DetectorDeps
  #config: Config
  /** Runs the active evaluation, or the first one. */
  #current: Thread | null = null
  /** Catches up, to replace `#current`. */
  #next: Thread | null = null
  readonly #restart = new Restart()
  readonly #restartNext = new Restart()
  #isClosing = false
  #nextProgressAt = 0
  #status: DetectorStatus = { evaluation: null, position: 0, time: 0, catchingUp: null, clockHeld: null }

  constructor(deps: DetectorDeps) {
    this.#deps = deps
    this.#config = deps.config
    this.#current = this.#start(false)
  }

  get status(): DetectorStatus {
    return this.#status
  }

  published(last: number): void {
    this.#post({ type: 'published', last })
  }

  decided(verdict: Verdict): void {
    this.#post({ type: 'decided', verdict })
  }

  /** Call it when rules, thresholds or switches may have changed. */
  follow(config: Config = this.#config): void {
    this.#config = config
    if (this.#isClosing) return
    // While the first evaluation is not active yet, it is simply replaced.
    const outdated = this.#current && !this.#current.isActive ? this.#current : this.#next
    if (!outdated) {
      this.#restartNext.cancel()
      this.#next = this.#start(true)
      return
    }
    outdated.isOutdated = true
    post(outdated.worker, { type: 'stop' })
  }

  /** Saves what has been evaluated, and stops. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#restart.cancel()
    this.#restartNext.cancel()
    const threads = [this.#current, this.#next].filter((it) => it !== null)
    for (const { worker } of threads) post(worker, { type: 'stop' })
    await Promise.all(threads.map((it) => it.gone))
  }

  #post(message: ToDetector): void {
    for (const it of [this.#current, this.#next]) if (it) post(it.worker, message)
  }

  #start(onlyIfChanged: boolean): Thread {
    const options: DetectorOptions = { config: this.#config, onlyIfChanged }
    const worker = new Worker(new URL('./detector-thread.ts', import.meta.url), {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    })
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const thread: Thread = { worker, onlyIfChanged, isActive: false, isOutdated: false, hasFailed: false, gone }
    worker.on('message', (message: FromDetector) => this.#receive(thread, message))
    worker.on('error', (cause) => {
      thread.hasFailed = true
      this.#deps.log.error({ err: cause }, 'a detector thread failed')
    })
    worker.on('exit', () => {
      resolve()
      this.#ended(thread)
    })
    return thread
  }

  #receive(thread: Thread, message: FromDetector): void {
    const { log, onRuleset, onMoved } = this.#deps
    switch (message.type) {
      case 'log':
        log[message.level](message.facts, message.message)
        return
      case 'ruleset':
        onRuleset(message)
        for (const problem of message.problems)
          log.warn({ ...problem }, problem.severity === 'error' ? 'rule cannot be used' : 'warning about a rule')
        return
      case 'opened':
        if (message.isActive) this.#advanced(thread, message)
        return
      case 'progress':
        this.#status = { ...this.#status, catchingUp: { position: message.position, last: message.last } }
        this.#logProgress(message)
        return
      case 'ready':
        if (!thread.isOutdated) void this.#grant(thread)
        return
      case 'active':
        this.#status = { ...this.#status, catchingUp: null }
        this.#restartNext.succeeded()
        if (thread.onlyIfChanged) log.info({}, 'the changed rules are in use')
        return
      case 'committed':
        this.#advanced(thread, message)
        return
      case 'clock':
        this.#hold(message.held)
        return
      case 'moved':
        onMoved(message.changes)
        return
      case 'rarity':
        this.#deps.onCounted(message.record)
    }
  }

  #advanced(
    thread: Thread,
    { evaluation, position, time }: { evaluation: string; position: number; time: number },
  ): void {
    this.#restart.succeeded()
    thread.isActive = true
    const catchingUp = this.#next ? this.#status.catchingUp : null
    this.#status = { ...this.#status, evaluation, position, time, catchingUp }
    this.#deps.onCommit({ evaluation, position, time })
  }

  #logProgress({ position, last }: { position: number; last: number }): void {
    if (performance.now() < this.#nextProgressAt) return
    this.#nextProgressAt = performance.now() + PROGRESS_MS
    this.#deps.log.info({ position, last, percent: Math.floor((100 * position) / last) }, 're-evaluating the log')
  }

  /** Stops the current thread, which saves everything, and lets `thread` take over. */
  async #grant(thread: Thread): Promise<void> {
    if (thread === this.#next) {
      const before = this.#current
      this.#current = thread
      this.#next = null
      this.#restart.cancel()
      if (before) {
        post(before.worker, { type: 'stop' })
        await before.gone
      }
    }
    post(thread.worker, { type: 'granted' })
  }

  /** A thread ended: on request, because there was nothing to do, or because it failed. */
  #ended(thread: Thread): void {
    if (thread === this.#next) this.#nextEnded(thread)
    if (thread !== this.#current || this.#isClosing) return
    if (thread.isOutdated) {
      this.#current = this.#start(false)
      return
    }
    this.#current = null
    const seconds = this.#restart.later(() => {
      this.#current = this.#start(false)
    })
    this.#deps.log.error({ seconds }, 'the detector stopped; restarting it')
  }

  #nextEnded({ isOutdated, hasFailed }: Thread): void {
    this.#next = null
    this.#status = { ...this.#status, catchingUp: null }
    if (this.#isClosing) return
    if (isOutdated) this.#next = this.#start(true)
    else if (hasFailed) {
      const seconds = this.#restartNext.later(() => {
        this.#next = this.#start(true)
      })
      this.#deps.log.error({ seconds }, 'the changed rules are not in use yet; trying again')
    }
  }

  #hold(held: DetectorStatus['clockHeld']): void {
    this.#status = { ...this.#status, clockHeld: held }
    const { log } = this.#deps
    if (held === null) log.info({}, "laptops confirm the server's clock again")
    else
      log.warn(
        { serverClock: new Date(held.stamp).toISOString(), log: new Date(held.time).toISOString() },
        "the server's clock is far ahead of the log, and no laptop confirms it: check the clock. Until it is confirmed, no laptop is reported as silent",
      )
  }
}

/** Starts something again after failures, with growing delays. */
class Restart {
  #failures = 0
  #timer: NodeJS.Timeout | null = null

  /** Returns the delay in seconds. */
  later(start: () => void): number {
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** this.#failures++)
    this.#timer = setTimeout(start, waitMs)
    return waitMs / 1_000
  }

  succeeded(): void {
    this.#failures = 0
  }

  cancel(): void {
    if (this.#timer) clearTimeout(this.#timer)
  }
}

function post(worker: Worker, message: ToDetector): void {
  worker.postMessage(message)
}
