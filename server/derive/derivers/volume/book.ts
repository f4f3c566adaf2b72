/**
 * How much data one worker moved, in sums that do not depend on the order of additions.
 *
 * Shape   for nine days by half hour, before that by UTC day, for 45 days. Counts of distinct things (clones) keep one
 *         number for each thing until its day is folded into a sum.
 * Units   bytes, files and numbers of repositories; times epoch ms.
 * Memory  24 bytes for each half hour and count in use, 16 for each day and count: 4 to 8 KB for somebody who works on
 *         22 days a month. At most `DISTINCT_A_SLOT` clones in one half hour: those with the lowest hashes.
 */
import { DAY, HOUR } from '../../../../wire/time.ts'
import { LATENESS_MS } from '../../deriver.ts'

export const SLOT_MS = HOUR / 2
const SLOTS_A_DAY = DAY / SLOT_MS
const KEPT_DAYS = 45
const DISTINCT_A_SLOT = 256

/** The sums. 'active': 1 for a day on which any of the worker's laptops sent an event. */
export const COUNTS = [
  'active',
  /** Sent by the laptop as a whole. */
  'egress',
  /** Sent as seen by program or destination; and the part of it that the contract approves. */
  'egress_seen',
  'egress_approved',
  'file_share',
  'removable_bytes',
  'removable_files',
  'sync_bytes',
  'sync_files',
  'archive',
  /** Distinct repositories, as seen by the laptop and by the code host. */
  'cloned',
  'audited',
] as const
export type Count = (typeof COUNTS)[number]
const DISTINCT: ReadonlySet<Count> = new Set(['cloned', 'audited'])
/** More than there are counts: the first number of a row is its half hour or day times this, plus the count's index. */
const RADIX = 16
const CODES = Object.fromEntries(COUNTS.map((it, code) => [it, code])) as Record<Count, number>
const isDistinct = COUNTS.map((it) => DISTINCT.has(it))

/** Sums by count, in the order of COUNTS. */
export type Sums = number[]

export interface Book {
  /** The worker's name. */
  readonly worker: string
  /** The latest event time. Days that are older by the lateness bound are closed. */
  reached: number
  /** By UTC day: [slot x RADIX + code, value or hash, time of the last] again and again. */
  recent: Map<number, number[]>
  /** [day x RADIX + code, value] again and again, in order of day. */
  days: number[]
  /** The day of the last call of `markActive`, which happens for every event. */
  lastActiveDay: number
}

export function emptyBook(worker: string): Book {
  return { worker, reached: 0, recent: new Map(), days: [], lastActiveDay: 0 }
}

/** Is called when the half hours of a day, or the days, of a book change. `reached` may change with either. */
export interface Edits {
  slotsOf(book: Book, day: number): void
  days(book: Book): void
}

/** False when the day is closed already; nothing was added. */
export function add(book: Book, time: number, count: Count, value: number, edits: Edits): boolean {
  if (!open(book, time, edits)) return false
  const day = Math.floor(time / DAY)
  edits.slotsOf(book, day)
  const rows = book.recent.get(day) ?? []
  book.recent.set(day, rows)
  const key = Math.floor(time / SLOT_MS) * RADIX + CODES[count]
  for (let at = rows.length - 3; at >= 0; at -= 3) {
    if (rows[at] !== key) continue
    if (isDistinct[CODES[count]]) {
      if (rows[at + 1] !== value) continue
    } else rows[at + 1]! += value
    rows[at + 2] = Math.max(rows[at + 2]!, time)
    return true
  }
  rows.push(key, value, time)
  if (isDistinct[CODES[count]]) boundDistinct(rows, key)
  return true
}

/** Marks the day as active. False when it was already, or is closed. */
export function markActive(book: Book, time: number, edits: Edits): boolean {
  const day = Math.floor(time / DAY)
  if (day === book.lastActiveDay) return false
  book.lastActiveDay = day
  const key = day * RADIX + CODES.active
  for (let at = book.days.length - 2; at >= 0 && book.days[at]! >= key; at -= 2) if (book.days[at] === key) return false
  if (!open(book, time, edits)) return false
  insert(book.days, key, 1)
  edits.days(book)
  return true
}

function open(book: Book, time: number, edits: Edits): boolean {
  // By whole days, so that it makes no difference which event of a day arrives first.
  if (Math.floor(time / DAY) < Math.floor((book.reached - LATENESS_MS) / DAY)) return false
  if (time > book.reached) {
    const isNewDay = Math.floor(time / DAY) > Math.floor(book.reached / DAY)
    book.reached = time
    if (isNewDay) fold(book, edits)
  }
  return true
}

/** Drops the highest hash when there are too many, so that the order of arrival makes no difference. */
function boundDistinct(rows: number[], key: number): void {
  const indexes = []
  for (let at = 0; at < rows.length; at += 3) if (rows[at] === key) indexes.push(at)
  if (indexes.length <= DISTINCT_A_SLOT) return
  const highest = indexes.reduce((a, b) => (rows[a + 1]! > rows[b + 1]! ? a : b))
  rows.splice(highest, 3)
}

