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
import { open } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { answerTo, deliver } from '../../server/roster/inbox.ts'
import { openStore } from '../../server/store/open.ts'
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
const SYNC_EVERY_MS = 50

type Says = BenchOptions['says']

export function bench(options: BenchOptions): Promise<Row[]> {
  return measuredAll({ ...options, checkout: null })
}

/** The same of the server at commit 1476a52, as far as it has it: calm-before.ts. */
export async function benchBefore(options: BenchOptions): Promise<Row[]> {
  if (options.checkout === null) throw new Error('give it a checkout of commit 1476a52: --checkout DIR')
  return measuredAll(options)
}

async function measuredAll({ sizes, folder, checkout, stages, seconds, says }: BenchOptions): Promise<Row[]> {
  const watchMs = (seconds * 1_000) / STAGES
  const rows: Row[] = []
  for (const size of sizes) {
    const own = folder === null ? mkdtempSync(join(tmpdir(), 'tellwire-bench-')) : null
    const at = own ?? join(folder!, `${size.workers}-${size.events}${checkout ? '-before' : ''}`)
    try {
      const stored = await storedFleet(at, size, checkout, says)
      rows.push(...(await measured({ stored, size, checkout, stages, watchMs, says })))
    } finally {
      if (own) rmSync(own, { recursive: true, force: true })
    }
  }
  return rows
}

type Work = (stage: Stage) => Promise<void>

const edited: Work = (stage) => ruleEdit(stage, 'one rule edited', (n) => `{ Image|endswith: /anydesk${n} }`)
const editedThatReadsAll: Work = (stage) =>
  ruleEdit(stage, 'one rule edited that reads every program', (n) => `{ Image|re: '^/usr/b.n/[a-z]*${n}$' }`)

/** In their order, by the names that `--stages` takes. */
const ALL: readonly [string, Work][] = [
  ['idle', idle],
  ['saving', saving],
  ['watched', watched],
  ['edit', edited],
  ['wide-edit', editedThatReadsAll],
  ['thresholds', thresholds],
  ['roster', roster],
  ['restart', restart],
  // Last: a server that is killed meanwhile judges the whole log before it goes on.
  ['roster-while-judging', rosterWhileJudging],
]
/** What it has no way to do: thresholds that change while it runs, and a page that asks for what changed. */
const NOT_BEFORE = ['watched', 'wide-edit', 'thresholds']

function measured(setting: Setting): Promise<Row[]> {
  const { checkout, stages } = setting
  const chosen = ALL.filter(([name]) => (stages?.includes(name) ?? true) && !(checkout && NOT_BEFORE.includes(name)))
  return inStages(setting, async (stage) => {
    if (checkout === null) await judgedFirst(stage)
    else judgedBefore(stage)
    await stage.traffic.connect(stage.server.url)
    for (const [, work] of chosen) await work(stage)
  })
}

async function inStages(setting: Setting, work: (stage: Stage) => Promise<void>): Promise<Row[]> {
  const { stored, size, checkout, says } = setting
  const label = `${short(size.workers)} workers, ${short(stored.events)} events`
  says(label)
  configure(stored.folder, 24)
  const rows: Row[] = []
  const server = await CalmServer.start(stored.folder, checkout)
  const traffic = new Traffic(stored.laptops)
  const subject = checkout === null ? await today(server, stored.folder) : before(server, stored.folder)
  try {
    await work({ ...setting, server, subject, traffic, rows })
  } finally {
    traffic.close()
    await server.kill()
    await subject.close()
  }
  return rows.map((row) => ({ ...row, name: `${label}: ${row.name}` }))
}

interface Setting {
  stored: StoredFleet
  size: Size
  checkout: string | null
  stages: readonly string[] | null
  watchMs: number
  says: Says
}

interface Stage extends Setting {
  server: CalmServer
  subject: Subject
  traffic: Traffic
  rows: Row[]
}

/** How judgement stands in one of the two servers. */
interface Subject {
  /** Another one when another judgement is in use; null: none is. */
  inUse(): Promise<string | null>
  isJudgingAnew(): Promise<boolean>
  /** Records that are not judged yet. */
  behind(): Promise<number>
  /** Makes it judge the whole log anew. */
  judgeAnew(): void
  close(): Promise<void>
}

