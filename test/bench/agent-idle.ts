/**
 * The agent's cost on this machine after it has sent its baseline: the real agent against the real server.
 *
 * The machine is not fully idle: the events sent in that time are shown beside the cost. Linux only.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freshStatus, Status } from '../../agent/status.ts'
import {
  type AgentChild,
  cpuMs,
  enrollAgent,
  json,
  memoryOf,
  type ServerChild,
  startAgent,
  startServer,
  until,
} from './children.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'

/** Measured after the baseline is sent: before that, optimising and garbage collection are not the idle cost. */
const SETTLE_SECONDS = 15
const LOOK_FOR_CHILDREN_MS = 50

export async function bench({ seconds, says }: BenchOptions): Promise<Row[]> {
  if (process.platform !== 'linux') throw new Error('the agent is measured through /proc: run this on Linux')
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const agentFolder = join(folder, 'agent')
  let server: ServerChild | null = null
  let agent: AgentChild | null = null
  try {
    server = await startServer(join(folder, 'server'))
    const { token } = await json<{ token: string }>(
      fetch(`${server.url}/api/v1/enrollment-tokens`, {
        method: 'POST',
        headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
        body: JSON.stringify({ worker: 'bench' }),
      }),
    )
    await enrollAgent(agentFolder, token)
    agent = startAgent(agentFolder)
    says('waiting until the agent has sent its baseline')
    await until(
      async () => ((await baselineSent(agentFolder)) ? true : null),
      120_000,
      () => 'the agent did not send its baseline',
    )
    await delay(SETTLE_SECONDS * 1_000)
    return await watch(agent.pid, agentFolder, seconds, says)
  } finally {
    await agent?.stop()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function watch(pid: number, folder: string, seconds: number, says: (text: string) => void): Promise<Row[]> {
  says(`watching it for ${seconds} s`)
  const memory: { resident: number; own: number }[] = []
  const children = new Set<string>()
  const before = { cpu: cpuMs(pid), status: await statusOf(folder), at: performance.now() }
  for (let look = 0; performance.now() - before.at < seconds * 1_000; look++) {
    for (const child of childrenOf(pid)) children.add(child)
    if (look % 100 === 0) memory.push(memoryOf(pid))
    await delay(LOOK_FOR_CHILDREN_MS)
  }
  const passed = (performance.now() - before.at) / 1_000
  const status = await statusOf(folder)
  const wire = status.wireBytes - before.status.wireBytes
  const worst = (of: 'resident' | 'own') =>
    quantile(
      memory.map((it) => it[of]),
      1,
    ) / 1e6
  return [
    { name: 'agent, CPU', unit: '% of a core', value: (cpuMs(pid) - before.cpu) / passed / 10, budget: '<= 0.3' },
    { name: 'agent, resident, most', unit: 'MB', value: worst('resident'), budget: '<= 80' },
    { name: 'agent, not shared, most', unit: 'MB', value: worst('own'), budget: '<= 30' },
    { name: 'agent, on the wire', unit: 'MB/day', value: ((wire / passed) * 86_400) / 1e6, budget: '<= 1' },
    { name: 'agent, child processes', unit: 'seen', value: children.size, budget: '<= 0' },
    {
      name: 'agent, events it had to send',
      unit: 'events/min',
      value: ((status.last - before.status.last) / passed) * 60,
      budget: '',
    },
  ]
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((it) => it !== '')
}

async function statusOf(folder: string) {
  const path = join(folder, 'status.json')
  await freshStatus(path, 5_000)
  const { connected, spool, wireBytes } = Status.parse(JSON.parse(readFileSync(path, 'utf8')))
  return { connected, unsent: spool.unsent, last: spool.last, wireBytes }
}

async function baselineSent(folder: string): Promise<boolean> {
  try {
    const { connected, unsent, last } = await statusOf(folder)
    return connected && last > 0 && unsent === 0
  } catch {
    return false
  }
}
