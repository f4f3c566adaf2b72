/** The cost of the derivers: a thousand workers, two weeks, through all derivers as the pipeline calls them. */
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Deriver, Reading, Seen } from '../../server/derive/deriver.ts'
import { derivers } from '../../server/derive/index.ts'
import { changedRows, type Row as KeptRow, prefixed } from '../../server/derive/kit/kept.ts'
import { World } from '../../server/derive/kit/world.ts'
import { CATEGORIES, type Category, type Event } from '../../wire/event.ts'
import type { AddressFacts } from '../../wire/recording.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const WORKERS = 1_000
const DAYS = 14
const PASSES = 3
const DAY = 86_400_000
const START = Date.UTC(2026, 0, 5)
const TICK_MS = 300_000
/** Per worker and working day: one look every eight minutes, with the events it finds. */
const LOOKS_A_DAY = 64

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const rates: number[] = []
  let events = 0
  for (let pass = 1; pass <= PASSES; pass++) {
    says(`pass ${pass} of ${PASSES}`)
    const run = filled()
    events = run.events
    rates.push(run.events / run.seconds)
  }
  says('memory')
  const before = await bytesInUse()
  const run = filled()
  const bytes = (await bytesInUse()) - before
  // Used after the measurement, so that it is not garbage-collected before.
  if (run.world.workers().length !== WORKERS) throw new Error('some workers are missing')
  says('what changed, written every five minutes')
  const written = { rows: 0, bytes: 0 }
  const writing = filled((rows) => {
    written.rows += rows.length
    for (const { part, subject, state } of rows) written.bytes += part.length + subject.length + (state?.length ?? 0)
  })
  const days = WORKERS * DAYS
  const label = `derivers, ${WORKERS} workers, ${DAYS} days, ${events.toLocaleString('en')} events`
  return [
    { name: label, unit: 'events/CPU-s', value: median(rates), budget: '>= 50,000' },
    { name: `${label}, what they keep`, unit: 'B/worker', value: bytes / WORKERS, budget: '' },
    { name: `${label}, and what changed as text`, unit: 'events/CPU-s', value: events / writing.seconds, budget: '' },
    {
      name: 'derivers, rows that changed in five minutes',
      unit: 'a worker-day',
      value: written.rows / days,
      budget: '',
    },
    { name: 'derivers, text of those', unit: 'B/worker-day', value: written.bytes / days, budget: '' },
  ]
}

/**
 * In order of time, one laptop per worker. Only the derivers' own time counts, not that of making the events. `write`
 * receives what changed.
 */
function filled(write?: (rows: readonly KeptRow[]) => void): {
  world: World
  events: number
  seconds: number
  all: [string, Deriver][]
} {
  const world = new World()
  const all = derivers(world)
  const parts = Object.assign({}, ...all.map(([name, it]) => prefixed(name, it.kept)))
  for (let n = 0; n < WORKERS; n++) {
    const from = START - 90 * DAY
    world.addContract({ worker: `w${n}`, from, country: 'US', timeZone: 'America/Chicago', roles: [ROLES[n % 4]!] })
    world.addDevice({ device: `d${n}`, worker: `w${n}`, from, to: null, firstBoot: from })
  }
  const readings: Reading[] = ['session', ...(Object.keys(CATEGORIES) as Category[])]
  const readers = new Map(
    readings.map((it) => [it, all.flatMap(([, one]) => ((one.reads?.includes(it) ?? true) ? [one] : []))]),
  )
  let [events, spent, ticked] = [0, 0, 0]
  for (let day = 0; day < DAYS; day++)
    for (let look = 0; look < LOOKS_A_DAY; look++) {
      const seen: Seen[] = []
      for (let n = 0; n < WORKERS; n++) seen.push(seenAt(world, n, day, look))
      const start = process.threadCpuUsage()
      for (const it of seen) {
        for (const deriver of readers.get(it.event?.category ?? 'session')!) deriver.take(it, () => {})
        if (it.time < ticked + TICK_MS) continue
        ticked = it.time
        for (const [, deriver] of all) deriver.advance?.(it.time, () => {})
        write?.(changedRows(parts))
      }
      const { user, system } = process.threadCpuUsage(start)
      spent += (user + system) / 1e6
      events += seen.length
    }
  return { world, events, seconds: spent, all }
}

