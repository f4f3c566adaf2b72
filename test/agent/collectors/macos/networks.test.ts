import assert from 'node:assert/strict'
import { connections } from '../../../../agent/collectors/macos/connections.ts'
import { interfaces } from '../../../../agent/collectors/macos/interfaces.ts'
import { networkPlaces, tunnelKind } from '../../../../agent/collectors/macos/network-places.ts'
import type { InterfaceRow, RouteRow, SocketRow } from '../../../../agent/host/macos/calls.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { fakeHost, policy, watchPolls } from '../../fake-host.ts'
import { fakeMac, program } from './fake-mac.ts'

const socket = (of: Partial<SocketRow>): SocketRow => ({
  ...{ protocol: 'tcp', state: 4, localAddress: '192.0.2.7', localPort: 50_001 },
  ...{ remoteAddress: '203.0.113.9', remotePort: 443, pid: 80 },
  ...of,
})
const link = (index: number, name: string, of: Partial<InterfaceRow> = {}): InterfaceRow => ({
  ...{ index, name, type: 6, isUp: true, mtu: 1_500, received: 0, sent: 0 },
  ...of,
})
const route = (of: Partial<RouteRow>): RouteRow => ({
  ...{ interface: 4, destination: '0.0.0.0', length: 0, gateway: '192.0.2.1', isScoped: false },
  ...of,
})
const places = (found: Observation[][]) =>
  found.map((poll) => poll.filter((it): it is ObservationOf<'network_place'> => it.category === 'network_place'))

describe('agent/collectors/macos, networks', () => {
  it('a connection and a listener, with the programs that own them; the loopback and a new UDP port are not told', async () => {
    const all = [
      socket({}),
      socket({ state: 1, localAddress: '0.0.0.0', localPort: 5_900, remoteAddress: '0.0.0.0', remotePort: 0, pid: 81 }),
      socket({ localAddress: '127.0.0.1', remoteAddress: '127.0.0.1' }),
      socket({ state: 0, localPort: 1 }),
      socket({ protocol: 'udp', localAddress: '0.0.0.0', localPort: 7_000, remoteAddress: '0.0.0.0', remotePort: 0 }),
    ]
    const mac = fakeMac({ sockets: () => ({ found: all, denied: 2 }) })
    mac.table.set(80, program('/Applications/AnyDesk.app/Contents/MacOS/AnyDesk'))
    const [first, second] = await watchPolls(connections(mac), fakeHost({}), [() => {}], policy, 'macos')
    assert.deepEqual(
      first!.map((it) => [it.category, 'Image' in it && it.Image]),
      [
        ['collection_gap', false],
        ['listening_socket', null],
        ['network_connection', '/Applications/AnyDesk.app/Contents/MacOS/AnyDesk'],
      ],
    )
    assert.deepEqual(
      second!.filter((it) => it.category === 'listening_socket').map((it) => it.Port),
      [7_000],
    )
  })

  it('bytes of the physical interfaces only', async () => {
    let sent = 5_000_000
    const mac = fakeMac({
      interfaces: () => [link(4, 'en0', { sent, received: sent }), link(9, 'utun4', { sent: 9e9 })],
    })
    const [, second] = await watchPolls(interfaces(mac), fakeHost({}), [() => (sent += 2_000_000)], policy, 'macos')
    assert.deepEqual(
      second!.map((it) => it.category === 'egress' && [it.BytesSent, it.BytesReceived, it.WindowSeconds]),
      [[2_000_000, 2_000_000, 300]],
    )
  })

  const host = () => fakeHost({ '/etc/resolv.conf': 'nameserver 192.0.2.53\nnameserver fe80::1%en0\n' })

  it('gateway, DNS and no tunnel: what macOS keeps in its own utun is none', async () => {
    const mac = fakeMac({
      interfaces: () => [link(4, 'en0'), link(9, 'utun0', { mtu: 1_380 })],
      routes: () => [
        route({ isScoped: true, gateway: '198.51.100.1' }),
        route({}),
        route({ interface: 9, destination: 'fe80::', length: 64, gateway: null }),
        route({ interface: 9, destination: 'ff00::', length: 8, gateway: null }),
      ],
      neighbours: () => [{ interface: 4, address: '192.0.2.1', mac: '3c:22:fb:00:00:01' }],
    })
    const it_ = host()
    const found = await watchPolls(networkPlaces(mac), it_, [() => {}], policy, 'macos')
    const [[place] = [], none] = places(found)
    assert.deepEqual(
      [place?.Interface, place?.GatewayHash, place?.DnsServers, place?.TunnelInterface, place?.DefaultRouteOnTunnel],
      ['en0', it_.hmac('3c:22:fb:00:00:01'), ['192.0.2.53', 'fe80::1'], null, false],
    )
    assert.deepEqual(none, [])
    const gaps = found[0]!.filter((it) => it.category === 'collection_gap')
    assert.deepEqual(
      gaps.map((it) => [it.About, it.Reason]),
      [['names of wireless networks', 'denied']],
    )
  })

  it('a tunnel with two halves of all addresses is told at once, although no gateway answers', async () => {
    const halves = ['0.0.0.0', '128.0.0.0'].map((destination) =>
      route({ interface: 12, destination, length: 1, gateway: null }),
    )
    const mac = fakeMac({
      interfaces: () => [link(4, 'en0'), link(12, 'utun4', { mtu: 1_420 })],
      routes: () => [route({}), ...halves],
    })
    const [[place] = []] = places(await watchPolls(networkPlaces(mac), host(), [], policy, 'macos'))
    assert.deepEqual(
      [place?.TunnelInterface, place?.TunnelKind, place?.TunnelMtu, place?.DefaultRouteOnTunnel, place?.GatewayHash],
      ['utun4', 'utun', 1_420, true, null],
    )
  })

  it('a gateway without a MAC address is told after three polls', async () => {
    const mac = fakeMac({ interfaces: () => [link(4, 'en0')], routes: () => [route({})] })
    const found = places(await watchPolls(networkPlaces(mac), host(), [() => {}, () => {}], policy, 'macos'))
    assert.deepEqual(
      found.map((it) => it.length),
      [0, 0, 1],
    )
  })

  const kinds: [name: string, kind: string | null][] = [
    ['utun4', 'utun'],
    ['ppp0', 'ppp'],
    ['ipsec0', 'ppp'],
    ['feth1234', 'zerotier'],
    ['en0', null],
    ['bridge0', null],
    ['awdl0', null],
  ]
  for (const [name, kind] of kinds) it(`interface ${name}: ${kind}`, () => assert.equal(tunnelKind(name), kind))
})
