/** What a collector is, and the one pump that runs each of them. */
import { CATEGORIES, type CategoryOf, type Observation, type ObservationOf } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import type { Policy } from '../wire/messages.ts'
import type { Host } from './host/host.ts'

export interface Collector<C extends CategoryOf<'agent'> = CategoryOf<'agent'>> {
  name: string
  /** What it can report, besides gaps. Switched-off categories stop the collector, or are dropped from its output. */
  categories: readonly C[]
  run(host: Host, policy: Policy, signal: AbortSignal): AsyncIterable<Observation>
}

/** Process starts that were seen, of those the system counted (on Linux with threads) since the first look. */
export interface StartCounters {
  seen: number
  total: number
}

/** Where observations go: the spool numbers them and writes them down before anything else sees them. */
export type Keep = (observation: Observation) => void | Promise<void>

type Gap = ObservationOf<'collection_gap'>
type GapReason = Gap['Reason']

/** Gaps whose counts add up, see `lost`. */
const additive = new WeakSet<Gap>()

/**
 * So many events of a category, or bytes of a log, that nobody will hear of. Two of these are the sum of both, where
 * two of `gap` say twice how it is.
 */
export function lost(stamp: { time: number; collector: string }, about: string, why: string, count: number): Gap {
  const found = gap(stamp, about, 'overflow', why, count)
  additive.add(found)
  return found
}

/** 'Could not look' as an event. `about` names the category, path or device; the pump adds the collector's categories. */
export function gap(
  stamp: { time: number; collector: string },
  about: string,
  reason: GapReason,
  why: unknown = null,
  count: number | null = null,
): Gap {
  // Node's own messages begin with the code.
  const detail = why instanceof Error ? (why.message.includes(':') ? why.message : `${why.name}: ${why.message}`) : why
  return {
    category: 'collection_gap',
    ...stamp,
    Categories: Object.hasOwn(CATEGORIES, about) ? [about] : [],
    About: about.slice(0, 512),
    Reason: reason,
    Count: count,
    Detail: detail === null || detail === undefined ? null : String(detail).slice(0, 1_024),
  }
}

/** EACCES and EPERM are 'denied', ENOENT is 'unsupported' (this kernel has no such table), the rest 'unparsed'. */
export function gapReason(cause: unknown): GapReason {
  const code = (cause as NodeJS.ErrnoException | null)?.code
  if (code === 'EACCES' || code === 'EPERM') return 'denied'
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'unsupported'
  return 'unparsed'
}

/**
 * Runs one collector until `signal`. Its end is news, not silence, and never stops another collector.
 * A gap that repeats with the same words is reported once an hour, so that a blind collector does not flood the spool;
 * losses are added up meanwhile.
 */
export async function pump(
  collector: Collector,
  host: Host,
  policy: Policy,
  keep: Keep,
  signal: AbortSignal,
): Promise<void> {
  const gaps = gapFilter(host, collector)
  const wanted = new Set<string>(['collection_gap', ...collector.categories.filter((it) => !policy.off.includes(it))])
  for (let failures = 0; !signal.aborted; failures++) {
    let why: unknown = 'ended by itself'
    try {
      for await (const observation of collector.run(host, policy, signal)) {
        failures = 0
        for (const held of gaps.overdue()) await keep(held)
        if (!wanted.has(observation.category)) continue
        if (observation.category !== 'collection_gap') await keep(observation)
        else for (const due of gaps.take(observation)) await keep(due)
      }
    } catch (cause) {
      // A spool that refuses is not the collector's fault: whoever runs the pumps has to know.
      if (cause instanceof Fault) throw cause
      why = cause
    }
    for (const held of gaps.rest()) await keep(held)
    if (signal.aborted) return
    await keep(gaps.ofCollector(gap({ time: host.now(), collector: collector.name }, collector.name, 'stopped', why)))
    await host.sleep(Math.min(60_000, 1_000 * 2 ** failures), signal)
  }
}

const REPEATED_MS = 3_600_000
const MAX_WORDS = 1_000

/** Which gaps are reported, and when. */
function gapFilter(host: Host, { categories }: Collector) {
  /** By words: when they were last reported, and the losses since. */
  const known = new Map<string, { at: number; held: Gap | null }>()
  /** Of what is held, the earliest `at`. */
  let oldest = Number.POSITIVE_INFINITY
  return { take, overdue, rest, ofCollector }

  /** What is to be reported now. */
  function take(found: Gap): Gap[] {
    const words = `${found.About}\n${found.Reason}`
    const before = known.get(words)
    const now = host.elapsed()
    const isDue = before === undefined || now - before.at >= REPEATED_MS
    const sum = additive.has(found) ? { ...found, Count: (found.Count ?? 0) + (before?.held?.Count ?? 0) } : found
    const rest = before === undefined && known.size >= MAX_WORDS ? forget() : []
    if (isDue) known.set(words, { at: now, held: null })
    else if (additive.has(found)) {
      known.set(words, { at: before.at, held: sum })
      oldest = Math.min(oldest, before.at)
    }
    return isDue ? [...rest, ofCollector(sum)] : rest
  }

  /** The losses, when one of them has waited for an hour. */
  function overdue(): Gap[] {
    return oldest < Number.POSITIVE_INFINITY && host.elapsed() - oldest >= REPEATED_MS ? rest() : []
  }

  /** Losses that were not reported yet. */
  function rest(): Gap[] {
    oldest = Number.POSITIVE_INFINITY
    const due = [...known.values()].flatMap(({ held }) => (held === null ? [] : [ofCollector(held)]))
    for (const it of known.values()) if (it.held !== null) Object.assign(it, { at: host.elapsed(), held: null })
    return due
  }

  function forget(): Gap[] {
    const due = rest()
    known.clear()
    return due
  }

  function ofCollector(found: Gap): Gap {
    return found.Categories.length > 0 ? found : { ...found, Categories: [...categories] }
  }
}

/**
 * A collector that looks again and again: yields what `read` finds, every `everyMs`, until `signal`.
 * `read` keeps its own last view, so that a failed look does not make everything news again.
 */
export async function* polled(options: {
  host: Host
  signal: AbortSignal
  everyMs: number
  read: () => Promise<Observation[]>
}): AsyncIterable<Observation> {
  const { host, signal, everyMs, read } = options
  while (!signal.aborted) {
    yield* await read()
    await host.sleep(everyMs, signal)
  }
}