/** Folds the half hours of closed days, which no window of a later day reaches, into one row per count. */
function fold(book: Book, edits: Edits): void {
  const closed = Math.floor((book.reached - LATENESS_MS) / DAY) - 1
  const oldest = Math.floor(book.reached / DAY) - KEPT_DAYS
  const distinct = new Set<string>()
  const sums = new Map<number, number>()
  for (const [day, rows] of book.recent) {
    if (day >= closed) continue
    edits.slotsOf(book, day)
    book.recent.delete(day)
    for (let at = 0; at < rows.length; at += 3) {
      const code = rows[at]! % RADIX
      const value = rows[at + 1]!
      const folded = day * RADIX + code
      if (isDistinct[code] && distinct.has(`${folded} ${value}`)) continue
      distinct.add(`${folded} ${value}`)
      sums.set(folded, (sums.get(folded) ?? 0) + (isDistinct[code] ? 1 : value))
    }
  }
  for (const [key, value] of sums) insert(book.days, key, value)
  let dropped = 0
  while (dropped < book.days.length && book.days[dropped]! < oldest * RADIX) dropped += 2
  book.days.splice(0, dropped)
  if (sums.size > 0 || dropped > 0) edits.days(book)
}

/** Adds a row of `Book.days` in its place. From the end, because most are of the latest days. */
function insert(days: number[], key: number, value: number): void {
  let at = days.length
  while (at > 0 && days[at - 2]! > key) at -= 2
  days.splice(at, 0, key, value)
}

/** The number of active days from `first` to `last`. */
export function activeDays({ days }: Book, first: number, last: number): number {
  let found = 0
  for (let at = days.length - 2; at >= 0 && days[at]! >= first * RADIX; at -= 2)
    if (days[at]! % RADIX === CODES.active && days[at]! < (last + 1) * RADIX) found++
  return found
}

/** The sums of one UTC day. */
export function sumsOf(book: Book, day: number): Sums {
  return byDay(book, day, day).get(day) ?? COUNTS.map(() => 0)
}

/** The sums after `additions` to `before`. Only counts of distinct things have to be computed again. */
export function sumsAfter(
  book: Book,
  day: number,
  before: Sums,
  additions: readonly (readonly [Count, number])[],
): Sums {
  if (additions.some(([count]) => DISTINCT.has(count))) return sumsOf(book, day)
  const after = [...before]
  for (const [count, value] of additions) after[CODES[count]]! += value
  return after
}

/** The sums of each day with any data, from `first` to `last`. */
export function byDay(book: Book, first: number, last: number): Map<number, Sums> {
  const days = new Map<number, Sums>()
  const of = (day: number): Sums => {
    const known = days.get(day)
    if (known) return known
    const sums = COUNTS.map(() => 0)
    days.set(day, sums)
    return sums
  }
  for (let at = book.days.length - 2; at >= 0 && book.days[at]! >= first * RADIX; at -= 2) {
    const day = Math.floor(book.days[at]! / RADIX)
    if (day <= last) of(day)[book.days[at]! % RADIX]! += book.days[at + 1]!
  }
  let distinct: Set<string> | null = null
  for (const [day, rows] of book.recent) {
    if (day < first || day > last) continue
    const sums = of(day)
    for (let at = 0; at < rows.length; at += 3) {
      const code = rows[at]! % RADIX
      if (!isDistinct[code]) sums[code]! += rows[at + 1]!
      else {
        distinct ??= new Set()
        const thing = `${day} ${code} ${rows[at + 1]}`
        if (!distinct.has(thing)) sums[code]! += 1
        distinct.add(thing)
      }
    }
  }
  return days
}

/** One half hour of one count: a sum, or one distinct thing. */
export interface Slot {
  slot: number
  count: Count
  value: number
  /** Epoch ms of the last addition. */
  last: number
}

/** The half hours of these counts that are not folded yet, from `first` to `last`, in order of time. */
export function slotsOf(book: Book, first: number, last: number, counts: readonly Count[]): Slot[] {
  const found: Slot[] = []
  for (const [day, rows] of book.recent) {
    if (day < first || day > last) continue
    for (let at = 0; at < rows.length; at += 3) {
      const count = COUNTS[rows[at]! % RADIX]!
      if (!counts.includes(count)) continue
      found.push({ slot: Math.floor(rows[at]! / RADIX), count, value: rows[at + 1]!, last: rows[at + 2]! })
    }
  }
  return found.sort((a, b) => a.slot - b.slot || a.value - b.value)
}

export function dayOfSlot(slot: number): number {
  return Math.floor(slot / SLOTS_A_DAY)
}

/** Slots in 24 hours. */
export const WINDOW_SLOTS = SLOTS_A_DAY
