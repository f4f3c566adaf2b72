/**
 * The agent on Windows: its collectors under Wine, each on something that really happens there.
 *
 * Shape   one machine and one process with all collectors for the whole file; a test does something, and waits for the
 *         event. Wine is not Windows: it has no USB, no wireless networks, no event channels, and its DACLs are Unix's
 *         modes. What only recorded data shows is tested in test/agent/collectors/windows and test/agent/host/windows.
 */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { parseEdid } from '../../agent/collectors/shared/edid.ts'
import { type Category, Event, type EventOf } from '../../wire/event.ts'
import { edid, JETKVM } from '../agent/fixtures/edid.ts'
import { until } from './watch.ts'
import { NODE, needsWindows, plugIn, startWindows, type WindowsMachine } from './windows-machine.ts'

const WITHIN_MS = 90_000
const NAMES = [
  ...['processes', 'connections', 'software', 'autostarts', 'volumes', 'watched-folders', 'interfaces'],
  ...['network-places', 'clock-places', 'power', 'logons', 'displays', 'usb-devices'],
  ...['remote-sessions', 'archives', 'repositories', 'not-collected'],
]
const UNINSTALL = 'HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const RUN = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run'

/** Its service's log of one session. */
function anydeskTrace(began: number): string {
  const line = (ms: number, module: string, text: string) =>
    `   info ${new Date(ms).toISOString().replace('T', ' ').slice(0, 23)}       lsvc   1   2   3   ${module} - ${text}\r\n`
  return [
    line(began - 400, 'anynet.any_socket', 'Logged in from 77.232.122.31:4026 on relay 872f8937.'),
    line(began, 'app.backend_session', 'Incoming session request: Somebody (442226597)'),
    line(began + 5_000, 'app.session', '3: Authenticated with permanent token.'),
  ].join('')
}

