/**
 * What each laptop's agent can and cannot see: shown beside every verdict.
 *
 * Shape   per device, the last event of each category, the last word of each gap, and what was sighted last.
 * Memory  at most 64 gaps a device, the oldest given up first; sightings as `derive/sightings.ts` says.
 */
import { CATEGORIES, type Category, type EventOf } from '../../wire/event.ts'
import type { Coverage, Gap } from '../model/coverage.ts'
import type { Seen } from './deriver.ts'
import { noSightings, type Sightings, sight } from './kit/sightings.ts'

const RECENT_MS = 86_400_000
const MAX_GAPS = 64

type KnownGap = Gap & { categories: string[] }

interface Memory {
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
  /** Last event time by category. */
  categories: Map<string, number>
  gaps: KnownGap[]
  sightings: Sightings
}

export class CoverageBook {
  #devices = new Map<string, Memory>()

  take(seen: Seen): void {
    const { event, connection, conflict, device, epoch, receivedAt } = seen
    if (device === null) return
    const memory = this.#devices.get(device) ?? blank()
    this.#devices.set(device, memory)
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
    const before = memory.categories.get(event.category)
    if (before === undefined || event.time > before) memory.categories.set(event.category, event.time)
    if (event.category === 'collection_gap') this.#gap(memory, event)
    if (event.category === 'agent_state') {
      memory.version = event.Version
      memory.spoolBytes = event.SpoolBytes ?? memory.spoolBytes
      memory.residentBytes = event.ResidentBytes ?? memory.residentBytes
      // A new start looks everywhere again: what is still blind says so again.
      if (event.Action === 'started') memory.gaps = memory.gaps.filter((it) => it.time > event.time)
    }
  }

  of(device: string): Readonly<Omit<Memory, 'categories'>> {
    return this.#devices.get(device) ?? blank()
  }

  /** A verdict on sight for every category that agents make, in the table's order. */
  coverage(device: string, product: string, off: readonly string[], now: number): Coverage[] {
    const memory = this.#devices.get(device)
    return (Object.keys(CATEGORIES) as Category[])
      .filter((it) => CATEGORIES[it].origin === 'agent' && it !== 'collection_gap')
      .map((category) => {
        const lastEvent = memory?.categories.get(category) ?? null
        const said = memory?.gaps.filter((it) => it.categories.includes(category)) ?? []
        const last = said.at(-1)
        const { sensitive, on } = CATEGORIES[category]
        const row = (state: Coverage['state'], detail: string | null): Coverage => ({
          category,
          state,
          detail,
          lastEvent,
        })
        if (off.includes(category)) return row('off', 'switched off by the policy')
        if (sensitive && on.length === 0) return row('off', 'sensitive: off by default')
        if (!(on as readonly string[]).includes(product)) return row('blind', `not collected on ${product} yet`)
        if (!memory || memory.events === 0) return row('unknown', 'nothing heard yet')
        if (
          last &&
          (last.reason === 'unsupported' || last.reason === 'denied' || last.reason === 'stopped') &&
          (lastEvent ?? 0) < last.time
        )
          return row(lastEvent === null ? 'blind' : 'partial', `${last.reason}: ${last.detail ?? last.about}`)
        if (last && now - last.time < RECENT_MS) return row('partial', `${last.reason}: ${last.detail ?? last.about}`)
        return lastEvent === null ? row('quiet', 'nothing of this kind happened') : row('seen', null)
      })
  }

  #gap(memory: Memory, event: EventOf<'collection_gap'>): void {
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

  save(): unknown {
    return [...this.#devices].map(([device, memory]) => [device, { ...memory, categories: [...memory.categories] }])
  }

  load(state: unknown): void {
    const saved = state as [string, Omit<Memory, 'categories'> & { categories: [string, number][] }][]
    this.#devices = new Map(
      saved.map(([device, memory]) => [device, { ...memory, categories: new Map(memory.categories) }]),
    )
  }
}

function blank(): Memory {
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
    categories: new Map(),
    gaps: [],
    sightings: noSightings(),
  }
}

/** Numbers come upwards; one that fills a hole came late. The last four lives of a spool are enough. */
function number(memory: Memory, epoch: number, seq: number): void {
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
