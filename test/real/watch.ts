/**
 * Real collectors on this machine, and what the server makes of what they see.
 *
 * Shape   `watch` runs collectors with the real host; what they yield is stamped as the spool would and has to fit the
 *         wire. `judged` replays it through the shipped rules and catalogue, as `tellwire replay` does.
 * Units   a collector's pauses last 100 ms at most, and its clock moves on as if they had been whole: what is seen is
 *         real, waiting for it is not. Each collector has a clock of its own.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { pump } from '../../agent/collect.ts'
import { collectorsWith, type ForkCounters } from '../../agent/collectors/index.ts'
import { type Host, realHost } from '../../agent/host.ts'
import { forCollectors } from '../../agent/policy.ts'
import { uuid7 } from '../../agent/uuid.ts'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { replay } from '../../server/commands/replay.ts'
import { loadRules } from '../../server/detect/program.ts'
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
  const forks: ForkCounters = { seen: 0, total: 0 }
  const all = collectorsWith(forks).filter((it) => names.includes(it.name))
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
  const real = realHost({ hmac: () => '0f'.repeat(32), memoryFolder: `${folder}/memory` })
  let ahead = 0
  return host({
    ...real,
    now: () => Date.now() + ahead,
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

const catalogue = loadCatalogue()
const ruleset = loadRules([], (it) => assert.fail(`${it.path}:${it.line}: ${it.message}`))

/** 'hardware/ip-kvm-by-usb-id': the rules that found something, about a laptop that was handed over an hour before. */
export async function judged(events: readonly Event[]): Promise<string[]> {
  const { program, correlations } = await ruleset
  const first = Math.min(...events.map((it) => it.time))
  const from = first - 3_600_000
  const records = [
    { type: 'contract', worker: 'w1', from, country: 'US', roles: ['developer'], start: from },
    { type: 'device', device: 'd1', worker: 'w1', from, to: null, firstBoot: from },
    ...[...events]
      .sort((a, b) => a.time - b.time)
      .map((event) => ({ type: 'event', device: 'd1', epoch: 1, receivedAt: event.time, event })),
  ]
  const problems: string[] = []
  const answer = await replay(
    lines(records),
    {
      program,
      correlations,
      recognise: (event) => recognise(catalogue, event),
      lookup: () => ({ country: null, region: null, city: null, lat: null, lon: null, asn: null, class: 'unknown' }),
    },
    { onProblem: (line, why) => void problems.push(`${line}: ${why}`) },
  )
  assert.deepEqual(problems, [])
  const paths = new Map([...program.rules, ...correlations].map((it) => [it.id, it.path]))
  const found = answer.workers.flatMap((it) => it.findings).map((it) => paths.get(it.rule) ?? it.rule)
  return [...new Set(found.map((it) => `${basename(dirname(it))}/${basename(it, '.yml')}`))].sort()
}

async function* lines(records: readonly object[]) {
  for (const it of records) yield JSON.stringify(it)
}

export function has(found: readonly string[], ...rules: string[]): void {
  assert.deepEqual(
    rules.filter((it) => !found.includes(it)),
    [],
    `found only ${found.join(', ') || 'nothing'}`,
  )
}
