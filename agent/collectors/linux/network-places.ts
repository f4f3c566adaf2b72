/**
 * The network that the laptop is in.
 *
 * Shape   one network_place at the first poll and at each change. The gateway's MAC address leaves the laptop only as
 *         an HMAC, as do the name and the access point of a wireless network (see shared/wireless-names.ts). PathMtu is
 *         what the kernel has learnt of the way to the server; the last one, while there is no connection.
 * Units   polled every 15 s. A new gateway's MAC address may take up to 3 polls to appear in the neighbour table; a
 *         tunnel that comes or goes is reported at once, without it. It is kept as long as the route does not change:
 *         an expired entry is not a new place.
 * Errors  null: not readable. GatewayHash null: no default route, or a gateway on a link without MAC addresses (a
 *         tunnel). A wireless interface whose network cannot be asked for is a gap.
 * Source  /proc/net/{route,ipv6_route,arp}, /etc/resolv.conf, /sys/class/net/<it>/{uevent,tun_flags,mtu,operstate}.
 *         nl80211 and IP_MTU through host/linux, which are asked only where there is a wireless interface, or a route.
 *         The IPv6 neighbour table needs netlink, so a network without IPv4 has no GatewayHash.
 */
import { isIP } from 'node:net'
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { LinuxCalls, WirelessLink } from '../../host/linux/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { parseResolvers } from '../shared/resolvers.ts'
import { defaultRoute, parseRoutes, parseRoutes6, type Route } from '../shared/routes.ts'
import { shortText } from '../shared/short-text.ts'
import { bssidName, ssidName } from '../shared/wireless-names.ts'

const NAME = 'network-places'
const EVERY_MS = 15_000
/** How many polls wait for the MAC address of a new gateway. */
const MAC_POLLS = 3
const TUNNELS: readonly [RegExp, string][] = [
  [/^tailscale\d/, 'tailscale'],
  [/^zt[a-z0-9]{4,}$/, 'zerotier'],
  [/^nordlynx/, 'nordlynx'],
  [/^(proton|pvpn)/, 'proton'],
  [/^(CloudflareWARP|warp)/, 'warp'],
  [/^(wg|mullvad|wt|nm-wg)[-\d]*/, 'wireguard'],
  [/^(tun|utun|gpd|cscotun|vpn)\d/, 'tun'],
  [/^tap\d/, 'tap'],
  [/^(ppp|ipsec|xfrm)\d/, 'ppp'],
]

const NO_WIRELESS: Pick<PlaceFields, 'SsidHash' | 'BssidHash'> = { SsidHash: null, BssidHash: null }
type PlaceFields = Omit<ObservationOf<'network_place'>, 'category' | 'time' | 'collector'>
export const networkPlaces = (linux: LinuxCalls): Collector<'network_place'> => ({
  name: NAME,
  categories: ['network_place'],
  run: (host, _policy, signal) => run(host, linux, signal),
})

