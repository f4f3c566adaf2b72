/**
 * The rows of the queue, each with a revision, so that a reader can ask for changes since its last answer.
 *
 * Shape   every change gets the next revision, so pages that end between any two rows lose and repeat nothing. A row is
 *         turned into JSON once per change, not per reader. The first revision comes from the clock in microseconds,
 *         so that a reader with a revision from before a restart is recognised and starts over.
 * Memory  a row and its text per worker; the last 10,000 removed workers.
 */

import { byUrgency, isOpen } from '../model/urgency.ts'
import type { NextCase, WorkerRow } from './schema.ts'

const GONE_MAX = 10_000
/** Superseded entries of the log are skipped until there are this many. */
const SUPERSEDED_MAX = 1_000

interface Entry {
  row: WorkerRow
  text: string
  revision: number
}

interface Logged {
  revision: number
  worker: string
}

export class RowTable {
  readonly #entries = new Map<string, Entry>()
  /** By revision, oldest first; an entry counts while it has the worker's current revision. */
  #changed: Logged[] = []
  #gone: Logged[] = []
  /** A reader with a lower revision starts over. */
  #since: number
  #revision: number
  /** By urgency; null after a change. */
  #order: Entry[] | null = null

  constructor(now: number) {
    this.#since = now * 1_000
    this.#revision = this.#since
  }

  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#entries.size
  }

  get(worker: string): WorkerRow | null {
    return this.#entries.get(worker)?.row ?? null
  }

  workers(): IterableIterator<string> {
    return this.#entries.keys()
  }

  /** Returns true when anything in it changed. */
  put(row: WorkerRow): boolean {
    const before = this.#entries.get(row.worker)
    const text = JSON.stringify(row)
    if (before?.text === text) return false
    const entry = { row, text, revision: ++this.#revision }
    this.#entries.set(row.worker, entry)
    this.#changed.push({ revision: entry.revision, worker: row.worker })
    this.#order = null
    if (this.#changed.length > 2 * this.#entries.size + SUPERSEDED_MAX) this.#compact()
    return true
  }

  /** Returns true when it existed. */
  remove(worker: string): boolean {
    if (!this.#entries.delete(worker)) return false
    this.#gone.push({ revision: ++this.#revision, worker })
    if (this.#gone.length > GONE_MAX) this.#since = this.#gone.shift()!.revision
    this.#order = null
    return true
  }

  /** `QueuePage` as JSON. `since` null, or from before a restart: the first `limit` rows in the order of the queue. */
  page(since: number | null, limit: number): string {
    if (since === null || since < this.#since || since > this.#revision) return this.#first(limit)
    const entries: Entry[] = []
    let at = firstAfter(this.#changed, since)
    for (; at < this.#changed.length && entries.length < limit; at++) {
      const { revision, worker } = this.#changed[at]!
      const entry = this.#entries.get(worker)
      if (entry?.revision === revision) entries.push(entry)
    }
    const upTo = at < this.#changed.length ? entries.at(-1)!.revision : this.#revision
    const gone = this.#goneBetween(since, upTo)
    return text({ revision: upTo, reset: false, entries, gone, more: upTo < this.#revision })
  }

  /** A closed case counts from where it was while it was open. */
  nextCase(worker: string): NextCase {
    const here = this.get(worker)
    let [first, below, open]: [WorkerRow | null, WorkerRow | null, number] = [null, null, 0]
    for (const { row } of this.#entries.values()) {
      if (!isOpen(row) || row.worker === worker) continue
      open++
      if (first === null || byUrgency(row, first) < 0) first = row
      const isBelow = here !== null && byUrgency(row, { ...here, case: 'open' }) > 0
      if (isBelow && (below === null || byUrgency(row, below) < 0)) below = row
    }
    const next = below ?? first
    return { next: next && { worker: next.worker, name: next.name }, open }
  }

  /** Rows beyond the limit are fetched from the first revision on. */
  #first(limit: number): string {
    const whole = this.#entries.size <= limit
    const entries = this.#ordered().slice(0, limit)
    return text({ revision: whole ? this.#revision : this.#since, reset: true, entries, gone: [], more: !whole })
  }

  #ordered(): Entry[] {
    this.#order ??= [...this.#entries.values()].sort((a, b) => byUrgency(a.row, b.row))
    return this.#order
  }

  /** Without those who came back since. */
  #goneBetween(since: number, upTo: number): string[] {
    const workers = this.#gone.slice(firstAfter(this.#gone, since)).filter((it) => it.revision <= upTo)
    return [...new Set(workers.map((it) => it.worker))].filter((it) => !this.#entries.has(it))
  }

  #compact(): void {
    this.#changed = this.#changed.filter((it) => this.#entries.get(it.worker)?.revision === it.revision)
  }
}

function text(page: { revision: number; reset: boolean; entries: Entry[]; gone: string[]; more: boolean }): string {
  const { revision, reset, entries, gone, more } = page
  const rows = entries.map((it) => it.text).join(',')
  return `{"revision":${revision},"reset":${reset},"rows":[${rows}],"gone":${JSON.stringify(gone)},"more":${more}}`
}

/** The index of the first entry whose revision is higher. */
function firstAfter(log: readonly Logged[], since: number): number {
  let [low, high] = [0, log.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (log[middle]!.revision > since) high = middle
    else low = middle + 1
  }
  return low
}
