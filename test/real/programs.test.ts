/** Running programs with the names, paths and ports of remote-control tools. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needsLinux } from '../agent/needs-linux.ts'
import { notTested } from '../not-tested.ts'
import { assertFound, rulesFor } from './rules-for.ts'
import { type Watch, watch } from './watch.ts'

describe('real runs: programs', function () {
  this.timeout(60_000)
  let folder: string
  let seen: Watch
  const started: ChildProcess[] = []

  before(async function () {
    needsLinux(this)
    folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
    seen = watch(['processes', 'connections'], { folder })
    // Once this process is reported, the first poll is over.
    await seen.until('process_creation', (it) => it.ProcessId === process.pid)
  })
  afterEach(() => {
    for (const it of started.splice(0)) it.kill('SIGKILL')
  })
  after(async () => {
    await seen?.stop()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  function sleepsAs(...path: string[]): string {
    const at = join(folder, ...path)
    mkdirSync(join(at, '..'), { recursive: true })
    copyFileSync('/bin/sleep', at)
    started.push(spawn(at, ['60'], { stdio: 'ignore' }))
    return at
  }

  /** A hard link to Node: a program with another name that can listen. */
  async function listensAs(name: string, port: number): Promise<string | null> {
    const at = join(folder, name)
    try {
      linkSync(process.execPath, at)
    } catch {
      copyFileSync(process.execPath, at) // another file system
    }
    const script = `require('net').createServer().on('error', () => process.exit(9)).listen(${port}, () => console.log('up'))`
    const child = spawn(at, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    started.push(child)
    return new Promise((resolve) => {
      child.stdout!.once('data', () => resolve(at))
      child.once('exit', () => resolve(null))
    })
  }

  it('two portable tools in a temporary folder: both are reported, and two vendors are a finding', async () => {
    const one = sleepsAs('Downloads', 'rustdesk')
    const two = sleepsAs('Downloads', 'teamviewerd')
    for (const path of [one, two]) {
      const event = await seen.until('process_creation', (it) => it.Image === path)
      assert.equal(event.StartedBeforeAgent, false)
      assert.equal(event.CommandLine, `${path} 60`)
    }
    assertFound(
      await rulesFor(
        seen.events.filter((it) => it.category === 'process_creation' && [one, two].includes(it.Image ?? '')),
      ),
      'remote-access/tool-in-first-days',
      'remote-access/two-vendors',
    )
  })

  it('a renamed tool is recognised by its port', async function () {
    const path = await listensAs('updater', 21_118)
    if (path === null) return notTested(this, 'port 21118 is taken, as by a real RustDesk', 'skip')
    const event = await seen.until('listening_socket', (it) => it.Port === 21_118)
    assert.equal(event.Image, path)
    // The socket may be reported before the program that opened it.
    const program = await seen.until('process_creation', (it) => it.Image === path)
    assert.deepEqual(await rulesFor([program]), [], 'it is not recognised by its name')
    assertFound(await rulesFor([event]), 'remote-access/tool-in-first-days')
  })

  it('a VNC server on its port', async function () {
    const path = await listensAs('x11vnc', 5_900)
    if (path === null) return notTested(this, 'port 5900 is taken, as by a real VNC server', 'skip')
    const event = await seen.until('listening_socket', (it) => it.Port === 5_900)
    assert.deepEqual([event.Image, event.Protocol], [path, 'tcp'])
    assertFound(await rulesFor([event]), 'remote-access/tool-in-first-days')
  })

  it('an ordinary program causes no finding', async () => {
    const path = sleepsAs('bin', 'backup-helper')
    const event = await seen.until('process_creation', (it) => it.Image === path)
    assert.deepEqual(await rulesFor([event]), [])
  })
})