describe('real runs: Windows', function () {
  this.timeout(200_000)
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
    mkdirSync(join(machine.share, 'roots'))
    const policy = JSON.stringify({ watchedRoots: [{ path: 'Z:\\share\\roots', kind: 'source' }] })
    child = machine.start(NODE, 'child.mjs', 'events.ndjson', policy, ...NAMES)
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
      const own = join(machine.share, 'listening.txt')
      const isOwn = (port: number) => existsSync(own) && port === Number(readFileSync(own, 'utf8'))
      const listener = await seen('listening_socket', (it) => it.Image === NODE && isOwn(it.Port))
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

  it('a Run key', async () => {
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
      for (let n = 0; n < 25; n++)
        writeFileSync(join(machine.share, 'stick', `file-${written++}.ts`), 'x'.repeat(1_000))
    }, 3_000)
    try {
      const burst = await seen('file_burst', (it) => it.RootKind === 'removable' && it.Files >= 20)
      assert.deepEqual([burst.Root, burst.SourceFiles], ['E:', burst.Files])
      assert.ok(burst.Bytes > 0)
    } finally {
      clearInterval(copying)
    }
  })

  it('the network, the clock, the power, and who is signed in', async () => {
    const place = await seen('network_place', () => true)
    assert.ok(place.Interface)
    assert.equal(place.DefaultRouteOnTunnel, false)
    const clock = await seen('clock_place', () => true)
    assert.deepEqual([typeof clock.TimeZone, clock.UtcOffsetMinutes, clock.ClockJumpMs], ['string', 0, null])
    const power = await seen('power_state', () => true)
    assert.ok((power.UptimeSeconds ?? 0) > 0)
    const user = await seen('logon', (it) => it.Action === 'present')
    assert.match(user.User ?? '', /\\root$/)
    assert.equal(user.LogonType, 'console')
  })

  it('a display: its EDID from the registry', async () => {
    const { Port } = await seen('display', (it) => it.Action === 'present' && it.EdidHash === null)
    const key = `HKLM\\System\\CurrentControlSet\\Enum\\${Port}\\Device Parameters`
    await machine.run('reg', 'add', key, '/v', 'EDID', '/t', 'REG_BINARY', '/d', edid(JETKVM).toString('hex'), '/f')
    const display = await seen('display', (it) => it.Action === 'attached')
    assert.deepEqual(
      [display.MakerId, display.ChecksumValid, display.Port],
      [parseEdid(edid(JETKVM))?.MakerId, true, Port],
    )
  })

  it("a session, from AnyDesk's own log", async () => {
    const began = Date.now() - 60_000
    writeFileSync(join(machine.share, 'ad_svc.trace'), anydeskTrace(began))
    await machine.run('cmd', '/c', 'mkdir', 'C:\\ProgramData\\AnyDesk')
    await machine.run('cmd', '/c', 'copy', 'Z:\\share\\ad_svc.trace', 'C:\\ProgramData\\AnyDesk\\ad_svc.trace')
    const session = await seen('remote_session', (it) => it.Tool === 'AnyDesk')
    const { Direction, PeerIp, StartedAt, Unattended } = session
    assert.deepEqual([Direction, PeerIp, StartedAt, Unattended], ['incoming', '77.232.122.31', began, true])
  })

  it('an archive, by the command line of its archiver', async () => {
    copyFileSync(machine.nodePath, join(machine.share, '7z.exe'))
    const code = "require('fs').writeFileSync(process.argv[2], 'x'.repeat(5000)); setTimeout(() => {}, 6_000)"
    writeFileSync(join(machine.share, 'a'), code)
    await machine.run('Z:\\share\\7z.exe', 'a', 'Z:\\share\\out.7z', '-psecret')
    const archive = await seen('archive_created', () => true)
    const { Bytes, Parts, Encrypted, Image } = archive
    assert.deepEqual([Bytes, Parts, Encrypted, Image], [5_000, 1, true, 'Z:\\share\\7z.exe'])
  })

  it('a push, from a working folder below a repository, and a clone', async () => {
    const copy = join(machine.share, 'src', 'api')
    mkdirSync(join(copy, '.git'), { recursive: true })
    mkdirSync(join(copy, 'deep'))
    writeFileSync(join(copy, '.git', 'HEAD'), 'ref: refs/heads/main\n')
    writeFileSync(join(copy, '.git', 'config'), '[remote "origin"]\n\turl = git@git.example:acme/api.git\n')
    copyFileSync(machine.nodePath, join(machine.share, 'git.exe'))
    // Node takes the first word for a script beside the working folder, as git takes it for a command.
    writeFileSync(join(copy, 'deep', 'push'), 'setTimeout(() => {}, 6_000)')
    await machine.run(
      'cmd',
      '/c',
      'cd',
      '/d',
      'Z:\\share\\src\\api\\deep',
      '&&',
      'Z:\\share\\git.exe',
      'push',
      'origin',
    )
    const push = await seen('repository', (it) => it.Action === 'push')
    assert.deepEqual([push.Host, push.Namespace, push.Bytes], ['git.example', 'acme', null])
    const code = `const fs = require('fs'), [url, to] = process.argv.slice(2), git = to + '/.git/'
      fs.mkdirSync(git + 'objects/pack', { recursive: true })
      fs.writeFileSync(git + 'HEAD', 'ref: refs/heads/main')
      fs.writeFileSync(git + 'objects/pack/pack-1.pack', 'x'.repeat(7_000))
      setTimeout(() => {}, 6_000)`
    writeFileSync(join(machine.share, 'clone'), code)
    await machine.run('Z:\\share\\git.exe', 'clone', 'https://ann:pw@git.example/other/web.git', 'Z:\\share\\src\\web')
    const clone = await seen('repository', (it) => it.Action === 'clone')
    assert.deepEqual([clone.Host, clone.Namespace, clone.Bytes], ['git.example', 'other', 7_000])
  })

  it('a clone in a source root that no command line showed', async () => {
    const copy = join(machine.share, 'roots', 'lib')
    mkdirSync(join(copy, '.git', 'logs'), { recursive: true })
    const log = `${'0'.repeat(40)} ${'a'.repeat(40)} Ann <ann@example.com> 1 +0000\tclone: from x\n`
    writeFileSync(join(copy, '.git', 'logs', 'HEAD'), log)
    writeFileSync(join(copy, '.git', 'config'), '[remote "origin"]\r\n\turl = https://git.example/team/lib\r\n')
    writeFileSync(join(copy, '.git', 'HEAD'), 'ref: refs/heads/main\n')
    const clone = await seen('repository', (it) => it.Namespace === 'team')
    assert.deepEqual([clone.Action, clone.Host], ['clone', 'git.example'])
  })

  it('says what it does not collect', async () => {
    await seen('collection_gap', (it) => it.About === 'WMI subscriptions' && it.Reason === 'unsupported')
  })

  it('reports nothing as missing that is there', () => {
    const gaps = events().filter((it) => it.category === 'collection_gap')
    const known = /^(neighbour table|power_state)/
    assert.deepEqual(
      gaps
        .filter((it) => it.collector !== 'not-collected' && !known.test(it.About))
        .map(({ About, Reason, Detail }) => ({ About, Reason, Detail })),
      [],
    )
    assert.ok(events().every((it) => it.time >= began - 60_000))
  })
})
