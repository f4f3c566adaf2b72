/**
 * Which sockets are new since the last poll, and the queue of those that are still to be reported.
 *
 * Shape   connections within the loopback are left out; a bound UDP socket is new when it exists at two polls.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { lossGap } from '../../collect.ts'

export const MAX_PER_POLL = 300
const MAX_UNREPORTED = 10_000

/** The two ends of a socket. */
export interface SocketEnds {
  protocol: 'tcp' | 'udp'
  localAddress: string
  localPort: number
  remoteAddress: string
  remotePort: number
  /** Another network namespace than the agent's: `net:[4026532207]`. */
  space?: string
}
export type SocketEvent = ObservationOf<'network_connection' | 'listening_socket'>

export interface Fresh<S extends SocketEnds> {
  socket: S
  kind: 'connection' | 'listener'
  initiated: boolean
}

/** Finds the new sockets. `waiting`: there is a UDP socket that will be new if it still exists at the next poll. */
export function compareSockets<S extends SocketEnds>(
  sockets: readonly S[],
  isListener: (it: S) => boolean,
  before: ReadonlySet<string>,
  boundBefore: ReadonlySet<string>,
) {
  const listening = new Set<string>()
  for (const it of sockets) if (isListener(it)) listening.add(portOf(it))
  const known = new Set<string>()
  const bound = new Set<string>()
  const fresh: Fresh<S>[] = []
  for (const socket of sockets) {
    const listener = isListener(socket)
    if (listener ? socket.localPort === 0 : socket.remotePort === 0) continue
    if (!listener && isLoopback(socket.localAddress) && isLoopback(socket.remoteAddress)) continue
    const local = `${portOf(socket)} ${socket.localAddress}`
    const key = listener ? local : `${local} ${socket.remoteAddress} ${socket.remotePort}`
    if (listener && socket.protocol === 'udp' && !before.has(key)) {
      bound.add(key)
      if (!boundBefore.has(key)) continue
    }
    if (known.has(key)) continue
    known.add(key)
    if (before.has(key)) continue
    const initiated = !listening.has(portOf(socket))
    fresh.push({ socket, kind: listener ? 'listener' : 'connection', initiated })
  }
  return { fresh, known, bound, waiting: [...bound].some((it) => !known.has(it)) }
}

function portOf({ space = '', protocol, localPort }: SocketEnds): string {
  return `${space} ${protocol} ${localPort}`
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** `Image`: the program that owns it; null: unknown. */
export function socketEvent(
  { socket, kind, initiated }: Fresh<SocketEnds>,
  Image: string | null,
  stamp: { time: number; collector: string },
): SocketEvent {
  const { protocol: Protocol, localAddress, localPort, remoteAddress, remotePort } = socket
  if (kind === 'listener')
    return { category: 'listening_socket', ...stamp, Image, Protocol, Address: localAddress, Port: localPort }
  return {
    category: 'network_connection',
    ...stamp,
    Image,
    Protocol,
    Initiated: initiated,
    SourceIp: localAddress,
    SourcePort: localPort,
    DestinationIp: remoteAddress,
    DestinationPort: remotePort,
    DestinationHostname: null,
  }
}

/** Orders listeners first, and counts what exceeds the limit. */
export function queue(
  unreported: SocketEvent[],
  events: readonly SocketEvent[],
  stamp: { time: number; collector: string },
): ObservationOf<'collection_gap'>[] {
  const isListener = (it: SocketEvent) => it.category === 'listening_socket'
  const all = [...unreported, ...events]
  const ordered = [...all.filter(isListener), ...all.filter((it) => !isListener(it))]
  unreported.splice(0, unreported.length, ...ordered.slice(0, MAX_UNREPORTED))
  const omitted = ordered.slice(MAX_UNREPORTED)
  return (['listening_socket', 'network_connection'] as const).flatMap((category) => {
    const count = omitted.filter((it) => it.category === category).length
    return count === 0 ? [] : [lossGap(stamp, category, `more than ${MAX_UNREPORTED} waited to be reported`, count)]
  })
}
