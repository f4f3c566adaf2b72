/**
 * A server with two agents, shared by the test files that need them: one to be killed, and one that is paused from the
 * start, so that other tests run during the half minute of its pause.
 *
 * Errors  the processes always end with this one.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { WorkerPage } from '../../server/views/schema.ts'
import { type AgentChild, BINARY, enrollAgent, json, startAgent, startServer, until } from '../bench/children.ts'

export interface Line {
  event?: { category: string; About?: string; Reason?: string; Detail?: string }
}
export interface Fleet {
  /** The agent to kill. */
  first: AgentChild
  /** Starts another agent in its folder. */
  startAgain(): void
  page(worker: 'killed' | 'paused'): Promise<WorkerPage>
  /** Continues the paused agent (SIGCONT) when it was paused for `afterMs`. */
  wake(afterMs: number): Promise<void>
  recorded(worker: 'killed' | 'paused'): Promise<Line[]>
}

let shared: Promise<Fleet> | null = null
export function fleet(): Promise<Fleet> {
  shared ??= start()
  return shared
}

async function start(): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
  const pids: number[] = []
  process.once('exit', () => {
    for (const pid of pids)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {} // it has ended
    rmSync(folder, { recursive: true, force: true })
  })
  const server = await startServer(join(folder, 'server'))
  pids.push(server.pid)
  const page = (worker: string) => server.get<WorkerPage>(`/workers/${worker}`)
  const run = (worker: string) => {
    const agent = startAgent(join(folder, worker))
    pids.push(agent.pid)
    return agent
  }
  const enrolled = async (worker: string) => {
    const { token } = await json<{ token: string }>(
      fetch(`${server.url}/api/v1/enrollment-tokens`, {
        method: 'POST',
        headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
        body: JSON.stringify({ worker }),
      }),
    )
    await enrollAgent(join(folder, worker), token)
    const agent = run(worker)
    await until(
      async () => ((await page(worker)).laptops[0]?.coverage.some((it) => it.lastEvent !== null) ? true : null),
      60_000,
      () => `nothing came from the laptop of ${worker}`,
    )
    return agent
  }
  const [first, paused] = await Promise.all([enrolled('killed'), enrolled('paused')])
  process.kill(paused.pid, 'SIGSTOP')
  const stoppedAt = performance.now()
  return {
    first,
    startAgain: () => void run('killed'),
    page,
    async wake(afterMs) {
      const left = afterMs - (performance.now() - stoppedAt)
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left))
      process.kill(paused.pid, 'SIGCONT')
    },
    async recorded(worker) {
      const args = [BINARY, 'export', '--data-folder', join(folder, 'server'), '--worker', worker]
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1_048_576 })
      return stdout
        .split('\n')
        .filter((it) => it !== '')
        .map((it) => JSON.parse(it))
    },
  }
}
