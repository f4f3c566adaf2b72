/**
 * Address ranges that the user imports: who runs an address. None are shipped, because they go stale within weeks.
 *
 * Shape   one file per list, `<name>.json`, in the feeds folder (`range-list.ts`).
 * Units   `date` the day the list was made (UTC); a list is stale after STALE_DAYS.
 * Errors  a bad line affects no other line; with more than a tenth of bad lines the file is refused. A stored list
 *         that cannot be read is reported as a problem, and does not affect the other lists.
 * Source  any text with one address or CIDR block per line; text after a comma is ignored, so that Apple's
 *         egress-ip-ranges.csv works as published.
 */
import type { Stats } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { Fault } from '../../wire/fault.ts'
import { writeWhole } from '../whole-file.ts'
import { loadLargeList } from './loader.ts'
import {
  ListName,
  type LoadedList,
  parseStoredList,
  RANGE_CLASSES,
  type RangeClass,
  type RangeListFacts,
  storedListText,
} from './range-list.ts'
import { StoredFiles } from './stored-files.ts'
import { buildTable, findRange, type ParsedAddress, parseAddress, type RangeTable, type Span } from './table.ts'

/** Exit addresses change owners within weeks; the threat model calls a list of the last quarter stale. */
export const STALE_DAYS = 45
/** About a million entries; the largest public list we know of has 0.7 MB. */
const MAX_LIST_BYTES = 16 * 1_048_576
export const MAX_SHOWN = 10
const PROGRESS_LINES = 5_000
/** A block wider than this is a mistake: it would put 1/256 of the Internet into one class. */
const WIDEST = { 4: 8, 6: 16 } as const
const DAY_MS = 86_400_000

/** A stored list up to this size is read in this thread: about 1 ms. */
export const LOAD_IN_PLACE_BYTES = 262_144

export interface BadLine {
  line: number
  text: string
  why: string
}

export type OnProgress = (lines: number, of: number) => void

export interface ParsedRanges {
  table: RangeTable
  entries: number
  /** The first ten; `badLines` counts all of them. */
  bad: BadLine[]
  badLines: number
}

