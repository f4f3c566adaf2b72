/** What a collector is, and the one pump that runs each of them. */
import { CATEGORIES, type Category, type Observation, type ObservationOf } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import type { Policy } from '../wire/messages.ts'
import type { Host } from './host/host.ts'

export interface Collector {
  name: string
  platform: NodeJS.Platform
  /** What it can report, besides gaps. Switched-off categories stop the collector, or are dropped from its output. */
  categories: readonly Category[]
  run(host: Host, policy: Policy, signal: AbortSignal): AsyncIterable<Observation>
}

/** Where observations go: the spool numbers them and writes them down before anything else sees them. */
export type Keep = (observation: Observation) => void | Promise<void>

type GapReason = ObservationOf<'collection_gap'>['Reason']

/** 'Could not look' as an event. `about` names the category, path or device; the pump adds the collector's categories. */
export function gap(
  stamp: { time: number; collector: string },
  about: string,
  reason: GapReason,
  why: unknown = null,
  count: number | null = null,
): ObservationOf<'collection_gap'> {
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
 * A gap that repeats with the same words is said once an hour, so that a blind collector does not flood the spool.
 */
export async function pump(
  collector: Collector,
  host: Host,
  policy: Policy,
  keep: Keep,
  signal: AbortSignal,
): Promise<void> {
  const said = new Map<string, number>()
  const wanted = new Set<string>(['collection_gap', ...collector.categories.filter((it) => !policy.off.includes(it))])
  for (let failures = 0; !signal.aborted; failures++) {
    let why: unknown = 'ended by itself'
    try {
      for await (const observation of collector.run(host, policy, signal)) {
        failures = 0
        if (!wanted.has(observation.category)) continue
        if (observation.category !== 'collection_gap') await keep(observation)
        else if (!saidBefore(observation)) await keep(ofCollector(observation))
      }
    } catch (cause) {
      // A spool that refuses is not the collector's fault: whoever runs the pumps has to know.
      if (cause instanceof Fault) throw cause
      why = cause
    }
    if (signal.aborted) return
    await keep(ofCollector(gap({ time: host.now(), collector: collector.name }, collector.name, 'stopped', why)))
    await host.sleep(Math.min(60_000, 1_000 * 2 ** failures), signal)
  }

  function ofCollector(observation: ObservationOf<'collection_gap'>): ObservationOf<'collection_gap'> {
    return observation.Categories.length > 0 ? observation : { ...observation, Categories: [...collector.categories] }
  }

  function saidBefore(observation: ObservationOf<'collection_gap'>): boolean {
    const words = `${observation.About}\n${observation.Reason}`
    const last = said.get(words)
    const now = host.elapsed()
    if (last !== undefined && now - last < 3_600_000) return true
    if (said.size > 1_000) said.clear()
    said.set(words, now)
    return false
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
