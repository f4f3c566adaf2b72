/**
 * Bytes per program and peer, from the kernel's counters of each TCP connection.
 *
 * Shape   one egress per program, peer and port with a megabyte or more in a window, the largest first; what a program
 *         moved beside those, if that is a megabyte, is one more with DestinationIp null. They are parts of the sums
 *         that `interfaces` reports, and none is counted twice. DestinationPort is null where the peer has connected.
 *         What was there before the first look is not counted; what stays on the laptop (loopback, its own addresses,
 *         bridges for containers) is none.
 * Units   bytes of content over `WindowSeconds`, mostly 15 min; looked at every 20 s.
 * Errors  Image null: the connection ended between two looks, or belongs to another user. Without the native module, or
 *         where the kernel does not count: gap 'unsupported'. The kernel's list of ended connections holds about 2,000
 *         between two looks; how often it was full is a gap 'overflow'.
 * Blind   UDP, which QUIC uses, and other network namespaces. A VPN that carries packets over TCP is reported, too,
 *         beside what it carries.
 * Source  sock_diag(7) through host/linux/tcp.ts; /proc/net/{route,ipv6_route} and /sys/class/net for the bridges.
 */
import { BlockList, isIPv6 } from 'node:net'
import type { ObservationOf } from '../../../wire/event.ts'
import { HOUR, MINUTE } from '../../../wire/time.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { LinuxCalls, TcpEnds, TcpSocket } from '../../host/linux/calls.ts'
import { isThere } from '../shared/is-there.ts'
import { parseRoutes, parseRoutes6, type Route } from '../shared/routes.ts'
import { type Owners, owners } from '../shared/socket-owners.ts'

const NAME = 'flows'
const EVERY_MS = 20_000
const WINDOW_MS = 15 * MINUTE
const MIN_BYTES = 1_048_576
/** To find an owner costs up to 17 ms: a connection with less than this waits until it has more, or ends. */
const WORTH_AN_OWNER = 65_536
const MAX_REPORTED = 32
const MAX_FLOWS = 4_096
const MAX_KNOWN = 40_000
/** A list can lack a socket whose neighbour has just gone. Taken for new, it would be counted again. */
const MAX_MISSED = 15
/** Without the list of ended connections, it is asked for again after this time. */
const AGAIN_MS = HOUR

/** Of a socket: what its counters were, and what of that is in no flow yet. */
interface Known {
  socket: TcpSocket
  /** At how many looks in a row it was in no list. */
  missed: number
  sent: number
  received: number
  waiting: Bytes
  /** Undefined: nobody has looked. */
  image: string | null | undefined
}
interface Bytes {
  sent: number
  received: number
}
interface Flow extends Bytes {
  image: string | null
  ip: string | null
  port: number | null
}
type Stamp = { time: number; collector: string }
type Found = ObservationOf<'egress' | 'collection_gap'>

export const flows = (linux: LinuxCalls): Collector<'egress'> => ({
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) => run(host, linux, signal),
})

async function* run(host: Host, linux: LinuxCalls, signal: AbortSignal): AsyncIterable<Found> {
  const book = new Book(owners(host))
  const placesHere = localPlaces(host)
  let ends: TcpEnds | null = null
  let endsWantedAt = Number.NEGATIVE_INFINITY
  let since = host.elapsed()
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      try {
        if (ends === null && host.elapsed() - endsWantedAt >= AGAIN_MS) {
          endsWantedAt = host.elapsed()
          try {
            ends = linux.tcpEnds()
          } catch (cause) {
            yield gap(stamp, 'ended connections', gapReason(cause), cause)
          }
        }
        yield* await book.look(linux, ends, await placesHere(), stamp)
      } catch (cause) {
        ends?.close()
        ends = null
        endsWantedAt = Number.NEGATIVE_INFINITY
        yield gap(stamp, 'bytes of connections', gapReason(cause), cause)
      }
      if (host.elapsed() - since >= WINDOW_MS) {
        yield* book.report(stamp, host.elapsed() - since)
        since = host.elapsed()
      }
      await host.sleep(EVERY_MS, signal)
    }
    yield* book.report({ time: host.now(), collector: NAME }, host.elapsed() - since)
  } finally {
    ends?.close()
  }
}

