/**
 * Connections and listening sockets, as the kernel's socket tables list them.
 *
 * Shape   one network_connection or listening_socket per socket that the previous poll did not have; the first poll
 *         reports all. Connections within the loopback are not reported. IPv4-mapped IPv6 addresses are written as
 *         IPv4. `Initiated`: the local port is not a listening one. Names are not resolved, so DestinationHostname is
 *         null. UDP: connected sockets, and bound ones that exist at two polls (a name lookup is shorter).
 *         The sockets of other network namespaces (containers) are read through one process of each, once a minute.
 * Units   polled every 10 s; a shorter connection is seen only while the kernel keeps its TIME_WAIT (60 s), and then
 *         without its owner. At most 300 per poll, listeners first, the rest at the next ones; `time` is when it was
 *         observed.
 * Errors  Image is null, with a gap 'denied', if the owner cannot be read; gaps for unreadable tables and lines, and
 *         for the number of sockets beyond 10,000 that wait to be reported. Which namespaces there are, only root may
 *         see: otherwise gap 'denied'; beyond 64 of them, 'overflow'.
 * Source  Linux Documentation/networking/proc_net_tcp.rst. Reading the TCP tables walks the kernel's whole hash table
 *         (4.6 ms each on a 48 GB machine), so /proc/net/{snmp,sockstat,sockstat6} are read first (150 us): if none of
 *         their counters grew, the tables are not read.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { addressText } from '../shared/address-text.ts'
import { type Owners, owners } from '../shared/socket-owners.ts'
import {
  compareSockets,
  type Fresh,
  MAX_PER_POLL,
  queue,
  type SocketEnds,
  type SocketEvent,
  socketEvent,
} from '../shared/sockets.ts'

const NAME = 'connections'
const EVERY_MS = 10_000
/**
 * Read the tables at least this often: a listener that replaces another between two polls does not change the counters.
 */
const READ_MS = 60_000
const MAX_TABLE = 16 * 1_048_576
const MAX_SPACES = 64
const TABLES = ['tcp', 'tcp6', 'udp', 'udp6'] as const
const LISTEN = 0x0a
/** UDP sockets have only two states: 07 'bound' and 01 'connected'. */
const UDP_BOUND = 0x07

export interface Socket extends SocketEnds {
  state: number
  uid: number
  /** 0 if no process owns it: TIME_WAIT, or not accepted yet. */
  inode: number
}
type Found = SocketEvent | ObservationOf<'collection_gap'>
type Stamp = { time: number; collector: string }

export const connections: Collector<'network_connection' | 'listening_socket'> = {
  name: NAME,
  categories: ['network_connection', 'listening_socket'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const ownerOf = owners(host)
  let known = new Set<string>()
  let bound = new Set<string>()
  let counters: number[] | null = null
  let lookedAt = Number.NEGATIVE_INFINITY
  let waiting = false
  const unreported: SocketEvent[] = []
  let elsewhere: Elsewhere = { sockets: [], gaps: [], isComplete: true }
  let elsewhereAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const now = await readCounters(host)
    if (grew(now, counters) || waiting || host.elapsed() - lookedAt >= READ_MS) {
      const { sockets, gaps, isComplete } = await readTables(host, stamp)
      if (host.elapsed() - elsewhereAt >= READ_MS) {
        elsewhere = await readElsewhere(host, stamp)
        elsewhereAt = host.elapsed()
        gaps.push(...elsewhere.gaps)
      }
      yield* gaps
      const view = compare([...sockets, ...elsewhere.sockets], known, bound)
      // If a table could not be read, its sockets may still be open.
      known = isComplete && elsewhere.isComplete ? view.known : new Set([...known, ...view.known])
      waiting = view.waiting
      bound = view.bound
      const { events, denied } = await describe(view.fresh, stamp, ownerOf)
      if (denied > 0) yield gap(stamp, 'owners of sockets', 'denied', 'the agent does not run as root', denied)
      yield* queue(unreported, events, stamp)
      lookedAt = host.elapsed()
    }
    counters = now
    yield* unreported.splice(0, MAX_PER_POLL)
    await host.sleep(EVERY_MS, signal)
  }
  yield* unreported
}

/**
 * Counters that grow when a socket is opened: outgoing and accepted connections, sockets in use. Null: not available.
 */
async function readCounters(host: Host): Promise<number[] | null> {
  try {
    const [snmp, four, six] = await Promise.all([
      host.readText('/proc/net/snmp'),
      host.readText('/proc/net/sockstat'),
      host.readText('/proc/net/sockstat6').catch(() => ''),
    ])
    return parseCounters(snmp, four, six)
  } catch {
    return null
  }
}

export function parseCounters(snmp: string, sockstat: string, sockstat6: string): number[] | null {
  const tcp = snmp.split('\n').filter((line) => line.startsWith('Tcp:'))
  const names = tcp[0]?.split(' ') ?? []
  const values = tcp[1]?.split(' ') ?? []
  const dials = ['ActiveOpens', 'PassiveOpens'].map((name) => Number(values[names.indexOf(name)]))
  const used = [...`${sockstat}\n${sockstat6}`.matchAll(/^(TCP6?|UDP6?): inuse (\d+)/gm)].map((it) => Number(it[2]))
  return dials.some(Number.isNaN) || used.length === 0 ? null : [...dials, ...used]
}

