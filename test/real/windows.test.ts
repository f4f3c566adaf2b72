/**
 * The agent on Windows: its collectors under Wine, each on something that really happens there.
 *
 * Shape   one machine and one process with all collectors for the whole file; a test does something, and waits for the
 *         event. Wine is not Windows: it has no USB, no wireless networks, no event channels, and its DACLs are Unix's
 *         modes. What only recorded data shows is tested in test/agent/collectors/windows and test/agent/host/windows.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Category, Event, type EventOf } from '../../wire/event.ts'
import { until } from './watch.ts'
import { NODE, needsWindows, plugIn, startWindows, type WindowsMachine } from './windows-machine.ts'

const WITHIN_MS = 40_000
const NAMES = [
  ...['processes', 'connections', 'software', 'autostarts', 'volumes', 'watched-folders', 'interfaces'],
  ...['network-places', 'clock-places', 'power', 'logons', 'displays', 'usb-devices', 'archives', 'remote-sessions'],
]
const UNINSTALL = 'HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const RUN = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run'

describe('real runs: Windows', function () {
  this.timeout(120_000)
  let machine: WindowsMachine
  let child: ReturnType<WindowsMachine['start']>
  let began = 0

  before(async function () {
    needsWindows(this)
    machine = await startWindows()
    const options = { bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'error' } as const
    const banner = {
      js: "import { createRequire as __require } from 'node:module'; const require = __require(import.meta.url);",
    }
    const entry = join(import.meta.dirname, 'windows-child.ts')
    await build({ ...options, banner, entryPoints: [entry], outfile: join(machine.share, 'child.mjs') })
    mkdirSync(join(machine.share, 'stick'))
    writeFileSync(join(machine.share, 'sleep.cjs'), 'setTimeout(() => {}, Number(process.argv[2]))')
    began = Date.now()
    child = machine.start(NODE, 'child.mjs', 'events.ndjson', '{}', ...NAMES)
  })
  after(() => machine?.stop())

  function events(): Event[] {
    const path = join(machine.share, 'events.ndjson')
    const lines = readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(1, -1)
    return lines.map((it) => Event.parse(JSON.parse(it)))
  }

  /** An address of this machine, at which programs under Wine reach it, too. */
  function ownAddress(): string {
    const all = Object.values(networkInterfaces()).flatMap((it) => it ?? [])
    return all.find((it) => it.family === 'IPv4' && !it.internal)?.address ?? assert.fail('only a loopback')
  }

  async function seen<C extends Category>(category: C, fits: (it: EventOf<C>) => boolean): Promise<EventOf<C>> {
    const found = until(events, category, fits, WITHIN_MS)
    return found.catch((cause) => {
      throw new Error(`${cause.message}\n${child.output()}`)
    })
  }

  it('knows the machine, and its boot', async () => {
    await seen('process_creation', () => true)
    const [first] = readFileSync(join(machine.share, 'events.ndjson'), 'utf8').split('\n')
    const facts = JSON.parse(first!)
    assert.match(facts.machine.fingerprint, /^[0-9a-f]{64}$/)
    assert.match(facts.machine.bootId, /^\d{18}$/)
  })

  it('a program that was running, and one that starts: its command line, parent, account and maker', async () => {
    const before = await seen('process_creation', (it) => /\\services\.exe$/.test(it.Image ?? ''))
    assert.equal(before.StartedBeforeAgent, true)
    const program = machine.start(NODE, 'sleep.cjs', '8000', '--password=hunter2')
    const event = await seen('process_creation', (it) => /sleep\.cjs/.test(it.CommandLine ?? ''))
    assert.equal(event.Image, NODE)
    assert.match(event.CommandLine ?? '', /sleep\.cjs 8000 --password=\*\*\*$/)
    assert.equal(event.StartedBeforeAgent, false)
    assert.match(event.User ?? '', /\\root$/)
    assert.deepEqual([event.OriginalFileName, event.Product, event.Company], ['node.exe', 'Node.js', 'Node.js'])
    await program.ended
  })

  it('a connection to another address, with the program that opened it, and a listening socket', async () => {
    const server: Server = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
    const { port } = server.address() as { port: number }
    const code = `require('net').createServer().listen(0, '0.0.0.0', function () {
      require('fs').writeFileSync('listening.txt', String(this.address().port)) })
      require('net').connect(${port}, '${ownAddress()}').on('error', (e) => console.log(e))
      setTimeout(() => process.exit(0), 15_000)`
    writeFileSync(join(machine.share, 'sockets.cjs'), code)
    const program = machine.start(NODE, 'sockets.cjs')
    try {
      const listener = await seen('listening_socket', (it) => it.Image === NODE)
      assert.equal(listener.Port, Number(readFileSync(join(machine.share, 'listening.txt'), 'utf8')))
      assert.deepEqual([listener.Protocol, listener.Address], ['tcp', '0.0.0.0'])
      const connection = await seen('network_connection', (it) => it.DestinationPort === port)
      assert.deepEqual([connection.Image, connection.Initiated, connection.Protocol], [NODE, true, 'tcp'])
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n${program.output()}`)
    } finally {
      server.close()
    }
  })

  it('an uninstall key: installed, another version, removed', async () => {
    await seen('software', (it) => it.Kind === 'service' && it.Action === 'present')
    const key = `${UNINSTALL}\\{A1B2}`
    await machine.run('reg', 'add', key, '/v', 'DisplayVersion', '/d', '7.0.15', '/f')
    await machine.run('reg', 'add', key, '/v', 'Publisher', '/d', 'AnyDesk Software GmbH', '/f')
    await machine.run('reg', 'add', key, '/v', 'DisplayName', '/d', 'AnyDesk', '/f')
    const installed = await seen('software', (it) => it.Name === 'AnyDesk' && it.Action === 'installed')
    const { Version, Publisher, Kind, Identifier } = installed
    assert.deepEqual(
      [Version, Publisher, Kind, Identifier],
      ['7.0.15', 'AnyDesk Software GmbH', 'application', '{A1B2}'],
    )
    await machine.run('reg', 'delete', key, '/f')
    await seen('software', (it) => it.Name === 'AnyDesk' && it.Action === 'removed')
  })

  it('a Run key and a scheduled task', async () => {
    await seen('autostart', (it) => it.Kind === 'service')
    await machine.run('reg', 'add', RUN, '/v', 'Helper', '/d', 'C:\\x\\anydesk.exe --token hunter2', '/f')
    const event = await seen('autostart', (it) => it.Kind === 'run' && it.Name === 'Helper')
    assert.deepEqual([event.Command, event.Scope], ['C:\\x\\anydesk.exe --token ***', 'user'])
  })

  it('a stick, and a mass copy to it', async () => {
    await plugIn(machine, 'E', '/share/stick')
    const volume = await seen('volume_mounted', (it) => it.Removable === true)
    assert.equal(volume.VolumeKind, 'disk')
    // What is on it at the first sweep is its baseline: the copy grows until a sweep has seen a part of it as new.
    let written = 0
    const copying = setInterval(() => {
      for (let n = 0; n < 50; n++)
        writeFileSync(join(machine.share, 'stick', `file-${written++}.ts`), 'x'.repeat(1_000))
    }, 300)
    try {
      const burst = await seen('file_burst', (it) => it.RootKind === 'removable' && it.Files >= 20)
      assert.deepEqual([burst.Root, burst.SourceFiles], ['E:', burst.Files])
      assert.equal(burst.Bytes, burst.Files * 1_000)
    } finally {
      clearInterval(copying)
    }
  })

  it('reports nothing as missing that is there', () => {
    const gaps = events().filter((it) => it.category === 'collection_gap')
    const known = /^(neighbour table|power_state|Security|Sysmon)/
    assert.deepEqual(
      gaps.filter((it) => !known.test(it.About)).map(({ About, Reason, Detail }) => ({ About, Reason, Detail })),
      [],
    )
    assert.ok(events().every((it) => it.time >= began - 60_000))
  })
})
