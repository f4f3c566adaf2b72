/**
 * Tells open pages which workers may have changed: collected, and sent at most once a second.
 *
 * Shape   the first notice after a quiet second is sent at once; later ones within it are sent together at its end.
 *         Nothing is sent when nothing changed.
 */
import type { Notice } from './schema.ts'

export const NOTICE_EVERY_MS = 1_000
/** With more workers than this, none are named: the listener must then treat all as changed. */
export const NAMED_MAX = 200

/** Several notices merged into one. */
export function merged(a: Notice, b: Notice): Notice {
  return {
    revision: Math.max(a.revision, b.revision),
    workers: a.workers && b.workers && named(new Set([...a.workers, ...b.workers])),
    clusters: a.clusters || b.clusters,
    laptops: a.laptops || b.laptops,
  }
}

function named(workers: ReadonlySet<string>): string[] | null {
  return workers.size <= NAMED_MAX ? [...workers] : null
}

export type Listener = (notice: Notice) => void

export class Notices {
  readonly #everyMs: number
  readonly #listeners = new Set<Listener>()
  #pending: Notice | null = null
  #timer: NodeJS.Timeout | null = null

  /** 0: every notice is sent at once. */
  constructor(everyMs = NOTICE_EVERY_MS) {
    this.#everyMs = everyMs
  }

  /** Returns a function that removes the listener. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get listeners(): number {
    return this.#listeners.size
  }

  send(notice: Notice): void {
    this.#pending = merged(this.#pending ?? { ...notice, workers: [] }, notice)
    if (this.#timer === null) this.#flush()
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  #flush(): void {
    const notice = this.#pending
    this.#timer = null
    if (!notice) return
    this.#pending = null
    // Unreferenced, so that it keeps no process alive.
    if (this.#everyMs > 0) this.#timer = setTimeout(() => this.#flush(), this.#everyMs).unref()
    for (const listener of this.#listeners) listener(notice)
  }
}
