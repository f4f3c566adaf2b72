/**
 * The server as a process of its own, with 100 laptops over real sockets: throughput, and the latency until a person
 * sees an event.
 *
 * Throughput: each laptop sends batches of 100, four in flight at a time, and waits for acknowledgements, which come
 * after the durable commit. Then one more laptop sends an event that raises a finding: when the console shows it,
 * everything before it has been evaluated, and the second clock stops.
 * Latency: 1,000 ordinary events a second, and every 300 ms one that raises a finding on a laptop without one. From
 * sending it until the rows that the console requests after the server's notice show that worker
 * with a finding.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { deviceOf } from '../../server/ingest/identity.ts'
import { deliver } from '../../server/roster/inbox.ts'
import { openStore } from '../../server/store/open.ts'
import { cpuMs, memoryOf, type ServerChild, startServer, until } from './children.ts'
import { type ConsolePage, openPage } from './console-page.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'
import {
  batch,
  connect,
  type LaptopKey,
  newLaptopKey,
  ordinary,
  remoteControl,
  type SimulatedAgent,
} from './simulated-agent.ts'

const LAPTOPS = 100
const BATCH = 100
const BATCHES_EACH = 20
const ON_THE_WAY = 4
const RATE = 1_000
const FINDING_EVERY_MS = 300
const EPOCH = 1
const CONTRACT_FROM = 1_735_689_600_000

export interface Laptop {
  device: string
  worker: string
  key: LaptopKey
}

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  // The last laptop is the marker.
  const laptops = Array.from({ length: LAPTOPS + 1 }, (_, n): Laptop => {
    const key = newLaptopKey()
    return { device: deviceOf(Buffer.from(key.publicKey, 'base64url')), worker: `w${n}`, key }
  })
  await enrollAll(folder, laptops)
  const server = await startServer(folder)
  const agents: SimulatedAgent[] = []
  try {
    const page = await openPage(server)
    await until(
      () => (page.rows.size >= laptops.length ? true : null),
      30_000,
      () => 'the roster was not imported',
    )
    for (const { device, key } of laptops) agents.push(await connect({ url: server.url, device, epoch: EPOCH, key }))
    const marker = { worker: laptops[LAPTOPS]!.worker, agent: agents[LAPTOPS]! }
    const rows = [
      ...(await throughput(server, page, agents.slice(0, LAPTOPS), marker, says)),
      ...(await latency(server, laptops.slice(0, LAPTOPS), agents, says)),
    ]
    await page.close()
    return [...rows, { name: 'server, resident', unit: 'MB', value: memoryOf(server.pid).resident / 1e6, budget: '' }]
  } finally {
    for (const agent of agents) agent.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Directly into the store: enrollment by token is limited to a few a minute, and is not measured here. */
export async function enrollAll(folder: string, laptops: readonly Laptop[]): Promise<void> {
  const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline' })
  for (const { device, key } of laptops)
    await store.devices.save({
      device,
      publicKey: key.publicKey,
      platform: 'linux',
      version: 'bench',
      fingerprint: null,
      enrolledAt: CONTRACT_FROM,
      revokedAt: null,
      firstBoot: CONTRACT_FROM,
    })
  await store.close()
  const contracts = laptops.map(({ worker }) => ({
    worker,
    from: CONTRACT_FROM,
    country: 'US',
    timeZone: 'America/Chicago',
  }))
  const devices = laptops.map(({ device, worker }) => ({ device, worker, from: CONTRACT_FROM, to: null }))
  await deliver(join(folder, 'inbox'), { contracts, devices }, Date.now())
}

