/**
 * What each laptop's agent can and cannot see: shown beside every verdict.
 *
 * Shape   per device, the last event of each category, the last word of each gap, and what was sighted last.
 * Memory  at most 64 gaps a device, the oldest given up first; sightings as `derive/sightings.ts` says.
 */
import { AGENT_CATEGORIES, CATEGORIES, type Category, type EventOf } from '../../wire/event.ts'
import type { Coverage, Gap } from '../model/coverage.ts'
import type { Seen } from './deriver.ts'
import { type Keeper, Subjects } from './kit/kept.ts'
import { noSightings, type Sightings, sight } from './kit/sightings.ts'

const RECENT_MS = 86_400_000
const MAX_GAPS = 64

type KnownGap = Gap & { categories: string[] }

/** What is known of one laptop: plain JSON, as it is kept. */
export interface DeviceBook {
  events: number
  /** Highest number by epoch, and how many numbers were skipped on the way there. */
  streams: [epoch: number, last: number][]
  holes: number
  /** What the agent itself reported as given up by a full spool. */
  dropped: number
  lastSeen: number
  lastAddress: string | null
  place: string | null
  clockSkewMs: number | null
  spoolBytes: number | null
  residentBytes: number | null
  version: string | null
  /** Last event time. */
  categories: Partial<Record<Category, number>>
  gaps: KnownGap[]
  sightings: Sightings
}

export class CoverageBook implements Keeper {
  readonly #devices = new Subjects<DeviceBook>()
  readonly kept = { devices: this.#devices }

  take(seen: Seen): void {
    const { event, connection, conflict, device, epoch, receivedAt } = seen
    if (device === null) return
    const memory = this.#devices.ensure(device, blank)
    this.#devices.touch(device)
    sight(memory.sightings, seen)
    memory.lastSeen = Math.max(memory.lastSeen, receivedAt)
    if (connection) {
      memory.lastAddress = connection.remoteAddress
      memory.place =
        [connection.geo.city, connection.geo.region, connection.geo.country].filter(Boolean).join(', ') || null
      memory.clockSkewMs = connection.clockSkewMs == null ? memory.clockSkewMs : Math.round(connection.clockSkewMs)
    }
    if (!event || event.product === 'tellwire') return
    memory.events++
    if (epoch !== null && event.seq !== null && !conflict) number(memory, epoch, event.seq)
    const before = memory.categories[event.category]
    if (before === undefined || event.time > before) memory.categories[event.category] = event.time
    if (event.category === 'collection_gap') putGap(memory, event)
    if (event.category === 'agent_state') {
      memory.version = event.Version
      memory.spoolBytes = event.SpoolBytes ?? memory.spoolBytes
      memory.residentBytes = event.ResidentBytes ?? memory.residentBytes
      // A new start looks everywhere again: what is still blind says so again.
      if (event.Action === 'started') memory.gaps = memory.gaps.filter((it) => it.time > event.time)
    }
  }

  of(device: string): Readonly<DeviceBook> {
    return this.#devices.get(device) ?? blank()
  }

  /** As `coverageOf`. */
  coverage(device: string, platform: string, off: readonly string[], now: number): Coverage[] {
    return coverageOf(this.of(device), platform, off, now)
  }
}

/** The book of one laptop from what was kept of it; undefined or null: nothing was heard of it. */
export function bookOf(state: unknown): Readonly<DeviceBook> {
  return (state as DeviceBook | null | undefined) ?? blank()
}

/** How well each category that agents make is seen, in the table's order. `off`: categories the policy leaves out. */
export function coverageOf(
  book: Readonly<DeviceBook>,
  platform: string,
  off: readonly string[],
  now: number,
): Coverage[] {
  return AGENT_CATEGORIES.filter((it) => it !== 'collection_gap').map((category) => ({
    category,
    ...stateOf(book, category, platform, off, now),
    lastEvent: book.categories[category] ?? null,
  }))
}

function stateOf(
  book: Readonly<DeviceBook>,
  category: Category,
  platform: string,
  off: readonly string[],
  now: number,
): Pick<Coverage, 'state' | 'detail'> {
  const { sensitive, on } = CATEGORIES[category]
  if (off.includes(category)) return { state: 'off', detail: 'switched off by the policy' }
  if (sensitive && on.length === 0) return { state: 'off', detail: 'sensitive: off by default' }
  if (!(on as readonly string[]).includes(platform))
    return { state: 'blind', detail: `not collected on ${platform} yet` }
  if (book.events === 0) return { state: 'unknown', detail: 'nothing heard yet' }
  const lastEvent = book.categories[category]
  const gap = book.gaps.findLast((it) => it.categories.includes(category))
  if (gap) {
    const detail = `${gap.reason}: ${gap.detail ?? gap.about}`
    if (LASTING.has(gap.reason) && (lastEvent ?? 0) < gap.time)
      return { state: lastEvent === undefined ? 'blind' : 'partial', detail }
    if (now - gap.time < RECENT_MS) return { state: 'partial', detail }
  }
  return lastEvent === undefined
    ? { state: 'quiet', detail: 'nothing of this kind happened' }
    : { state: 'seen', detail: null }
}

/** Reasons that hold until an event of the category shows otherwise. */
const LASTING: ReadonlySet<string> = new Set(['unsupported', 'denied', 'stopped'])

function putGap(memory: DeviceBook, event: EventOf<'collection_gap'>): void {
  if (event.collector === 'spool') memory.dropped += event.Count ?? 0
  const gap = {
    about: event.About,
    reason: event.Reason,
    count: event.Count,
    detail: event.Detail,
    time: event.time,
    categories: event.Categories,
  }
  const others = memory.gaps.filter((it) => it.about !== gap.about || it.reason !== gap.reason)
  memory.gaps = [...others, gap].slice(-MAX_GAPS)
}

function blank(): DeviceBook {
  return {
    events: 0,
    streams: [],
    holes: 0,
    dropped: 0,
    lastSeen: 0,
    lastAddress: null,
    place: null,
    clockSkewMs: null,
    spoolBytes: null,
    residentBytes: null,
    version: null,
    categories: {},
    gaps: [],
    sightings: noSightings(),
  }
}

/** Numbers come upwards; one that fills a hole came late. The last four lives of a spool are enough. */
function number(memory: DeviceBook, epoch: number, seq: number): void {
  const latest = memory.streams.at(-1)
  const stream = latest?.[0] === epoch ? latest : memory.streams.find((it) => it[0] === epoch)
  if (!stream) {
    memory.holes += seq - 1
    memory.streams = [...memory.streams, [epoch, seq] as [number, number]].slice(-4)
  } else if (seq > stream[1]) {
    memory.holes += seq - stream[1] - 1
    stream[1] = seq
  } else memory.holes = Math.max(0, memory.holes - 1)
}
