/**
 * The network that the laptop is in.
 *
 * Shape   one network_place at the first poll and at each change. The gateway's MAC address leaves the laptop only as
 *         an HMAC. SsidHash and BssidHash are null: wireless names need nl80211, a socket that Node cannot open.
 * Units   polled every 15 s. A new gateway's MAC address may take up to 3 polls to appear in the neighbour table; a
 *         tunnel that comes or goes is reported at once, without it. It is kept as long as the route does not change:
 *         an expired entry is not a new place.
 * Errors  null: not readable. GatewayHash null: no default route, or a gateway on a link without MAC addresses (a
 *         tunnel).
 * Source  /proc/net/{route,ipv6_route,arp}, /etc/resolv.conf, /sys/class/net/<it>/{uevent,tun_flags,mtu,operstate}.
 *         The IPv6 neighbour table needs netlink, so a network without IPv4 has no GatewayHash.
 */
import { isIP } from 'node:net'
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { defaultRoute, parseRoutes, parseRoutes6, type Route } from '../shared/routes.ts'
import { shortText } from '../shared/short-text.ts'

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

/** The types say which fields are never filled here: what the server's rules may read follows from them. */
type PlaceFields = Omit<ObservationOf<'network_place'>, 'category' | 'time' | 'collector'> & {
  SsidHash: null
  BssidHash: null
  PathMtu: null
}
export const networkPlaces: Collector<'network_place'> = {
  name: NAME,
  categories: ['network_place'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let reported = ''
  let lastRoute = ''
  let lastHash: string | null = null
  let pollsWithoutMac = 0
  let reportedTunnel = tunnelOf({ TunnelInterface: null, TunnelKind: null, DefaultRouteOnTunnel: false })
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const { place, route } = await readPlace(host)
      if (route !== lastRoute) {
        lastRoute = route
        lastHash = null
        pollsWithoutMac = 0
      }
      lastHash = place.GatewayHash ?? lastHash
      place.GatewayHash = lastHash
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

async function readPlace(host: Host): Promise<{ place: PlaceFields; route: string }> {
  const four = parseRoutes(await host.readText('/proc/net/route'))
  const six = parseRoutes6(await host.readText('/proc/net/ipv6_route').catch(() => ''))
  const tunnels = await findTunnels(host)
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

/** The tunnels that are up: name → kind, sorted by name. */
async function findTunnels(host: Host): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await host.list('/sys/class/net')) {
    const folder = `/sys/class/net/${name}`
    const named = TUNNELS.find(([pattern]) => pattern.test(name))?.[1]
    const type = /^DEVTYPE=(.*)$/m.exec(await text(host, `${folder}/uevent`))?.[1]
    const flags = await text(host, `${folder}/tun_flags`)
    // Only tun devices: a virtual machine's tap is a port of a bridge, not a tunnel.
    const tun = /^0x[0-9a-f]+$/.test(flags) && (Number(flags) & 1) === 1
    const kind = type === 'wireguard' ? (named ?? 'wireguard') : tun ? (named ?? 'tun') : named
    if (kind !== undefined && (await text(host, `${folder}/operstate`)) !== 'down') found.set(name, kind)
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
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

export function parseResolvers(text: string): string[] {
  const found = text
    .split('\n')
    .map((line) => /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1] ?? '')
    .filter((it) => isIP(it) !== 0)
  return [...new Set(found)].slice(0, 16)
}

async function text(host: Host, path: string): Promise<string> {
  return (await shortText(host, path)) ?? ''
}
