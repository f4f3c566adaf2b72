/** Tunnels that replace the default route, and uploads, in a network namespace. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Event, type EventOf } from '../../wire/event.ts'
import { ENTER, enterNamespace, type Namespace, needsNamespace } from './namespace.ts'
import { needsCommands } from './needs.ts'
import { assertFound, rulesFor } from './rules-for.ts'

const MEGABYTE = 1_048_576

function isSum(it: Event): it is EventOf<'egress'> {
  return it.category === 'egress' && it.Image === null && it.DestinationIp === null
}

describe('real runs: networks', function () {
  this.timeout(60_000)
  let folder: string
  let there: Namespace | null = null

  before(function () {
    needsNamespace(this)
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-real-'))
  })
  afterEach(async () => {
    await there?.stop()
    there = null
    rmSync(folder, { recursive: true, force: true })
  })

  it('a tunnel comes up, gets the default route, and goes down', async () => {
    // A veth pair with a tunnel's name, because a tun device is never up without a client.
    there = enterNamespace(['network-places'], { folder })
    await there.until('network_place', (it) => it.TunnelInterface === null)
    await there.do('ip link add tun0 type veth peer name far && ip link set far up && ip link set tun0 mtu 1293 up')
    await there.do('ip addr add 10.8.0.2/24 dev tun0 && ip route add default via 10.8.0.1 dev tun0')
    const up = await there.until('network_place', (it) => it.DefaultRouteOnTunnel === true)
    assert.deepEqual([up.TunnelInterface, up.TunnelKind, up.TunnelMtu, up.Interface], ['tun0', 'tun', 1_293, 'tun0'])
    // This MTU with this name identifies one VPN client: see the catalogue.
    assertFound(await rulesFor([up]), 'network/astrill')
    await there.do('ip link del tun0')
    await there.until('network_place', (it) => it.time > up.time && it.TunnelInterface === null)
  })

  it('the path to the server is narrower than the interface: what the kernel has learnt of it', async () => {
    // To its own address, over a route that lets less through than the loopback.
    const script = `ip link set lo up && ip addr add 192.0.2.1/32 dev lo &&
      ip route change table local local 192.0.2.1 dev lo mtu 1420 &&
      ip link add eth0 type veth peer name far && ip link set eth0 up && ip addr add 10.9.0.1/24 dev eth0 &&
      ip route add default via 10.9.0.2 dev eth0 && exec "$0" "$@"`
    const [unshare, ...flags] = ENTER.split(' ')
    const child = spawn(
      unshare!,
      [...flags, 'sh', '-c', script, process.execPath, join(import.meta.dirname, 'path-mtu-child.ts'), '192.0.2.1'],
      { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] },
    )
    const exited = once(child, 'exit')
    const found: (number | null | undefined)[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const event = Event.parse(JSON.parse(line))
      if (event.category !== 'network_place') continue
      found.push(event.PathMtu)
      child.stdin.end()
    }
    await exited
    assert.deepEqual(found, [1_420])
  })

  it('an ordinary tunnel is reported and causes no finding', async () => {
    there = enterNamespace(['network-places'], { folder })
    await there.do('ip link add wg0 type veth peer name far && ip link set far up && ip link set wg0 up')
    const up = await there.until('network_place', (it) => it.TunnelInterface === 'wg0')
    assert.deepEqual([up.TunnelKind, up.DefaultRouteOnTunnel], ['wireguard', false])
    assert.deepEqual(await rulesFor([up]), [])
  })

  it('an archive is created and uploaded: its size, and then as many bytes, by which program and to whom', async function () {
    needsCommands(this, 'tar', 'nsenter')
    mkdirSync(join(folder, 'src'))
    mkdirSync(join(folder, 'out'))
    // Incompressible, and large enough that the archiver runs for a poll or two.
    for (let n = 0; n < 8; n++) writeFileSync(join(folder, 'src', `part-${n}.ts`), randomBytes(MEGABYTE))
    there = enterNamespace(['processes', 'watched-folders', 'archives', 'interfaces', 'flows', 'connections'], {
      folder,
      policy: { watchedRoots: [{ path: join(folder, 'out'), kind: 'staging' }] },
    })
    await there.until('process_creation', (it) => it.StartedBeforeAgent)
    // The other end of the veth pair is in another namespace, so that the traffic is not loopback.
    const far = join(folder, 'far')
    const quiet = '/dev/null 2>&1'
    await there.do(`unshare -n sleep 25 > ${quiet} & echo $! > ${far}`)
    await there.do(
      `until [ "$(readlink /proc/$(cat ${far})/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done`,
    )
    await there.do(`ip link add eth0 type veth peer name eth0 netns $(cat ${far})`)
    await there.do('ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up')
    await there.do(`nsenter -t $(cat ${far}) -n sh -c 'ip addr add 10.9.0.2/24 dev eth0 && ip link set eth0 up'`)
    const sink = `require('net').createServer(s => s.resume()).listen(9009, () => { require('fs').writeFileSync('${folder}/up', ''); setTimeout(process.exit, 25000) })`
    await there.do(`nsenter -t $(cat ${far}) -n ${process.execPath} -e "${sink}" > ${quiet} & echo $! > ${far}.sink`)
    await there.do(`until [ -e ${folder}/up ]; do sleep 0.02; done`)

    // With pauses, so that it runs as long as with gigabytes of data.
    await there.do(`tar --checkpoint=400 --checkpoint-action=sleep=1 -czf ${folder}/out/code.tgz -C ${folder} src`)
    const made = await there.until('archive_created', () => true)
    assert.deepEqual([made.RootKind, made.Parts, made.Encrypted], ['staging', 1, false])
    assert.match(made.Image ?? '', /\/tar$/)
    assert.ok(made.Bytes > 8 * MEGABYTE && made.Bytes < 9 * MEGABYTE, `${made.Bytes} bytes`)
    assert.doesNotMatch(JSON.stringify(made), /code\.tgz|src/)

    // In two halves, so that it is still there at a look, as with gigabytes of data.
    const upload = `const all = require('fs').readFileSync('${folder}/out/code.tgz'); const half = all.length >> 1; const s = require('net').connect(9009, '10.9.0.2', () => s.write(all.subarray(0, half))); setTimeout(() => s.end(all.subarray(half)), 1500)`
    await there.do(`${process.execPath} -e "${upload}"`)
    const connection = await there.until('network_connection', (it) => it.DestinationPort === 9_009)
    assert.deepEqual([connection.DestinationIp, connection.Initiated], ['10.9.0.2', true])
    const { events } = there
    await there.until('egress', () => events.reduce((sum, it) => sum + (isSum(it) ? it.BytesSent : 0), 0) >= made.Bytes)
    // In as many reports as looks fell into the upload.
    const flows = () => events.filter((it) => it.category === 'egress').filter((it) => it.DestinationIp !== null)
    const sent = () => flows().reduce((sum, it) => sum + it.BytesSent, 0)
    await there.until('egress', () => sent() >= made.Bytes - 2)
    for (const { Image, DestinationIp, DestinationPort } of flows())
      assert.deepEqual([Image, DestinationIp, DestinationPort], [process.execPath, '10.9.0.2', 9_009])
    assert.ok(Math.abs(sent() - made.Bytes) <= 2, `${sent()} of ${made.Bytes}`)
    await there.do(`kill $(cat ${far}) $(cat ${far}.sink)`)
  })
})
