import assert from 'node:assert/strict'
import { gatewayMac, goesThrough, networkPlaces } from '../../../../agent/collectors/linux/network-places.ts'
import { parseResolvers } from '../../../../agent/collectors/shared/resolvers.ts'
import { defaultRoute, parseRoutes, parseRoutes6 } from '../../../../agent/collectors/shared/routes.ts'
import { CallError } from '../../../../agent/host/linux/calls.ts'
import { linuxCalls } from '../../../../agent/host/linux/open.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { checked, type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'
import { fakeLinux } from '../../fake-linux.ts'
import { needsLinux } from '../../needs-linux.ts'

const ROUTES = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const route = (name: string, destination: string, gateway: string, mask: string, metric = 0) =>
  `${name}\t${destination}\t${gateway}\t${gateway === '00000000' ? '0001' : '0003'}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`
const ARP = 'IP address       HW type     Flags       HW address            Mask     Device\n'
const HOME = route('wlan0', '00000000', '010200C0', '00000000', 600)
const MAC = '02:FC:00:00:00:05'

describe('agent/collectors/linux/network-places', () => {
  it('reads routes', () => {
    const found = parseRoutes(`${ROUTES + HOME + route('wlan0', '000200C0', '00000000', '00FFFFFF')}rubbish\n`)
    assert.deepEqual(found, [
      { interface: 'wlan0', gateway: '192.0.2.1', length: 0, destination: '0.0.0.0', metric: 600 },
      { interface: 'wlan0', gateway: null, length: 24, destination: '192.0.2.0', metric: 0 },
    ])
    const six = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003    wlan0\n${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 00000001 00000000 00200200       lo\n`
    assert.deepEqual(parseRoutes6(six), [
      { interface: 'wlan0', gateway: 'fe80::1', length: 0, destination: '::', metric: 1024 },
    ])
  })

  it('uses the default route with the lowest metric, and recognises two half routes', () => {
    const both = parseRoutes(ROUTES + HOME + route('tun0', '00000000', '0100080A', '00000000', 50))
    assert.equal(defaultRoute(both)!.interface, 'tun0')
    const halves = parseRoutes(
      ROUTES +
        HOME +
        route('tun0', '00000000', '0100080A', '00000080') +
        route('tun0', '00000080', '0100080A', '00000080'),
    )
    assert.ok(goesThrough(halves, new Map([['tun0', 'tun']])))
    assert.ok(!goesThrough(parseRoutes(ROUTES + HOME), new Map([['tun0', 'tun']])))
    assert.equal(defaultRoute([]), null)
  })

  it('reads neighbours and resolvers', () => {
    const arp = `${ARP}192.0.2.1        0x1         0x2         ${MAC}     *        wlan0\n192.0.2.9 0x1 0x0 00:00:00:00:00:00 * wlan0\n`
    assert.equal(gatewayMac(arp, '192.0.2.1', 'wlan0'), MAC.toLowerCase())
    assert.equal(gatewayMac(arp, '192.0.2.1', 'eth0'), null)
    assert.equal(gatewayMac(arp, '192.0.2.9', 'wlan0'), null)
    assert.deepEqual(
      parseResolvers('# x\nnameserver 9.9.9.9\nnameserver fe80::1%eth0\nnameserver 9.9.9.9\nnameserver nonsense\n'),
      ['9.9.9.9', 'fe80::1'],
    )
  })

  it('reports the place once, hashed, and again when a tunnel gets the default route', async () => {
    const host = home()
    const [first, quiet, tunnel] = await watchPolls(networkPlaces(fakeLinux()), host, [
      () => {},
      () => {
        put(host.tree, '/sys/class/net/tun0/tun_flags', '0x1001\n')
        put(host.tree, '/sys/class/net/tun0/mtu', '1293\n')
        put(host.tree, '/proc/net/route', ROUTES + HOME + route('tun0', '00000000', '0100080A', '00000000', 50))
      },
    ])
    assert.deepEqual(quiet, [])
    assert.deepEqual(place(first), [
      {
        category: 'network_place',
        collector: 'network-places',
        Interface: 'wlan0',
        GatewayHash: host.hmac(MAC.toLowerCase()),
        SsidHash: null,
        BssidHash: null,
        DnsServers: ['192.0.2.1'],
        TunnelInterface: null,
        TunnelKind: null,
        TunnelMtu: null,
        PathMtu: null,
        DefaultRouteOnTunnel: false,
      },
    ])
    assert.deepEqual(place(tunnel), [
      { ...place(first)[0], TunnelInterface: 'tun0', TunnelKind: 'tun', TunnelMtu: 1293, DefaultRouteOnTunnel: true },
    ])
  })

  it('an expired neighbour entry is not a new place; a new gateway has three polls to appear', async () => {
    const host = home()
    const polls = await watchPolls(networkPlaces(fakeLinux()), host, [
      () => put(host.tree, '/proc/net/arp', ARP),
      () => {},
      () => put(host.tree, '/proc/net/route', ROUTES + route('wlan0', '00000000', '01080A0A', '00000000')),
      () => {},
      () => {},
      () => {},
    ])
    assert.deepEqual(
      polls.map((it) => place(it).map((one) => one.GatewayHash)),
      [[host.hmac(MAC.toLowerCase())], [], [], [], [], [null], []],
    )
  })

  it('a tunnel is reported at once, also while the MAC address of a new gateway is unknown', async () => {
    const host = home()
    const polls = await watchPolls(networkPlaces(fakeLinux()), host, [
      () => {
        put(host.tree, '/proc/net/route', ROUTES + route('wlan0', '00000000', '01080A0A', '00000000'))
        put(host.tree, '/sys/class/net/tun0/tun_flags', '0x1001\n')
      },
      () => {},
      () => put(host.tree, '/sys/class/net/tun0', undefined),
    ])
    assert.deepEqual(
      polls.map((it) => place(it).map((one) => [one.TunnelInterface, one.GatewayHash])),
      [[[null, host.hmac(MAC.toLowerCase())]], [['tun0', null]], [], [[null, null]]],
    )
  })

  it('recognises tunnels by driver and by name, and skips those that are down', async () => {
    const rows: [nodes: Record<string, string>, expected: string | null][] = [
      [{ '/sys/class/net/foo/uevent': 'DEVTYPE=wireguard\nINTERFACE=foo\n' }, 'wireguard'],
      [{ '/sys/class/net/nordlynx/uevent': 'DEVTYPE=wireguard\n' }, 'nordlynx'],
      [{ '/sys/class/net/tailscale0/tun_flags': '0x1001\n' }, 'tailscale'],
      [{ '/sys/class/net/vnet3/tun_flags': '0x1002\n' }, null],
      [{ '/sys/class/net/wg0/operstate': 'down\n' }, null],
      [{ '/sys/class/net/wlan1/operstate': 'up\n' }, null],
    ]
    for (const [nodes, expected] of rows) {
      const host = home()
      for (const [path, node] of Object.entries(nodes)) put(host.tree, path, node)
      const [first] = await watchPolls(networkPlaces(fakeLinux()), host)
      assert.equal(place(first)[0]!.TunnelKind, expected, JSON.stringify(nodes))
    }
  })

  it('reports the wireless network, hashed, and the path to the server, and keeps both while it cannot ask', async () => {
    const host = home()
    const home5 = { name: 'wlan0', bssid: '02:fc:00:00:00:05', ssid: Buffer.from('Ann at home') }
    const other = { name: 'wlan1', bssid: '02:fc:00:00:00:09', ssid: null }
    let [links, mtu]: [(typeof home5 | typeof other)[] | null, number | null] = [[other, home5], null]
    const linuxNow = fakeLinux({
      wirelessLinks() {
        if (links === null) throw new CallError('socket', 1)
        return links
      },
      pathMtu: () => mtu,
    })
    const polls = await watchPolls(networkPlaces(linuxNow), host, [
      () => (mtu = 1_420),
      () => ([links, mtu] = [null, null]),
      () => (links = [other]),
      () => put(host.tree, '/proc/net/route', ROUTES),
    ])
    const [home1, away] = [host.hmac('02:fc:00:00:00:05'), host.hmac('02:fc:00:00:00:09')]
    const name = host.hmac('ssid Ann at home')
    assert.deepEqual(
      polls.map((it) => place(it).map((one) => [one.BssidHash, one.SsidHash, one.PathMtu])),
      [[[home1, name, null]], [[home1, name, 1_420]], [], [[away, null, 1_420]], [[away, null, null]]],
    )
    assert.deepEqual(
      polls[2]!.map((it) => it.category === 'collection_gap' && [it.About, it.Reason]),
      [['wireless networks', 'denied']],
    )
    assert.doesNotMatch(JSON.stringify(polls), /Ann|02:fc/)
  })

  it('asks for wireless networks only where there is such an interface, and says that a path cannot be asked for', async () => {
    const host = home()
    put(host.tree, '/sys/class/net/wlan0/uevent', 'INTERFACE=eth0\n')
    const blind = fakeLinux({
      wirelessLinks: () => assert.fail('nobody is to be asked'),
      pathMtu() {
        throw new CallError('loading libc.so.6', 38)
      },
    })
    const [first] = await watchPolls(networkPlaces(blind), host)
    assert.deepEqual(
      first!.map((it) => (it.category === 'collection_gap' ? [it.About, it.Reason] : it.category)),
      [['path MTU', 'unsupported'], 'network_place'],
    )
  })

  it('reports a place without a network, and a gap without tables', async () => {
    const offline = fakeHost({ '/proc/net/route': ROUTES, '/sys/class/net/lo/mtu': '65536\n' })
    const [first] = await watchPolls(networkPlaces(fakeLinux()), offline)
    assert.deepEqual(
      place(first).map((it) => [it.Interface, it.GatewayHash, it.DnsServers]),
      [[null, null, null]],
    )
    const [blind] = await watchPolls(networkPlaces(fakeLinux()), fakeHost({}))
    assert.deepEqual(
      blind!.map((it) => it.category === 'collection_gap' && it.Reason),
      ['unsupported'],
    )
  })

  it('reports the place of this machine', async function () {
    needsLinux(this)
    const stop = new AbortController()
    const found: Observation[] = []
    const host = linux.host({ hmac: () => '00'.repeat(32), stateFolder: '/nonexistent' })
    host.sleep = async () => {
      if (found.length > 0) stop.abort()
    }
    for await (const it of networkPlaces(linuxCalls).run(host, policy, stop.signal)) found.push(checked(it))
    assert.equal(found[0]!.category, 'network_place')
  })
})

function home(): FakeHost {
  return fakeHost({
    '/proc/net/route': ROUTES + HOME,
    '/proc/net/arp': `${ARP}192.0.2.1        0x1         0x2         ${MAC}     *        wlan0\n`,
    '/etc/resolv.conf': 'nameserver 192.0.2.1\n',
    '/sys/class/net/lo/mtu': '65536\n',
    '/sys/class/net/wlan0/uevent': 'DEVTYPE=wlan\n',
  })
}

function place(found: Observation[] | undefined): Omit<ObservationOf<'network_place'>, 'time'>[] {
  return found!
    .filter((it) => it.category === 'network_place')
    .map(({ time: _, ...rest }) => rest as Omit<ObservationOf<'network_place'>, 'time'>)
}
