/**
 * Whether a flood keeps honest people out: how long a laptop waits for its acknowledgements, a new laptop for its
 * enrollment, and a user for their console, first without and then with the attack of floods-attack.ts.
 *
 * Shape   the server, the attack and the honest ones are a process each, on one machine. The honest laptop sends three
 *         events four times a second. Every ten seconds a new laptop enrolls and opens its session, and the user whose
 *         password is being guessed signs in, each from an address of its own; both try again each second until they
 *         succeed, and the slowest counts.
 * Units   an acknowledgement by the clock, so other programs on the machine make it late; 'by its own work' leaves out
 *         the time in which the main thread waited for a core. CPU in cores. Memory is what was resident at most.
 */
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { deviceOf } from '../../server/ingest/identity.ts'
import { CalmServer } from './calm-child.ts'
import type { Lateness } from './calm-server.ts'
import { cpuMs, memoryOf } from './children.ts'
import { enrollAll, type Laptop } from './end-to-end.ts'
import type { Attack, Counts } from './floods-attack.ts'
import { addUser, enrollFrom, signInFrom, USER } from './from-address.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'
import { batch, connect, newLaptopKey, ordinary, type SimulatedAgent } from './simulated-agent.ts'

const SILENT = 2_000
const UNPROVEN = 1_024
const HOSTILE = 4
const EPOCH = 1
const BATCHES_A_SECOND = 4
const EVENTS = 3
const VISIT_EVERY_MS = 10_000
const AGAIN_MS = 1_000
const WITHIN_MS = 120_000
/** Until the attack has opened everything that it holds open. */
const ATTACK_STARTS_MS = 15_000

