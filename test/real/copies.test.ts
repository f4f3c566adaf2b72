/** Exfiltration: to a mounted volume, and from a git server. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needsLinux } from '../agent/needs-linux.ts'
import { until } from '../bench/children.ts'
import { needsCommands, needsPermission } from './needs.ts'
import { assertFound, rulesFor } from './rules-for.ts'
import { type Watch, watch } from './watch.ts'

const run = promisify(execFile)

describe('real runs: copies', function () {
  this.timeout(30_000)
  let folder: string
  let seen: Watch | null = null

  beforeEach(function () {
    needsLinux(this)
    folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
  })
  afterEach(async () => {
    await seen?.stop()
    seen = null
    rmSync(folder, { recursive: true, force: true })
  })

  describe('to a volume', () => {
    const mountPoint = `/media/tellwire-real-${process.pid}`
    before(function () {
      needsLinux(this)
      needsCommands(this, 'mkfs.ext4', 'mount', 'umount')
      needsPermission(
        this,
        `mkdir -p ${mountPoint} && truncate -s 32M ${mountPoint}.img && mkfs.ext4 -q ${mountPoint}.img && mount -o loop ${mountPoint}.img ${mountPoint}`,
      )
    })
    after(() => {
      spawnSync('umount', [mountPoint])
      rmSync(`${mountPoint}.img`, { force: true })
      rmSync(mountPoint, { recursive: true, force: true })
    })

    it('a file of nothing but a hole is no copy of its length', async () => {
      const bytes = 10 * 1_073_741_824
      writeFileSync(join(mountPoint, 'old'), 'x')
      seen = watch(['watched-folders'], { folder })
      const { events } = seen
      let n = 0
      // Until the first sweep is over, what is there is its baseline.
      await until(
        async () => {
          writeFileSync(join(mountPoint, `new-${n++}`), 'x')
          return events.some((it) => it.category === 'file_burst' && it.Root === mountPoint) ? true : null
        },
        20_000,
        () => 'the first sweep',
      )
      execFileSync('truncate', ['-s', String(bytes), join(mountPoint, 'hole')])
      writeFileSync(join(mountPoint, 'large'), randomBytes(3 * 1_048_576))
      const told = () =>
        events.reduce((sum, it) => sum + (it.category === 'file_burst' && it.Root === mountPoint ? it.Bytes : 0), 0)
      await until(
        async () => (told() >= 3 * 1_048_576 ? true : null),
        20_000,
        () => `${told()} bytes`,
      )
      assert.ok(told() < 4 * 1_048_576, `${told()} bytes`)
      for (const it of ['hole', 'large']) rmSync(join(mountPoint, it))
    })

    it('2,500 files are copied to a disk that was mounted', async () => {
      seen = watch(['volumes', 'watched-folders'], { folder })
      const volume = await seen.until(
        'volume_mounted',
        (it) => it.VolumeKind === 'loop' && it.SizeBytes === 32 * 1_048_576,
      )
      assert.equal(volume.Label, null)
      const source = join(folder, 'src')
      mkdirSync(source)
      for (let n = 0; n < 2_500; n++) writeFileSync(join(source, `file-${n}.ts`), 'export {}\n')
      // The content at the first sweep is the baseline: once a new file is reported, that sweep is over.
      const { events } = seen
      let written = 0
      await until(
        () => {
          writeFileSync(join(mountPoint, `first-${written++}`), 'x')
          return events.some((it) => it.category === 'file_burst' && it.Root === mountPoint) || null
        },
        10_000,
        () => 'the disk was not swept',
      )
      cpSync(source, join(mountPoint, 'src'), { recursive: true })
      const copied = () => events.reduce((sum, it) => sum + (it.category === 'file_burst' ? it.SourceFiles : 0), 0)
      const burst = await seen.until('file_burst', () => copied() >= 2_500)
      assert.equal(burst.RootKind, 'removable')
      assertFound(await rulesFor(events), 'exfiltration/removable-mass-copy')
    })
  })

  describe('from a git server', () => {
    const REPOSITORIES = 20
    let server: ChildProcess
    let url: string

    beforeEach(async function () {
      needsCommands(this, 'git')
      const work = join(folder, 'work')
      const git = (...args: string[]) =>
        execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args])
      git('init', '-q', work)
      for (let n = 0; n < REPOSITORIES; n++) {
        // Each has another size, which is the only thing that distinguishes them in events.
        writeFileSync(join(work, `part-${n}`), randomBytes(1_000))
        git('-C', work, 'add', '.')
        git('-C', work, 'commit', '-qm', 'a')
        git('clone', '-q', '--bare', work, join(folder, 'served', 'acme', `r${n}.git`))
      }
      const base = `--base-path=${join(folder, 'served')}`
      const port = 20_000 + (process.pid % 20_000)
      server = spawn(
        'git',
        ['daemon', '--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${port}`, base, '--verbose'],
        {
          detached: true, // git starts the daemon as a child of its own
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      )
      url = `git://127.0.0.1:${port}/acme`
      await new Promise<void>((resolve, reject) => {
        server.stderr!.on('data', (text) => String(text).includes('Ready to rumble') && resolve())
        server.once('exit', (code) => reject(new Error(`git daemon ended with ${code}`)))
      })
    })
    afterEach(() => {
      if (server?.pid) process.kill(-server.pid, 'SIGKILL')
    })

    it('twenty repositories are cloned, each is reported once, then one gets another remote', async () => {
      const sources = join(folder, 'src')
      mkdirSync(sources)
      seen = watch(['processes', 'repositories'], {
        folder,
        policy: { watchedRoots: [{ path: sources, kind: 'source' }] },
      })
      await until(
        () => existsSync(join(folder, 'memory', 'repositories.json')) || null,
        10_000,
        () => 'the sources were not swept',
      )
      const { events } = seen
      const reported = () => events.filter((it) => it.category === 'repository')
      for (let n = 0; n < REPOSITORIES; n++) await run('git', ['clone', '-q', `${url}/r${n}.git`], { cwd: sources })
      await seen.until('repository', () => reported().length >= REPOSITORIES)
      assert.deepEqual(
        [...new Set(reported().map((it) => `${it.Action} ${it.Host} ${it.Namespace}`))],
        ['clone 127.0.0.1 acme'],
      )
      assert.equal(reported().length, REPOSITORIES)
      assert.equal(new Set(reported().map((it) => it.Bytes)).size, REPOSITORIES)
      assertFound(await rulesFor(reported()), 'exfiltration/clone-surge')

      execFileSync('git', [
        '-C',
        join(sources, 'r3'),
        'remote',
        'add',
        'mine',
        'https://ann:hunter2@git.example/ann/r3.git',
      ])
      const added = await seen.until('repository', (it) => it.Action === 'remote_added')
      assert.deepEqual([added.Host, added.Namespace, added.InsideOrganisation], ['git.example', 'ann', null])
      assert.doesNotMatch(JSON.stringify(events.filter((it) => it.category === 'repository')), /hunter2|r3|r0/)
    })
  })
})
