/**
 * Whether a server stays calm: how late its main thread is, and how long laptops wait for an acknowledgement, while it
 * saves, re-evaluates and imports, with a large fleet's telemetry stored.
 *
 * Shape   the server is a process of its own (calm-server.ts) on a log that was stored before (calm-log.ts). A hundred
 *         laptops send an event a second each; every hundredth event raises a finding that its worker did not have.
 * Units   lateness is what a timer came too late by. 'on a free core' counts only what the main thread itself did: that
 *         is what remains where nothing else wants the processor. An edit counts from the moment the file is written,
 *         so that the server's look at its files, every five seconds, is in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answerTo, deliver } from '../../server/roster/inbox.ts'
import { openStore } from '../../server/store/open.ts'
import type { Store } from '../../server/store/store.ts'
import type { Contract } from '../../wire/contract.ts'
import { CalmServer } from './calm-child.ts'
import { type Size, type StoredFleet, storedFleet } from './calm-log.ts'
import type { Report } from './calm-server.ts'
import { Traffic } from './calm-traffic.ts'
import { until } from './children.ts'
import { openPage } from './console-page.ts'
import { DAY, workerOf } from './fleet.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'

/** With the five minutes that `--seconds` is by default, each watched stage takes one. */
const STAGES = 5
const PAGES = 5
/** The largest size, on a machine that others use. */
const WITHIN_MS = 1_800_000
const ROSTER_BYTES = 30_000_000

type Says = BenchOptions['says']

export async function bench({ sizes, folder, seconds, says }: BenchOptions): Promise<Row[]> {
  const watchMs = (seconds * 1_000) / STAGES
  const rows: Row[] = []
  for (const size of sizes) {
    const own = folder === null ? mkdtempSync(join(tmpdir(), 'tellwire-bench-')) : null
    const at = own ?? join(folder!, `${size.workers}-${size.events}`)
    try {
      rows.push(...(await measured(await storedFleet(at, size, says), size, watchMs, says)))
    } finally {
      if (own) rmSync(own, { recursive: true, force: true })
    }
  }
  return rows
}

async function measured(stored: StoredFleet, size: Size, watchMs: number, says: Says): Promise<Row[]> {
  const label = `${short(size.workers)} workers, ${short(stored.events)} events`
  says(label)
  configure(stored.folder, 24)
  const rows: Row[] = []
  const server = await CalmServer.start(stored.folder)
  const store = await openStore(
    { engine: 'sqlite', folder: join(stored.folder, 'data') },
    { run: 'inline', readOnly: true },
  )
  const traffic = new Traffic(stored.laptops)
  const stage: Stage = { stored, size, server, store, traffic, watchMs, says, rows }
  try {
    await judgedFirst(stage)
    await traffic.connect(server.url)
    await idle(stage)
    await saving(stage)
    await watched(stage)
    await ruleEdit(stage, 'one rule edited', (n) => `{ Image|endswith: /anydesk${n} }`)
    await ruleEdit(stage, 'one rule edited that reads every program', (n) => `{ Image|re: '^/usr/b.n/[a-z]*${n}$' }`)
    await thresholds(stage)
    await roster(stage)
    await rosterWhileJudging(stage)
    await restart(stage)
  } finally {
    traffic.close()
    await server.kill()
    await store.close()
  }
  return rows.map((row) => ({ ...row, name: `${label}: ${row.name}` }))
}

interface Stage {
  stored: StoredFleet
  size: Size
  server: CalmServer
  store: Store
  traffic: Traffic
  watchMs: number
  says: Says
  rows: Row[]
}

const RULE = 'calm.yml'
let edits = 0

function configure(folder: string, silentHours: number): void {
  writeFileSync(
    join(folder, 'tellwire.yml'),
    'dataFolder: data\nlisten: { port: 0 }\nrulesFolders: [rules]\nlog: { level: warn }\n' +
      `thresholds: { silence: { silentHours: ${silentHours} } }\n`,
  )
  writeRule(folder, '{ Image|endswith: /nothing }')
}