async function today(server: CalmServer, folder: string): Promise<Subject> {
  const store = await openStore({ engine: 'sqlite', folder: join(folder, 'data') }, { run: 'inline', readOnly: true })
  return {
    inUse: async () => (await store.evaluations.active())?.id ?? null,
    isJudgingAnew: async () => (await server.gauge('reevaluation_position')) > 0,
    behind: () => server.gauge('judged_behind'),
    judgeAnew: () => configure(folder, 30 + ++edits),
    close: () => store.close(),
  }
}

/** It judges a record before it hands it on, and every edit of a rule makes it judge everything. */
function before(server: CalmServer, folder: string): Subject {
  return {
    inUse: async () => String(server.rules.inUse),
    isJudgingAnew: async () => server.rules.isChanging,
    behind: async () => 0,
    judgeAnew: () => writeRule(folder, `{ Image|endswith: /anydesk${++edits} }`),
    close: async () => {},
  }
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
  const { server, subject, says, rows } = stage
  rows.push({ name: 'start, to listening', unit: 's', value: server.listeningAfterMs / 1_000, budget: '' })
  const begun = performance.now()
  const costs = new Costs(stage)
  await until(
    async () => {
      await costs.sample()
      return (await subject.inUse()) && (await subject.behind()) < 10_000 ? true : null
    },
    WITHIN_MS,
    () => 'the log is not judged',
  )
  says(`judged after ${((performance.now() - begun) / 1_000).toFixed(0)} s`)
  rows.push(...costs.row('judging the whole log, nothing coming in'))
}

/** It listens when the log is judged. */
function judgedBefore({ server, rows }: Stage): void {
  rows.push({ name: 'start, to listening', unit: 's', value: server.listeningAfterMs / 1_000, budget: '' })
  const { judged } = server
  if (judged) rows.push(costOf('judging the whole log, nothing coming in', judged.cpuMs, judged.records))
}

/** What judging the log costs for each of its records: processor time of the whole process. */
class Costs {
  readonly #stage: Stage
  readonly #samples: { position: number; cpuMs: number }[] = []

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async sample(): Promise<void> {
    const { server } = this.#stage
    if (this.#stage.checkout !== null) return
    const position = await server.gauge('reevaluation_position')
    const known = this.#samples.at(-1)?.position ?? 0
    if (position > known) this.#samples.push({ position, cpuMs: server.cpuMs() })
  }

  /** None when it was over too soon to be looked at twice. */
  row(name: string): Row[] {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last || last === first) return []
    return [costOf(name, last.cpuMs - first.cpuMs, last.position - first.position)]
  }
}

function costOf(name: string, cpuMs: number, records: number): Row {
  return { name, unit: 'µs of CPU/record', value: (cpuMs * 1_000) / records, budget: '' }
}

async function idle({ server, watchMs, rows, says }: Stage): Promise<void> {
  says(`idle, load ${load()}`)
  await server.measure()
  await delay(watchMs / 4)
  rows.push(...lateness('idle', await server.report()))
}

async function saving(stage: Stage): Promise<void> {
  const { watchMs, rows, says } = stage
  says(`saving, load ${load()}`)
  const { report, acks } = await during(stage, () => delay(watchMs))
  rows.push(...lateness('saving', report), ...acknowledged('saving', acks))
}

/** What five people who watch cost: the same traffic with them, and without. */
async function watched(stage: Stage): Promise<void> {
  const { server, watchMs, rows, says } = stage
  says(`without and with consoles, load ${load()}`)
  const without = await during(stage, () => delay(watchMs / 2))
  const servingBefore = server.servingCpuMs()
  const pages = await Promise.all(Array.from({ length: PAGES }, () => openPage(server)))
  const opened = pages.reduce((sum, it) => sum + it.spent().bytes, 0) / PAGES
  const serving = server.servingCpuMs()
  const watched = await during(stage, () => delay(watchMs / 2))
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
  const { subject, rows } = stage
  await settled(stage)
  const inUse = await subject.inUse()
  subject.judgeAnew()
  await until(
    async () => ((await subject.isJudgingAnew()) ? true : null),
    WITHIN_MS,
    () => 'the log is not judged anew',
  )
  const name = 'a 30 MB roster imported while the log is judged anew'
  rows.push(...(await imported(stage, name)))
  const isOver = (await subject.inUse()) !== inUse
  if (isOver) stage.says('judgement was over before the import')
}

