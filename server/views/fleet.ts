/**
 * Every enrolled laptop for the queue and the list: who holds it, whether it is online, when it was last seen, and how
 * much its agent can see.
 *
 * Shape   what comes from the evaluation (last contact, coverage) is read when a laptop connects or disconnects, every
 *         hour while it is online, and every day otherwise: not with each of its events.
 * Memory  one small object per laptop.
 */
import { bookOf, coverageOf } from '../derive/coverage.ts'
import type { Coverage } from '../model/coverage.ts'
import type { Enrolled } from '../model/device.ts'
import { darkCategories } from './coverage.ts'
import type { Reader } from './reader.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Delay after a laptop connects or disconnects: by then its first or last events have been evaluated. */
const SOON_MS = 60_000

export interface FleetLaptop {
  enrolled: Enrolled
  worker: string | null
  online: boolean
  lastSeen: number | null
  sight: Sight
  place: string | null
  /** Its agent reported gaps, or some of its events are missing or were rejected. */
  hasGaps: boolean
  /** When to read it again. */
  lookAt: number
}

/** Counts of categories. */
export interface Sight {
  wanted: number
  seen: number
  partly: number
}

export interface LaptopQuery {
  /** Ids after this one; null: all. */
  after: string | null
  limit: number
  /** Words to find in id, worker, name or place, ignoring case. */
  search: string
  /** Only laptops that are offline or have gaps. */
  troubled: boolean
}

/** The result of reading laptops again. */
export interface Looked {
  /** Workers or laptops whose rows may have changed. */
  subjects: string[]
  /** Something other than the last contact changed: its coverage or its holder. */
  isNews: boolean
}

const UNKNOWN: Sight = { wanted: 0, seen: 0, partly: 0 }
const NOTHING_NEW: Looked = { subjects: [], isNews: false }

export class Fleet {
  readonly #reader: Reader
  readonly #laptops = new Map<string, FleetLaptop>()
  /** By the worker who holds them, or by their own id when nobody does. */
  readonly #bySubject = new Map<string, Set<FleetLaptop>>()
  /** Sorted ids; null after one was added. */
  #order: string[] | null = null
  #online = 0

  constructor(reader: Reader) {
    this.#reader = reader
  }

  get size(): number {
    return this.#laptops.size
  }

  get online(): number {
    return this.#online
  }

