/**
 * The server's cost for the console: a page that opens, pages open during changes, and pages open without changes.
 *
 * Shape   the API and its queue over SQLite, on a socket; the pages in another process. A third of the workers have
 *         findings, four of five laptops are online. Evaluation is not included: a commit of standings replaces the
 *         detector, and costs the same with and without pages.
 * Units   CPU of all threads of this process, compression and store included. 'watching': more than the same commits
 *         cost without pages. Bytes as sent over the network.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ServerType, serve } from '@hono/node-server'
import { addUser } from '../../server/access/sign-in.ts'
import { api } from '../../server/api/app.ts'
import { bookOf } from '../../server/derive/coverage.ts'
import type { Standing } from '../../server/model/standing.ts'
import { Directory } from '../../server/roster/directory.ts'
import { memoryTelemetry } from '../../server/store/memory/telemetry.ts'
import { openStore } from '../../server/store/open.ts'
import type { Commit, Store } from '../../server/store/store.ts'
import { COVERAGE_PART } from '../../server/views/coverage.ts'
import { Queue } from '../../server/views/queue.ts'
import type { Reader } from '../../server/views/reader.ts'
import { AGENT_CATEGORIES } from '../../wire/event.ts'
import { contract, holding, NOWHERE } from '../server/events.ts'
import { signIn } from './children.ts'
import type { FromWatchers, ToWatchers, Watched } from './console-watchers.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const SIZES = [1_000, 5_000, 20_000]
const PAGES = 5
const CHANGED = 10
const PASSES = 10
/** As often as a busy detector commits. */
const COMMIT_EVERY_MS = 1_000
const WATCH_MS = 20_000
const DEVICES_AT_ONCE = 500

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const workers of SIZES) {
    says(`${workers.toLocaleString('en')} workers`)
    rows.push(...(await measured(workers)))
  }
  return rows
}