function writeRule(folder: string, detection: string): void {
  writeFileSync(
    join(folder, 'rules', RULE),
    `
title: A rule that is edited
id: 77777777-7777-4777-8777-777777777777
level: low
logsource: { category: process_creation }
detection: { it: ${detection}, condition: it }
`,
  )
}

/** The log is judged from its beginning; a folder that was used before goes on. */
async function judgedFirst(stage: Stage): Promise<void> {
  const { server, store, says, rows } = stage
  rows.push({ name: 'start, to listening', unit: 's', value: server.listeningAfterMs / 1_000, budget: '' })
  const begun = performance.now()
  const costs = new Costs(stage)
  await until(
    async () => {
      await costs.sample()
      return (await store.evaluations.active()) && (await server.gauge('judged_behind')) < 10_000 ? true : null
    },
    WITHIN_MS,
    () => 'the log is not judged',
  )
  says(`judged after ${((performance.now() - begun) / 1_000).toFixed(0)} s`)
  rows.push(...costs.row('judging the whole log, nothing coming in'))
}

/** What judging the log costs for each of its events: processor time of all threads but the main one. */
class Costs {
  readonly #stage: Stage
  readonly #samples: { position: number; cpuMs: number }[] = []

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async sample(): Promise<void> {
    const { server } = this.#stage
    const position = await server.gauge('reevaluation_position')
    const known = this.#samples.at(-1)?.position ?? 0
    if (position > known) this.#samples.push({ position, cpuMs: server.otherCpuMs() })
  }

  /** None when it was over too soon to be looked at twice. */
  row(name: string): Row[] {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last || last === first) return []
    const each = ((last.cpuMs - first.cpuMs) * 1_000) / (last.position - first.position)
    return [{ name, unit: 'µs of CPU/record', value: each, budget: '' }]
  }
}

async function idle({ server, watchMs, rows, says }: Stage): Promise<void> {
  says(`idle, load ${load()}`)
  await server.measure()
  await delay(watchMs / 4)
  rows.push(...lateness('idle', await server.report()))
}

async function saving({ server, traffic, watchMs, rows, says }: Stage): Promise<void> {
  says(`saving, load ${load()}`)
  const { report, acks } = await during(server, traffic, () => delay(watchMs))
  rows.push(...lateness('saving', report), ...acknowledged('saving', acks))
}

/** What five people who watch cost: the same traffic with them, and without. */
async function watched({ server, traffic, watchMs, rows, says }: Stage): Promise<void> {
  says(`without and with consoles, load ${load()}`)
  const without = await during(server, traffic, () => delay(watchMs / 2))
  const servingBefore = server.servingCpuMs()
  const pages = await Promise.all(Array.from({ length: PAGES }, () => openPage(server)))
  const opened = pages.reduce((sum, it) => sum + it.spent().bytes, 0) / PAGES
  const serving = server.servingCpuMs()
  const watched = await during(server, traffic, () => delay(watchMs / 2))
  const spent = pages.map((it) => it.spent())
  await Promise.all(pages.map((it) => it.close()))
  const share = ({ cpuMs, tookMs }: Report) => (100 * cpuMs) / tookMs
  says(
    `a page takes ${short(opened)} bytes when it opens (${Math.round((serving - servingBefore) / PAGES)} ms of CPU), ` +
      `then ${Math.round((spent[0]!.bytes - opened) / 1_000)} kB in ${spent[0]!.questions} questions`,
  )
  rows.push(
    {
      name: `${PAGES} consoles watching, main thread`,
      unit: '% of a core',
      value: share(watched.report) - share(without.report),
      budget: '<= 10',
    },
    {
      name: 'main thread with 100 events/s, nobody watching',
      unit: '% of a core',
      value: share(without.report),
      budget: '',
    },
    ...lateness(`${PAGES} consoles watching`, watched.report),
    ...acknowledged(`${PAGES} consoles watching`, watched.acks),
  )
}