  of(subject: string): FleetLaptop[] {
    return [...(this.#bySubject.get(subject) ?? [])]
  }

  subjectOf(device: string): string {
    return this.#laptops.get(device)?.worker ?? device
  }

  get(device: string): Enrolled | null {
    return this.#laptops.get(device)?.enrolled ?? null
  }

  /** By id. */
  find({ after, limit, search, troubled }: LaptopQuery): Enrolled[] {
    this.#order ??= [...this.#laptops.keys()].sort()
    const words = search.toLowerCase().split(/\s+/).filter(Boolean)
    const found: Enrolled[] = []
    for (const device of this.#order) {
      if (after !== null && device <= after) continue
      const laptop = this.#laptops.get(device)!
      if ((troubled && laptop.online && !laptop.hasGaps) || !this.#matches(laptop, words)) continue
      found.push(laptop.enrolled)
      if (found.length === limit) break
    }
    return found
  }

  #matches({ enrolled, worker, place }: FleetLaptop, words: readonly string[]): boolean {
    if (words.length === 0) return true
    const name = worker === null ? null : this.#reader.directory.latestContract(worker)?.name
    const text = `${enrolled.device} ${worker ?? ''} ${name ?? ''} ${place ?? ''}`.toLowerCase()
    return words.every((it) => text.includes(it))
  }

  /** Adds a laptop that enrolled, or enrolled again. */
  add(enrolled: Enrolled): void {
    const { device } = enrolled
    const known = this.#laptops.get(device)
    if (known) {
      known.enrolled = enrolled
      return
    }
    const laptop: FleetLaptop = {
      ...{ enrolled, worker: null, online: false, lastSeen: null, sight: UNKNOWN, place: null, hasGaps: false },
      lookAt: this.#reader.now() + SOON_MS,
    }
    this.#laptops.set(device, laptop)
    this.#order = null
    this.#index(laptop)
    this.connection(device)
    this.holder(device)
  }

  devices(): string[] {
    return [...this.#laptops.keys()]
  }

  /** Sets whether it is connected. Returns whether that changed. */
  connection(device: string): boolean {
    const laptop = this.#laptops.get(device)
    const online = this.#reader.online().has(device)
    if (!laptop || laptop.online === online) return false
    const now = this.#reader.now()
    laptop.online = online
    laptop.lastSeen = now
    laptop.lookAt = now + SOON_MS
    this.#online += online ? 1 : -1
    return true
  }

  /** Updates its holder. Returns the subjects whose laptops changed. */
  holder(device: string): string[] {
    const laptop = this.#laptops.get(device)
    if (!laptop) return []
    const now = this.#reader.now()
    laptop.lookAt = Math.min(laptop.lookAt, this.#nextHandOver(device, now))
    const before = laptop.worker
    const worker = this.#reader.directory.holderAt(device, now)
    if (worker === before) return []
    this.#unindex(laptop)
    laptop.worker = worker
    this.#index(laptop)
    return [before ?? device, worker ?? device]
  }

  /** Laptops that are due to be read again. */
  due(now: number): string[] {
    const due: string[] = []
    for (const [device, { lookAt }] of this.#laptops) if (lookAt <= now) due.push(device)
    return due
  }

  /** `state` is what an evaluation stores about it, as text; null: nothing. */
  look(device: string, state: string | null): Looked {
    const laptop = this.#laptops.get(device)
    if (!laptop) return NOTHING_NEW
    const now = this.#reader.now()
    const book = bookOf(state === null ? null : JSON.parse(state))
    const lastSeen = laptop.online ? now : Math.max(book.lastSeen, laptop.lastSeen ?? 0) || null
    const policy = this.#reader.policy(laptop.enrolled.group ?? null)
    const sight = sightOf(coverageOf(book, laptop.enrolled.platform, darkCategories(policy), now))
    const sees = !isSame(sight, laptop.sight)
    const isNew = sees || lastSeen !== laptop.lastSeen
    const hasGaps = book.gaps.length > 0 || book.holes > book.dropped
    Object.assign(laptop, { lastSeen, sight, hasGaps, place: book.place })
    laptop.lookAt = now + (laptop.online ? HOUR : DAY)
    const moved = this.holder(device)
    return { subjects: isNew ? [...moved, this.subjectOf(device)] : moved, isNews: sees || moved.length > 0 }
  }

  /** Spread in time, so that laptops added together are not always read together. */
  spread(): void {
    const now = this.#reader.now()
    let index = 0
    for (const laptop of this.#laptops.values())
      laptop.lookAt = Math.min(laptop.lookAt, now + (index++ / this.#laptops.size) * (laptop.online ? HOUR : DAY))
  }

  /** The time of the next hand-over that was recorded in advance. */
  #nextHandOver(device: string, now: number): number {
    const moments = this.#reader.directory
      .holdings(device)
      .flatMap(({ from, to }) => (to === null ? [from] : [from, to]))
    return Math.min(Number.POSITIVE_INFINITY, ...moments.filter((it) => it > now))
  }

  #index(laptop: FleetLaptop): void {
    const subject = laptop.worker ?? laptop.enrolled.device
    this.#bySubject.set(subject, (this.#bySubject.get(subject) ?? new Set()).add(laptop))
  }

  #unindex(laptop: FleetLaptop): void {
    const subject = laptop.worker ?? laptop.enrolled.device
    const laptops = this.#bySubject.get(subject)
    laptops?.delete(laptop)
    if (laptops?.size === 0) this.#bySubject.delete(subject)
  }
}

/** Categories that the policy switches off do not count, nor does a laptop that was never heard from. */
export function sightOf(coverage: readonly Coverage[]): Sight {
  const wanted = coverage.filter((it) => it.state !== 'off' && it.state !== 'unknown')
  const seen = wanted.filter((it) => it.state === 'seen' || it.state === 'quiet').length
  return { wanted: wanted.length, seen, partly: wanted.filter((it) => it.state === 'partial').length }
}

function isSame(a: Sight, b: Sight): boolean {
  return a.wanted === b.wanted && a.seen === b.seen && a.partly === b.partly
}
