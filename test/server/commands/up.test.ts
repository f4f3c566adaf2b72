/** `tellwire up` at a terminal: what it prints is for people, its warnings too. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { terminalLogger } from '../../../server/commands/terminal.ts'
import { BINARY, until } from '../../bench/children.ts'
import { AT_TERMINAL, preloaded } from './process.ts'

describe('tellwire up at a terminal', function () {
  this.timeout(120_000)

  it('prints its text first, and no JSON', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tellwire-up-'))
    const args = [BINARY, 'up', '--data-folder', folder, '--port', '0']
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...preloaded(AT_TERMINAL), TELLWIRE_LOG_LEVEL: 'debug' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'exit')
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (it) => (printed += it))
    try {
      await until(
        () => (printed.includes('Stop with Ctrl-C.') ? true : null),
        60_000,
        () => `it does not start:\n${printed}`,
      )
      assert.match(printed, /^\nTellwire watches this machine\.\n/)
      assert.match(printed, /npx tellwire agent show --folder /)
    } finally {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
    assert.doesNotMatch(printed, /^\{"level"/m)
  })

  it('logs lines of text, after the text of the start', () => {
    const lines: string[] = []
    const log = terminalLogger('warn', (line) => lines.push(line))
    log.info({}, 'not wanted')
    log.warn({ device: 'd1' }, 'old database')
    assert.deepEqual(lines, [])
    log.release()
    log.error({ err: new Error('disk\u001b[2J') }, 'no write')
    assert.deepEqual(lines, ['warn  old database', 'error no write: disk\ufffd[2J'])
  })
})
