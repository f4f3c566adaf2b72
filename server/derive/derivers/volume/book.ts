/**
 * What one worker moved, in sums that do not care in which order they were added.
 *
 * Shape   for nine days in stretches of half an hour, before that in UTC days, for 45 days. What counts distinct things
 *         (clones) keeps a number for each until its day is folded.
 * Units   bytes, files and numbers of repositories; times epoch ms.
 * Memory  24 bytes for each half hour and count in use, 16 for each day and count: 4 to 8 KB for somebody who works on
 *         22 days a month, nothing for who does not. `DISTINCT_A_SLOT` clones in one half hour: the lowest hashes.
 */
import { DAY, HOUR } from '../../../../wire/time.ts'
import { LATENESS_MS } from '../../deriver.ts'

export const SLOT_MS = HOUR / 2
const SLOTS_A_DAY = DAY / SLOT_MS
const KEPT_DAYS = 45
const DISTINCT_A_SLOT = 256

/** What is added up. 'active': a day on which any laptop of theirs said anything. */
export const COUNTS = [
  'active',
  /** Sent by the whole laptop. */
  'egress',
  /** Sent, as far as programs and destinations are seen, and of that to where the contract allows it. */
  'egress_seen',
  'egress_approved',
  'file_share',
  'removable_bytes',
  'removable_files',
  'sync_bytes',
  'sync_files',
  'archive',
  /** Distinct repositories, as the laptop and as the code host saw it. */
  'cloned',
  'audited',
] as const
export type Count = (typeof COUNTS)[number]
const DISTINCT: ReadonlySet<Count> = new Set(['cloned', 'audited'])
/** More than there are counts: a row's first number is its stretch times this, plus the count's place. */
const RADIX = 16
const CODES = Object.fromEntries(COUNTS.map((it, code) => [it, code])) as Record<Count, number>
const isDistinct = COUNTS.map((it) => DISTINCT.has(it))

/** Sums by count, in the order of COUNTS. */
export type Sums = number[]

export interface Book {
  /** Whose it is. */
  readonly worker: string
  /** The latest event time: what is older by the lateness bound is closed. */
  reached: number
  /** [slot x RADIX + code, value or hash, time of the last] again and again. */
  recent: number[]
  /** [day x RADIX + code, value] again and again. */
  days: number[]
  /** The day that was last asked for by `markActive`, which every event does. */
  askedDay: number
}

export function emptyBook(worker: string): Book {
  return { worker, reached: 0, recent: [], days: [], askedDay: 0 }
}

/** Is told what of a book was edited: the half hours of a day, or the days. `reached` may have changed with either. */
export interface Edits {
  slotsOf(book: Book, day: number): void
  days(book: Book): void
}

/** False: so late that its day is closed; nothing was added. */
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

/** Notes that the day was one of theirs. False when it was known, or is closed. */
export function markActive(book: Book, time: number, edits: Edits): boolean {
  const day = Math.floor(time / DAY)
  if (day === book.askedDay) return false
  book.askedDay = day
  const key = day * RADIX + CODES.active
  for (let at = book.days.length - 2; at >= 0; at -= 2) if (book.days[at] === key) return false
  if (!open(book, time, edits)) return false
  book.days.push(key, 1)
  edits.days(book)
  return true
}

function open(book: Book, time: number, edits: Edits): boolean {
  // By whole days: which event of a day is the first to come must make no difference.
  if (Math.floor(time / DAY) < Math.floor((book.reached - LATENESS_MS) / DAY)) return false
  if (time > book.reached) {
    const isNewDay = Math.floor(time / DAY) > Math.floor(book.reached / DAY)
    book.reached = time
    if (isNewDay) fold(book, edits)
  }
  return true
}

/** Which of too many are kept must not depend on which came first. */
function boundDistinct(recent: number[], key: number): void {
  const places = []
  for (let at = 0; at < recent.length; at += 3) if (recent[at] === key) places.push(at)
  if (places.length <= DISTINCT_A_SLOT) return
  const highest = places.reduce((a, b) => (recent[a + 1]! > recent[b + 1]! ? a : b))
  recent.splice(highest, 3)
}

/** A day that nothing can be added to, and no window of the next day reaches into, becomes a row a count. */
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

/** The half hours of one day, as they are kept. */
export function rowsOf({ recent }: Book, day: number): number[] {
  const rows: number[] = []
  for (let at = 0; at < recent.length; at += 3)
    if (dayOfSlot(Math.floor(recent[at]! / RADIX)) === day) rows.push(recent[at]!, recent[at + 1]!, recent[at + 2]!)
  return rows
}

/** Days of which there are half hours. */
export function daysOf({ recent }: Book): Set<number> {
  const days = new Set<number>()
  for (let at = 0; at < recent.length; at += 3) days.add(dayOfSlot(Math.floor(recent[at]! / RADIX)))
  return days
}

/** How many of these days were theirs. */
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

/** The same after `additions` to what was `before`; only what counts distinct things has to be looked at again. */
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

/** The sums of each day of which anything is known, from `first` to `last`. */
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

/** One half hour of one count: the sum, or each distinct thing. */
export interface Slot {
  slot: number
  count: Count
  value: number
  /** Epoch ms of the last in it. */
  last: number
}

/** What is not yet folded, of these counts, from one day to another, in order of time. */
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
