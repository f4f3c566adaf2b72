/** What a collector is, and the pump that runs it. */
import { CATEGORIES, type CategoryOf, type Observation, type ObservationOf } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import type { Policy } from '../wire/messages.ts'
import { HOUR } from '../wire/time.ts'
import type { Host } from './host/host.ts'

export interface Collector<C extends CategoryOf<'agent'> = CategoryOf<'agent'>> {
  name: string
  /** What it reports, besides gaps. If all are switched off it does not run; single ones are dropped from its output. */
  categories: readonly C[]
  /** Its own pauses follow what its looks cost: the supervisor does not make them longer. */
  pacesItself?: true
  run(host: Host, policy: Policy, signal: AbortSignal): AsyncIterable<Observation>
}

/**
 * Process starts that were seen, and those that the system counted, since the first poll. `by`: the way in use. On
 * Linux, polling counts forks and threads, too: its share is a lower bound.
 */
export interface StartCounters {
  seen: number
  total: number
  by?: ObservationOf<'agent_state'>['StartsBy']
}

/** Takes an observation. The agent passes it to the spool, which numbers and stores it. */
export type Emit = (observation: Observation) => void | Promise<void>

type Gap = ObservationOf<'collection_gap'>
type GapReason = Gap['Reason']

/** The gaps that `lossGap` made. */
const additive = new WeakSet<Gap>()

/**
 * A gap for events of a category, or bytes of a log, that are lost. The counts of such gaps are added up; the count of
 * any other gap is the current number.
 */
export function lossGap(stamp: { time: number; collector: string }, about: string, why: string, count: number): Gap {
  const found = gap(stamp, about, 'overflow', why, count)
  additive.add(found)
  return found
}

/**
 * A failed observation, as an event. `about`: the category, path or device. The pump adds the collector's categories.
 */
export function gap(
  stamp: { time: number; collector: string },
  about: string,
  reason: GapReason,
  why: unknown = null,
  count: number | null = null,
): Gap {
  // Node's own messages begin with the error code.
  const detail = why instanceof Error ? (why.message.includes(':') ? why.message : `${why.name}: ${why.message}`) : why
  return {
    category: 'collection_gap',
    ...stamp,
    Categories: Object.hasOwn(CATEGORIES, about) ? [about] : [],
    About: about.slice(0, 512).toWellFormed(),
    Reason: reason,
    Count: count,
    Detail: detail === null || detail === undefined ? null : String(detail).slice(0, 1_024).toWellFormed(),
  }
}

/**
 * EACCES and EPERM are 'denied', ENOENT is 'unsupported' (this kernel has no such table), EHUNG (a read that never
 * returned) is 'stopped', the rest 'unparsed'.
 */
export function gapReason(cause: unknown): GapReason {
  const code = (cause as NodeJS.ErrnoException | null)?.code
  if (code === 'EACCES' || code === 'EPERM') return 'denied'
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'unsupported'
  if (code === 'EHUNG') return 'stopped'
  return 'unparsed'
}

/**
 * Runs one collector until `signal`. If it ends or throws, that is reported as a gap, and it is started again; other
 * collectors go on. A gap with the same `About` and `Reason` is reported once an hour, so that a failing collector does
 * not flood the spool; losses are added up in between.
 */
export async function pump(
  collector: Collector,
  host: Host,
  policy: Policy,
  emit: Emit,
  signal: AbortSignal,
  health: { failures: number } = { failures: 0 },
): Promise<void> {
  const gaps = gapFilter(host, collector)
  const wanted = new Set<string>(['collection_gap', ...collector.categories.filter((it) => !policy.off.includes(it))])
  for (health.failures = 0; !signal.aborted; health.failures++) {
    let why: unknown = 'ended unexpectedly'
    try {
      for await (const observation of collector.run(host, policy, signal)) {
        health.failures = 0
        for (const due of gaps.overdue()) await emit(due)
        if (!wanted.has(observation.category)) continue
        if (observation.category !== 'collection_gap') await emit(observation)
        else for (const due of gaps.filter(observation)) await emit(due)
      }
    } catch (cause) {
      // An error of the spool, not of the collector.
      if (cause instanceof Fault) throw cause
      why = cause
    }
    for (const due of gaps.flush()) await emit(due)
    if (signal.aborted) return
    await emit(
      gaps.withCategories(gap({ time: host.now(), collector: collector.name }, collector.name, 'stopped', why)),
    )
    await host.sleep(Math.min(60_000, 1_000 * 2 ** health.failures), signal)
  }
}

const REPEATED_MS = HOUR
const MAX_KNOWN = 1_000

/** Decides which gaps are reported, and when. */
function gapFilter(host: Host, { categories }: Collector) {
  /** By `About` and `Reason`: when the gap was last reported, and the losses since. */
  const known = new Map<string, { reportedAt: number; unreported: Gap | null }>()
  /** The earliest `reportedAt` of the gaps with unreported losses. */
  let oldest = Number.POSITIVE_INFINITY
  return { filter, overdue, flush, withCategories }

  /** The gaps to report now. */
  function filter(found: Gap): Gap[] {
    const key = `${found.About}\n${found.Reason}`
    const before = known.get(key)
    const now = host.elapsed()
    const isDue = before === undefined || now - before.reportedAt >= REPEATED_MS
    const sum = additive.has(found) ? { ...found, Count: (found.Count ?? 0) + (before?.unreported?.Count ?? 0) } : found
    const flushed = before === undefined && known.size >= MAX_KNOWN ? flushAndClear() : []
    if (isDue) known.set(key, { reportedAt: now, unreported: null })
    else if (additive.has(found)) {
      known.set(key, { reportedAt: before.reportedAt, unreported: sum })
      oldest = Math.min(oldest, before.reportedAt)
    }
    return isDue ? [...flushed, withCategories(sum)] : flushed
  }

  /** All unreported losses, once the oldest has waited for an hour. */
  function overdue(): Gap[] {
    return oldest < Number.POSITIVE_INFINITY && host.elapsed() - oldest >= REPEATED_MS ? flush() : []
  }

  /** All unreported losses. */
  function flush(): Gap[] {
    oldest = Number.POSITIVE_INFINITY
    const due = [...known.values()].flatMap(({ unreported }) =>
      unreported === null ? [] : [withCategories(unreported)],
    )
    for (const it of known.values())
      if (it.unreported !== null) Object.assign(it, { reportedAt: host.elapsed(), unreported: null })
    return due
  }

  function flushAndClear(): Gap[] {
    const due = flush()
    known.clear()
    return due
  }

  function withCategories(found: Gap): Gap {
    return found.Categories.length > 0 ? found : { ...found, Categories: [...categories] }
  }
}

/**
 * Yields what `read` returns, every `everyMs`, until `signal`. `read` keeps its previous result itself, so that after a
 * failed poll it does not report everything as new.
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