export async function bench({ seconds, says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const laptops = Array.from({ length: 1 + HOSTILE }, (_, n): Laptop => {
    const key = newLaptopKey()
    return { device: deviceOf(Buffer.from(key.publicKey, 'base64url')), worker: `w${n}`, key }
  })
  const [honest, ...hostile] = laptops as [Laptop, ...Laptop[]]
  mkdirSync(join(folder, 'data'))
  await enrollAll(join(folder, 'data'), laptops)
  // At the level of production, a refusal is a line of the log.
  writeFileSync(join(folder, 'tellwire.yml'), 'dataFolder: data\nlisten: { port: 0 }\nlog: { level: info }\n')
  const server = await CalmServer.start(folder, null)
  try {
    await addUser(server)
    const agent = await connect({ url: server.url, device: honest.device, epoch: EPOCH, key: honest.key })
    const visitors = new Visitors(server, agent)
    const forMs = (seconds * 1_000) / 2
    says('without a flood')
    const calm = await visitors.watch(forMs)
    says('with the flood')
    const attack = startAttack({
      url: server.url,
      silent: SILENT,
      unproven: UNPROVEN,
      user: USER,
      laptops: hostile.map(exported),
    })
    try {
      await delay(ATTACK_STARTS_MS)
      const before = [await refusals(server), await attack.report()] as const
      const flooded = await visitors.watch(forMs)
      const after = [await refusals(server), await attack.report()] as const
      agent.close()
      return [
        ...rowsOf('without a flood', calm, false),
        ...rowsOf('flood', flooded, true),
        ...countRows('flood, the server refused with', before[0], after[0]),
        ...countRows('flood', before[1], after[1]),
      ]
    } finally {
      attack.stop()
    }
  } finally {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As the attack wants it. */
export function exported({ device, key }: Laptop): Attack['laptops'][number] {
  const privateKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { device, publicKey: key.publicKey, privateKey }
}

interface Watched {
  /** Ms that each batch of the honest laptop waited for its acknowledgement. */
  waits: number[]
  enrollSeconds: number[]
  signInSeconds: number[]
  /** What the main thread itself did between two beats of 10 ms. */
  own: Lateness
  residentBytes: number
  cores: number
}

class Visitors {
  readonly #server: CalmServer
  readonly #agent: SimulatedAgent
  #seq = 0
  #visits = 0

  constructor(server: CalmServer, agent: SimulatedAgent) {
    this.#server = server
    this.#agent = agent
  }

  async watch(forMs: number): Promise<Watched> {
    const { pid } = this.#server
    await this.#server.measure()
    const [start, cpuBefore] = [performance.now(), cpuMs(pid)]
    const waits: Promise<number>[] = []
    const enrolled: Promise<number>[] = []
    const signedIn: Promise<number>[] = []
    let residentBytes = 0
    for (let tick = 0; performance.now() < start + forMs; tick++) {
      const ms = (tick * 1_000) / BATCHES_A_SECOND
      await delay(Math.max(0, start + ms - performance.now()))
      waits.push(this.#send())
      if (tick % BATCHES_A_SECOND === 0) residentBytes = Math.max(residentBytes, memoryOf(pid).resident)
      if (ms % VISIT_EVERY_MS !== 0) continue
      const visit = ++this.#visits
      enrolled.push(untilDone(() => enrollFrom(this.#server, `127.0.1.${visit}`)))
      signedIn.push(untilDone(() => signInFrom(this.#server, `127.0.2.${visit}`)))
    }
    return {
      cores: (cpuMs(pid) - cpuBefore) / (performance.now() - start),
      own: (await this.#server.report()).own,
      waits: await Promise.all(waits),
      enrollSeconds: await Promise.all(enrolled),
      signInSeconds: await Promise.all(signedIn),
      residentBytes,
    }
  }

  async #send(): Promise<number> {
    const sent = performance.now()
    this.#agent.send(
      batch(
        EPOCH,
        Array.from({ length: EVENTS }, () => ordinary(++this.#seq, Date.now())),
      ),
    )
    await this.#agent.acked(this.#seq)
    return performance.now() - sent
  }
}

/** The seconds until `work` succeeds. Errors  its own, after two minutes. */
async function untilDone(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  for (;;) {
    try {
      await work()
      return (performance.now() - start) / 1_000
    } catch (cause) {
      if (performance.now() - start > WITHIN_MS) throw cause
      await delay(AGAIN_MS)
    }
  }
}

export function startAttack(attack: Attack) {
  const child = fork(join(import.meta.dirname, 'floods-attack.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  child.send(attack)
  return {
    report(): Promise<Counts> {
      const report = new Promise<Counts>((resolve, reject) => {
        child.once('message', (counts) => resolve(counts as Counts))
        child.once('exit', () => reject(new Error('the attack ended')))
      })
      child.send('report')
      return report
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

/** Sessions, upgrades and enrollments that the server refused, by code. */
async function refusals({ url }: CalmServer): Promise<Counts> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = text.matchAll(/^tellwire_(?:refusals|events_rejected)_total\{code="([^"]+)"\} (\d+)/gm)
  return Object.fromEntries([...found].map(([, code, count]) => [code!, Number(count)]))
}

function rowsOf(label: string, watched: Watched, isFlood: boolean): Row[] {
  const row = (name: string, unit: string, value: number, budget = ''): Row => ({
    ...{ name: `${label}: ${name}`, unit, value },
    budget: isFlood ? budget : '',
  })
  return [
    row('acknowledgement, p50', 'ms', quantile(watched.waits, 0.5)),
    row('acknowledgement, p99', 'ms', quantile(watched.waits, 0.99), '<= 500'),
    row('main thread late by its own work, p99', 'ms', watched.own.p99),
    row('main thread late by its own work, longest', 'ms', watched.own.max, '<= 500'),
    row('a new laptop enrolls, slowest', 's', Math.max(...watched.enrollSeconds), '<= 10'),
    row('the user signs in, slowest', 's', Math.max(...watched.signInSeconds), '<= 10'),
    row('server, resident', 'MB', watched.residentBytes / 1e6),
    row('server, CPU', 'cores', watched.cores),
  ]
}

function countRows(label: string, before: Counts, after: Counts): Row[] {
  return Object.keys(after)
    .sort()
    .map((name) => ({
      name: `${label} ${name}`,
      unit: 'times',
      value: after[name]! - (before[name] ?? 0),
      budget: '',
    }))
    .filter((it) => it.value > 0)
}
