/**
 * The detector as the server sees it: one thread that judges, and beside it, while rules change, one that catches up.
 *
 * Shape   a change of rules or thresholds starts a thread beside the one in use; when it has judged as much, the one in
 *         use stops and the other takes its place. A further change ends the one that was catching up.
 * Errors  a thread that dies is reported and started again, later each time; laptops are served meanwhile, and nothing
 *         is lost, because judgement follows from the log.
 */
import { Worker } from 'node:worker_threads'
import { Gauge, type Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import type { Logger } from '../log.ts'
import type { Verdict } from '../model/case.ts'
import type { DetectorOptions, FromDetector, ToDetector } from './detector-messages.ts'

const RESTART_MS = 1_000
const RESTART_MAX_MS = 60_000
/** A line now and then, for whoever watches the log. */
const PROGRESS_MS = 10_000
/** Some 100 KB a worker while the whole log is judged. */
const HEAP_MB = 8_192

export interface DetectorDeps {
  config: Config
  log: Logger
  /** After each commit of the active evaluation, and when another one becomes active. */
  onCommit(committed: { evaluation: string; position: number; time: number }): void
  onRuleset(ruleset: { rules: number; leftOut: number }): void
  onMoved(changes: FeedChange[]): void
}

/** How judgement keeps up, for whoever scrapes. */
export function judgementGauges(registry: Registry, status: () => DetectorStatus, last: () => Promise<number>): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: `tellwire_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('judged_position', 'The last record of the log that was judged and written down', () => status().position)
  gauge('judged_behind', 'Records of the log that are not judged yet', async () => (await last()) - status().position)
  gauge('reevaluation_position', 'How far a re-evaluation has come; 0 while there is none', () => {
    return status().catchingUp?.position ?? 0
  })
  gauge('clock_held', '1 while no laptop confirms the clock of this server, and no time passes for judgement', () =>
    status().clockHeld ? 1 : 0,
  )
}

export interface DetectorStatus {
  /** Null: none is active in this process yet. */
  evaluation: string | null
  position: number
  /** The log's clock. */
  time: number
  /** While something is being judged anew: how far it has come. */
  catchingUp: { position: number; last: number } | null
  /** The server's clock is ahead of what anybody confirms. */
  clockHeld: { stamp: number; time: number } | null
}

interface Thread {
  worker: Worker
  onlyIfChanged: boolean
  isActive: boolean
  gone: Promise<void>
}

export class Detector {
  readonly #deps: DetectorDeps
  #config: Config
  /** Whose evaluation is active, or is going to be the first. */
  #current: Thread | null = null
  /** What catches up beside it. */
  #next: Thread | null = null
  #deaths = 0
  #restart: NodeJS.Timeout | null = null
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
    this.#tell({ type: 'published', last })
  }

  decided(verdict: Verdict): void {
    this.#tell({ type: 'decided', verdict })
  }

  /** Rules, thresholds or switches may be other ones now. */
  follow(config: Config = this.#config): void {
    this.#config = config
    if (this.#isClosing) return
    // Before the first one is active there is nothing to go on beside.
    if (this.#current && !this.#current.isActive) {
      void this.#end(this.#current)
      this.#current = this.#start(false)
      return
    }
    if (this.#next) void this.#end(this.#next)
    this.#next = this.#start(true)
  }

  /** What has been judged is written down. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#restart) clearTimeout(this.#restart)
    const threads = [this.#current, this.#next].filter((it) => it !== null)
    for (const { worker } of threads) post(worker, { type: 'stop' })
    await Promise.all(threads.map((it) => it.gone))
  }

  #tell(message: ToDetector): void {
    for (const it of [this.#current, this.#next]) if (it) post(it.worker, message)
  }

  #start(onlyIfChanged: boolean): Thread {
    const options: DetectorOptions = { config: this.#config, onlyIfChanged }
    const worker = new Worker(new URL('./detector-thread.ts', import.meta.url), {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    })
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const thread: Thread = { worker, onlyIfChanged, isActive: false, gone }
    worker.on('message', (message: FromDetector) => this.#hear(thread, message))
    worker.on('error', (cause) => this.#deps.log.error({ err: cause }, 'a detector died'))
    worker.on('exit', () => {
      resolve()
      this.#left(thread)
    })
    return thread
  }

  #hear(thread: Thread, message: FromDetector): void {
    const { log, onRuleset, onMoved } = this.#deps
    switch (message.type) {
      case 'log':
        log[message.level](message.facts, message.message)
        return
      case 'ruleset':
        onRuleset(message)
        for (const problem of message.problems)
          log.warn({ ...problem }, problem.severity === 'error' ? 'a rule is left out' : 'a rule is doubtful')
        return
      case 'opened':
        if (message.isActive) this.#advanced(thread, message)
        return
      case 'progress':
        this.#status = { ...this.#status, catchingUp: { position: message.position, last: message.last } }
        this.#logProgress(message)
        return
      case 'ready':
        void this.#grant(thread)
        return
      case 'active':
        this.#status = { ...this.#status, catchingUp: null }
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
    }
  }

  #advanced(
    thread: Thread,
    { evaluation, position, time }: { evaluation: string; position: number; time: number },
  ): void {
    this.#deaths = 0
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

  /** The one in use stops, with everything written down; then the other one may take its place. */
  async #grant(thread: Thread): Promise<void> {
    if (thread === this.#next) {
      const before = this.#current
      this.#current = thread
      this.#next = null
      if (this.#restart) clearTimeout(this.#restart)
      if (before) {
        post(before.worker, { type: 'stop' })
        await before.gone
      }
    }
    post(thread.worker, { type: 'granted' })
  }

  /** A thread ended: as it was told to, because there was nothing to do, or because it failed. */
  #left(thread: Thread): void {
    if (thread === this.#next) {
      this.#next = null
      this.#status = { ...this.#status, catchingUp: null }
    }
    if (thread !== this.#current || this.#isClosing) return
    this.#current = null
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** this.#deaths++)
    this.#restart = setTimeout(() => {
      this.#current = this.#start(false)
    }, waitMs)
    this.#deps.log.error({ seconds: waitMs / 1_000 }, 'the detector stopped; starting it again')
  }

  /** Its evaluation is not wanted any more: whoever starts next drops it. */
  async #end(thread: Thread): Promise<void> {
    if (thread === this.#next) this.#next = null
    if (thread === this.#current) this.#current = null
    await thread.worker.terminate()
  }

  #hold(held: DetectorStatus['clockHeld']): void {
    this.#status = { ...this.#status, clockHeld: held }
    const { log } = this.#deps
    if (held === null) log.info({}, "laptops confirm this server's clock; time passes again")
    else
      log.warn(
        { serverClock: new Date(held.stamp).toISOString(), log: new Date(held.time).toISOString() },
        "this server's clock is far ahead of the log, and no laptop confirms it: check the clock. Until then no time passes for judgement, and nobody is called silent",
      )
  }
}

function post(worker: Worker, message: ToDetector): void {
  worker.postMessage(message)
}
