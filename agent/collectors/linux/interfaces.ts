/**
 * Bytes over the physical network interfaces.
 *
 * Shape   one egress with Image and DestinationIp null: the sum of all physical interfaces. Sent when a megabyte has
 *         gone by, or an hour; nothing when nothing flowed. What flowed before the first look is not counted.
 * Units   bytes over `WindowSeconds`; polled every 5 min.
 * Errors  a counter that goes backwards began anew (driver loaded again), so it counts from zero.
 * Blind   to which program or peer it was: the kernel counts bytes per socket in tcp_info, which only netlink (sock_diag)
 *         gives out, and Node opens no netlink socket; /proc/net/tcp has queues but no totals, /proc/<pid>/io counts files
 *         but not sockets, and connection tracking counts bytes only where an administrator switched that on.
 * Source  /proc/net/dev; an interface is physical when /sys/class/net/<it>/device exists, which bridges, tunnels and
 *         container ends lack, so that what goes through a tunnel is counted once.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'

const NAME = 'interfaces'
const EVERY_MS = 300_000
const AT_ONCE_BYTES = 1_048_576
const AT_LEAST_MS = 3_600_000

export interface Counter {
  received: number
  sent: number
}

export const interfaces: Collector<'egress'> = {
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let before: Map<string, Counter> | null = null
  let since = host.elapsed()
  let sum: Counter = { received: 0, sent: 0 }
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const now = host.elapsed()
    try {
      const { found, unparsed } = parseInterfaces(await host.readText('/proc/net/dev'))
      if (unparsed > 0) yield gap(stamp, '/proc/net/dev', 'unparsed', null, unparsed)
      const counters = await physicalOf(host, found)
      if (before === null) since = now
      else sum = add(sum, flowed(before, counters))
      before = counters
    } catch (cause) {
      yield gap(stamp, '/proc/net/dev', gapReason(cause), cause)
    }
    const bytes = sum.sent + sum.received
    const waited = now - since
    if (bytes >= AT_ONCE_BYTES || waited >= AT_LEAST_MS) {
      if (bytes > 0)
        yield {
          category: 'egress' as const,
          ...stamp,
          Image: null,
          DestinationIp: null,
          DestinationPort: null,
          DestinationHostname: null,
          BytesSent: sum.sent,
          BytesReceived: sum.received,
          WindowSeconds: Math.max(1, Math.round(waited / 1_000)),
        }
      since = now
      sum = { received: 0, sent: 0 }
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Where no interface has a device (a container), all that do not look virtual count. */
async function physicalOf(host: Host, all: Map<string, Counter>): Promise<Map<string, Counter>> {
  const physical = new Map<string, Counter>()
  for (const [name, counter] of all)
    if (
      name !== 'lo' &&
      (await host.stat(`/sys/class/net/${name}/device`).then(
        () => true,
        () => false,
      ))
    )
      physical.set(name, counter)
  if (physical.size > 0) return physical
  return new Map(
    [...all].filter(([name]) => !/^(lo$|veth|docker|br-|virbr|vnet|ifb|dummy|tun|tap|wg|tailscale|zt)/.test(name)),
  )
}

/** What went through since. An interface that was not there before began at zero. */
export function flowed(before: ReadonlyMap<string, Counter>, now: ReadonlyMap<string, Counter>): Counter {
  let sum: Counter = { received: 0, sent: 0 }
  for (const [name, { received, sent }] of now) {
    const last = before.get(name) ?? { received: 0, sent: 0 }
    sum = add(sum, {
      received: received >= last.received ? received - last.received : received,
      sent: sent >= last.sent ? sent - last.sent : sent,
    })
  }
  return sum
}

function add(a: Counter, b: Counter): Counter {
  return { received: a.received + b.received, sent: a.sent + b.sent }
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
