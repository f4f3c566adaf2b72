/**
 * Connections and listening sockets, with the programs that own them.
 *
 * Shape   one network_connection or listening_socket per socket that the previous poll did not have; the first poll
 *         reports all. Connections within the loopback are not reported. Names are not resolved, so DestinationHostname
 *         is null.
 * Units   polled every 10 s: a shorter connection is missed. At most 300 per poll, listeners first, the rest at the next.
 * Errors  a gap 'denied' with the number of processes whose sockets may not be read.
 * Source  libproc (agent/host/macos): the files of each process. Written from documentation; it has never run on a Mac.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac, SocketRow } from '../../host/macos/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { compareSockets, MAX_PER_POLL, queue, type SocketEvent, socketEvent } from '../shared/sockets.ts'

const NAME = 'connections'
const EVERY_MS = 10_000
/** TSI_S_… in sys/proc_info.h. */
const CLOSED = 0
const LISTEN = 1

export const connections = (mac: Mac): Collector<'network_connection' | 'listening_socket'> => ({
  name: NAME,
  categories: ['network_connection', 'listening_socket'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  let known: ReadonlySet<string> = new Set()
  let bound: ReadonlySet<string> = new Set()
  const unreported: SocketEvent[] = []
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const { found, denied } = mac.sockets()
      if (denied > 0) yield gap(stamp, 'sockets of others', 'denied', 'their files may not be listed', denied)
      const view = compareSockets(found.filter(isOpen), isListener, known, bound)
      known = view.known
      bound = view.bound
      const images = new Map<number, string | null>()
      const events = view.fresh.map((it) => socketEvent(it, imageOf(mac, images, it.socket.pid), stamp))
      yield* queue(unreported, events, stamp)
    } catch (cause) {
      yield gap(stamp, 'sockets', gapReason(cause), cause)
    }
    yield* unreported.splice(0, MAX_PER_POLL)
    await host.sleep(EVERY_MS, signal)
  }
  yield* unreported
}

function isOpen(it: SocketRow): boolean {
  return it.protocol === 'udp' || it.state !== CLOSED
}

function isListener(it: SocketRow): boolean {
  return it.protocol === 'tcp' ? it.state === LISTEN : it.remotePort === 0
}

function imageOf(mac: Mac, images: Map<number, string | null>, pid: number): string | null {
  if (!images.has(pid)) {
    const image = mac.process(pid).image
    images.set(pid, image === null ? null : bounded(image, 4_096))
  }
  return images.get(pid) ?? null
}
