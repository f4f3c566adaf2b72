/** A hundred events a second from laptops that take turns, each of them a batch, and how long each waited. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Laptop } from './calm-log.ts'
import { batch, connect, ordinary, remoteControl, type SimulatedAgent } from './simulated-agent.ts'

const RATE = 100
const FINDING_EVERY = 100
const TOOLS = [
  'teamviewer',
  'rustdesk',
  'dwagent',
  'xrdp',
  'x11vnc',
  'meshagent',
  'parsecd',
  'sunshine',
  'nxserver.bin',
]
/** Not the epoch of what is stored: a spool begins anew. */
const EPOCH = Math.floor(Date.now() / 1_000)

export class Traffic {
  readonly #laptops: readonly Laptop[]
  #agents: SimulatedAgent[] = []
  #seqs: number[] = []
  #sent = 0

  constructor(laptops: readonly Laptop[]) {
    this.#laptops = laptops
  }

  async connect(url: string): Promise<void> {
    // After a restart of the server they go on counting.
    if (this.#seqs.length === 0) this.#seqs = this.#laptops.map(() => 0)
    for (const { device, key } of this.#laptops) this.#agents.push(await connect({ url, device, epoch: EPOCH, key }))
  }

  /** Until `signal` aborts. Answers the ms that each batch waited for its acknowledgement. */
  async run(signal: AbortSignal): Promise<number[]> {
    const waits: Promise<number>[] = []
    const start = performance.now()
    for (let tick = 0; !signal.aborted; tick++) {
      await delay(Math.max(0, start + (tick * 1_000) / RATE - performance.now()))
      waits.push(this.#send())
    }
    return Promise.all(waits)
  }

  close(): void {
    for (const it of this.#agents) it.close()
    this.#agents = []
  }

  async #send(): Promise<number> {
    const n = this.#sent++
    const which = n % this.#agents.length
    const agent = this.#agents[which]!
    const seq = ++this.#seqs[which]!
    // Every laptop has its turn with each tool.
    const second = Math.floor(n / FINDING_EVERY)
    const raises = n % FINDING_EVERY === second % FINDING_EVERY
    const tool = TOOLS[Math.floor(second / this.#agents.length) % TOOLS.length]!
    const event = raises ? remoteControl(seq, Date.now(), tool) : ordinary(seq, Date.now())
    const sent = performance.now()
    agent.send(batch(EPOCH, [event]))
    await agent.acked(seq)
    return performance.now() - sent
  }
}