async function ruleEdit(stage: Stage, name: string, detection: (n: number) => string): Promise<void> {
  const change = () => writeRule(stage.stored.folder, detection(++edits))
  stage.rows.push(...(await reevaluated(stage, name, '<= 30', change)))
}

async function thresholds(stage: Stage): Promise<void> {
  const change = () => configure(stage.stored.folder, 30 + ++edits)
  stage.rows.push(...(await reevaluated(stage, 'thresholds changed', '', change)))
}

async function roster(stage: Stage): Promise<void> {
  stage.rows.push(...(await imported(stage, 'a 30 MB roster imported')))
}

/** While the whole log is judged anew. */
async function rosterWhileJudging(stage: Stage): Promise<void> {
  const { stored, server, store, rows } = stage
  await settled(stage)
  const before = (await store.evaluations.active())?.id
  configure(stored.folder, 30 + ++edits)
  await until(
    async () => ((await server.gauge('reevaluation_position')) > 0 ? true : null),
    WITHIN_MS,
    () => 'the log is not judged anew',
  )
  const name = 'a 30 MB roster imported while the log is judged anew'
  rows.push(...(await imported(stage, name)))
  const isOver = (await store.evaluations.active())?.id !== before
  if (isOver) stage.says('judgement was over before the import')
}

/** As the command delivers it. Every version of everybody's contract says something new. */
async function imported(stage: Stage, name: string): Promise<Row[]> {
  const { stored, size, server, traffic, says } = stage
  says(`${name}, load ${load()}`)
  const inbox = join(stored.folder, 'data', 'inbox')
  const contracts = rosterOf(size.workers)
  let seconds = Number.NaN
  const { report, acks } = await during(server, traffic, async () => {
    const file = await deliver(inbox, { contracts, devices: [] }, Date.now())
    const began = performance.now()
    await until(
      async () => {
        const answer = await answerTo(inbox, file)
        if (answer?.failed) throw new Error(answer.failed)
        return answer
      },
      WITHIN_MS,
      () => 'the roster is not imported',
    )
    seconds = (performance.now() - began) / 1_000
  })
  return [
    { name: `${name}, from delivery`, unit: 's', value: seconds, budget: '' },
    ...lateness(name, report),
    ...acknowledged(name, acks),
  ]
}

/** So many versions of each contract as fill 30 MB, a day apart. */
function rosterOf(workers: number): Contract[] {
  const import_ = ++edits
  const one = contractOf(0, 0, import_)
  const versions = Math.max(1, Math.round(ROSTER_BYTES / JSON.stringify(one).length / workers))
  return Array.from({ length: workers * versions }, (_, n) =>
    contractOf(n % workers, Date.now() - 80 * DAY + Math.floor(n / workers) * DAY + import_, import_),
  )
}

/** Some 1,500 bytes: with what a company writes down of somebody who works from home. */
function contractOf(n: number, from: number, ticket: number): Contract {
  const approved = { from: from - DAY, to: from + 900 * DAY, approvedBy: 'it-security@example', ticket: `IT-${ticket}` }
  return {
    ...{ worker: workerOf(n), from, name: `Worker ${n}`, country: 'US', region: 'Texas', city: 'Austin' },
    ...{ latitude: 30.27, longitude: -97.74, timeZone: 'America/Chicago', roles: ['developer', 'on call'] },
    approvedTools: [
      { tool: 'ScreenConnect', tenant: 'company', ...approved },
      { tool: 'Zoom', tenant: 'company', ...approved },
    ],
    approvedEgress: [{ address: '198.51.100.0/24', ...approved }],
    travelNotices: [{ country: 'CA', ...approved, from: from + 300 * DAY, to: from + 310 * DAY }],
    household: [{ worker: `household-${n}`, ...approved }],
    peripherals: [
      { kind: 'keyboard', vendorId: '046d', productId: 'c52b', serial: `K${n}`, ...approved },
      { kind: 'monitor', vendorId: '0bda', productId: '5411', serial: `M${n}`, ...approved },
    ],
    declaredHours: [{ days: [1, 2, 3, 4, 5], start: '09:00', end: '17:30', ...approved }],
    ...{ approvedBy: 'people-operations@example', ticket: `HR-${ticket}` },
  }
}

