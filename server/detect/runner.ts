/**
 * Runs one evaluation: follows the stream, lets time pass, and writes down what came of it.
 *
 * Shape   one loop. News is written within `TELL_MS`, what nobody waits for within `SAVE_MS`; and the first takes no more
 *         than a tenth of the time, the second no more than a twentieth. An evaluation that is not active yet asks for the place
 *         of the active one when it has judged everything, and takes it.
 * Errors  a damaged part of the log is reported and passed over. A commit that fails is reported and tried again. One
 *         whose evaluation was superseded ends the run.
 */
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { Fault } from '../../wire/fault.ts'
import type { Logger } from '../log.ts'
import type { Stream } from '../store/stream.ts'
import type { Evaluation } from './evaluation.ts'

const TELL_MS = 250
const SAVE_MS = 2_000
const SAVE_RECORDS = 50_000
/** While an evaluation catches up, saving only makes an interrupted one cheaper to go on with. */
const SAVE_BEHIND_MS = 60_000
/** Time passes for the judgement this often, when nothing comes. */
const TICK_MS = 5_000
/** Judged up to this far behind the clock, so that what is being written down right now is not called silent. */
const JUDGE_BEHIND_MS = 60_000

export interface RunnerDeps {
  stream: Pick<Stream, 'read' | 'last' | 'onPublished'>
  evaluation: Evaluation
  /** Wall clock, epoch ms. */
  now(): number
  /** Resolves when the active evaluation has stopped, and this one may take its place. */
  takeOver(): Promise<void>
  /** After each commit. */
  onCommit(committed: { position: number }): void
  /** How far it has come, at most once a second while it is behind. */
  onProgress(progress: { position: number; last: number }): void
  /** The time of the log is held, because nobody confirms the server's clock; null: no longer. */
  onClockHeld(held: { stamp: number; time: number } | null): void
  log: Logger
}

export class Runner {
  readonly #deps: RunnerDeps
  readonly #evaluation: Evaluation
  #wake: (() => void) | null = null
  #hasMore = true
  #nextTellAt = 0
  #nextSaveAt = 0
  #nextTickAt = 0
  #isHeld = false
  #commitsFailed = 0

  constructor(deps: RunnerDeps) {
    this.#deps = deps
    this.#evaluation = deps.evaluation
    if (!deps.evaluation.isActive) this.#nextSaveAt = performance.now() + SAVE_BEHIND_MS
  }

  /** Until `signal` aborts; what was judged by then is written down. */
  async run(signal: AbortSignal): Promise<void> {
    const { stream } = this.#deps
    const unlisten = stream.onPublished(() => this.#more())
    const onAbort = () => this.#more()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        await this.#catchUp(signal)
        if (signal.aborted) break
        if (!this.#evaluation.isActive) await this.#takeOver(signal)
        this.#tick()
        await this.#commitIfDue()
        await this.#rest(signal)
      }
      await this.#commit()
    } finally {
      unlisten()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Somebody decided, or asks for what is known to be written down: do not wait. */
  poke(): void {
    this.#more()
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const { stream, log, onProgress } = this.#deps
    this.#hasMore = false
    const last = await stream.last()
    let toldAt = performance.now()
    const onDamaged = (fault: Fault) => log.error({ err: fault }, 'a part of the log cannot be read and is not judged')
    for await (const block of stream.read(this.#evaluation.position, { onDamaged })) {
      this.#evaluation.take(block)
      // Messages of other threads have their turn between any two blocks.
      await setImmediate()
      if (signal.aborted) return
      await this.#commitIfDue()
      if (performance.now() < toldAt + 1_000) continue
      toldAt = performance.now()
      onProgress({ position: this.#evaluation.position, last })
    }
    this.#evaluation.passed(last)
  }

  async #takeOver(signal: AbortSignal): Promise<void> {
    await this.#deps.takeOver()
    // What came while the other one ended.
    await this.#catchUp(signal)
    this.#advance()
    await this.#evaluation.activate()
    this.#deps.onCommit({ position: this.#evaluation.position })
  }

  /** What depends on time is decided now, so that people need not wait for it: never more than a fiftieth of the time. */
  #tick(): void {
    const began = performance.now()
    if (began < this.#nextTickAt) return
    this.#advance()
    this.#nextTickAt = Math.max(began + TICK_MS, began + 50 * (performance.now() - began))
  }

  #advance(): void {
    const { pipeline } = this.#evaluation
    pipeline.advance(this.#deps.now() - JUDGE_BEHIND_MS)
    const { held, time } = pipeline.clock
    // A log that nobody has written to yet says nothing about time.
    const isHeld = held !== null && time > 0
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    this.#deps.onClockHeld(isHeld ? { stamp: held, time } : null)
  }

  async #commitIfDue(): Promise<void> {
    const now = performance.now()
    const { isActive, hasNews, unsaved } = this.#evaluation
    const isDue = isActive
      ? (hasNews && now >= this.#nextTellAt) || (unsaved > 0 && (now >= this.#nextSaveAt || unsaved >= SAVE_RECORDS))
      : unsaved > 0 && now >= this.#nextSaveAt
    if (isDue) await this.#commit()
  }

  async #commit(): Promise<void> {
    const { log, onCommit } = this.#deps
    const began = performance.now()
    try {
      await this.#evaluation.commit()
      this.#commitsFailed = 0
      onCommit({ position: this.#evaluation.position })
    } catch (cause) {
      if (cause instanceof Fault && cause.code === 'store.superseded') throw cause
      // Once, and not at every attempt: a full disk may last.
      if (this.#commitsFailed++ === 0) log.error({ err: cause }, 'the judgement could not be saved; retrying')
    }
    const took = performance.now() - began
    const ended = began + took
    this.#nextTellAt = ended + Math.max(TELL_MS, 9 * took, this.#commitsFailed > 0 ? 5_000 : 0)
    this.#nextSaveAt = ended + Math.max(this.#evaluation.isActive ? SAVE_MS : SAVE_BEHIND_MS, 20 * took)
  }

  /** Until something comes, or something is due. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#hasMore || signal.aborted) return
    const { hasNews, unsaved } = this.#evaluation
    const due = Math.min(
      this.#nextTickAt,
      hasNews ? this.#nextTellAt : Infinity,
      unsaved > 0 ? this.#nextSaveAt : Infinity,
    )
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    await delay(Math.max(0, due - performance.now()), undefined, { signal: woken.signal }).catch(() => {})
    this.#wake = null
  }

  #more(): void {
    this.#hasMore = true
    this.#wake?.()
  }
}
