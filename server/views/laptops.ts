/**
 * Laptops: a page of the list, and one laptop in full.
 *
 * Shape   the list omits the coverage by category, which is nine tenths of the data.
 */

import { bookOf, coverageOf, type DeviceBook } from '../derive/coverage.ts'
import type { Coverage } from '../model/coverage.ts'
import type { Enrolled } from '../model/device.ts'
import { COVERAGE_PART, darkCategories } from './coverage.ts'
import type { LaptopQuery } from './fleet.ts'
import type { LaptopIndex } from './queue.ts'
import { fromOne, type Judged, type Reader } from './reader.ts'
import type { Laptop, LaptopPage, LaptopRow } from './schema.ts'

/** A laptop, and the sightings with which its contract is compared. */
export interface KnownLaptop {
  laptop: Laptop
  sightings: DeviceBook['sightings']
}

export async function laptopPage(reader: Reader, index: LaptopIndex, query: LaptopQuery): Promise<LaptopPage> {
  // Requests one more, to know whether there are more.
  const found = index.find({ ...query, limit: query.limit + 1 })
  const enrolled = found.slice(0, query.limit)
  const laptops = await fromOne(reader, (judged) => laptopsOf(reader, judged, enrolled))
  return {
    laptops: laptops.map(({ laptop }) => rowOf(laptop)),
    next: found.length > query.limit ? enrolled.at(-1)!.device : null,
    total: index.size,
    online: index.online,
  }
}

/** Null: no such laptop. */
export async function laptopOf(reader: Reader, index: LaptopIndex, device: string): Promise<Laptop | null> {
  const enrolled = index.get(device)
  if (!enrolled) return null
  const [known] = await fromOne(reader, (judged) => laptopsOf(reader, judged, [enrolled]))
  return known?.laptop ?? null
}

/** In the order of `enrolled`. */
export async function laptopsOf(
  reader: Reader,
  judged: Judged | null,
  enrolled: readonly Enrolled[],
): Promise<KnownLaptop[]> {
  const { history, store } = reader
  const devices = enrolled.map((it) => it.device)
  const [rejected, kept] = await Promise.all([
    history.rejectedTotals(devices),
    Promise.all(devices.map((it) => judged && store.evaluations.keptOf(judged.id, COVERAGE_PART, it))),
  ])
  return enrolled.map((it, index) => {
    const text = kept[index] ?? null
    const book = bookOf(text === null ? null : JSON.parse(text))
    return { laptop: laptop(reader, it, book, rejected.get(it.device) ?? 0), sightings: book.sightings }
  })
}

function laptop(reader: Reader, enrolled: Enrolled, book: Readonly<DeviceBook>, rejected: number): Laptop {
  const { device, platform, enrolledAt, revokedAt, revokedBy = null, revokedWhy = null } = enrolled
  const now = reader.now()
  const coverage = coverageOf(book, platform, darkCategories(reader.policy()), now)
  return {
    device,
    worker: reader.directory.holderAt(device, now),
    platform,
    version: book.version ?? enrolled.version,
    online: reader.online().has(device),
    enrolledAt,
    revokedAt,
    revokedBy,
    revokedWhy,
    lastSeen: book.lastSeen || null,
    lastAddress: book.lastAddress,
    place: book.place,
    spoolBytes: book.spoolBytes,
    residentBytes: book.residentBytes,
    programHash: book.programHash ?? null,
    policyHash: book.policyHash ?? null,
    starts: book.starts,
    clockSkewMs: book.clockSkewMs,
    events: book.events,
    missing: Math.max(0, book.holes - book.dropped - rejected),
    rejected,
    gaps: book.gaps.map(({ categories: _, ...gap }) => gap),
    visible: visibleOf(coverage),
    coverage,
  }
}

function rowOf({
  coverage,
  gaps,
  lastAddress,
  spoolBytes,
  residentBytes,
  programHash,
  policyHash,
  starts,
  clockSkewMs,
  ...row
}: Laptop): LaptopRow {
  return { ...row, gaps: gaps.length }
}

function visibleOf(coverage: readonly Coverage[]): Laptop['visible'] {
  const wanted = coverage.filter((it) => it.state !== 'off')
  const count = (...states: Coverage['state'][]) => wanted.filter((it) => states.includes(it.state)).length
  return { wanted: wanted.length, seen: count('seen', 'quiet'), impaired: count('blind', 'partial') }
}
