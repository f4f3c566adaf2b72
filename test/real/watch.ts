/**
 * Runs real collectors on this machine.
 *
 * Shape   `watch` runs collectors with the real host. What they yield is completed as the spool would do it, and must
 *         satisfy the wire's schema.
 * Units   a collector's pauses are at most 100 ms, and its clock advances by the full pause, so that tests do not wait
 *         for polling intervals. Each collector has its own clock.
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
import { policy as basePolicy } from '../agent/fake-host.ts'

const PAUSE_MS = 100

export interface Watch {
  events: Event[]
  /**
   * The first event of the category for which `fits` is true, now or later. Rejects after `withinMs` with the latest
   * events.
   */
  until<C extends Category>(category: C, fits: (event: EventOf<C>) => boolean, withinMs?: number): Promise<EventOf<C>>
  stop(): Promise<void>
}
export interface WatchOptions {
  folder: string
  policy?: Partial<Policy>
  /** Wraps the host, for example to redirect paths. */
  host?: (real: Host) => Host
}

export function watch(names: readonly string[], options: WatchOptions): Watch {
  const stop = new AbortController()
  const all = collectorsOf('linux', { seen: 0, total: 0 }).filter((it) => names.includes(it.name))
  assert.equal(all.length, names.length, `no such collector among ${names}`)
  const policy = forCollectors({ ...basePolicy, ...options.policy })
  const events: Event[] = []
  const emit = collectInto(events)
  const pumps = all.map((it) => pump(it, fastHost(options, stop.signal), policy, emit, stop.signal))
  return {
    events,
    until: (category, fits, withinMs = 15_000) => until(events, category, fits, withinMs),
    async stop() {
      stop.abort()
      await Promise.all(pumps)
    },
  }
}

function collectInto(events: Event[]): Parameters<typeof pump>[3] {
  return (observation) => {
    const seq = events.length + 1
    events.push(Event.parse({ ...observation, id: uuid7(observation.time, randomBytes), seq, product: 'linux' }))
  }
}

function fastHost({ folder, host = (it) => it }: WatchOptions, signal: AbortSignal): Host {
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
  events: readonly Event[] | (() => readonly Event[]),
  category: C,
  fits: (event: EventOf<C>) => boolean,
  withinMs: number,
): Promise<EventOf<C>> {
  const isIt = (it: Event): it is EventOf<C> => it.category === category && fits(it as EventOf<C>)
  for (const end = performance.now() + withinMs; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const all = typeof events === 'function' ? events() : events
    const found = all.find(isIt)
    if (found !== undefined) return found
    if (performance.now() < end) continue
    const alike = all.filter((it) => it.category === category || it.category === 'collection_gap')
    throw new Error(
      `no such ${category} within ${withinMs} ms; of ${all.length} events: ${JSON.stringify(alike.slice(-20))}`,
    )
  }
}