/** After kill -9, with what was not saved. */
async function restart({ server, traffic, rows, says }: Stage): Promise<void> {
  says('killed and started again')
  traffic.close()
  const last = await server.gauge('judged_position')
  await server.kill()
  await server.startAgain()
  rows.push({
    name: 'restart after kill -9, to listening',
    unit: 's',
    value: server.listeningAfterMs / 1_000,
    budget: '<= 5',
  })
  await until(
    async () => ((await server.gauge('judged_position')) >= last ? true : null),
    WITHIN_MS,
    () => 'judgement does not go on',
  )
  rows.push({ name: 'restart after kill -9, to judging', unit: 's', value: server.sinceStartMs() / 1_000, budget: '' })
}

/** Nothing is left over from before. */
async function settled({ server }: Stage): Promise<void> {
  await until(
    async () =>
      (await server.gauge('reevaluation_position')) === 0 && (await server.gauge('judged_behind')) < 5_000
        ? true
        : null,
    WITHIN_MS,
    () => 'judgement is behind',
  )
}

async function reevaluated(stage: Stage, name: string, budget: string, change: () => void): Promise<Row[]> {
  const { server, store, traffic, says } = stage
  await settled(stage)
  says(`${name}, load ${load()}`)
  const before = (await store.evaluations.active())?.id
  const began = performance.now()
  const costs = new Costs(stage)
  let [seconds, cpuMs] = [Number.NaN, server.otherCpuMs()]
  const { report, acks } = await during(server, traffic, async () => {
    change()
    await until(
      async () => {
        await costs.sample()
        return (await store.evaluations.active())?.id !== before ? true : null
      },
      WITHIN_MS,
      () => 'the new judgement does not become active',
    )
    seconds = (performance.now() - began) / 1_000
    cpuMs = server.otherCpuMs() - cpuMs
    // What it costs that it became active, too.
    await delay(5_000)
  })
  return [
    { name: `${name}, to active`, unit: 's', value: seconds, budget },
    { name: `${name}, to active, all threads but the main one`, unit: 'CPU-s', value: cpuMs / 1_000, budget: '' },
    ...costs.row(`${name}, while it is read again`),
    ...lateness(name, report),
    ...acknowledged(name, acks),
  ]
}

async function during(server: CalmServer, traffic: Traffic, work: () => Promise<unknown>) {
  await server.measure()
  const over = new AbortController()
  const waits = traffic.run(over.signal)
  try {
    await work()
  } finally {
    over.abort()
  }
  return { report: await server.report(), acks: await waits }
}

function lateness(name: string, { delay, own, waitedMs, tookMs }: Report): Row[] {
  const ms = { unit: 'ms', budget: '' }
  const waited = waitedMs === null ? Number.NaN : (100 * waitedMs) / tookMs
  return [
    { name: `${name}, loop delay, p50`, ...ms, value: delay.p50 },
    { name: `${name}, loop delay, p99`, ...ms, value: delay.p99, budget: '<= 50' },
    { name: `${name}, loop delay, longest`, ...ms, value: delay.max },
    { name: `${name}, loop delay on a free core, p99`, ...ms, value: own.p99, budget: '<= 50' },
    { name: `${name}, loop delay on a free core, longest`, ...ms, value: own.max },
    { name: `${name}, main thread waiting for a core`, unit: '% of the time', value: waited, budget: '' },
  ]
}

function acknowledged(name: string, waits: readonly number[]): Row[] {
  return [
    { name: `${name}, acknowledgement, p50`, unit: 'ms', value: quantile(waits, 0.5), budget: '' },
    { name: `${name}, acknowledgement, p99`, unit: 'ms', value: quantile(waits, 0.99), budget: '<= 250' },
  ]
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}

function short(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)}M`
  return count >= 1_000 ? `${Math.round(count / 1_000)}k` : String(Math.round(count))
}