async function throughput(
  server: ServerChild,
  page: ConsolePage,
  agents: readonly SimulatedAgent[],
  marker: { worker: string; agent: SimulatedAgent },
  says: (text: string) => void,
): Promise<Row[]> {
  const events = LAPTOPS * BATCH * BATCHES_EACH
  says(`preparing ${events} events`)
  const now = Date.now()
  const frames = agents.map(() =>
    Array.from({ length: BATCHES_EACH }, (_, n) =>
      batch(
        EPOCH,
        Array.from({ length: BATCH }, (_, index) => ordinary(n * BATCH + index + 1, now - 60_000)),
      ),
    ),
  )
  says(`sending ${events} events`)
  const cpuBefore = cpuMs(server.pid)
  const start = performance.now()
  await Promise.all(
    agents.map(async (agent, laptop) => {
      for (const [n, frame] of frames[laptop]!.entries()) {
        agent.send(frame)
        if (n + 1 >= ON_THE_WAY) await agent.acked((n + 2 - ON_THE_WAY) * BATCH)
      }
      await agent.acked(BATCHES_EACH * BATCH)
    }),
  )
  const ackedSeconds = (performance.now() - start) / 1_000
  marker.agent.send(batch(EPOCH, [remoteControl(1, Date.now())]))
  await until(
    () => ((page.rows.get(marker.worker)?.lastFinding ?? null) !== null ? true : null),
    60_000,
    () => 'acknowledged events were not evaluated',
  )
  const judgedSeconds = (performance.now() - start) / 1_000
  const cpu = cpuMs(server.pid) - cpuBefore
  const rejected = agents.reduce((sum, agent) => sum + agent.rejected(), 0)
  if (rejected > 0) throw new Error(`${rejected} events were rejected`)
  return [
    { name: 'ingest, acknowledged', unit: 'events/s', value: events / ackedSeconds, budget: '>= 10,000' },
    { name: 'ingest, derived and detected too', unit: 'events/s', value: events / judgedSeconds, budget: '>= 10,000' },
    { name: 'ingest, server CPU', unit: 'µs/event', value: (cpu * 1_000) / events, budget: '' },
  ]
}

async function latency(
  server: ServerChild,
  laptops: readonly Laptop[],
  agents: readonly SimulatedAgent[],
  says: (text: string) => void,
): Promise<Row[]> {
  says(`${LAPTOPS} findings among ${RATE} events a second`)
  const sentAt = new Map<string, number>()
  const shownAt = new Map<string, number>()
  const page = await openPage(server, ({ worker, lastFinding }) => {
    if (lastFinding !== null && sentAt.has(worker) && !shownAt.has(worker)) shownAt.set(worker, performance.now())
  })
  if (laptops.some(({ worker }) => page.rows.get(worker)?.lastFinding)) throw new Error('there are findings already')
  const seqs = laptops.map(() => BATCHES_EACH * BATCH)
  const perTick = RATE / 10
  const start = performance.now()
  for (let tick = 0; sentAt.size < LAPTOPS; tick++) {
    await delay(Math.max(0, start + tick * 100 - performance.now()))
    const laptop = tick % LAPTOPS
    const events = Array.from({ length: perTick }, () => ordinary(++seqs[laptop]!, Date.now()))
    agents[laptop]!.send(batch(EPOCH, events))
    if (tick % (FINDING_EVERY_MS / 100) === 0) {
      const next = sentAt.size
      const frame = batch(EPOCH, [remoteControl(++seqs[next]!, Date.now())])
      sentAt.set(laptops[next]!.worker, performance.now())
      agents[next]!.send(frame)
    }
  }
  await until(
    () => (shownAt.size >= LAPTOPS ? true : null),
    20_000,
    () => `only ${shownAt.size} of ${LAPTOPS} findings reached the console`,
  )
  await page.close()
  const times = [...sentAt].map(([worker, sent]) => shownAt.get(worker)! - sent)
  return [
    { name: 'event to console at 1,000 events/s, median', unit: 'ms', value: quantile(times, 0.5), budget: '' },
    { name: 'event to console at 1,000 events/s, p99', unit: 'ms', value: quantile(times, 0.99), budget: '<= 1,000' },
  ]
}
