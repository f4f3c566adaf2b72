/**
 * Bytes over the physical network interfaces: see shared/traffic.ts.
 *
 * Errors  a counter that decreases was reset (the driver was reloaded), so it counts from zero.
 * Blind   the program or peer: see flows.ts, whose parts of this sum are those of TCP.
 * Source  /proc/net/dev; an interface is physical if /sys/class/net/<it>/device exists. Bridges, tunnels and the ends
 *         of containers do not have it, so traffic through a tunnel is counted once.
 */
import type { Collector } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { isThere } from '../shared/is-there.ts'
import { type Counted, type Counter, egress } from '../shared/traffic.ts'

const NAME = 'interfaces'

export const interfaces: Collector<'egress'> = {
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) =>
    egress(host, { collector: NAME, source: '/proc/net/dev', read: () => read(host) }, signal),
}

async function read(host: Host): Promise<Counted> {
  const { found, unparsed } = parseInterfaces(await host.readText('/proc/net/dev'))
  return { counters: await physicalOf(host, found), unparsed }
}

/** If no interface has a device (a container), all whose names do not look virtual count as physical. */
async function physicalOf(host: Host, all: Map<string, Counter>): Promise<Map<string, Counter>> {
  const physical = new Map<string, Counter>()
  for (const [name, counter] of all)
    if (name !== 'lo' && (await isThere(host, `/sys/class/net/${name}/device`))) physical.set(name, counter)
  if (physical.size > 0) return physical
  return new Map(
    [...all].filter(([name]) => !/^(lo$|veth|docker|br-|virbr|vnet|ifb|dummy|tun|tap|wg|tailscale|zt)/.test(name)),
  )
}

/** Two lines of heading, then `name: received … sent …`, eight columns each. */
export function parseInterfaces(text: string): { found: Map<string, Counter>; unparsed: number } {
  const found = new Map<string, Counter>()
  let unparsed = 0
  for (const line of text.split('\n').slice(2)) {
    if (line.trim() === '') continue
    const colon = line.lastIndexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trim()
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    const [received, sent] = [columns[0], columns[8]]
    if (name === '' || !/^\d{1,15}$/.test(received ?? '') || !/^\d{1,15}$/.test(sent ?? '')) unparsed++
    else found.set(name, { received: Number(received), sent: Number(sent) })
  }
  return { found, unparsed }
}