async function measured(workers: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const office = await Office.open(folder, workers)
  const watchers = new Watchers()
  try {
    const alone = await committing(office)
    const rows = await firstLoads(office, watchers)
    rows.push(...(await deltas(office, watchers)), await nothing(office, watchers), ...(await one(office)))
    await watchers.open(office, PAGES - 1)
    const watched = await committing(office)
    const share = { unit: '% of a core', value: (100 * (watched - alone)) / WATCH_MS }
    rows.push({ name: `${PAGES} pages watching, ${CHANGED} rows a second`, ...share, budget: '<= 10' })
    rows.push(await minutes(office))
    await checkRows(office, watchers)
    return rows.map((row) => ({ ...row, name: `${row.name}, ${workers.toLocaleString('en')} workers` }))
  } finally {
    watchers.close()
    await office.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstLoads(office: Office, watchers: Watchers): Promise<Row[]> {
  const spent = await office.spent(() => watchers.open(office, 1))
  return [
    { name: 'queue filled', unit: 'CPU-ms', value: office.fillMs, budget: '' },
    { name: 'first load of a page', unit: 'kB', value: spent.bytes / 1_000, budget: '' },
    { name: 'first load of a page', unit: 'CPU-ms', value: spent.cpuMs, budget: '' },
  ]
}

/** With one page open; the cost of the same commits without a page is subtracted. */
async function deltas(office: Office, watchers: Watchers): Promise<Row[]> {
  const cpu: number[] = []
  const bytes: number[] = []
  for (let pass = 0; pass < PASSES; pass++) {
    const before = (await watchers.report()).lastRowAt
    const spent = await office.spent(async () => {
      await office.commit()
      await until(async () => (await watchers.report()).lastRowAt > before)
    })
    cpu.push(spent.cpuMs)
    bytes.push(spent.bytes)
    // A page gets at most one notice per second.
    await delay(COMMIT_EVERY_MS)
  }
  const name = `a page that gets ${CHANGED} changed rows, their commit included`
  return [
    { name, unit: 'kB', value: median(bytes) / 1_000, budget: '' },
    { name, unit: 'CPU-ms', value: median(cpu), budget: '' },
  ]
}

async function nothing(office: Office, watchers: Watchers): Promise<Row> {
  const { questions } = await watchers.report()
  const spent = await office.spent(async () => {
    for (let ms = 0; ms < WATCH_MS / 2; ms += COMMIT_EVERY_MS) {
      await office.commit([])
      await delay(COMMIT_EVERY_MS)
    }
  })
  const asked = (await watchers.report()).questions - questions
  if (asked > 0) throw new Error(`a page sent ${asked} requests without a change`)
  return { name: 'a page while commits change nothing', unit: 'bytes', value: spent.bytes, budget: '<= 0' }
}

/** Pages of one worker and of laptops: their cost must not grow with the fleet. */
async function one(office: Office): Promise<Row[]> {
  const rows: Row[] = []
  for (const [name, path] of [
    ['page of one worker', `workers/${workerOf(3)}`],
    ['page of 200 laptops', 'laptops'],
  ] as const) {
    const took: number[] = []
    let bytes = 0
    for (let pass = 0; pass < PASSES; pass++) {
      const spent = await office.spent(async () => {
        bytes = (await office.read(path)).length
      })
      took.push(spent.cpuMs)
    }
    rows.push({ name, unit: 'CPU-ms', value: median(took), budget: '' })
    rows.push({ name, unit: 'kB of JSON', value: bytes / 1_000, budget: '' })
  }
  return rows
}

/** Laptops are read once an hour, a sixtieth of them each minute; those online were seen just now. */
async function minutes(office: Office): Promise<Row> {
  const took: number[] = []
  for (let pass = 0; pass < PASSES; pass++) {
    const { cpuMs } = await office.spent(async () => {
      await office.minute()
      await delay(COMMIT_EVERY_MS)
    })
    took.push(cpuMs)
  }
  return { name: `a minute passes, ${PAGES} pages watching`, unit: 'CPU-ms', value: median(took), budget: '' }
}

/** CPU-ms of one commit per second. */
async function committing(office: Office): Promise<number> {
  const { cpuMs } = await office.spent(async () => {
    for (let ms = 0; ms < WATCH_MS; ms += COMMIT_EVERY_MS) {
      const began = performance.now()
      await office.commit()
      await delay(Math.max(0, COMMIT_EVERY_MS - (performance.now() - began)))
    }
  })
  return cpuMs
}

async function checkRows(office: Office, watchers: Watchers): Promise<void> {
  const { rows } = await watchers.report()
  if (rows.length !== PAGES || rows.some((it) => it !== office.workers))
    throw new Error(`${PAGES} pages should have ${office.workers} rows each; they have ${rows}`)
}

const workerOf = (n: number) => `worker-${n}`
const deviceOf = (n: number) => `device-${n}`

/** A server's API over a store with a fleet in it. */
class Office {
  readonly workers: number
  readonly #store: Store
  readonly #queue: Queue
  readonly #http: ServerType
  readonly fillMs: number
  readonly url: string
  readonly cookie: string
  readonly #sent: () => number
  readonly #clock: { ahead: number }
  #position = 1
  #moved = 0

  static async open(folder: string, workers: number): Promise<Office> {
    const store = await openStore({ engine: 'sqlite', folder })
    const clock = { ahead: 0 }
    const reader = await filled(store, workers, clock)
    const before = process.cpuUsage()
    const queue = await Queue.open(reader)
    const fillMs = spentSince(before)
    const { http, sent } = await listening(reader, queue, store)
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const link = await addUser(store, 'bench', 'analyst', Date.now(), randomBytes)
    const cookie = await signIn(url, link.split('#/welcome/')[1]!)
    return new Office({ workers, store, queue, http, fillMs, url, cookie, sent, clock })
  }

  private constructor(about: {
    workers: number
    store: Store
    queue: Queue
    http: ServerType
    fillMs: number
    url: string
    cookie: string
    sent: () => number
    clock: { ahead: number }
  }) {
    this.workers = about.workers
    this.#store = about.store
    this.#queue = about.queue
    this.#http = about.http
    this.fillMs = about.fillMs
    this.url = about.url
    this.cookie = about.cookie
    this.#sent = about.sent
    this.#clock = about.clock
  }

  /** Does what a detector does per commit. By default, ten workers have new standings. */
  async commit(standings?: Standing[]): Promise<void> {
    const moved = standings ?? Array.from({ length: CHANGED }, () => standingOf(3 * (this.#moved++ % 300), this.#moved))
    await this.#store.evaluations.commit('bench', commitOf(++this.#position, { standings: moved }))
    await this.#queue.judged()
  }

  async minute(): Promise<void> {
    this.#clock.ahead += 60_000
    await this.#queue.tick()
  }

  async read(path: string): Promise<string> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { headers: { Cookie: this.cookie } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer.text()
  }

  async spent(work: () => Promise<void>): Promise<{ cpuMs: number; bytes: number }> {
    const [cpu, bytes] = [process.cpuUsage(), this.#sent()]
    await work()
    return { cpuMs: spentSince(cpu), bytes: this.#sent() - bytes }
  }

  async close(): Promise<void> {
    if ('closeAllConnections' in this.#http) this.#http.closeAllConnections()
    await new Promise<void>((resolve) => this.#http.close(() => resolve()))
    this.#queue.close()
    await this.#store.close()
  }
}

async function filled(store: Store, workers: number, clock: { ahead: number }): Promise<Reader> {
  const { stream, history } = memoryTelemetry()
  const directory = new Directory()
  const online = new Set<string>()
  const now = Date.now()
  const numbers = Array.from({ length: workers }, (_, n) => n)
  for (const n of numbers) {
    directory.take(contract(workerOf(n), { name: `Somebody Number ${n}`, city: 'Austin', region: 'Texas' }))
    directory.take(holding(deviceOf(n), workerOf(n)))
    if (n % 5 !== 0) online.add(deviceOf(n))
  }
  for (let at = 0; at < workers; at += DEVICES_AT_ONCE)
    await Promise.all(numbers.slice(at, at + DEVICES_AT_ONCE).map((n) => store.devices.save(enrolledOf(n, now))))
  await store.evaluations.begin({ id: 'bench', ruleset: '{}', stream: stream.id })
  await store.evaluations.activate('bench', [])
  const standings = numbers.filter((n) => n % 3 === 0).map((n) => standingOf(n, 0))
  const kept = numbers.map((n) => ({ part: COVERAGE_PART, subject: deviceOf(n), state: stateOf(n, now) }))
  await store.evaluations.commit('bench', commitOf(1, { standings, kept }))
  return {
    ...{ now: () => Date.now() + clock.ahead, store, history, directory },
    evaluation: () => 'bench',
    judgedAt: () => now,
    online: () => online,
    policy: () => ({
      ...{ version: 1, salt: 'aaaaaaaa', off: [], on: [], watchedRoots: [], spoolBytes: 1_000_000, spoolDays: 7 },
    }),
  }
}

function enrolledOf(n: number, now: number) {
  return {
    ...{ device: deviceOf(n), publicKey: 'k'.repeat(43), platform: 'linux', version: '0.1.0', fingerprint: null },
    ...{ enrolledAt: now, revokedAt: null, firstBoot: now },
  }
}

/** The stored coverage of a laptop that reports everything. */
function stateOf(n: number, now: number): string {
  return JSON.stringify({
    ...bookOf(null),
    ...{ events: 10_000 + n, lastSeen: now, lastAddress: '203.0.113.9', place: 'Austin, Texas, US', version: '0.1.0' },
    categories: Object.fromEntries(AGENT_CATEGORIES.map((it, index) => [it, now - index * 60_000])),
  })
}

/** `turn` makes it differ. */
function standingOf(n: number, turn: number): Standing {
  const points = 15 + ((n + turn) % 180)
  const bands = ['low', 'medium', 'high', 'critical'] as const
  const band = bands[Math.floor(points / 50)]!
  const reason = `Something was found of kind ${n % 7} on ${deviceOf(n)}, on ${1 + (turn % 9)} of the last days`
  const worker = workerOf(n)
  return {
    worker,
    assessment: { worker, band, points, reason, parts: partsOf(n, points) },
    kinds: [1, 2, 3].map((kind) => ({ rule: `rule-${kind}`, title: `Something of kind ${kind}`, strength: 2 })),
    ...{ cluster: null, findings: 3, lastFinding: 1_790_000_000_000 + turn },
  }
}

function partsOf(n: number, points: number): Standing['assessment']['parts'] {
  return [1, 2, 3].map((kind) => ({
    ...{ kind: 'finding' as const, label: `Something of kind ${kind} was found`, points: kind === 1 ? points : 0 },
    ...{ sensor: 'address', colleagues: null, findings: [`${n}-${kind}`], without: null },
  }))
}

function commitOf(position: number, about: Partial<Commit>): Commit {
  return {
    ...{ position, digest: null, time: Date.now(), kept: [], findings: [], gone: [] },
    ...{ standings: [], standingsGone: [], changes: [], ...about },
  }
}

async function listening(
  reader: Reader,
  queue: Queue,
  store: Store,
): Promise<{ http: ServerType; sent: () => number }> {
  const unused = () => Promise.reject(new Error('not in this bench'))
  const app = api({
    ...{ reader, queue, store, now: Date.now, random: randomBytes, hosts: [], files: new Map() },
    ...{
      decide: unused,
      revoke: unused,
      regroup: unused,
      groups: () => [],
      enrollmentToken: unused,
      effect: unused,
      evidence: unused,
      approvals: { all: () => [], approve: unused, revoke: unused, learnUntil: unused },
      contracts: { versions: () => [], workerOf: (it) => it, take: unused },
    },
    feeds: { lookup: () => NOWHERE, append: unused },
    ...{
      metrics: { text: unused, token: null, isOpenToLoopback: false },
      notReady: () => null,
      isPublicOverTls: false,
    },
    onError: (cause) => console.error(cause),
  })
  const http = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  const open = new Set<{ bytesWritten: number }>()
  let closed = 0
  http.on('connection', (socket: { bytesWritten: number; once(event: 'close', then: () => void): void }) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      closed += socket.bytesWritten
    })
  })
  if (!http.listening) await new Promise<void>((resolve) => void http.once('listening', () => resolve()))
  return { http, sent: () => closed + [...open].reduce((sum, it) => sum + it.bytesWritten, 0) }
}

/** The pages, in their own process. */
class Watchers {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'console-watchers.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })

  async open({ url, cookie }: Office, pages: number): Promise<void> {
    const opened = this.#received('open')
    this.#send({ type: 'open', url, cookie, pages })
    await opened
  }

  async report(): Promise<Watched> {
    const heard = this.#received('report')
    this.#send({ type: 'report' })
    return (await heard).watched
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  #send(message: ToWatchers): void {
    this.#child.send(message)
  }

  #received<T extends FromWatchers['type']>(type: T): Promise<Extract<FromWatchers, { type: T }>> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the pages ended'))
      this.#child.once('exit', ended)
      const hear = (message: FromWatchers) => {
        if (message.type !== type) return
        this.#child.off('message', hear)
        this.#child.off('exit', ended)
        resolve(message as Extract<FromWatchers, { type: T }>)
      }
      this.#child.on('message', hear)
    })
  }
}

function spentSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 30_000; performance.now() < end; await delay(20)) if (await isSo()) return
  throw new Error('a page did not get a change within 30 s')
}
