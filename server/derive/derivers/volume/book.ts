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
  /** [slot x RADIX + code, value or hash, time of the last] again and again. */
  recent: number[]
  /** [day x RADIX + code, value] again and again. */
  days: number[]
  /** The day of the last call of `markActive`, which happens for every event. */
  lastActiveDay: number
}

export function emptyBook(worker: string): Book {
  return { worker, reached: 0, recent: [], days: [], lastActiveDay: 0 }
}

/** Is called when the half hours of a day, or the days, of a book change. `reached` may change with either. */
export interface Edits {
  slotsOf(book: Book, day: number): void
  days(book: Book): void
}

/** False when the day is closed already; nothing was added. */
export function add(book: Book, time: number, count: Count, value: number, edits: Edits): boolean {
  if (!open(book, time, edits)) return false
  edits.slotsOf(book, Math.floor(time / DAY))
  const { recent } = book
  const key = Math.floor(time / SLOT_MS) * RADIX + CODES[count]
  for (let at = recent.length - 3; at >= 0; at -= 3) {
    if (recent[at] !== key) continue
    if (isDistinct[CODES[count]]) {
      if (recent[at + 1] !== value) continue
    } else recent[at + 1]! += value
    recent[at + 2] = Math.max(recent[at + 2]!, time)
    return true
  }
  recent.push(key, value, time)
  if (isDistinct[CODES[count]]) boundDistinct(recent, key)
  return true
}

/** Marks the day as active. False when it was already, or is closed. */
export function markActive(book: Book, time: number, edits: Edits): boolean {
  const day = Math.floor(time / DAY)
  if (day === book.lastActiveDay) return false
  book.lastActiveDay = day
  const key = day * RADIX + CODES.active
  for (let at = book.days.length - 2; at >= 0; at -= 2) if (book.days[at] === key) return false
  if (!open(book, time, edits)) return false
  book.days.push(key, 1)
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
function boundDistinct(recent: number[], key: number): void {
  const indexes = []
  for (let at = 0; at < recent.length; at += 3) if (recent[at] === key) indexes.push(at)
  if (indexes.length <= DISTINCT_A_SLOT) return
  const highest = indexes.reduce((a, b) => (recent[a + 1]! > recent[b + 1]! ? a : b))
  recent.splice(highest, 3)
}

/** Folds the half hours of closed days, which no window of a later day reaches, into one row per count. */
function fold(book: Book, edits: Edits): void {
  const closed = Math.floor((book.reached - LATENESS_MS) / DAY) - 1
  const oldest = Math.floor(book.reached / DAY) - KEPT_DAYS
  const recent: number[] = []
  const distinct = new Set<string>()
  const sums = new Map<number, number>()
  for (let at = 0; at < book.recent.length; at += 3) {
    const [key, value, last] = [book.recent[at]!, book.recent[at + 1]!, book.recent[at + 2]!]
    const day = Math.floor(Math.floor(key / RADIX) / SLOTS_A_DAY)
    if (day >= closed) {
      recent.push(key, value, last)
      continue
    }
    edits.slotsOf(book, day)
    const folded = day * RADIX + (key % RADIX)
    if (isDistinct[key % RADIX] && distinct.has(`${folded} ${value}`)) continue
    distinct.add(`${folded} ${value}`)
    sums.set(folded, (sums.get(folded) ?? 0) + (isDistinct[key % RADIX] ? 1 : value))
  }
  book.recent = recent
  for (const row of sums) book.days.push(...row)
  const kept: number[] = []
  for (let at = 0; at < book.days.length; at += 2)
    if (Math.floor(book.days[at]! / RADIX) >= oldest) kept.push(book.days[at]!, book.days[at + 1]!)
  if (sums.size > 0 || kept.length < book.days.length) edits.days(book)
  book.days = kept
}

/** The half hours of one day, as they are saved. */
export function rowsOf({ recent }: Book, day: number): number[] {
  const rows: number[] = []
  for (let at = 0; at < recent.length; at += 3)
    if (dayOfSlot(Math.floor(recent[at]! / RADIX)) === day) rows.push(recent[at]!, recent[at + 1]!, recent[at + 2]!)
  return rows
}

/** The days that have half hours. */
export function daysOf({ recent }: Book): Set<number> {
  const days = new Set<number>()
  for (let at = 0; at < recent.length; at += 3) days.add(dayOfSlot(Math.floor(recent[at]! / RADIX)))
  return days
}

/** The number of active days from `first` to `last`. */
export function activeDays({ days }: Book, first: number, last: number): number {
  let found = 0
  for (let at = 0; at < days.length; at += 2) {
    const day = Math.floor(days[at]! / RADIX)
    if (days[at]! % RADIX === CODES.active && day >= first && day <= last) found++
  }
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
  for (let at = 0; at < book.days.length; at += 2) {
    const day = Math.floor(book.days[at]! / RADIX)
    if (day >= first && day <= last) of(day)[book.days[at]! % RADIX]! += book.days[at + 1]!
  }
  let distinct: Set<string> | null = null
  for (let at = 0; at < book.recent.length; at += 3) {
    const key = book.recent[at]!
    const day = Math.floor(key / (RADIX * SLOTS_A_DAY))
    if (day < first || day > last) continue
    const code = key % RADIX
    if (!isDistinct[code]) of(day)[code]! += book.recent[at + 1]!
    else {
      distinct ??= new Set()
      const thing = `${day} ${code} ${book.recent[at + 1]}`
      if (!distinct.has(thing)) of(day)[code]! += 1
      distinct.add(thing)
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
  for (let at = 0; at < book.recent.length; at += 3) {
    const key = book.recent[at]!
    const slot = Math.floor(key / RADIX)
    const count = COUNTS[key % RADIX]!
    if (slot < first * SLOTS_A_DAY || slot >= (last + 1) * SLOTS_A_DAY || !counts.includes(count)) continue
    found.push({ slot, count, value: book.recent[at + 1]!, last: book.recent[at + 2]! })
  }
  return found.sort((a, b) => a.slot - b.slot || a.value - b.value)
}

export function dayOfSlot(slot: number): number {
  return Math.floor(slot / SLOTS_A_DAY)
}

/** Slots in 24 hours. */
export const WINDOW_SLOTS = SLOTS_A_DAY
