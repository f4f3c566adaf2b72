/**
 * kill -9 of the real agent and of the real server in mid-flow, ten times each, and a server that is set back to an
 * older copy of its data: what was acknowledged is stored, once.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cursor } from '../agent/spool/cursor.ts'
import { openLog } from '../server/store/sqlite/log.ts'
import { BINARY, enrolAgent, until } from './bench/children.ts'

const KILLS = 10

describe('kill -9', function () {
  this.timeout(180_000)
  let folder: string
  let server: ChildProcess
  let agent: ChildProcess
  let port: number
  const at = (name: string) => join(folder, name)

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-kill-'))
    port = await freePort()
    const { token } = await startServer()
    await enrolAgent(at('agent'), token)
    startAgent()
  })

  after(async () => {
    await Promise.all([killed(agent), killed(server)])
    rmSync(folder, { recursive: true, force: true })
  })

  it('of the server loses nothing it acknowledged', async () => {
    for (let turn = 0; turn < KILLS; turn++) {
      await progress(200)
      await killed(server)
      await startServer()
    }
    await progress(200)
  })

  it('of the agent loses nothing that was acknowledged, and uses no number twice', async () => {
    for (let turn = 0; turn < KILLS; turn++) {
      await progress(200)
      await killed(agent)
      startAgent()
    }
    await progress(200)
  })

  it('a server that is restored from a backup gets again what it acknowledged since', async () => {
    await killed(server)
    cpSync(at('data'), at('backup'), { recursive: true })
    await startServer()
    await progress(1_000)
    const { acked } = place()
    await killed(server)
    rmSync(at('data'), { recursive: true })
    renameSync(at('backup'), at('data'))
    await startServer()
    await until(
      () => (place().acked >= acked + 200 ? true : null),
      60_000,
      () => `${place().acked} acknowledged by the restored server, ${acked} before`,
    )
  })

  it('leaves every acknowledged number in the log, once, without a hole', async () => {
    await killed(agent)
    const { epoch, acked } = place()
    await killed(server)
    const log = await openLog({ folder: at('data'), readOnly: true })
    const numbers: number[] = []
    const ids = new Set<string>()
    let conflicts = 0
    for await (const { record } of log.read()) {
      if (record.type !== 'event') continue
      if (record.conflict) conflicts++
      assert.equal(record.epoch, epoch, 'the spool lived through it all')
      numbers.push(record.event.seq ?? 0)
      ids.add(record.event.id)
    }
    await log.close()
    assert.ok(acked > 2 * KILLS * 200, `only ${acked} acknowledged`)
    // The first that is out of place, with its neighbours: a comparison of all of them takes gigabytes to word.
    const wrong = numbers.findIndex((seq, index) => seq !== index + 1)
    assert.deepEqual(wrong < 0 ? [] : numbers.slice(Math.max(0, wrong - 3), wrong + 4), [])
    assert.ok(numbers.length >= acked, `${acked} acknowledged, ${numbers.length} stored`)
    assert.equal(ids.size, numbers.length)
    assert.equal(conflicts, 0)
  })

  /** Resolves when that many more events are acknowledged: the kill then comes while others are on their way. */
  async function progress(events: number): Promise<void> {
    const from = place().acked
    await until(
      () => (place().acked >= from + events ? true : null),
      60_000,
      () => `no progress past ${from}`,
    )
  }

  /** What the agent itself noted down: its word for what was acknowledged. */
  function place(): { epoch: number; acked: number } {
    const cursor = new Cursor(join(at('agent'), 'spool', 'cursor'))
    try {
      return cursor.read() ?? { epoch: -1, acked: 0 }
    } finally {
      cursor.close()
    }
  }

  async function startServer(): Promise<{ token: string }> {
    server = spawn(process.execPath, [BINARY, 'server', '--data-folder', at('data'), '--port', String(port)], {
      env: { ...process.env, TELLWIRE_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [server.stdout, server.stderr])
      stream?.on('data', (text) => {
        printed += text
      })
    const [, url, secret] = await until(
      () => /listening on (\S+)[\s\S]*#\/welcome\/(\S+)/.exec(printed),
      60_000,
      () => `the server does not come up:\n${printed}`,
    )
    const ask = (path: string, body: object, cookie = '') =>
      fetch(`${url}/api/v1/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: url as string, Cookie: cookie },
        body: JSON.stringify(body),
      })
    const session = await ask('session/once', { secret })
    const cookie = session.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const made = await ask('enrollment-tokens', { worker: 'w1' }, cookie)
    return (await made.json()) as { token: string }
  }

  function startAgent(): void {
    const script = join(import.meta.dirname, 'agent', 'agent-process.ts')
    agent = spawn(process.execPath, [script, at('agent')], { stdio: 'ignore' })
  }
})

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

/** A port that was free a moment ago: the agent must find the server again after each restart. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
