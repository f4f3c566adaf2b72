/**
 * What each laptop's agent can and cannot see. The console shows it with every assessment.
 *
 * Shape   per device, the last event of each category, the latest state of each gap, for how long it could not be seen
 *         in the last day as its agent measured it, and the latest sightings.
 * Memory  at most 64 gaps per device, the oldest dropped first; sightings in the bounds of `kit/sightings.ts`.
 */
import { AGENT_CATEGORIES, CATEGORIES, type Category, type EventOf } from '../../wire/event.ts'
import { DAY } from '../../wire/time.ts'
import type { Coverage, Gap, StartsSeen } from '../model/coverage.ts'
import type { Seen } from './deriver.ts'
import { type Keeper, Subjects } from './kit/kept.ts'
import { addSighting, noSightings, type Sightings } from './kit/sightings.ts'

const RECENT_MS = DAY
/** So long within a day, a category was seen in part only. A hundredth of the day. */
const PARTLY_BLIND_SECONDS = 900
const MAX_GAPS = 64

type KnownGap = Gap & { categories: string[] }

/** The sum of what was reported within a day of `since`. Times are those of the first and the last report. */
interface BlindFor {
  seconds: number
  since: number
  time: number
}

/** The coverage of one laptop: plain JSON, as it is saved. */
export interface DeviceBook {
  events: number
  /** The highest sequence number by epoch, and the number of missing ones. */
  streams: [epoch: number, last: number][]
  holes: number
  /** The number of events that the agent reported as dropped by a full spool. */
  dropped: number
  lastSeen: number
  lastAddress: string | null
  place: string | null
  clockSkewMs: number | null
  spoolBytes: number | null
  residentBytes: number | null
  /** Of the last summary that had any. */
  starts: StartsSeen | null
  version: string | null
  /** Of the policy in use, and why another one was refused; absent: nothing was said since these are kept. */
  policyVersion?: number | null
  policyTrouble?: string | null
  /** Last event time. */
  categories: Partial<Record<Category, number>>
  gaps: KnownGap[]
  /** Of the agent's program and of its policy, from its last summary. These three are absent in an older server's state. */
  programHash?: string | null
  policyHash?: string | null
  blind?: Partial<Record<Category, BlindFor>>
  sightings: Sightings
}

export class CoverageBook implements Keeper {
  readonly #devices = new Subjects<DeviceBook>()
  readonly kept = { devices: this.#devices }

  take(seen: Seen): void {
    const { connection, conflict, device, epoch, receivedAt } = seen
    if (device === null) return
    // By a clock that is ahead, one event would hide every later gap.
    const event = seen.event && seen.event.time > receivedAt ? { ...seen.event, time: receivedAt } : seen.event
    const memory = this.#devices.ensure(device, blank)
    this.#devices.touch(device)
    addSighting(memory.sightings, seen)
    memory.lastSeen = Math.max(memory.lastSeen, receivedAt)
    if (connection) {
      memory.lastAddress = connection.remoteAddress
      memory.place =
        [connection.geo.city, connection.geo.region, connection.geo.country].filter(Boolean).join(', ') || null
      memory.clockSkewMs = connection.clockSkewMs == null ? memory.clockSkewMs : Math.round(connection.clockSkewMs)
    }
    if (!event || event.product === 'tellwire') return
    memory.events++
    if (epoch !== null && event.seq !== null && !conflict) countHoles(memory, epoch, event.seq)
    const before = memory.categories[event.category]
    if (before === undefined || event.time > before) memory.categories[event.category] = event.time
    if (event.category === 'collection_gap') putGap(memory, event)
    if (event.category === 'agent_state') {
      memory.version = event.Version
      takePolicy(memory, event)
      memory.spoolBytes = event.SpoolBytes ?? memory.spoolBytes
      memory.residentBytes = event.ResidentBytes ?? memory.residentBytes
      memory.starts = startsSeen(event) ?? memory.starts
      if (event.Action === 'summary') {
        memory.programHash = event.ProgramHash ?? null
        memory.policyHash = event.PolicyHash ?? null
      }
      if (event.BlindSeconds) memory.blind = withBlind(memory.blind ?? {}, event.BlindSeconds, event.time)
      // After a start, the agent reports again everything that it cannot see.
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

/** The coverage of one laptop from its saved state; undefined or null: it has sent nothing. */
export function bookOf(state: unknown): Readonly<DeviceBook> {
  return (state as DeviceBook | null | undefined) ?? blank()
}

/** The coverage of each category that agents produce, in the table's order. `off`: categories the policy excludes. */
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
  const blind = book.blind?.[category]
  const seconds = blind && now - blind.time < RECENT_MS ? blind.seconds : 0
  const missed = seconds > 0 ? `not observed for ${duration(seconds)} within a day` : null
  if (seconds >= PARTLY_BLIND_SECONDS) return { state: 'partial', detail: missed }
  return lastEvent === undefined
    ? { state: 'quiet', detail: missed ?? 'nothing of this kind happened' }
    : { state: 'seen', detail: missed }
}

/** Known categories only, so that an agent cannot fill the memory with others. */
function withBlind(
  before: NonNullable<DeviceBook['blind']>,
  reported: Readonly<Record<string, number>>,
  time: number,
): NonNullable<DeviceBook['blind']> {
  const next = { ...before }
  for (const category of AGENT_CATEGORIES) {
    const seconds = reported[category] ?? 0
    if (seconds === 0) continue
    const known = before[category]
    const goesOn = known && Math.abs(time - known.since) < RECENT_MS
    next[category] = goesOn
      ? { seconds: known.seconds + seconds, since: known.since, time: Math.max(known.time, time) }
      : { seconds, since: time, time }
  }
  return next
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`
}

/** A refusal stays until the agent applies a policy. */
function takePolicy(memory: DeviceBook, { Action, PolicyVersion, Trouble }: EventOf<'agent_state'>): void {
  if (PolicyVersion !== undefined) memory.policyVersion = PolicyVersion
  if (Action === 'policy_applied') memory.policyTrouble = null
  if (Action === 'policy_rejected' || Action === 'policy_rolled_back') memory.policyTrouble = Trouble ?? ''
}

/** Null: no programs were counted. */
function startsSeen({ time, ForksSeen, ForksTotal, StartsBy }: EventOf<'agent_state'>): StartsSeen | null {
  if (ForksSeen === null || !ForksTotal) return null
  return { seen: Math.min(ForksSeen, ForksTotal), total: ForksTotal, by: StartsBy ?? 'poll', time }
}

/** Reasons that apply until an event of the category arrives. */
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
    starts: null,
    version: null,
    categories: {},
    gaps: [],
    blind: {},
    sightings: noSightings(),
  }
}

/** Counts missing sequence numbers; a lower one than the highest fills a hole. Keeps the last four epochs. */
function countHoles(memory: DeviceBook, epoch: number, seq: number): void {
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
