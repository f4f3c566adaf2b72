/**
 * Bytes over the physical network interfaces.
 *
 * Shape   one egress with Image and DestinationIp null: the sum of all physical interfaces. Sent after a megabyte of
 *         traffic, or after an hour if there was any. Traffic before the first poll is not counted.
 * Units   bytes over `WindowSeconds`; polled every 5 min.
 * Errors  a counter that decreases was reset, so it counts from zero.
 * Blind   the program or peer.
 * Source  GetIfTable2; seen on Wine 10.
 */
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { addTraffic, type Counter, trafficBetween } from '../shared/traffic.ts'

const NAME = 'interfaces'
const EVERY_MS = 300_000
const MIN_BYTES = 1_048_576
const MAX_WINDOW_MS = HOUR

export const interfaces = (windows: Windows): Collector<'egress'> => ({
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let before: Map<string, Counter> | null = null
  let since = host.elapsed()
  let sum: Counter = { received: 0, sent: 0 }
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const now = host.elapsed()
    try {
      const counters = new Map(windows.counters().flatMap((it) => (it.isHardware ? [[it.name, it] as const] : [])))
      if (before === null) since = now
      else sum = addTraffic(sum, trafficBetween(before, counters))
      before = counters
    } catch (cause) {
      yield gap(stamp, 'interface counters', gapReason(cause), cause)
    }
    const bytes = sum.sent + sum.received
    if (bytes >= MIN_BYTES || now - since >= MAX_WINDOW_MS) {
      const WindowSeconds = Math.max(1, Math.round((now - since) / 1_000))
      const nobody = { Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null }
      const traffic = { BytesSent: sum.sent, BytesReceived: sum.received, WindowSeconds }
      if (bytes > 0) yield { category: 'egress' as const, ...stamp, ...nobody, ...traffic }
      since = now
      sum = { received: 0, sent: 0 }
    }
    await host.sleep(EVERY_MS, signal)
  }
}
