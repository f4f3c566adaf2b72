import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Recorded } from '../../../wire/recording.ts'

const COMMAND = fileURLToPath(new URL('../../../bin/tellwire.js', import.meta.url))

function tellwire(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [COMMAND, 'simulate', ...args],
      { maxBuffer: 64 * 1_048_576 },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
      },
    )
  })
}

describe('tellwire simulate', () => {
  it('writes recorded telemetry, and no progress when standard error is not a terminal', async () => {
    const { code, stdout, stderr } = await tellwire('N9', '--workers', '3', '--days', '14', '--start', '2026-10-05')
    assert.equal(code, 0)
    assert.equal(stderr, '')
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((it) => Recorded.parse(JSON.parse(it)))
    assert.equal(records.filter((it) => it.type === 'label').length, 2)
    assert.ok(records.length > 200)
  })

  it('lists its scenes', async () => {
    const { code, stdout } = await tellwire('--list')
    assert.equal(code, 0)
    assert.match(stdout, /^P4 +infiltrator +3 .*P4\/kvm/m)
    assert.match(stdout, /^N9 +benign +2 /m)
  })

  it('ends quietly when its reader closes the pipe', async () => {
    const child = spawn(process.execPath, [COMMAND, 'simulate', '--days', '30'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (text) => {
      errors += text
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    assert.equal(errors, '')
  })

  it('refuses wrong usage with status 2 and what to do', async () => {
    for (const [args, says] of [
      [['P99'], /P99.*--list/],
      [['P4', '--workers', '2'], /from 3 to/],
      [['--days', 'many'], /--days many.*whole number/],
      [['--start', 'yesterday'], /ISO date/],
    ] as const) {
      const { code, stderr } = await tellwire(...args)
      assert.equal(code, 2, args.join(' '))
      assert.match(stderr, says)
    }
  })
})