/** A closed socket needs no report, so only growth counts. */
function grew(now: readonly number[] | null, before: readonly number[] | null): boolean {
  return now === null || before?.length !== now.length || now.some((it, at) => it > before[at]!)
}

interface Elsewhere {
  sockets: Socket[]
  gaps: Found[]
  /** False: a namespace that was there may have been left out. */
  isComplete: boolean
}

/** The sockets of the network namespaces in which other processes are. */
async function readElsewhere(host: Host, stamp: Stamp): Promise<Elsewhere> {
  const own = await host.link('/proc/self/ns/net').catch(() => null)
  // A kernel without namespaces has one.
  if (own === null) return { sockets: [], gaps: [], isComplete: true }
  const spaces = new Map<string, string>()
  let denied = 0
  for (const pid of (await host.list('/proc').catch(() => [])).filter((it) => /^[1-9]/.test(it))) {
    try {
      const space = await host.link(`/proc/${pid}/ns/net`)
      if (space !== own) spaces.set(space, pid)
    } catch (cause) {
      if (gapReason(cause) === 'denied') denied++
    }
  }
  const gaps: Found[] = []
  const about = 'sockets of other network namespaces'
  if (denied > 0) gaps.push(gap(stamp, about, 'denied', 'the agent does not run as root', denied))
  if (spaces.size > MAX_SPACES) gaps.push(gap(stamp, about, 'overflow', null, spaces.size - MAX_SPACES))
  const sockets: Socket[] = []
  let isComplete = spaces.size <= MAX_SPACES
  for (const [space, pid] of [...spaces].slice(0, MAX_SPACES)) {
    // The process may end at any moment, and another one of the namespace is found at the next look.
    const read = await readTables(host, stamp, `/proc/${pid}/net`)
    isComplete &&= read.isComplete
    for (const it of read.sockets) sockets.push({ ...it, space })
  }
  return { sockets, gaps, isComplete }
}

async function readTables(host: Host, stamp: Stamp, folder = '/proc/net') {
  const sockets: Socket[] = []
  const gaps: Found[] = []
  let isComplete = true
  for (const table of TABLES) {
    const path = `${folder}/${table}`
    try {
      const text = await host.readText(path, MAX_TABLE)
      const { found, unparsed } = parseSockets(text, table.startsWith('tcp') ? 'tcp' : 'udp')
      sockets.push(...found)
      if (text.length >= MAX_TABLE) gaps.push(gap(stamp, path, 'overflow', 'more sockets than the agent reads'))
      else if (unparsed > 0) gaps.push(gap(stamp, path, 'unparsed', null, unparsed))
    } catch (cause) {
      // A kernel without IPv6 does not have these tables.
      if (table.endsWith('6') && (cause as NodeJS.ErrnoException).code === 'ENOENT') continue
      isComplete = false
      gaps.push(gap(stamp, path, gapReason(cause), cause))
    }
  }
  return { sockets, gaps, isComplete }
}

/** Finds the new sockets. */
export function compare(sockets: readonly Socket[], before: ReadonlySet<string>, boundBefore: ReadonlySet<string>) {
  return compareSockets(sockets, isListener, before, boundBefore)
}

function isListener(it: Socket): boolean {
  return it.protocol === 'tcp' ? it.state === LISTEN : it.state === UDP_BOUND && it.remotePort === 0
}

async function describe(fresh: readonly Fresh<Socket>[], stamp: Stamp, ownerOf: Owners) {
  const { images, denied } = await ownerOf(fresh.map((it) => it.socket))
  const events = fresh.map((it) => socketEvent(it, images.get(it.socket.inode) ?? null, stamp))
  return { events, denied }
}

export function parseSockets(table: string, protocol: 'tcp' | 'udp'): { found: Socket[]; unparsed: number } {
  const found: Socket[] = []
  let unparsed = 0
  for (const line of table.split('\n').slice(1)) {
    if (line.trim() === '') continue
    const [, local, remote, state, , , , uid, , inode] = line.trim().split(/\s+/)
    const here = parseEndpoint(local)
    const there = parseEndpoint(remote)
    if (!here || !there || !/^[0-9A-F]{2}$/.test(state ?? '') || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(inode ?? ''))
      unparsed++
    else
      found.push({
        protocol,
        state: Number.parseInt(state!, 16),
        localAddress: here.address,
        localPort: here.port,
        remoteAddress: there.address,
        remotePort: there.port,
        uid: Number(uid),
        inode: Number(inode),
      })
  }
  return { found, unparsed }
}

/** '0100007F:0016' or 32 digits: addresses are little-endian words on x86 and arm64, the port is big-endian. */
function parseEndpoint(text: string | undefined): { address: string; port: number } | null {
  const [, words, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text ?? '') ?? []
  if (!words || !port) return null
  const bytes: number[] = []
  for (let word = 0; word < words.length; word += 8)
    for (let at = 6; at >= 0; at -= 2) bytes.push(Number.parseInt(words.slice(word + at, word + at + 2), 16))
  return { address: addressText(bytes), port: Number.parseInt(port, 16) }
}
