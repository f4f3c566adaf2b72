/**
 * Who may read differently now, sent to open pages: gathered, and at most once a second.
 *
 * Shape   the first one after a quiet second is sent at once; what follows within a second is sent together at its end.
 *         Nothing is sent when nothing happened.
 */
import type { Notice } from './schema.ts'

export const NOTICE_EVERY_MS = 1_000
/** More than this are not named: whoever listens then takes everybody to be meant. */
export const NAMED_MAX = 200

/** Several notices as one. */
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

  /** 0: each is sent at once. */
  constructor(everyMs = NOTICE_EVERY_MS) {
    this.#everyMs = everyMs
  }

  /** The answer ends it. */
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
    // Unreferenced, it keeps no process alive.
    if (this.#everyMs > 0) this.#timer = setTimeout(() => this.#flush(), this.#everyMs).unref()
    for (const listener of this.#listeners) listener(notice)
  }
}
