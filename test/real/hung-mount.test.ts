/** A mount that stops to answer, as the share of a server that has gone, or a FUSE program that somebody stopped. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { removeFolder, temporaryFolder, until } from '../agent/laptop.ts'
import { needsLinux } from '../agent/needs-linux.ts'
import { POLICY, type TestServer, testServer } from '../agent/server.ts'
import { BINARY } from '../bench/children.ts'
import { notTested } from '../not-tested.ts'
import { needsCommands, needsPermission } from './needs.ts'

describe('real runs: a mount that does not answer', function () {
  this.timeout(180_000)
  let folder: string
  let server: TestServer
  let mount: ChildProcess | null = null
  let agent: ChildProcess | null = null

  before(async function () {
    needsLinux(this)
    needsCommands(this, 'unshare', 'nsenter')
    if (!existsSync('/dev/fuse')) notTested(this, 'there is no /dev/fuse', 'skip')
    // In a namespace of its own, so that nothing else on this machine waits for it.
    needsPermission(this, 'unshare -m mount -t tmpfs tmpfs /mnt')
    folder = temporaryFolder()
    server = await testServer()
    const hung = join(folder, 'hung')
    mkdirSync(hung)
    mount = spawn('unshare', ['-m', process.execPath, join(import.meta.dirname, 'fuse-folder.ts'), hung], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface({ input: mount.stdout! }), 'line')
    if (line !== 'mounted') notTested(this, `FUSE does not mount here: ${line}`, 'skip')
    server.policy = server.sign({ ...POLICY, watchedRoots: [{ path: hung, kind: 'staging' }] })
    server.enroll(join(folder, 'agent'))
  })

  after(async () => {
    // The kernel then answers for it, and whoever still waits goes on.
    mount?.kill('SIGKILL')
    agent?.kill('SIGKILL')
    await server?.close()
    if (folder) removeFolder(folder)
  })

  const inside = (...command: string[]) => ['-m', '-t', String(mount!.pid), ...command]
  const received = () => server.batches.flatMap((batch) => batch.events)
  const gapAbout = (place: string) =>
    received().find((it) => it.category === 'collection_gap' && it.About === place && it.Reason === 'stopped')

  it('is a gap within half a minute, and everything else goes on', async () => {
    agent = spawn('nsenter', inside(process.execPath, BINARY, 'agent', 'run', '--folder', join(folder, 'agent')), {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await until(() => received().some((it) => it.category === 'process_creation'), 'the agent reports', 60_000)
    mount!.kill('SIGSTOP')
    // A mount or unmount makes the agent look at all folders at once; it does so every minute anyway.
    const touched = spawnSync('nsenter', inside('mount', '-t', 'tmpfs', 'tmpfs', '/mnt'))
    assert.equal(touched.status, 0)
    await until(() => gapAbout(join(folder, 'hung')) !== undefined, 'the gap', 40_000)
    const gap = gapAbout(join(folder, 'hung'))
    assert.ok(gap?.category === 'collection_gap')
    assert.match(gap.Detail ?? '', /^EHUNG: a call does not return/)
    assert.ok(gap.Categories.includes('file_burst'), String(gap.Categories))

    const marked = (marker: string) =>
      received().some((it) => it.category === 'process_creation' && it.CommandLine?.includes(marker))
    for (const marker of ['60.125', '60.25', '60.375']) {
      const program = spawn('sleep', [marker])
      await until(() => marked(marker), `the start of sleep ${marker}`, 40_000)
      program.kill()
    }
  })

  it('does not keep the agent from stopping in good order', async () => {
    const exited = once(agent!, 'exit')
    agent!.kill('SIGTERM')
    const lastWord = () =>
      received().flatMap((it) => (it.category === 'agent_state' && it.Action === 'stopping' ? [it] : []))
    await until(() => lastWord().length > 0, 'its last word', 40_000)
    assert.ok(lastWord()[0]!.BlindSeconds!.file_burst! > 0, 'it says for how long it could not see')
    assert.equal(lastWord()[0]!.BlindSeconds!.process_creation, undefined)
    await exited
    agent = null
    assert.ok(!existsSync(join(folder, 'agent', 'running.json')))
  })
})
