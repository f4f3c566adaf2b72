/** `tellwire server` when it cannot start: one line of error, the right exit code, and no process left. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTelemetry } from '../../../server/store/sqlite/telemetry.ts'
import { BINARY } from '../../bench/children.ts'

function ended(args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [BINARY, 'server', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.on('data', (it) => {
    text += it
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
}

describe('tellwire server, where it cannot start', function () {
  this.timeout(30_000)
  let folder: string
  let taken: Server
  let port: number

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-server-'))
    taken = createServer()
    port = await new Promise((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
    )
    writeFileSync(join(folder, 'typo.yml'), 'listen:\n  hots: 127.0.0.1\n')
    writeFileSync(join(folder, 'rules.yml'), 'rulesFolders: [nowhere]\n')
    writeFileSync(join(folder, 'open.yml'), 'listen: { host: 0.0.0.0 }\n')
  })
  after(() => {
    taken.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const cases: { name: string; args: () => string[]; says: RegExp }[] = [
    { name: 'a port that is taken', args: () => ['--port', String(port)], says: /\[server\.port\]/ },
    {
      name: 'a misspelt key, with line, column and the right one',
      args: () => ['--config', join(folder, 'typo.yml')],
      says: /typo\.yml:2:3.*'host'.*\[config\.invalid\]/,
    },
    {
      name: 'a missing folder of rules',
      args: () => ['--config', join(folder, 'rules.yml')],
      says: /nowhere.*\[rule\.invalid\]/,
    },
    {
      name: 'open to others without TLS',
      args: () => ['--config', join(folder, 'open.yml')],
      says: /\[server\.plain\]/,
    },
    {
      name: 'a missing configuration file',
      args: () => ['--config', join(folder, 'none.yml')],
      says: /none\.yml.*\[config\.invalid\]/,
    },
  ]
  for (const { name, args, says } of cases)
    it(name, async () => {
      const { code, text } = await ended([...args(), '--data-folder', join(folder, 'data')])
      assert.match(text, says)
      assert.equal(text.trim().split('\n').length, 1)
      assert.equal(code, 1)
    })

  it('a data folder that another server uses', async () => {
    const log = await openTelemetry({ folder: join(folder, 'used') })
    try {
      const { code, text } = await ended(['--port', '0', '--data-folder', join(folder, 'used')])
      assert.match(text, /used: .*\[server\.running\]/)
      assert.equal(code, 1)
    } finally {
      await log.close()
    }
  })

  it('an option that does not exist ends with 2', async () => {
    const { code, text } = await ended(['--prot', '1'])
    assert.match(text, /--prot.*--port/)
    assert.equal(code, 2)
  })
})