/** The connections, and the bytes of this window. */
class Book {
  readonly #ownerOf: Owners
  /** Null: before the first look. */
  #known: Map<string, Known> | null = null
  readonly #flows = new Map<string, Flow>()
  #listening: ReadonlySet<number> = new Set()

  constructor(ownerOf: Owners) {
    this.#ownerOf = ownerOf
  }

  /** Errors  as the calls. */
  async look(linux: LinuxCalls, ends: TcpEnds | null, here: BlockList, stamp: Stamp): Promise<Found[]> {
    const { found, omitted } = linux.tcpSockets()
    const { ended, lost } = ends?.read() ?? { ended: [], lost: 0 }
    const isFirst = this.#known === null
    const before = this.#known ?? new Map<string, Known>()
    this.#listening = new Set(found.filter((it) => it.isListener).map((it) => it.localPort))
    const outside = (it: TcpSocket) => !it.isListener && it.localAddress !== it.remoteAddress && !isIn(here, it)
    const now = new Map<string, Known>()
    const open = found.filter(outside)
    for (const it of open) now.set(it.cookie, advanced(before.get(it.cookie), it, isFirst))
    const images = await this.#findOwners(open, now)
    for (const it of open) {
      const known = now.get(it.cookie)!
      if (known.image !== undefined) this.#add(known)
    }
    // Those that ended before the first look was over were there before it.
    if (!isFirst)
      for (const it of ended.filter(outside)) {
        this.#add(advanced(now.get(it.cookie) ?? before.get(it.cookie), it, false))
        now.delete(it.cookie)
        before.delete(it.cookie)
      }
    for (const [cookie, it] of before) {
      if (now.has(cookie)) continue
      if (++it.missed <= MAX_MISSED && now.size < MAX_KNOWN) now.set(cookie, it)
      else this.#add(it)
    }
    this.#known = now
    const gaps: Found[] = []
    if (images.denied > 0)
      gaps.push(gap(stamp, 'owners of connections', 'denied', 'the agent does not run as root', images.denied))
    if (omitted > 0) gaps.push(gap(stamp, 'TCP sockets', 'overflow', 'more than the agent reads', omitted))
    if (lost > 0) gaps.push(lossGap(stamp, 'egress', 'times that the list of ended connections was full', lost))
    if (found.some((it) => !it.isListener && it.bytes === null))
      gaps.push(gap(stamp, 'bytes of connections', 'unsupported', 'this kernel does not count them'))
    return gaps
  }

