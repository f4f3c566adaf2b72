/**
 * Connections and listening sockets, with the programs that own them.
 *
 * Shape   one network_connection or listening_socket per socket that the previous poll did not have; the first poll
 *         reports all. Connections within the loopback are not reported. Names are not resolved, so DestinationHostname
 *         is null. Windows does not say to whom a UDP socket is connected: only bound ones are told.
 * Units   polled every 5 s; a shorter connection is seen only while it waits to be forgotten (TIME_WAIT), and then
 *         without its owner. At most 300 per poll, listeners first, the rest at the next ones.
 * Errors  Image is null where the owner has ended or may not be read. A table that cannot be read is a gap.
 * Source  GetExtendedTcpTable and GetExtendedUdpTable; seen on Wine 10, which lists the sockets of its own programs.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { SocketRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { compareSockets, type Fresh, MAX_PER_POLL, queue, type SocketEvent, socketEvent } from '../shared/sockets.ts'

const NAME = 'connections'
const EVERY_MS = 5_000
/** MIB_TCP_STATE. */
const CLOSED = 1
const LISTEN = 2

export const connections = (windows: Windows): Collector<'network_connection' | 'listening_socket'> => ({
  name: NAME,
  categories: ['network_connection', 'listening_socket'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let known: ReadonlySet<string> = new Set()
  let bound: ReadonlySet<string> = new Set()
  const unreported: SocketEvent[] = []
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { found, failed } = windows.sockets()
    for (const { table, cause } of failed) yield gap(stamp, `${table} table`, gapReason(cause), cause)
    const open = found.filter((it) => it.state !== CLOSED)
    const view = compareSockets(open, isListener, known, bound)
    // The sockets of a table that could not be read may still be open.
    known = failed.length === 0 ? view.known : new Set([...known, ...view.known])
    bound = view.bound
    yield* queue(unreported, described(windows, view.fresh, stamp), stamp)
    yield* unreported.splice(0, MAX_PER_POLL)
    await host.sleep(EVERY_MS, signal)
  }
  yield* unreported
}

function isListener(it: SocketRow): boolean {
  return it.protocol === 'tcp' ? it.state === LISTEN : true
}

function described(
  windows: Windows,
  fresh: readonly Fresh<SocketRow>[],
  stamp: { time: number; collector: string },
): SocketEvent[] {
  const images = new Map<number, string | null>()
  const imageOf = (pid: number) => {
    // 0 and 4 are the kernel's.
    if (!images.has(pid)) images.set(pid, pid === 0 || pid === 4 ? null : windows.process(pid).image)
    return images.get(pid) ?? null
  }
  return fresh.map((it) => {
    const image = imageOf(it.socket.pid)
    return socketEvent(it, image === null ? null : bounded(image, 4_096), stamp)
  })
}
