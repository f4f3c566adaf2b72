/**
 * Bytes over the physical network interfaces, from their counters.
 *
 * Shape   one egress with Image and DestinationIp null: the sum of all. Sent after a megabyte of traffic, or after an
 *         hour if there was any. Traffic before the first poll is not counted.
 * Units   bytes over `WindowSeconds`; polled every 5 min.
 * Errors  counters that cannot be read are a gap, and what passed meanwhile is in the next difference.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { HOUR } from '../../../wire/time.ts'
import { gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'

const EVERY_MS = 300_000
const MIN_BYTES = 1_048_576
const MAX_WINDOW_MS = HOUR

export interface Counter {
  received: number
  sent: number
}

/** The traffic between two polls. A new interface starts at zero. */
export function trafficBetween(before: ReadonlyMap<string, Counter>, now: ReadonlyMap<string, Counter>): Counter {
  let sum: Counter = { received: 0, sent: 0 }
  for (const [name, { received, sent }] of now) {
    const last = before.get(name) ?? { received: 0, sent: 0 }
    sum = addTraffic(sum, {
      received: received >= last.received ? received - last.received : received,
      sent: sent >= last.sent ? sent - last.sent : sent,
    })
  }
  return sum
}

function addTraffic(a: Counter, b: Counter): Counter {
  return { received: a.received + b.received, sent: a.sent + b.sent }
}

export interface Counted {
  /** By the interface's name. */
  counters: Map<string, Counter>
  /** Lines that could not be read. */
  unparsed: number
}

/** `source`: where the counters are, for gaps. */
export async function* egress(
  host: Host,
  { collector, source, read }: { collector: string; source: string; read(): Promise<Counted> },
  signal: AbortSignal,
): AsyncIterable<ObservationOf<'egress' | 'collection_gap'>> {
  let before: Map<string, Counter> | null = null
  let since = host.elapsed()
  let sum: Counter = { received: 0, sent: 0 }
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector }
    const now = host.elapsed()
    try {
      const { counters, unparsed } = await read()
      if (unparsed > 0) yield gap(stamp, source, 'unparsed', null, unparsed)
      if (before === null) since = now
      else sum = addTraffic(sum, trafficBetween(before, counters))
      before = counters
    } catch (cause) {
      yield gap(stamp, source, gapReason(cause), cause)
    }
    const bytes = sum.sent + sum.received
    const waited = now - since
    if (bytes >= MIN_BYTES || waited >= MAX_WINDOW_MS) {
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
