/**
 * The network that the laptop is in.
 *
 * Shape   one network_place at the first poll and at each change. The gateway's MAC address leaves the laptop only as an
 *         HMAC. A tunnel is told at once, a gateway when its MAC address is known, or after three polls. SsidHash and
 *         BssidHash are null: wireless names are not asked for.
 * Units   polled every 15 s.
 * Errors  null: not readable. GatewayHash null: no default route, or a gateway without a MAC address.
 * Source  GetAdaptersAddresses, GetIpForwardTable2, GetIpNetTable2. Wine 10 has the first two; the neighbours, and
 *         adapters of VPN clients, are seen on built data only. Their descriptions are what the clients' drivers say.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { AdapterRow, NeighbourRow, RouteRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'

const NAME = 'network-places'
const EVERY_MS = 15_000
const MAC_POLLS = 3
const LOOPBACK = 24
/** IANA ifType: PPP and tunnel. */
const TUNNEL_TYPES: Readonly<Record<number, string>> = { 23: 'ppp', 131: 'tun' }
const TUNNELS: readonly [RegExp, string][] = [
  [/tailscale/i, 'tailscale'],
  [/zerotier/i, 'zerotier'],
  [/nordlynx/i, 'nordlynx'],
  [/proton ?vpn/i, 'proton'],
  [/cloudflare|\bwarp\b/i, 'warp'],
  [/wireguard|mullvad/i, 'wireguard'],
  [/\btap-/i, 'tap'],
  [/wintun|openvpn|anyconnect|pangp|fortinet|juniper|\bvpn\b/i, 'tun'],
]

/** The types say which fields are never filled here. */
type PlaceFields = Omit<ObservationOf<'network_place'>, 'category' | 'time' | 'collector'> & {
  SsidHash: null
  BssidHash: null
  PathMtu: null
}

export const networkPlaces = (windows: Windows): Collector<'network_place'> => ({
  name: NAME,
  categories: ['network_place'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let reported = ''
  let [lastRoute, lastHash, pollsWithoutMac] = ['', null as string | null, 0]
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const adapters = windows.adapters().filter((it) => it.type !== LOOPBACK)
      const routes = windows.routes()
      let neighbours: NeighbourRow[] = []
      try {
        neighbours = windows.neighbours()
      } catch (cause) {
        yield gap(stamp, 'neighbour table', gapReason(cause), cause)
      }
      const { place, route } = placeOf(host, adapters, routes, neighbours)
      if (route !== lastRoute) [lastRoute, lastHash, pollsWithoutMac] = [route, null, 0]
      // An expired entry is not a new place.
      lastHash = place.GatewayHash ?? lastHash
      place.GatewayHash = lastHash
      const isWaiting = route !== '' && lastHash === null && ++pollsWithoutMac < MAC_POLLS
      const current = JSON.stringify(place)
      if (current !== reported && (!isWaiting || place.TunnelInterface !== null)) {
        yield { category: 'network_place' as const, ...stamp, ...place }
        reported = current
      }
    } catch (cause) {
      yield gap(stamp, 'network_place', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function placeOf(host: Host, adapters: AdapterRow[], routes: RouteRow[], neighbours: NeighbourRow[]) {
  const tunnels = adapters.filter((it) => it.isUp && tunnelKind(it) !== null)
  const isOnTunnel = ({ index }: RouteRow) => tunnels.some((it) => it.index === index || it.index6 === index)
  const named = routes.flatMap((route) => {
    const on = adapters.find((it) => it.isUp && (it.index === route.index || it.index6 === route.index))
    return on ? [{ ...route, metric: route.metric + on.metric }] : []
  })
  const four = named.filter((it) => !it.destination.includes(':'))
  const six = named.filter((it) => it.destination.includes(':'))
  const best = defaultRoute(four.filter((it) => !isOnTunnel(it))) ?? defaultRoute(four) ?? defaultRoute(six)
  const adapter = best && adapters.find((it) => it.index === best.index || it.index6 === best.index)
  const near = neighbours.find((it) => it.index === best?.index && it.address === best?.gateway)
  const tunnel =
    tunnels.find((it) => routes.some((route) => route.length <= 1 && route.index === it.index)) ?? tunnels[0]
  const place: PlaceFields = {
    Interface: adapter ? bounded(adapter.friendlyName, 256) : null,
    GatewayHash: near ? host.hmac(near.mac) : null,
    SsidHash: null,
    BssidHash: null,
    DnsServers: [...new Set(adapters.filter((it) => it.isUp).flatMap((it) => it.dns))].slice(0, 16),
    TunnelInterface: tunnel ? bounded(tunnel.friendlyName, 256) : null,
    TunnelKind: tunnel ? tunnelKind(tunnel) : null,
    TunnelMtu: tunnel && tunnel.mtu <= 1_000_000 ? tunnel.mtu : null,
    DefaultRouteOnTunnel: [four, six].some((it) => goesThrough(it, isOnTunnel)),
    PathMtu: null,
  }
  return { place, route: best?.gateway && !isOnTunnel(best) ? `${best.index} ${best.gateway}` : '' }
}

export function tunnelKind({ description, friendlyName, type }: AdapterRow): string | null {
  const text = `${description} ${friendlyName}`
  return TUNNELS.find(([pattern]) => pattern.test(text))?.[1] ?? TUNNEL_TYPES[type] ?? null
}

function defaultRoute(routes: readonly RouteRow[]): RouteRow | null {
  const all = routes.filter((it) => it.length === 0)
  return all.reduce<RouteRow | null>((best, it) => (best === null || it.metric < best.metric ? it : best), null)
}

/** VPN clients replace the default route by a lower metric, or by two routes for half of all addresses each. */
function goesThrough(routes: readonly RouteRow[], isOnTunnel: (route: RouteRow) => boolean): boolean {
  const best = defaultRoute(routes)
  if (best !== null && isOnTunnel(best)) return true
  return new Set(routes.filter((it) => it.length === 1 && isOnTunnel(it)).map((it) => it.destination)).size >= 2
}
