/**
 * The server as a process of its own, with 100 laptops over real sockets: what it takes in, and how soon a person sees it.
 *
 * Throughput: each laptop sends batches of 100, four on their way at a time, and waits for acknowledgements, which come
 * after the durable commit; the second clock stops when the console counts the last event as judged.
 * Latency: 1,000 ordinary events a second, and every 300 ms one that raises a finding on a laptop that had none. From the
 * moment it is handed to the socket until the console's own list of workers, asked for after the console's own notice,
 * shows that worker with a finding.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LaptopPage, QueuePage } from '../../server/api/schema.ts'
import { deviceOf } from '../../server/ingest/keys.ts'
import { deliver } from '../../server/roster/inbox.ts'
import { openState } from '../../server/store/sqlite/state.ts'
import { cpuMs, memoryOf, type ServerChild, startServer, until } from './children.ts'
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

interface Laptop {
  device: string
  worker: string
  key: LaptopKey
}

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const laptops = Array.from({ length: LAPTOPS }, (_, n): Laptop => {
    const key = newLaptopKey()
    return { device: deviceOf(Buffer.from(key.publicKey, 'base64url')), worker: `w${n}`, key }
  })
  await enrolAll(folder, laptops)
  const server = await startServer(folder)
  const agents: SimulatedAgent[] = []
  try {
    await until(
      async () => ((await workers(server)).length >= LAPTOPS ? true : null),
      30_000,
      () => 'the roster is not taken in',
    )
    for (const { device, key } of laptops) agents.push(await connect({ url: server.url, device, epoch: EPOCH, key }))
    const rows = [...(await throughput(server, agents, says)), ...(await latency(server, laptops, agents, says))]
    return [...rows, { name: 'server, resident', unit: 'MB', value: memoryOf(server.pid).resident / 1e6, budget: '' }]
  } finally {
    for (const agent of agents) agent.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Straight into the state: enrolment by token is bounded to a few a minute, and is not what is measured. */
async function enrolAll(folder: string, laptops: readonly Laptop[]): Promise<void> {
  const state = openState({ folder })
  for (const { device, key } of laptops)
    state.saveEnrolled({
      device,
      publicKey: key.publicKey,
      platform: 'linux',
      version: 'bench',
      fingerprint: null,
      enrolledAt: CONTRACT_FROM,
      revokedAt: null,
      firstBoot: CONTRACT_FROM,
    })
  state.close()
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
  agents: readonly SimulatedAgent[],
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
  const judgedBefore = await judged(server)
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
  await until(
    async () => ((await judged(server)) - judgedBefore >= events ? true : null),
    60_000,
    () => 'what was acknowledged is not judged',
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
  if ((await workers(server)).some((it) => it.lastFinding !== null)) throw new Error('there are findings already')
  const seqs = agents.map(() => BATCHES_EACH * BATCH)
  const sentAt = new Map<string, number>()
  const shownAt = new Map<string, number>()
  const page = new AbortController()
  const reading = readConsole(server, page.signal, (worker) => {
    if (sentAt.has(worker) && !shownAt.has(worker)) shownAt.set(worker, performance.now())
  })
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
  page.abort()
  await reading
  const times = [...sentAt].map(([worker, sent]) => shownAt.get(worker)! - sent)
  return [
    { name: 'event to console at 1,000 events/s, median', unit: 'ms', value: quantile(times, 0.5), budget: '' },
    { name: 'event to console at 1,000 events/s, p99', unit: 'ms', value: quantile(times, 0.99), budget: '<= 1,000' },
  ]
}

/** What the page does: hear the notice, ask for the list; a notice during the asking is answered by asking again. */
async function readConsole(
  server: ServerChild,
  signal: AbortSignal,
  onFinding: (worker: string) => void,
): Promise<void> {
  let changed = false
  let asking = false
  const ask = async () => {
    if (asking) return
    asking = true
    while (changed) {
      changed = false
      for (const it of await workers(server)) if (it.lastFinding !== null) onFinding(it.worker)
    }
    asking = false
  }
  const answer = await fetch(`${server.url}/api/v1/events`, { headers: { Cookie: server.cookie }, signal })
  try {
    for await (const chunk of answer.body!) {
      if (!Buffer.from(chunk).includes('event: changed')) continue
      changed = true
      void ask()
    }
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}

async function workers(server: ServerChild): Promise<{ worker: string; lastFinding: number | null }[]> {
  return (await server.get<QueuePage>('/workers?limit=5000')).rows
}

/** Events that went through derivers and rules: what the laptops' own counters in the console add up to. */
async function judged(server: ServerChild): Promise<number> {
  const { laptops } = await server.get<LaptopPage>('/laptops?limit=1000')
  return laptops.reduce((sum, it) => sum + it.events, 0)
}
