/**
 * The largest packet that gets through to the server, as the kernel has learnt it: from this process's own connection.
 *
 * Shape   of several connections, the least. One to the laptop itself, as to a proxy on it, says nothing.
 * Units   bytes, with the heads of the packet.
 * Errors  null: there is no connection now. CallError where the C library cannot be called.
 * Blind   a router that lowers what connections agree on (MSS) instead of refusing large packets.
 * Source  ip(7) IP_MTU, ipv6(7) IPV6_MTU; Linux include/uapi/linux/{in,in6}.h, asm-generic/socket.h.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { type Libc, libc } from './library.ts'

const SOL_SOCKET = 1
const SO_PROTOCOL = 38
const SO_DOMAIN = 39
const IPPROTO_TCP = 6
const AF_INET = 2
/** By address family: level and name of the option. */
const MTU: Readonly<Record<number, readonly [level: number, name: number]>> = { 2: [0, 14], 10: [41, 24] }

export function pathMtu(): number | null {
  const calls = libc()
  let least: number | null = null
  for (const name of readdirSync('/proc/self/fd')) {
    if (!isSocket(name)) continue
    const fd = Number(name)
    const family = option(calls, fd, SOL_SOCKET, SO_DOMAIN)
    const [level, number] = MTU[family ?? -1] ?? []
    if (level === undefined || number === undefined || option(calls, fd, SOL_SOCKET, SO_PROTOCOL) !== IPPROTO_TCP)
      continue
    const peer = Buffer.alloc(28)
    const length = Buffer.alloc(4)
    length.writeInt32LE(peer.length)
    // A listener, or a connection that is not there yet, has no peer.
    if (calls.getpeername(fd, peer, length) < 0 || isLoopback(family === AF_INET, peer)) continue
    const mtu = option(calls, fd, level, number)
    if (mtu !== null && mtu > 0) least = Math.min(least ?? mtu, mtu)
  }
  return least
}

function isSocket(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:')
  } catch {
    return false // the folder's own, which is closed again
  }
}

/** Null: not a socket of this kind. */
function option({ getsockopt }: Libc, fd: number, level: number, name: number): number | null {
  const value = Buffer.alloc(4)
  const length = Buffer.alloc(4)
  length.writeInt32LE(value.length)
  return getsockopt(fd, level, name, value, length) < 0 ? null : value.readInt32LE(0)
}

/** A sockaddr_in has the address at byte 4, a sockaddr_in6 at byte 8. */
function isLoopback(isIPv4: boolean, peer: Buffer): boolean {
  if (isIPv4) return peer[4] === 127
  const address = peer.toString('hex', 8, 24)
  return address === `${'0'.repeat(31)}1` || address.startsWith('00000000000000000000ffff7f')
}
