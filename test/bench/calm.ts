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
import { CalmServer } from './calm-child.ts'
import { type Size, type StoredFleet, storedFleet } from './calm-log.ts'
import type { Report } from './calm-server.ts'
import { Traffic } from './calm-traffic.ts'
import { until } from './children.ts'
import { openPage } from './console-page.ts'
import { DAY, workerOf } from './fleet.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'

const IDLE_MS = 15_000
/** Two saves, which come every 30 s. */
const SAVING_MS = 65_000
const PAGES = 5
/** The largest size, on a machine that others use. */
const WITHIN_MS = 1_800_000

type Says = BenchOptions['says']

export async function bench({ sizes, folder, says }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const size of sizes) {
    const own = folder === null ? mkdtempSync(join(tmpdir(), 'tellwire-bench-')) : null
    const at = own ?? join(folder!, `${size.workers}-${size.events}`)
    try {
      rows.push(...(await measured(await storedFleet(at, size, says), size, says)))
    } finally {
      if (own) rmSync(own, { recursive: true, force: true })
    }
  }
  return rows
}

async function measured(stored: StoredFleet, size: Size, says: Says): Promise<Row[]> {
  const label = `${short(size.workers)} workers, ${short(stored.events)} events`
  says(label)
  configure(stored.folder, 24)
  const rows: Row[] = []
  const server = await CalmServer.start(stored.folder)
  const store = await openStore(
    { engine: 'sqlite', folder: join(stored.folder, 'data') },
    { run: 'inline', readOnly: true },
  )
  const stage: Stage = { stored, size, server, store, traffic: new Traffic(stored.laptops), says, rows }
  try {
    await judgedFirst(stage)
    await stage.traffic.connect(server.url)
    await idle(stage)
    await saving(stage)
    await watched(stage)
    await ruleEdit(stage, 'one rule edited', (n) => `{ Image|endswith: /anydesk${n} }`)
    await ruleEdit(stage, 'one rule edited that reads every program', (n) => `{ Image|re: '^/usr/b.n/[a-z]*${n}$' }`)
    await thresholds(stage)
    await roster(stage)
    await restart(stage)
  } finally {
    stage.traffic.close()
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
async function judgedFirst({ server, store, says, rows }: Stage): Promise<void> {
  rows.push({ name: 'start, to listening', unit: 's', value: server.listeningAfterMs / 1_000, budget: '' })
  const samples: { position: number; cpuMs: number }[] = []
  const begun = performance.now()
  await until(
    async () => {
      const position = await server.gauge('reevaluation_position')
      if (position > 0) samples.push({ position, cpuMs: server.cpuMs() })
      return (await store.evaluations.active()) && (await server.gauge('judged_behind')) < 10_000 ? true : null
    },
    WITHIN_MS,
    () => 'the log is not judged',
  )
  says(`judged after ${((performance.now() - begun) / 1_000).toFixed(0)} s`)
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || last.position <= first.position) return
  const each = ((last.cpuMs - first.cpuMs) * 1_000) / (last.position - first.position)
  rows.push({ name: 'judging the whole log', unit: 'µs of CPU/record', value: each, budget: '' })
}

async function idle({ server, rows, says }: Stage): Promise<void> {
  says(`idle, load ${load()}`)
  await server.measure()
  await delay(IDLE_MS)
  rows.push(...lateness('idle', await server.report()))
}

async function saving({ server, traffic, rows, says }: Stage): Promise<void> {
  says(`saving, load ${load()}`)
  const { report, acks } = await during(server, traffic, () => delay(SAVING_MS))
  rows.push(...lateness('saving', report), ...acknowledged('saving', acks))
}

/** What five people who watch cost: the same traffic with them, and without. */
async function watched({ server, traffic, rows, says }: Stage): Promise<void> {
  says(`without and with consoles, load ${load()}`)
  const without = await during(server, traffic, () => delay(SAVING_MS / 2))
  const servingBefore = server.servingCpuMs()
  const pages = await Promise.all(Array.from({ length: PAGES }, () => openPage(server)))
  const opened = pages.reduce((sum, it) => sum + it.spent().bytes, 0) / PAGES
  const serving = server.servingCpuMs()
  const watched = await during(server, traffic, () => delay(SAVING_MS / 2))
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
  const { stored, rows } = stage
  await settled(stage)
  const { seconds, report, acks } = await reevaluated(stage, name, () => writeRule(stored.folder, detection(++edits)))
  rows.push(
    { name: `${name}, to active`, unit: 's', value: seconds, budget: '<= 30' },
    ...lateness(name, report),
    ...acknowledged(name, acks),
  )
}

async function thresholds(stage: Stage): Promise<void> {
  const { stored, rows } = stage
  const name = 'thresholds changed'
  await settled(stage)
  const change = () =>
    writeFileSync(
      join(stored.folder, 'tellwire.yml'),
      'dataFolder: data\nlisten: { port: 0 }\nrulesFolders: [rules]\nlog: { level: warn }\n' +
        `thresholds: { silence: { silentHours: ${30 + ++edits} } }\n`,
    )
  const { seconds, report, acks } = await reevaluated(stage, name, change)
  rows.push(
    { name: `${name}, to active`, unit: 's', value: seconds, budget: '' },
    ...lateness(name, report),
    ...acknowledged(name, acks),
  )
}

/** Everybody's contract says something else. */
async function roster(stage: Stage): Promise<void> {
  const { stored, size, server, traffic, rows, says } = stage
  const name = 'a roster imported'
  says(`${name}, load ${load()}`)
  await settled(stage)
  const inbox = join(stored.folder, 'data', 'inbox')
  const from = Date.now() - 80 * DAY
  const contracts = Array.from({ length: size.workers }, (_, n) => ({
    ...{ worker: workerOf(n), from, country: 'US', timeZone: 'America/New_York', roles: ['developer'] },
    ...{ latitude: 32.78, longitude: -96.8, approvedTools: [{ tool: 'ScreenConnect', tenant: 'company' }] },
  }))
  const began = performance.now()
  const { report, acks } = await during(server, traffic, async () => {
    const file = await deliver(inbox, { contracts, devices: [] }, Date.now())
    await until(
      async () => {
        const answer = await answerTo(inbox, file)
        if (answer?.failed) throw new Error(answer.failed)
        return answer
      },
      WITHIN_MS,
      () => 'the roster is not imported',
    )
  })
  rows.push(
    { name: `${name}, from delivery`, unit: 's', value: (performance.now() - began) / 1_000, budget: '' },
    ...lateness(name, report),
    ...acknowledged(name, acks),
  )
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

async function reevaluated({ server, store, traffic, says }: Stage, name: string, change: () => void) {
  says(`${name}, load ${load()}`)
  const before = (await store.evaluations.active())?.id
  const began = performance.now()
  let seconds = Number.NaN
  const measured = await during(server, traffic, async () => {
    change()
    await until(
      async () => ((await store.evaluations.active())?.id !== before ? true : null),
      WITHIN_MS,
      () => 'the new judgement does not become active',
    )
    seconds = (performance.now() - began) / 1_000
    // What it costs that it became active, too.
    await delay(5_000)
  })
  return { seconds, ...measured }
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
