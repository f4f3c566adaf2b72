/**
 * The .msi on Windows, which is Wine: installed, upgraded, gone back, removed.
 *
 * Shape   msiexec does here what it does there: files, service, actions. Only the removal of the older version, which
 *         comes first in an upgrade, has no UPGRADINGPRODUCTCODE in Wine: the test asks for it as Windows would.
 *         Wine's service manager does not restart what died.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keyPem, newKey } from '../../agent/identity.ts'
import { SERVICE } from '../../agent/install/definitions.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { buildPackages } from '../../bin/package/main.ts'
import type { WorkerPage } from '../../server/views/schema.ts'
import { json, type ServerChild, startServer, until } from '../bench/children.ts'
import { needsCommands } from './needs.ts'
import { NODE, NPM, needsWindows, startWindows, type WindowsMachine } from './windows-machine.ts'

const EPOCH = 1_764_000_000
const PROGRAM = 'C:\\Program Files\\Tellwire'
const DATA = 'C:\\ProgramData\\Tellwire'
const SERVICE_KEY = `HKLM\\System\\CurrentControlSet\\Services\\${SERVICE}`

describe('real runs: the .msi', function () {
  this.timeout(300_000)
  let folder: string
  let server: ServerChild
  let machine: WindowsMachine
  let filesBefore: string[]

  before(async function () {
    needsWindows(this)
    needsCommands(this, 'wixl')
    folder = mkdtempSync(join(tmpdir(), 'tellwire-msi-'))
    writeFileSync(join(folder, 'release.pem'), keyPem(newKey()))
    ;[server, machine] = await Promise.all([startServer(join(folder, 'server')), startWindows()])
    // Wine shuts down with its last program, and starts all services when it starts again.
    writeFileSync(join(machine.share, 'on.cjs'), 'setInterval(() => {}, 60_000)')
    machine.start(NODE, 'on.cjs')
    filesBefore = await files()
  })
  after(async () => {
    await machine?.stop()
    await server?.stop()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  /** Its path there. `edit` changes the bundle. */
  async function build(version: string, edit = (bundle: string) => bundle): Promise<string> {
    const { files, missing } = await buildPackages({
      ...{ out: join(folder, version), forms: ['msi'], systems: ['win-x64'], keyFile: join(folder, 'release.pem') },
      ...{ runtimes: NPM, epoch: EPOCH, version },
      edit: (bundle) => edit(bundle).replaceAll(`"${AGENT_VERSION}"`, `"${version}"`),
    })
    assert.deepEqual(missing, [])
    copyFileSync(files.find((it) => it.endsWith('.msi'))!, join(machine.share, `${version}.msi`))
    return fileOf(version)
  }
  const fileOf = (version: string) => `Z:\\share\\${version}.msi`
  const msiexec = (...args: string[]) => machine.run('msiexec', ...args, '/qn')
  /** As `msiexec /i` does on Windows. */
  async function upgrade(to: string, version: string): Promise<void> {
    await msiexec('/x', fileOf(version), 'UPGRADINGPRODUCTCODE={00000000-0000-0000-0000-000000000000}')
    await msiexec('/i', to)
  }
  const tellwire = (...args: string[]) => machine.run('cmd', '/c', `${PROGRAM}\\bin\\tellwire.cmd`, 'agent', ...args)
  const word = (name: string) =>
    machine.run('cmd', '/c', 'type', `${PROGRAM}\\${name}`).then(
      (it) => it.trim(),
      () => null,
    )

  /** What is on the disk below the folders in which programs leave something. */
  async function files(): Promise<string[]> {
    const said = await machine.run('cmd', '/c', 'dir /s /b /a "C:\\Program Files" C:\\ProgramData')
    return said.split(/\r?\n/).filter((it) => it !== '')
  }
  async function laptop() {
    // Nobody knows her before the laptop is enrolled.
    const page = await server.get<WorkerPage>('/workers/ann').catch(() => null)
    return page?.laptops[0] ?? null
  }
  const reports = (version: string) =>
    until(
      async () => {
        const found = await laptop()
        return found?.version === version && found.online ? found : null
      },
      60_000,
      () => `version ${version} does not report`,
    )
  const inForce = (version: string) =>
    until(
      async () => ((await word('current')) === version && (await word('trial')) === null ? true : null),
      90_000,
      () => `version ${version} is not in force`,
    )

  it('installed with a token and a ring as properties, it enrolls and reports', async () => {
    const { token } = await json<{ token: string }>(
      fetch(`${server.url}/api/v1/enrollment-tokens`, {
        method: 'POST',
        headers: { Cookie: server.cookie, Origin: server.url, 'Content-Type': 'application/json' },
        body: JSON.stringify({ worker: 'ann' }),
      }),
    )
    await msiexec('/i', await build('0.1.0'), `ENROLLMENT=${token}`, 'RING=canary')
    await reports('0.1.0')
    assert.match(await tellwire('status'), /running, process \d+, 0\.1\.0/)
    assert.equal(await machine.run('cmd', '/c', 'type', `${DATA}\\settings\\ring`), 'canary\n')
    await assert.rejects(machine.run('cmd', '/c', 'type', `${DATA}\\settings\\enrollment`))
  })

  it('a newer one takes its place, and the older one stays beside until the server has acknowledged a batch', async () => {
    // It judges the version after it in 12 s instead of 10 min.
    const soon = (bundle: string) => {
      const edited = bundle.replace('default:"10"', 'default:"0.2"')
      assert.notEqual(edited, bundle)
      return edited
    }
    await upgrade(await build('0.1.1', soon), '0.1.0')
    await reports('0.1.1')
    await inForce('0.1.1')
    assert.equal(await word('previous'), '0.1.0.kept')
  })

  it('one that never reaches the server is rolled back', async () => {
    await upgrade(await build('0.1.2', (it) => it.replaceAll('agent/v1/stream', 'agent/v1/nowhere')), '0.1.1')
    await inForce('0.1.1.kept')
    await reports('0.1.1')
    assert.match((await word('failed')) ?? '', /0\.1\.2.*acknowledged nothing/)
    assert.match(await machine.run('reg', 'query', SERVICE_KEY), /0\.1\.1\.kept\\node\.exe/)
  })

  it('one that cannot even start is rolled back, and the next good one comes all the same', async () => {
    await upgrade(await build('0.1.3', () => 'process.exit(1)'), '0.1.2').catch(() => {})
    await inForce('0.1.1.kept')
    await reports('0.1.1')
    // The installer took it back: there is no older one to remove.
    await msiexec('/i', await build('0.1.4'))
    await reports('0.1.4')
    await inForce('0.1.4')
  })

  it('removed: the server is told, and nothing is left', async () => {
    await msiexec('/x', fileOf('0.1.4'))
    await until(
      async () => ((await laptop())?.online === false ? true : null),
      20_000,
      () => 'it is still online',
    )
    const after = await files()
    assert.deepEqual(
      after.filter((it) => !filesBefore.includes(it)),
      [],
    )
    await assert.rejects(machine.run('reg', 'query', SERVICE_KEY))
  })
})