/** `onProgress` is called every few thousand lines with how many are read, and how many there are. */
export function parseRanges(text: string, onProgress: OnProgress = () => {}): ParsedRanges {
  const spans: Span[] = []
  const bad: BadLine[] = []
  let badLines = 0
  let number = 0
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  for (const line of lines) {
    if (++number % PROGRESS_LINES === 0) onProgress(number, lines.length)
    const entry = line.replace(/[#,].*/s, '').trim()
    if (entry === '') continue
    const span = parseBlock(entry)
    if (typeof span !== 'string') spans.push(span)
    else if (++badLines <= MAX_SHOWN) bad.push({ line: number, text: entry.slice(0, 80), why: span })
  }
  return { table: buildTable(spans), entries: spans.length, bad, badLines }
}

/** The range of an address or CIDR block, or the reason why it is neither. */
export function parseBlock(entry: string): Span | string {
  const [text = '', length, ...more] = entry.split('/')
  const address = text.includes('%') ? null : parseAddress(text)
  if (!address || more.length > 0) return 'not an IPv4 or IPv6 address or CIDR block'
  if (address.version === 4 && text.includes(':')) return 'an IPv6-mapped address: write the IPv4 address'
  const bits = address.version === 4 ? 32 : 128
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  if (!(prefix <= bits)) return `the prefix length must be a number up to ${bits}`
  if (prefix < WIDEST[address.version]) return `wider than /${WIDEST[address.version]}`
  const value = address.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  const host = (1n << BigInt(bits - prefix)) - 1n
  return { version: address.version, start: value & ~host, end: value | host }
}

/** Reads, checks and stores a list under its name, and replaces an older one of that name. */
export async function importRanges(options: {
  folder: string
  file: string
  class: RangeClass
  name: string
  /** Null: the day of the file's last modification. */
  date: string | null
  now: number
  onProgress?: OnProgress
}): Promise<ParsedRanges & { facts: RangeListFacts }> {
  const { folder, file, now } = options
  const date = listDate(options.date, await listFile(file), file, now)
  const parsed = parseRanges(await readFile(file, 'utf8'), options.onProgress)
  refuseBadLines(file, parsed)
  const { name, class: kind } = options
  const facts = { name, class: kind, date, importedAt: now, source: basename(file), entries: parsed.entries }
  await writeWhole(folder, `${name}.json`, storedListText({ facts, table: parsed.table }))
  return { ...parsed, facts }
}

/** The file's facts. Errors  Fault 'feed.invalid' for a file that cannot be read, or is too large. */
export async function listFile(file: string): Promise<Stats> {
  const found = await stat(file).catch((cause: unknown) => {
    const why = `The file cannot be read: ${(cause as NodeJS.ErrnoException).code}.`
    throw new Fault('feed.invalid', { where: file, why, todo: 'Check its path and permissions.', cause })
  })
  if (!found.isFile() || found.size > MAX_LIST_BYTES)
    throw new Fault('feed.invalid', { where: file, todo: `Give a file of at most ${MAX_LIST_BYTES / 1_048_576} MiB.` })
  return found
}

/** The day the list was made: as given, else that of the file. Errors  Fault 'feed.invalid' for no day up to today. */
export function listDate(given: string | null, { mtimeMs }: Pick<Stats, 'mtimeMs'>, file: string, now: number): string {
  const date = given ?? new Date(Math.min(mtimeMs, now)).toISOString().slice(0, 10)
  if (!z.iso.date().safeParse(date).success || Date.parse(date) > now + DAY_MS)
    throw new Fault('feed.invalid', {
      where: file,
      why: `'${date}' is not a day up to today.`,
      todo: 'Write YYYY-MM-DD.',
    })
  return date
}

/** Errors  Fault 'feed.invalid' with more than a tenth of bad lines, or with no other. */
export function refuseBadLines(file: string, { entries, bad, badLines }: Omit<ParsedRanges, 'table'>): void {
  const first = bad[0]
  if (badLines * 10 > entries + badLines)
    throw new Fault('feed.invalid', {
      where: `${file}:${first?.line}`,
      why: `${badLines} of ${entries + badLines} lines are not addresses (here: '${first?.text}', ${first?.why}); nothing was imported.`,
    })
  if (entries === 0)
    throw new Fault('feed.invalid', {
      where: file,
      why: 'It contains no address.',
      todo: 'Give one address or block per line.',
    })
}

export async function removeRanges(folder: string, name: string): Promise<void> {
  // The name becomes part of a path, so it must be a valid list name.
  if (!ListName.safeParse(name).success || !(await stat(join(folder, `${name}.json`)).catch(() => null)))
    throw new Fault('feed.invalid', { where: name, why: 'There is no such list.', todo: 'See `tellwire feeds list`.' })
  await rm(join(folder, `${name}.json`))
}

/** Whole days since the list was made. */
export function ageDays(date: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(date)) / DAY_MS))
}

type LoadList = (path: string) => Promise<LoadedList>

/** The installed lists. `classOf` answers from memory. */
export class Ranges {
  readonly #files: StoredFiles<LoadedList>
  #ordered: LoadedList[] = []

  constructor(folder: string, load: LoadList) {
    this.#files = new StoredFiles(folder, { ending: '.json', noun: 'list', load })
  }

  static async open(folder: string, load: LoadList = loadList): Promise<Ranges> {
    const ranges = new Ranges(folder, load)
    await ranges.reload()
    return ranges
  }

  /** True when something changed. */
  async reload(): Promise<boolean> {
    const changed = await this.#files.reload()
    if (changed) this.#ordered = this.#files.values().sort(byPrecedence)
    return changed
  }

  lists(): RangeListFacts[] {
    return this.#ordered.map((list) => list.facts)
  }

  problems(): string[] {
    return [this.#files.folderProblem ?? [], this.#files.problems()].flat()
  }

  /** The first list that contains the address: by class, then the newest. `only` limits it to one class. */
  classOf(address: ParsedAddress, only?: RangeClass): RangeListFacts | null {
    for (const { facts, table } of this.#ordered)
      if ((only === undefined || facts.class === only) && findRange(table, address) !== -1) return facts
    return null
  }
}

function byPrecedence(a: LoadedList, b: LoadedList): number {
  const rank = RANGE_CLASSES.indexOf(a.facts.class) - RANGE_CLASSES.indexOf(b.facts.class)
  return rank || b.facts.date.localeCompare(a.facts.date) || a.facts.name.localeCompare(b.facts.name)
}

export async function loadList(path: string): Promise<LoadedList> {
  if ((await stat(path)).size > LOAD_IN_PLACE_BYTES) return loadLargeList(path)
  return parseStoredList(await readFile(path, 'utf8'))
}
