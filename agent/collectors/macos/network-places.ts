/**
 * The network that the laptop is in.
 *
 * Shape   one network_place at the first poll and at each change. The gateway's MAC address leaves the laptop only as an
 *         HMAC. A tunnel is told at once, a gateway when its MAC address is known, or after three polls. macOS makes some
 *         utun interfaces for itself (iCloud, handoff): only one with a route beyond its own link is a tunnel.
 * Units   polled every 15 s.
 * Errors  null: not readable. GatewayHash null: no default route, or a gateway without a MAC address. SsidHash and
 *         BssidHash are null, with a gap 'denied': since macOS 14.4 only programs that may know the location get them.
 * Source  sysctl net.route (agent/host/macos), /etc/resolv.conf, which macOS writes for programs like this one. Written
 *         from documentation; it has never run on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { InterfaceRow, Mac, RouteRow } from '../../host/macos/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { parseResolvers } from '../shared/resolvers.ts'

const NAME = 'network-places'
const EVERY_MS = 15_000
const MAC_POLLS = 3
const TUNNELS: readonly [RegExp, string][] = [
  [/^utun\d/, 'utun'],
  [/^(ppp|ipsec)\d/, 'ppp'],
  [/^(tun|gpd|cscotun)\d/, 'tun'],
  [/^tap\d/, 'tap'],
  [/^feth\d/, 'zerotier'],
]
/** Link-local and multicast addresses. */
const OWN_LINK = /^(fe80:|ff|2(2[4-9]|3\d)\.|169\.254\.)/
const WIRELESS = 'since macOS 14.4 only programs that may know the location get the name of a wireless network'

/** The types say which fields are never filled here. */
type PlaceFields = Omit<ObservationOf<'network_place'>, 'category' | 'time' | 'collector'> & {
  SsidHash: null
  BssidHash: null
  PathMtu: null
}

export const networkPlaces = (mac: Mac): Collector<'network_place'> => ({
  name: NAME,
  categories: ['network_place'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  let reported = ''
  let [lastRoute, lastHash, pollsWithoutMac] = ['', null as string | null, 0]
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    yield gap(stamp, 'names of wireless networks', 'denied', WIRELESS)
    try {
      const DnsServers = await host.readText('/etc/resolv.conf', 65_536).then(parseResolvers, () => null)
      const { place, route } = placeOf(mac, DnsServers)
      if (route !== lastRoute) [lastRoute, lastHash, pollsWithoutMac] = [route, null, 0]
      // An expired entry is not a new place.
      lastHash = hashOf(host, mac, route) ?? lastHash
      const isWaiting = route !== '' && lastHash === null && ++pollsWithoutMac < MAC_POLLS
      const now = { ...place, GatewayHash: lastHash }
      const current = JSON.stringify(now)
      if (current !== reported && (!isWaiting || place.TunnelInterface !== null)) {
        yield { category: 'network_place' as const, ...stamp, ...now }
        reported = current
      }
    } catch (cause) {
      yield gap(stamp, 'network_place', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** `route`: the gateway whose MAC address the place needs, as 'interface address'; '' if there is none. */
function placeOf(mac: Mac, DnsServers: string[] | null): { place: Omit<PlaceFields, 'GatewayHash'>; route: string } {
  const byIndex = new Map(mac.interfaces().map((it) => [it.index, it]))
  const routes = mac.routes().filter((it) => !it.isScoped)
  const isTunnel = (it: RouteRow) => tunnelKind(byIndex.get(it.interface)?.name ?? '') !== null
  const best = routes.find((it) => it.length === 0) ?? null
  const tunnel = tunnelOf(routes, byIndex)
  const over = best === null ? undefined : byIndex.get(best.interface)
  return {
    route: best?.gateway && !isTunnel(best) ? `${best.interface} ${best.gateway}` : '',
    place: {
      Interface: over === undefined ? null : bounded(over.name, 256),
      SsidHash: null,
      BssidHash: null,
      DnsServers,
      TunnelInterface: tunnel === null ? null : bounded(tunnel.name, 256),
      TunnelKind: tunnel === null ? null : tunnelKind(tunnel.name),
      TunnelMtu: tunnel?.mtu ?? null,
      DefaultRouteOnTunnel: goesThrough(routes, isTunnel),
      PathMtu: null,
    },
  }
}

function hashOf(host: Host, mac: Mac, route: string): string | null {
  const found = route === '' ? undefined : mac.neighbours().find((it) => `${it.interface} ${it.address}` === route)
  return found === undefined ? null : host.hmac(found.mac)
}

export function tunnelKind(name: string): string | null {
  return TUNNELS.find(([pattern]) => pattern.test(name))?.[1] ?? null
}

/** The one with the widest route, if that leads beyond the interface's own link. */
function tunnelOf(routes: readonly RouteRow[], byIndex: ReadonlyMap<number, InterfaceRow>): InterfaceRow | null {
  const leading = routes.filter((it) => !OWN_LINK.test(it.destination)).sort((a, b) => a.length - b.length)
  const over = leading.flatMap((it) => byIndex.get(it.interface) ?? [])
  return over.find((it) => it.isUp && tunnelKind(it.name) !== null) ?? null
}

/** VPN clients replace the default route, or add two routes for half of all addresses each. */
export function goesThrough(routes: readonly RouteRow[], isOnTunnel: (route: RouteRow) => boolean): boolean {
  const best = routes.find((it) => it.length === 0)
  if (best !== undefined && isOnTunnel(best)) return true
  return new Set(routes.filter((it) => it.length === 1 && isOnTunnel(it)).map((it) => it.destination)).size >= 2
}
