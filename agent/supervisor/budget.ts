/**
 * Whether the agent costs this laptop too much, and which collector it is.
 *
 * Shape   CPU: over `WINDOW_MS`, after the first look at everything. Memory: above the limit for `FULL_MS`; where the
 *         process is large from its start, the limit is `GROWTH` above that, because nothing but growth can be given
 *         back. The collector with the largest part is named, if that part alone is `GUILTY` of what was spent or grew.
 * Units   ms, bytes, shares of one core.
 * Source  osquery's watchdog: 10 % for 12 s, 200 MB. Ours waits longer, because a build or a large copy is a burst, and
 *         has less memory: the service is limited to 160 MB (MemoryMax). Under Wine the agent begins with 150 MB,
 *         because all of node.exe is resident there.
 */
import type { Cost } from './looks.ts'

export const LIMITS = { cpuShare: 0.1, residentBytes: 150_000_000 }
const GROWTH_BYTES = 60_000_000
export const SAMPLE_MS = 3_000
const WINDOW_MS = 60_000
const FULL_MS = 12_000
/** The first look at everything is dear, and not repeated. */
const SETTLE_MS = 120_000
const GUILTY = 0.5

export interface Sample {
  /** Ms, monotonic. */
  at: number
  /** Of the whole process, since the previous sample. */
  cpuMs: number
  residentBytes: number
  by: ReadonlyMap<string, Cost>
}
export interface Overspent {
  what: 'cpu' | 'memory'
  /** Null: no collector has most of it. */
  collector: string | null
  detail: string
}

/** `startBytes`: resident before the first collector ran. */
export function budget(startedAt: number, startBytes: number, limits = LIMITS): (sample: Sample) => Overspent | null {
  const residentBytes = Math.max(limits.residentBytes, startBytes + GROWTH_BYTES)
  let samples: Sample[] = []
  let settledAt = startedAt + SETTLE_MS
  return (sample) => {
    samples = [...samples.filter((it) => sample.at - it.at < WINDOW_MS), sample]
    const found = memory(samples, residentBytes) ?? (sample.at >= settledAt ? cpu(samples, limits.cpuShare) : null)
    if (found === null) return null
    // The next verdict needs new evidence.
    samples = []
    settledAt = sample.at + WINDOW_MS
    return found
  }
}

function cpu(samples: readonly Sample[], limit: number): Overspent | null {
  const first = samples[0]!
  const passed = samples.at(-1)!.at - first.at
  if (passed < WINDOW_MS - 2 * SAMPLE_MS) return null
  const spent = samples.slice(1).reduce((sum, it) => sum + it.cpuMs, 0)
  if (spent / passed <= limit) return null
  const detail = `${Math.round((spent / passed) * 100)} % of a core in a minute`
  return { what: 'cpu', collector: largest(samples.slice(1), (it) => it.cpuMs, spent), detail }
}

function memory(samples: readonly Sample[], limit: number): Overspent | null {
  const last = samples.at(-1)!
  const since = samples.findLast((it) => it.residentBytes <= limit)?.at ?? samples[0]!.at
  if (last.residentBytes <= limit || last.at - since < FULL_MS) return null
  const grown = samples.flatMap(({ by }) => [...by.values()]).reduce((sum, it) => sum + it.grownBytes, 0)
  const detail = `${Math.round(last.residentBytes / 1e6)} MB resident`
  return { what: 'memory', collector: largest(samples, (it) => it.grownBytes, grown), detail }
}

function largest(samples: readonly Sample[], of: (cost: Cost) => number, total: number): string | null {
  const sums = new Map<string, number>()
  for (const { by } of samples) for (const [name, cost] of by) sums.set(name, (sums.get(name) ?? 0) + of(cost))
  const [name, most] = [...sums].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0] as [string, number])
  return most > 0 && most >= total * GUILTY ? name : null
}
