/** The agent as one file, run as a laptop without this repository runs it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { agentBundle } from '../../bin/agent-bundle.js'
import { LEAN } from '../../bin/lean.js'
import { notTested } from '../not-tested.ts'
import { preloaded } from '../server/commands/process.ts'

const PRINT_FLAGS = "console.error('flags: ' + process.execArgv.join(' '))"

describe('the agent as one file', function () {
  this.timeout(120_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-bundle-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function run(...args: string[]): Promise<string> {
    const file = await agentBundle()
    assert.ok(file)
    const { MALLOC_ARENA_MAX: _, ...env } = process.env
    const child = spawn(process.execPath, [file, ...args, '--folder', folder], {
      env: { ...env, ...preloaded(PRINT_FLAGS) },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return text(child.stderr)
  }

  for (const words of [['status'], ['agent', 'status']])
    it(`node agent.mjs ${words.join(' ')}`, async () => {
      assert.match(await run(...words), /^flags: \ntellwire: .*This laptop is not enrolled\./)
    })

  it('is ASCII, because with one other character Node keeps twice as many bytes of it', async () => {
    const file = await agentBundle()
    assert.ok(file)
    assert.deepEqual(readFileSync(file, 'utf8').match(/[^\x00-\x7f]/g), null)
  })

  it('node agent.mjs run: with the flags that save memory', async function () {
    if (process.platform === 'win32') notTested(this, 'Windows has no exec')
    const [first, second, error] = (await run('run')).split('\n')
    assert.deepEqual([first, second], ['flags: ', `flags: ${LEAN.flags.join(' ')}`])
    assert.match(error!, /This laptop is not enrolled\./)
  })
})
