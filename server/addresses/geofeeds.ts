/**
 * Geofeeds that the user imports: what a network's own operator says about the place of its addresses.
 *
 * Shape   one file per geofeed, `<name>.geofeed`, in the feeds folder: a line of facts as JSON, then the lines that were
 *         understood. Of two blocks that hold an address, the smaller one counts; of two geofeeds, the newer one.
 * Units   a country as ISO 3166-1 alpha-2, a region as ISO 3166-2. Null: the operator leaves it open.
 * Errors  a bad line affects no other line; with more than a tenth of bad lines the file is refused. A stored geofeed
 *         that cannot be read is a problem, and does not affect the others.
 * Source  RFC 8805: `prefix,country,region,city,postal code`, `#` begins a comment. Postal codes are not kept.
 */
import { readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as z from 'zod'
import type { AddressFacts } from '../../wire/recording.ts'
import { writeWhole } from '../whole-file.ts'
import { ListName } from './range-list.ts'
import { type BadLine, listDate, listFile, MAX_SHOWN, type OnProgress, parseBlock, refuseBadLines } from './ranges.ts'
import { StoredFiles } from './stored-files.ts'
import type { ParsedAddress } from './table.ts'

export const GEOFEED = 'geofeed'
const ENDING = '.geofeed'
const MAX_NAME = 256
const PROGRESS_LINES = 5_000

export type GeofeedPlace = NonNullable<AddressFacts['geofeed']>

const Facts = z.strictObject({
  name: ListName,
  class: z.literal(GEOFEED),
  date: z.iso.date(),
  importedAt: z.int(),
  source: z.string().max(4_096),
  entries: z.int().min(1),
})
export type GeofeedFacts = z.infer<typeof Facts>

/** By IP version and prefix length, the longest first; then by the words of the block, as text. */
type Blocks = Map<4 | 6, [length: number, places: Map<string, GeofeedPlace>][]>

export interface ParsedGeofeed {
  blocks: Blocks
  /** The lines that were understood, without comments and postal codes. */
  lines: string[]
  /** The first ten; `badLines` counts all of them. */
  bad: BadLine[]
  badLines: number
}

export function parseGeofeed(text: string, onProgress: OnProgress = () => {}): ParsedGeofeed {
  const found = { 4: new Map<number, Map<string, GeofeedPlace>>(), 6: new Map<number, Map<string, GeofeedPlace>>() }
  const [good, bad]: [string[], BadLine[]] = [[], []]
  let badLines = 0
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  for (const [index, line] of lines.entries()) {
    if (index % PROGRESS_LINES === 0) onProgress(index, lines.length)
    const entry = line.replace(/#.*/s, '').trim()
    if (entry === '') continue
    const fields = entry.split(',').map((it) => it.replaceAll('"', '').trim())
    const [prefix = '', country = '', region = '', city = ''] = fields
    const block = parseBlock(prefix)
    const why = typeof block === 'string' ? block : country !== '' && !/^[A-Za-z]{2}$/.test(country) ? NO_COUNTRY : null
    if (typeof block === 'string' || why !== null) {
      if (++badLines <= MAX_SHOWN) bad.push({ line: index + 1, text: entry.slice(0, 80), why: why ?? '' })
      continue
    }
    const { version, start, end } = block
    const length = (version === 4 ? 32 : 128) - (end - start + 1n).toString(2).length + 1
    const places = found[version].get(length) ?? new Map<string, GeofeedPlace>()
    found[version].set(length, places)
    places.set(start.toString(16), {
      country: country === '' ? null : country.toUpperCase(),
      region: named(region),
      city: named(city),
    })
    good.push([prefix, country, region, city].join(','))
  }
  const ordered = (version: 4 | 6) => [...found[version]].sort(([a], [b]) => b - a)
  const blocks: Blocks = new Map([
    [4, ordered(4)],
    [6, ordered(6)],
  ])
  return { blocks, lines: good, bad, badLines }
}

const NO_COUNTRY = 'the country is not a code of two letters'

function named(text: string): string | null {
  return text === '' || text.length > MAX_NAME ? null : text
}

export async function importGeofeed(options: {
  folder: string
  file: string
  name: string
  /** Null: the day of the file's last modification. */
  date: string | null
  now: number
  onProgress?: OnProgress
}): Promise<{ facts: GeofeedFacts; bad: BadLine[]; badLines: number }> {
  const { folder, file, name, now } = options
  const date = listDate(options.date, await listFile(file), file, now)
  const { lines, bad, badLines } = parseGeofeed(await readFile(file, 'utf8'), options.onProgress)
  refuseBadLines(file, { entries: lines.length, bad, badLines })
  const source = basename(file)
  const facts = Facts.parse({ name, class: GEOFEED, date, importedAt: now, source, entries: lines.length })
  await writeWhole(folder, `${name}${ENDING}`, `${[JSON.stringify(facts), ...lines].join('\n')}\n`)
  return { facts, bad, badLines }
}

/** False: there is none of that name. */
export async function removeGeofeed(folder: string, name: string): Promise<boolean> {
  const path = join(folder, `${name}${ENDING}`)
  if (!ListName.safeParse(name).success || !(await stat(path).catch(() => null))) return false
  await rm(path)
  return true
}

interface Loaded {
  facts: GeofeedFacts
  blocks: Blocks
}

/** The installed geofeeds. `find` answers from memory. */
export class Geofeeds {
  readonly #files: StoredFiles<Loaded>
  #ordered: Loaded[] = []

  constructor(folder: string) {
    const load = async (path: string) => stored(await readFile(path, 'utf8'))
    this.#files = new StoredFiles(folder, { ending: ENDING, noun: 'geofeed', load })
  }

  /** True when something changed. */
  async reload(): Promise<boolean> {
    const changed = await this.#files.reload()
    if (changed) this.#ordered = this.#files.values().sort(newestFirst)
    return changed
  }

  find({ version, words }: Pick<ParsedAddress, 'version' | 'words'>): GeofeedPlace | null {
    if (this.#ordered.length === 0) return null
    const bits = version === 4 ? 32n : 128n
    const value = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    for (const { blocks } of this.#ordered)
      for (const [length, places] of blocks.get(version)!) {
        const host = bits - BigInt(length)
        const place = places.get(((value >> host) << host).toString(16))
        if (place) return place
      }
    return null
  }

  lists(): GeofeedFacts[] {
    return this.#ordered.map((it) => it.facts)
  }

  /** Who reads the range lists in the same folder says when it cannot be read. */
  problems(): string[] {
    return this.#files.problems()
  }
}

function stored(text: string): Loaded {
  const end = text.indexOf('\n')
  const facts = Facts.parse(JSON.parse(text.slice(0, Math.max(0, end))))
  const { blocks, lines } = parseGeofeed(text.slice(end + 1))
  if (lines.length !== facts.entries) throw new Error('lines are missing or damaged')
  return { facts, blocks }
}

function newestFirst({ facts: a }: Loaded, { facts: b }: Loaded): number {
  return b.date.localeCompare(a.date) || a.name.localeCompare(b.name)
}
