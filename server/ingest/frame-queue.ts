/**
 * The queue of batches of one session.
 *
 * Shape   a batch counts towards the memory for batches from `add` until it is done. When many are queued, the socket
 *         is paused, and TCP slows the agent down.
 */
import { Fault } from '../../wire/fault.ts'
import { LIMITS } from '../../wire/messages.ts'
import type { Admission } from './admission.ts'

const WAITING_FRAMES = 8
const WAITING_BYTES = 1_048_576

export interface FrameQueueDeps {
  socket: { readonly isPaused: boolean; pause(): void; resume(): void }
  admission: Pick<Admission, 'reserve' | 'release' | 'busy'>
  take(frame: Buffer): Promise<void>
  /** `take` rejected. The queue is dropped, because later batches must not be stored without this one. */
  failed(cause: unknown): void
}

export class FrameQueue {
  readonly #deps: FrameQueueDeps
  #frames: Buffer[] = []
  #bytes = 0
  #isTaking = false

  constructor(deps: FrameQueueDeps) {
    this.#deps = deps
  }

  /** Errors  Fault 'rate.exceeded' beyond the credit, 'server.busy' when the memory for batches is used up. */
  add(frame: Buffer): void {
    const { admission, socket } = this.#deps
    // Each frame has at least one event, so this many frames exceed the credit whatever they contain.
    if (this.#frames.length >= LIMITS.creditEvents)
      throw new Fault('rate.exceeded', { where: 'batch', todo: 'Send no more events than the credit allows.' })
    if (!admission.reserve(frame.length)) throw admission.busy('Too many batches are waiting.')
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (this.#frames.length > WAITING_FRAMES || this.#bytes > WAITING_BYTES) socket.pause()
    if (!this.#isTaking) void this.#takeAll()
  }

  /** Drops queued batches. The one being taken is finished. */
  drop(): void {
    this.#deps.admission.release(this.#bytes)
    this.#bytes = 0
    this.#frames = []
  }

  async #takeAll(): Promise<void> {
    const { admission, socket, take, failed } = this.#deps
    this.#isTaking = true
    for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
      this.#bytes -= frame.length
      try {
        await take(frame)
      } catch (cause) {
        this.drop()
        failed(cause)
      } finally {
        admission.release(frame.length)
      }
      if (socket.isPaused && this.#frames.length <= WAITING_FRAMES / 2) socket.resume()
    }
    this.#isTaking = false
  }
}