  /** Decides about those whose bytes are worth it; the others stay undefined. */
  async #findOwners(open: readonly TcpSocket[], now: ReadonlyMap<string, Known>): Promise<{ denied: number }> {
    const wanted = open.filter(({ cookie }) => {
      const { image, waiting } = now.get(cookie)!
      return image === undefined && waiting.sent + waiting.received >= WORTH_AN_OWNER
    })
    if (wanted.length === 0) return { denied: 0 }
    const { images, denied } = await this.#ownerOf(wanted)
    for (const { cookie, inode } of wanted) now.get(cookie)!.image = images.get(inode) ?? null
    return { denied }
  }

  #add({ socket: { remoteAddress, remotePort, localPort }, image = null, waiting }: Known): void {
    if (waiting.sent + waiting.received === 0) return
    const port = this.#listening.has(localPort) || remotePort === 0 ? null : remotePort
    const key = `${image}\n${remoteAddress}\n${port}`
    let flow = this.#flows.get(key)
    if (flow === undefined) {
      // Beyond the bound, the program's sum; without a program, it is in the sum of the interfaces only.
      const isFull = this.#flows.size >= MAX_FLOWS
      const ip = isFull ? null : remoteAddress
      flow = (isFull ? this.#flows.get(`${image}\nnull`) : undefined) ?? {
        ...{ image, ip, port: isFull ? null : port, sent: 0, received: 0 },
      }
      if (!isFull || image !== null) this.#flows.set(isFull ? `${image}\nnull` : key, flow)
    }
    flow.sent += waiting.sent
    flow.received += waiting.received
    waiting.sent = 0
    waiting.received = 0
  }

  /** What this window had, and forgets it. */
  report(stamp: Stamp, ms: number): Found[] {
    const isEnough = (it: Bytes) => it.sent + it.received >= MIN_BYTES
    const inOrder = (all: Iterable<Flow>) => [...all].sort((a, b) => b.sent + b.received - a.sent - a.received)
    const all = inOrder(this.#flows.values())
    this.#flows.clear()
    const reported = all.filter((it) => it.ip !== null && isEnough(it)).slice(0, MAX_REPORTED)
    const rest = new Map<string, Flow>()
    const single = new Set(reported)
    for (const it of all) {
      if (single.has(it) || it.image === null) continue
      const sum = rest.get(it.image) ?? { image: it.image, ip: null, port: null, sent: 0, received: 0 }
      rest.set(it.image, { ...sum, sent: sum.sent + it.sent, received: sum.received + it.received })
    }
    const programs = inOrder(rest.values()).filter(isEnough)
    const left = programs.length - MAX_REPORTED
    const events = [...reported, ...programs.slice(0, MAX_REPORTED)].map((it) => ({
      category: 'egress' as const,
      ...stamp,
      Image: it.image,
      DestinationIp: it.ip,
      DestinationPort: it.port,
      DestinationHostname: null,
      BytesSent: it.sent,
      BytesReceived: it.received,
      WindowSeconds: Math.max(1, Math.round(ms / 1_000)),
    }))
    return left > 0 ? [...events, lossGap(stamp, 'egress', 'programs beyond the largest', left)] : events
  }
}

/** `isFirst`: what it has counted until now was before the agent. */
function advanced(before: Known | undefined, socket: TcpSocket, isFirst: boolean): Known {
  const { sent, received } = socket.bytes ?? { sent: 0, received: 0 }
  const current = { socket, missed: 0, sent, received }
  if (before === undefined)
    return { ...current, waiting: isFirst ? { sent: 0, received: 0 } : { sent, received }, image: undefined }
  return {
    ...current,
    waiting: {
      sent: before.waiting.sent + Math.max(0, sent - before.sent),
      received: before.waiting.received + Math.max(0, received - before.received),
    },
    image: before.image,
  }
}

function isIn(places: BlockList, { remoteAddress }: TcpSocket): boolean {
  return places.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4')
}

/** The networks that are on the laptop itself: the loopback, and bridges over which no route leads to anywhere else. */
function localPlaces(host: Host): () => Promise<BlockList> {
  let lastText: string | null = null
  let last = new BlockList()
  return async () => {
    const read = (path: string) => host.readText(path).catch(() => '')
    const [four, six] = [await read('/proc/net/route'), await read('/proc/net/ipv6_route')]
    if (`${four}\n${six}` !== lastText) last = await placesOf(host, [...parseRoutes(four), ...parseRoutes6(six)])
    lastText = `${four}\n${six}`
    return last
  }
}

async function placesOf(host: Host, routes: readonly Route[]): Promise<BlockList> {
  const here = new BlockList()
  here.addSubnet('127.0.0.0', 8)
  here.addAddress('::1', 'ipv6')
  const leading = new Set(routes.filter((it) => it.gateway !== null || it.length === 0).map((it) => it.interface))
  for (const name of new Set(routes.map((it) => it.interface))) {
    if (leading.has(name)) continue
    if (!(await isThere(host, `/sys/class/net/${name}/bridge`))) continue
    for (const { destination, length, interface: on } of routes)
      if (on === name && !isMulticast(destination) && length <= (isIPv6(destination) ? 128 : 32))
        here.addSubnet(destination, length, isIPv6(destination) ? 'ipv6' : 'ipv4')
  }
  return here
}

/** Every interface has a route to all of it. */
function isMulticast(destination: string): boolean {
  return /^ff/i.test(destination) || /^fe80/i.test(destination)
}
