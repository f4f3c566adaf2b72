/**
 * Runs one evaluation: follows the stream, advances time, and saves the results.
 *
 * Shape   one loop. News is committed within `NEWS_MS`, other state within `SAVE_MS`; commits of the first kind take at
 *         most a tenth of the time, those of the second at most a twentieth. An evaluation that is not active asks to
 *         replace the active one when it has caught up.
 * Errors  a damaged part of the log is reported and skipped. A failed commit is reported and retried. The run ends when
 *         another evaluation has replaced this one.
 */
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { Fault } from '../../wire/fault.ts'
import type { Logger } from '../log.ts'
import type { Stream } from '../store/stream.ts'
import type { Evaluation } from './evaluation.ts'

const NEWS_MS = 250
const SAVE_MS = 2_000
const SAVE_RECORDS = 50_000
/** While an evaluation catches up, a save only shortens the work after an interruption. */
const SAVE_BEHIND_MS = 60_000
/** How often time is advanced when no records arrive. */
const TICK_MS = 5_000
/** How far behind the wall clock time is advanced, so that a laptop whose events are being stored is not called silent. */
const BEHIND_MS = 60_000

export interface RunnerDeps {
  stream: Pick<Stream, 'read' | 'last' | 'onPublished'>
  evaluation: Evaluation
  /** Wall clock, epoch ms. */
  now(): number
  /** Resolves when the active evaluation has stopped and this one may replace it. */
  takeOver(): Promise<void>
  /** After each commit. */
  onCommit(committed: { position: number }): void
  /** Called at most once a second while this evaluation is behind the log. */
  onProgress(progress: { position: number; last: number }): void
  /** The log's clock is held because no laptop confirms the server's clock; null when it is released. */
  onClockHeld(held: { stamp: number; time: number } | null): void
  log: Logger
}

export class Runner {
  readonly #deps: RunnerDeps
  readonly #evaluation: Evaluation
  #wake: (() => void) | null = null
  #hasMore = true
  #nextNewsAt = 0
  #nextSaveAt = 0
  #nextTickAt = 0
  #isHeld = false
  #commitsFailed = 0

  constructor(deps: RunnerDeps) {
    this.#deps = deps
    this.#evaluation = deps.evaluation
    if (!deps.evaluation.isActive) this.#nextSaveAt = performance.now() + SAVE_BEHIND_MS
  }

  /** Runs until `signal` aborts, and then commits a last time. */
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
        await this.#idle(signal)
      }
      await this.#commit()
    } finally {
      unlisten()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Wakes the loop: a verdict has to be taken into account now. */
  poke(): void {
    this.#more()
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const { stream, log, onProgress } = this.#deps
    this.#hasMore = false
    const last = await stream.last()
    let reportedAt = performance.now()
    const onDamaged = (fault: Fault) => log.error({ err: fault }, 'part of the log cannot be read; skipping it')
    for await (const block of stream.read(this.#evaluation.position, { onDamaged })) {
      this.#evaluation.take(block)
      // Let messages of other threads arrive between blocks.
      await setImmediate()
      if (signal.aborted) return
      await this.#commitIfDue()
      if (performance.now() < reportedAt + 1_000) continue
      reportedAt = performance.now()
      onProgress({ position: this.#evaluation.position, last })
    }
    this.#evaluation.skipTo(last)
  }

  async #takeOver(signal: AbortSignal): Promise<void> {
    // Most of it is written while the active one still evaluates.
    await this.#commit()
    await this.#deps.takeOver()
    // Records that arrived while the other one stopped.
    if (!signal.aborted) await this.#catchUp(signal)
    // Stopped while it waited: the active evaluation keeps its place.
    if (signal.aborted) return
    this.#advance()
    await this.#saved(() => this.#evaluation.activate())
  }

  /** Advances time, spaced so that this takes at most a fiftieth of the time. */
  #tick(): void {
    const began = performance.now()
    if (began < this.#nextTickAt) return
    this.#advance()
    this.#nextTickAt = Math.max(began + TICK_MS, began + 50 * (performance.now() - began))
  }

  #advance(): void {
    const { pipeline } = this.#evaluation
    pipeline.advance(this.#deps.now() - BEHIND_MS)
    const { held, time } = pipeline.clock
    // An empty log has no time yet.
    const isHeld = held !== null && time > 0
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    this.#deps.onClockHeld(isHeld ? { stamp: held, time } : null)
  }

  async #commitIfDue(): Promise<void> {
    const now = performance.now()
    const { isActive, hasNews, unsaved } = this.#evaluation
    const isDue = isActive
      ? (hasNews && now >= this.#nextNewsAt) || (unsaved > 0 && (now >= this.#nextSaveAt || unsaved >= SAVE_RECORDS))
      : unsaved > 0 && now >= this.#nextSaveAt
    if (isDue) await this.#commit()
  }

  async #commit(): Promise<void> {
    if (this.#evaluation.isAmending) return
    await this.#saved(() => this.#evaluation.commit())
  }

  /** Says when it could not be saved; the caller comes again. */
  async #saved(save: () => Promise<void>): Promise<void> {
    const { log, onCommit } = this.#deps
    const began = performance.now()
    try {
      await save()
      this.#commitsFailed = 0
      onCommit({ position: this.#evaluation.position })
    } catch (cause) {
      if (cause instanceof Fault && cause.code === 'store.superseded') throw cause
      // Log the first failure only: a disk may stay full for long.
      if (this.#commitsFailed++ === 0) log.error({ err: cause }, 'the evaluation could not be saved; retrying')
    }
    const took = performance.now() - began
    const ended = began + took
    this.#nextNewsAt = ended + Math.max(NEWS_MS, 9 * took, this.#commitsFailed > 0 ? 5_000 : 0)
    this.#nextSaveAt = ended + Math.max(this.#evaluation.isActive ? SAVE_MS : SAVE_BEHIND_MS, 20 * took)
  }

  /** Waits until records arrive or something is due. */
  async #idle(signal: AbortSignal): Promise<void> {
    if (this.#hasMore || signal.aborted) return
    const { hasNews, unsaved } = this.#evaluation
    const due = Math.min(
      this.#nextTickAt,
      hasNews ? this.#nextNewsAt : Infinity,
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