async function* run(host: Host, linux: LinuxCalls, signal: AbortSignal) {
  let reported = ''
  let lastRoute = ''
  let lastHash: string | null = null
  let lastMtu: number | null = null
  let lastWireless = NO_WIRELESS
  let pollsWithoutMac = 0
  let reportedTunnel = tunnelOf({ TunnelInterface: null, TunnelKind: null, DefaultRouteOnTunnel: false })
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const { place, route, wireless } = await readPlace(host)
      if (route !== lastRoute) {
        lastRoute = route
        lastHash = null
        lastMtu = null
        lastWireless = NO_WIRELESS
        pollsWithoutMac = 0
      }
      lastHash = place.GatewayHash ?? lastHash
      place.GatewayHash = lastHash
      try {
        lastWireless = wireless.length > 0 ? wirelessHashes(host, linux.wirelessLinks(), place.Interface) : NO_WIRELESS
      } catch (cause) {
        yield gap(stamp, 'wireless networks', gapReason(cause), cause)
      }
      try {
        if (place.Interface !== null) lastMtu = linux.pathMtu() ?? lastMtu
      } catch (cause) {
        yield gap(stamp, 'path MTU', gapReason(cause), cause)
      }
      Object.assign(place, lastWireless, { PathMtu: lastMtu })
      const tunnel = tunnelOf(place)
      const isWaiting = route !== '' && lastHash === null && ++pollsWithoutMac < MAC_POLLS
      if (isWaiting && tunnel === reportedTunnel) {
        await host.sleep(EVERY_MS, signal)
        continue
      }
      const current = JSON.stringify(place)
      if (current !== reported) {
        yield { category: 'network_place' as const, ...stamp, ...place }
        reported = current
        reportedTunnel = tunnel
      }
    } catch (cause) {
      yield gap(stamp, 'network_place', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function tunnelOf(it: Pick<PlaceFields, 'TunnelInterface' | 'TunnelKind' | 'DefaultRouteOnTunnel'>): string {
  return `${it.TunnelInterface} ${it.TunnelKind} ${it.DefaultRouteOnTunnel}`
}

async function readPlace(host: Host): Promise<{ place: PlaceFields; route: string; wireless: string[] }> {
  const four = parseRoutes(await host.readText('/proc/net/route'))
  const six = parseRoutes6(await host.readText('/proc/net/ipv6_route').catch(() => ''))
  const { tunnels, wireless } = await findInterfaces(host)
  const onTunnel = [four, six].some((it) => goesThrough(it, tunnels))
  const route = defaultRoute(four.filter((it) => !tunnels.has(it.interface))) ?? defaultRoute(four) ?? defaultRoute(six)
  const arp = await host.readText('/proc/net/arp').catch(() => '')
  const mac = route?.gateway ? gatewayMac(arp, route.gateway, route.interface) : null
  const resolvers = await host.readText('/etc/resolv.conf', 65_536).then(parseResolvers, () => null)
  const byRoute = [...four, ...six].find((it) => it.length <= 1 && tunnels.has(it.interface))?.interface
  const name = byRoute ?? [...tunnels.keys()][0] ?? null
  const kind = name === null ? null : tunnels.get(name)!
  const mtu = name === null ? '' : await text(host, `/sys/class/net/${name}/mtu`)
  return {
    wireless,
    // The gateway whose MAC address the place needs: '' on a tunnel or another link without MAC addresses.
    route:
      route?.gateway && isIP(route.gateway) === 4 && !tunnels.has(route.interface)
        ? `${route.interface} ${route.gateway}`
        : '',
    place: {
      Interface: route ? bounded(route.interface, 256) : null,
      GatewayHash: mac === null ? null : host.hmac(mac),
      SsidHash: null,
      BssidHash: null,
      DnsServers: resolvers,
      TunnelInterface: name === null ? null : bounded(name, 256),
      TunnelKind: kind,
      TunnelMtu: /^\d{1,6}$/.test(mtu) ? Number(mtu) : null,
      DefaultRouteOnTunnel: onTunnel,
      PathMtu: null,
    },
  }
}

/** The tunnels that are up: name → kind, sorted by name. And the wireless interfaces. */
async function findInterfaces(host: Host): Promise<{ tunnels: Map<string, string>; wireless: string[] }> {
  const found = new Map<string, string>()
  const wireless: string[] = []
  for (const name of await host.list('/sys/class/net')) {
    const folder = `/sys/class/net/${name}`
    const named = TUNNELS.find(([pattern]) => pattern.test(name))?.[1]
    const type = /^DEVTYPE=(.*)$/m.exec(await text(host, `${folder}/uevent`))?.[1]
    if (type === 'wlan') wireless.push(name)
    const flags = await text(host, `${folder}/tun_flags`)
    // Only tun devices: a virtual machine's tap is a port of a bridge, not a tunnel.
    const tun = /^0x[0-9a-f]+$/.test(flags) && (Number(flags) & 1) === 1
    const kind = type === 'wireguard' ? (named ?? 'wireguard') : tun ? (named ?? 'tun') : named
    if (kind !== undefined && (await text(host, `${folder}/operstate`)) !== 'down') found.set(name, kind)
  }
  return { tunnels: new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1))), wireless }
}

/** Of the interface with the default route, or of another one that is connected. */
function wirelessHashes(host: Host, links: readonly WirelessLink[], on: string | null): typeof NO_WIRELESS {
  const [first] = links.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const link = links.find((it) => it.name === on) ?? first
  return {
    SsidHash: link?.ssid ? host.hmac(ssidName(link.ssid)) : null,
    BssidHash: link ? host.hmac(bssidName(link.bssid)) : null,
  }
}

/** VPN clients replace the default route by a lower metric, or by two routes for half of all addresses each. */
export function goesThrough(routes: readonly Route[], tunnels: ReadonlyMap<string, unknown>): boolean {
  const best = defaultRoute(routes)
  if (best !== null && tunnels.has(best.interface)) return true
  const halves = routes.filter((it) => it.length === 1 && tunnels.has(it.interface))
  return new Set(halves.map((it) => it.destination)).size >= 2
}

export function gatewayMac(arp: string, gateway: string, name: string): string | null {
  for (const line of arp.split('\n').slice(1)) {
    const [ip, , , mac, , device] = line.trim().split(/\s+/)
    if (ip === gateway && device === name && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac ?? ''))
      return mac === '00:00:00:00:00:00' ? null : mac!.toLowerCase()
  }
  return null
}

async function text(host: Host, path: string): Promise<string> {
  return (await shortText(host, path)) ?? ''
}