/** As the command delivers it. Every version of everybody's contract says something new. */
async function imported(stage: Stage, name: string): Promise<Row[]> {
  const { stored, size, says } = stage
  says(`${name}, load ${load()}`)
  const inbox = join(stored.folder, 'data', 'inbox')
  const contracts = rosterOf(size.workers)
  let seconds = Number.NaN
  const { report, acks } = await during(stage, async () => {
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
async function restart(stage: Stage): Promise<void> {
  const { server, checkout, traffic, rows, says } = stage
  says('killed and started again')
  traffic.close()
  const last = checkout === null ? await server.gauge('judged_position') : 0
  await server.kill()
  await server.startAgain()
  rows.push({
    name: 'restart after kill -9, to listening',
    unit: 's',
    value: server.listeningAfterMs / 1_000,
    budget: '<= 5',
  })
  if (checkout === null) {
    await until(
      async () => ((await server.gauge('judged_position')) >= last ? true : null),
      WITHIN_MS,
      () => 'judgement does not go on',
    )
    const seconds = server.sinceStartMs() / 1_000
    rows.push({ name: 'restart after kill -9, to judging', unit: 's', value: seconds, budget: '' })
  }
  await traffic.connect(server.url)
}

/** Nothing is left over from before. */
async function settled({ subject }: Stage): Promise<void> {
  await until(
    async () => (!(await subject.isJudgingAnew()) && (await subject.behind()) < 5_000 ? true : null),
    WITHIN_MS,
    () => 'judgement is behind',
  )
}

async function reevaluated(stage: Stage, name: string, budget: string, change: () => void): Promise<Row[]> {
  const { server, subject, says } = stage
  await settled(stage)
  says(`${name}, load ${load()}`)
  const inUse = await subject.inUse()
  const began = performance.now()
  const costs = new Costs(stage)
  let [seconds, cpuMs] = [Number.NaN, server.cpuMs()]
  const { report, acks } = await during(stage, async () => {
    change()
    await until(
      async () => {
        await costs.sample()
        return (await subject.inUse()) !== inUse ? true : null
      },
      WITHIN_MS,
      () => 'the new judgement does not become active',
    )
    seconds = (performance.now() - began) / 1_000
    cpuMs = server.cpuMs() - cpuMs
    // What it costs that it became active, too.
    await delay(5_000)
  })
  return [
    { name: `${name}, to active`, unit: 's', value: seconds, budget },
    { name: `${name}, to active, of the whole process`, unit: 'CPU-s', value: cpuMs / 1_000, budget: '' },
    ...costs.row(`${name}, while it is read again`),
    ...lateness(name, report),
    ...acknowledged(name, acks),
  ]
}

async function during(stage: Stage, work: () => Promise<unknown>) {
  const { server, traffic, stored } = stage
  await server.measure()
  const over = new AbortController()
  const waits = traffic.run(over.signal)
  const syncs = diskWaits(stored.folder, over.signal)
  try {
    await work()
  } finally {
    over.abort()
  }
  return { report: await server.report(), acks: { waits: await waits, syncs: await syncs } }
}

/** What a small write takes on this disk by itself: no acknowledgement comes sooner. */
async function diskWaits(folder: string, signal: AbortSignal): Promise<number[]> {
  const waits: number[] = []
  const file = await open(join(folder, 'probe'), 'w')
  for (const bytes = Buffer.alloc(4_096); !signal.aborted; await delay(SYNC_EVERY_MS)) {
    const began = performance.now()
    await file.write(bytes, 0, bytes.length, 0)
    await file.datasync()
    waits.push(performance.now() - began)
  }
  await file.close()
  return waits
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

function acknowledged(name: string, { waits, syncs }: { waits: readonly number[]; syncs: readonly number[] }): Row[] {
  return [
    { name: `${name}, acknowledgement, p50`, unit: 'ms', value: quantile(waits, 0.5), budget: '' },
    { name: `${name}, acknowledgement, p99`, unit: 'ms', value: quantile(waits, 0.99), budget: '<= 250' },
    { name: `${name}, a write of 4 kB on this disk, p99`, unit: 'ms', value: quantile(syncs, 0.99), budget: '' },
  ]
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}

function short(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)}M`
  return count >= 1_000 ? `${Math.round(count / 1_000)}k` : String(Math.round(count))
}