const ROLES = ['developer', 'platform engineer', 'support', 'designer']
const HOME: AddressFacts = {
  country: 'US',
  region: 'Texas',
  city: 'Austin',
  lat: 30.27,
  lon: -97.74,
  asn: 64_500,
  class: 'residential',
}

function seenAt(world: World, n: number, day: number, look: number): Seen {
  const time = START + day * DAY + 14 * 3_600_000 + look * 480_000 + n * 480
  const [device, worker] = [`d${n}`, `w${n}`]
  const isSession = look === 0
  return {
    event: isSession ? null : eventAt(n, day, look, time),
    connection: isSession
      ? { type: 'connection', device, time, remoteAddress: `203.0.113.${n % 250}`, rttMinMs: 40, geo: HOME }
      : null,
    peer: null,
    approval: null,
    conflict: false,
    device,
    worker,
    time,
    receivedAt: time,
    epoch: isSession ? null : 1,
    contract: world.contractAt(worker, time),
    firstBoot: world.firstBoot(device),
    facts: isSession ? undefined : factsAt(n, look),
  }
}

/** Of 64 events: 8 each of traffic and presence, a burst, a clone every third day, and otherwise programs. */
function eventAt(n: number, day: number, look: number, time: number): Event {
  const number = (day * LOOKS_A_DAY + look) * WORKERS + n
  const id = `01890000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
  const envelope = { id, seq: day * LOOKS_A_DAY + look, time, product: 'linux', collector: 'bench' } as const
  if (look % 8 === 1)
    return {
      ...envelope,
      category: 'egress',
      Image: null,
      DestinationIp: null,
      DestinationPort: null,
      DestinationHostname: null,
      BytesSent: ((number * 7_919) % 40) * 1_000_000,
      BytesReceived: 0,
      WindowSeconds: 3_600,
    }
  if (look % 8 === 2)
    return { ...envelope, category: 'presence', ActiveMinutes: 45, LongestIdleSeconds: 500, WindowSeconds: 3_600 }
  if (look === 3)
    return {
      ...envelope,
      category: 'file_burst',
      Root: '/x',
      RootKind: 'source',
      Files: 30,
      Bytes: 9e5,
      Archives: 0,
      SourceFiles: 30,
      WindowSeconds: 60,
    }
  if (look === 4 && (day + n) % 3 === 0)
    return {
      ...envelope,
      category: 'repository',
      Action: 'clone',
      Host: 'git.example',
      Namespace: 'acme',
      Bytes: null,
      InsideOrganisation: null,
    }
  return {
    ...envelope,
    category: 'process_creation',
    Image: '/usr/bin/make',
    CommandLine: 'make',
    ParentImage: '/usr/bin/bash',
    ParentCommandLine: 'bash',
    User: 'user',
    ProcessId: 4_242,
    ParentProcessId: 1,
    CurrentDirectory: null,
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer: null,
    StartedBeforeAgent: false,
  }
}

/** Every tenth laptop has a remote-control tool, seen repeatedly. */
function factsAt(n: number, look: number): Seen['facts'] {
  if (n % 10 !== 0 || look % 4 !== 0) return undefined
  const tool = { id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop', renamed: false, unattended: null }
  return { tools: [{ ...tool, by: 'name' }] }
}

async function bytesInUse(): Promise<number> {
  v8.setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  // Buffers are freed shortly after the collection.
  for (let n = 0; n < 4; n++) {
    gc()
    await sleep(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
