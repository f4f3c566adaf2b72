/** The routes of Linux, from /proc/net/{route,ipv6_route}. */
import { addressText } from './address-text.ts'

const ROUTE_UP = 1
const ROUTE_GATEWAY = 2

export interface Route {
  interface: string
  /** Null: the destination is on the link. */
  gateway: string | null
  /** Prefix length: 0 is the default route. */
  length: number
  destination: string
  metric: number
}

export function defaultRoute(routes: readonly Route[]): Route | null {
  const all = routes.filter((it) => it.length === 0)
  return all.reduce<Route | null>((best, it) => (best === null || it.metric < best.metric ? it : best), null)
}

/** Little-endian words: 010200C0 is 192.0.2.1. */
export function parseRoutes(text: string): Route[] {
  const found: Route[] = []
  for (const line of text.split('\n').slice(1)) {
    const [name, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/)
    if (!name || ![destination, gateway, mask].every((it) => /^[0-9A-F]{8}$/.test(it ?? ''))) continue
    const bits = Number.parseInt(flags ?? '', 16)
    if ((bits & ROUTE_UP) === 0) continue
    const dotted = (word: string) => addressText([...Buffer.from(word, 'hex')].reverse())
    const length = [...Number.parseInt(mask!, 16).toString(2)].filter((it) => it === '1').length
    const via = (bits & ROUTE_GATEWAY) !== 0 ? dotted(gateway!) : null
    found.push({ interface: name, gateway: via, length, destination: dotted(destination!), metric: Number(metric) })
  }
  return found
}

/** Addresses in byte order, lengths and metrics in hex. The default route on 'lo' rejects packets, so it is skipped. */
export function parseRoutes6(text: string): Route[] {
  const found: Route[] = []
  for (const line of text.split('\n')) {
    const [destination, length, , , gateway, metric, , , flags, name] = line.trim().split(/\s+/)
    if (!name || name === 'lo' || ![destination, gateway].every((it) => /^[0-9a-f]{32}$/.test(it ?? ''))) continue
    const bits = Number.parseInt(flags ?? '', 16)
    if ((bits & ROUTE_UP) === 0) continue
    const address = (hex: string) => addressText([...Buffer.from(hex, 'hex')])
    found.push({
      interface: name,
      gateway: (bits & ROUTE_GATEWAY) !== 0 ? address(gateway!) : null,
      length: Number.parseInt(length!, 16),
      destination: address(destination!),
      metric: Number.parseInt(metric!, 16),
    })
  }
  return found
}
