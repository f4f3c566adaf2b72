/**
 * The agent on Windows from end to end: the bundle is a service under Wine, and reports to a server on this machine,
 * which finds what somebody does there.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { SERVICE } from '../../agent/install/definitions.ts'
import { agentBundle } from '../../bin/agent-bundle.js'
import type { WorkerPage } from '../../server/views/schema.ts'
import { json, type ServerChild, startServer, until } from '../bench/children.ts'
import { NODE, needsWindows, plugIn, startWindows, type WindowsMachine } from './windows-machine.ts'

/** From what somebody does to the finding in the console. */
const FOUND_MS = 20_000
const CURRENT_VERSION = 'Software\\Microsoft\\Windows\\CurrentVersion'
const SERVICE_MANAGER = join(import.meta.dirname, '../../agent/install/service.ts')

describe('real runs: the agent as a Windows service', function () {
  this.timeout(300_000)
  let folder: string
  let server: ServerChild
  let machine: WindowsMachine

  before(async function () {
    needsWindows(this)
    folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
    ;[server, machine] = await Promise.all([startServer(folder), startWindows()])
    // Wine shuts down with its last program, and starts all services when it starts again.
    writeFileSync(join(machine.share, 'on.cjs'), 'setInterval(() => {}, 60_000)')
    machine.start(NODE, 'on.cjs')
    const bundle = await agentBundle()
    assert.ok(bundle)
    copyFileSync(bundle, join(machine.share, 'agent.mjs'))
    copyFileSync(machine.nodePath, join(machine.share, 'node.exe'))
    const { token } = await json<{ token: string }>(
      fetch(`${server.url}/api/v1/enrollment-tokens`, {
        method: 'POST',
        headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
        body: JSON.stringify({ worker: 'ann' }),
      }),
    )
    assert.match(await machine.run(NODE, 'agent.mjs', 'enroll', token), /^Enrolled as /)
    const install = `import { serviceOf } from ${JSON.stringify(SERVICE_MANAGER)}
      if (process.argv[2] === 'remove') serviceOf('windows').disable()
      else serviceOf('windows').enable('Z:\\\\share')`
    await build({
      stdin: { contents: install, resolveDir: import.meta.dirname, loader: 'ts' },
      ...({ bundle: true, platform: 'node', format: 'esm', logLevel: 'error' } as const),
      outfile: join(machine.share, 'service.mjs'),
    })
    await machine.run(NODE, 'service.mjs', 'install')
    await machine.run('net', 'start', SERVICE)
  })
  after(async () => {
    await machine?.stop()
    await server?.stop()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  const page = () => server.get<WorkerPage>('/workers/ann')
  const status = () => machine.run(NODE, 'agent.mjs', 'status')
  const processIn = (said: string) => /running, process (\d+)/.exec(said)?.[1] ?? null
  let runs: string | null

  async function found(title: RegExp): Promise<void> {
    let titles: string[] = []
    const ask = async () => {
      titles = (await page()).findings.map((it) => it.says)
      return titles.some((it) => title.test(it)) ? true : null
    }
    await until(ask, FOUND_MS, () => `no finding says ${title}, but ${titles.join(' | ')}`)
  }

  it('is connected, and everything it collects arrives', async () => {
    const ask = async () => {
      const [laptop] = (await page()).laptops
      const seen = new Set(laptop?.coverage.filter((it) => it.lastEvent !== null).map((it) => it.category))
      const wanted = ['process_creation', 'software', 'autostart', 'volume_mounted', 'listening_socket']
      return wanted.every((it) => seen.has(it as never)) ? true : null
    }
    writeFileSync(join(machine.share, 'listen.cjs'), "require('net').createServer().listen(4711, '0.0.0.0')")
    machine.start(NODE, 'listen.cjs')
    await until(ask, 120_000, () => 'not everything came')
    runs = processIn(await status())
    assert.ok(runs !== null)
  })

  it('a command that fails says why, and has its exit code', async () => {
    const refused = machine.run(NODE, 'agent.mjs', 'enroll', 'tw1.x', '--folder', 'Z:\\share\\other')
    await assert.rejects(refused, /exited with 1:\s[\s\S]*incomplete or mistyped/)
  })

  it('AnyDesk is started', async () => {
    copyFileSync(machine.nodePath, join(machine.share, 'AnyDesk.exe'))
    writeFileSync(join(machine.share, 'wait.cjs'), 'setTimeout(() => {}, 60_000)')
    machine.start('Z:\\share\\AnyDesk.exe', 'wait.cjs')
    await found(/AnyDesk/)
  })

  it('a remote tool is installed', async () => {
    const key = `HKLM\\${CURRENT_VERSION}\\Uninstall\\RustDesk`
    await machine.run('reg', 'add', key, '/v', 'DisplayName', '/d', 'RustDesk', '/f')
    await found(/RustDesk/)
  })

  it('a program in a temporary folder starts with the laptop', async () => {
    const command = 'C:\\Users\\root\\AppData\\Local\\Temp\\helper.exe'
    await machine.run('reg', 'add', `HKCU\\${CURRENT_VERSION}\\Run`, '/v', 'Helper', '/d', command, '/f')
    await found(/Helper/)
  })

  it('thousands of files are copied to a stick', async () => {
    const stick = join(machine.share, 'stick')
    mkdirSync(stick)
    await plugIn(machine, 'E', '/share/stick')
    let written = 0
    const write = (count: number) => {
      for (let n = 0; n < count; n++) writeFileSync(join(stick, `${++written}.ts`), 'export {}\n')
    }
    // What is on it at the first sweep is its baseline: once a new file is told, that sweep is over.
    const isSwept = async () => {
      write(1)
      const coverage = (await page()).laptops[0]?.coverage.find((it) => it.category === 'file_burst')
      return coverage?.lastEvent == null ? null : true
    }
    await until(isSwept, 60_000, () => `no burst came`)
    write(3_000)
    await found(/written to the removable disk at E:/)
  })

  it('is the process that it was', async () => assert.equal(processIn(await status()), runs))

  it('stops when the manager says so, and says goodbye', async () => {
    // Wine's net asks once more when the service has ended, and then fails: what the status says counts.
    await machine.run('net', 'stop', SERVICE).catch(() => {})
    await until(
      async () => (/not running/.test(await status()) ? true : null),
      30_000,
      () => 'it still runs',
    )
    await machine.run(NODE, 'service.mjs', 'remove')
    await assert.rejects(machine.run('net', 'start', SERVICE))
  })
})
