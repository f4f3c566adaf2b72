/**
 * Real collectors on this machine.
 *
 * Shape   `watch` runs collectors with the real host; what they yield is stamped as the spool would and has to fit the
 *         wire.
 * Units   a collector's pauses last 100 ms at most, and its clock moves on as if they had been whole: what is seen is
 *         real, waiting for it is not. Each collector has a clock of its own.
 */
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { pump } from '../../agent/collect.ts'
import { collectorsOf } from '../../agent/collectors/index.ts'
import type { Host } from '../../agent/host/host.ts'
import { linux } from '../../agent/host/linux.ts'
import { forCollectors } from '../../agent/policy.ts'
import { uuid7 } from '../../agent/uuid.ts'
import { type Category, Event, type EventOf } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'
import { policy as nothingAsked } from '../agent/fake-host.ts'

const PAUSE_MS = 100

export interface Watch {
  events: Event[]
  /** The first event of a category that fits, now or later. Rejects after `withinMs`, saying what was seen. */
  until<C extends Category>(category: C, fits: (event: EventOf<C>) => boolean, withinMs?: number): Promise<EventOf<C>>
  stop(): Promise<void>
}
export interface WatchOptions {
  folder: string
  policy?: Partial<Policy>
  /** Where this machine's files are: `rooted` puts trees in their place. */
  host?: (real: Host) => Host
}

export function watch(names: readonly string[], options: WatchOptions): Watch {
  const stop = new AbortController()
  const all = collectorsOf('linux', { seen: 0, total: 0 }).filter((it) => names.includes(it.name))
  assert.equal(all.length, names.length, `no such collector among ${names}`)
  const policy = forCollectors({ ...nothingAsked, ...options.policy })
  const events: Event[] = []
  const keep = keeper(events)
  const pumps = all.map((it) => pump(it, quickened(options, stop.signal), policy, keep, stop.signal))
  return {
    events,
    until: (category, fits, withinMs = 15_000) => until(events, category, fits, withinMs),
    async stop() {
      stop.abort()
      await Promise.all(pumps)
    },
  }
}

export function keeper(events: Event[]): Parameters<typeof pump>[3] {
  return (observation) => {
    const seq = events.length + 1
    events.push(Event.parse({ ...observation, id: uuid7(observation.time, randomBytes), seq, product: 'linux' }))
  }
}

function quickened({ folder, host = (it) => it }: WatchOptions, signal: AbortSignal): Host {
  const real = linux.host({
    hmac: (value) => createHmac('sha256', 'a salt').update(value).digest('hex'),
    stateFolder: `${folder}/memory`,
  })
  let ahead = 0
  return host({
    ...real,
    now: () => Date.now() + ahead,
    elapsed: () => real.elapsed() + ahead,
    sleep: async (ms) => {
      const began = Date.now()
      await real.sleep(Math.min(ms, PAUSE_MS), signal)
      ahead += Math.max(0, ms - (Date.now() - began))
    },
  })
}

export async function until<C extends Category>(
  events: readonly Event[],
  category: C,
  fits: (event: EventOf<C>) => boolean,
  withinMs: number,
): Promise<EventOf<C>> {
  const isIt = (it: Event): it is EventOf<C> => it.category === category && fits(it as EventOf<C>)
  for (const end = performance.now() + withinMs; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = events.find(isIt)
    if (found !== undefined) return found
    if (performance.now() < end) continue
    const alike = events.filter((it) => it.category === category || it.category === 'collection_gap')
    throw new Error(
      `no such ${category} within ${withinMs} ms; of ${events.length} events: ${JSON.stringify(alike.slice(-20))}`,
    )
  }
}
