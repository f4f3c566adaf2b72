/**
 * TCP sockets with the bytes that the kernel counted for each: sock_diag.
 *
 * Shape   the established and closing ones, and listeners. Those in TIME_WAIT have no counters any more, and are left
 *         out. `tcpEnds` is told of every socket that the kernel frees, with its last numbers, so that a connection
 *         shorter than the time between two looks is counted, too.
 * Units   bytes of what was sent and confirmed, and received; without the heads of packets, and what was sent again.
 * Errors  CallError. Kernels before 4.1 do not count bytes. A socket's owner can no longer be known when it has ended.
 * Source  Linux include/uapi/linux/{sock_diag,inet_diag,tcp}.h, net/core/sock_diag.c, net/ipv4/inet_diag.c; sock_diag(7).
 */
import { addressText } from '../../collectors/shared/address-text.ts'
import { CallError, type TcpEnds, type TcpSocket } from './calls.ts'
import { libc } from './library.ts'
import { ask, attributesIn, type Message, messagesIn, openNetlink, ReceiveError, receive } from './netlink.ts'

const NETLINK_SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const AF_INET = 2
const AF_INET6 = 10
const IPPROTO_TCP = 6
const INET_DIAG_INFO = 2
const LISTEN = 10
/** ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING, each a bit. */
const STATES = [1, 4, 5, 8, 9, LISTEN, 11].reduce((bits, state) => bits | (1 << state), 0)
/** inet_diag_req_v2, and inet_diag_msg before its attributes. */
const REQUEST_BYTES = 56
const ANSWER_BYTES = 72
/** In tcp_info. */
const BYTES_ACKED = 120
const BYTES_RECEIVED = 128
const MAX_SOCKETS = 20_000

/** SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, each a bit. */
const DESTROY_GROUPS = 0b101
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
/** About 2,000 ended sockets; without the right to it, the system's own limit holds, mostly a fifth of it. */
const RECEIVE_BYTES = 1_048_576
const ENOBUFS = 105

export function tcpSockets(): { found: TcpSocket[]; omitted: number } {
  const found: TcpSocket[] = []
  let omitted = 0
  for (const family of [AF_INET, AF_INET6])
    try {
      ask(NETLINK_SOCK_DIAG, { type: SOCK_DIAG_BY_FAMILY, body: socketRequest(family), isDump: true }, (message) => {
        const socket = parseSocket(message)
        if (socket === null) return
        if (found.length < MAX_SOCKETS) found.push(socket)
        else omitted++
      })
    } catch (cause) {
      // A kernel without IPv6.
      if (family === AF_INET || !(cause instanceof CallError) || cause.code !== 'ENOENT') throw cause
    }
  return { found, omitted }
}

export function tcpEnds(): TcpEnds {
  const calls = libc()
  const fd = openNetlink(NETLINK_SOCK_DIAG, DESTROY_GROUPS)
  const size = Buffer.alloc(4)
  size.writeInt32LE(RECEIVE_BYTES)
  if (calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) < 0)
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length)
  const buffer = Buffer.alloc(4_096)
  return { read, close: () => void calls.close(fd) }

  function read(): { ended: TcpSocket[]; lost: number } {
    const ended: TcpSocket[] = []
    let lost = 0
    while (ended.length < MAX_SOCKETS) {
      let bytes: number | null = null
      try {
        bytes = receive(calls, fd, buffer)
      } catch (cause) {
        if (!(cause instanceof ReceiveError) || cause.errno !== ENOBUFS) throw cause
        lost++
        continue
      }
      if (bytes === null) break
      for (const it of messagesIn(buffer.subarray(0, bytes))) {
        const socket = parseSocket(it)
        if (socket !== null) ended.push(socket)
      }
    }
    return { ended, lost }
  }
}

export function socketRequest(family: number): Buffer {
  const body = Buffer.alloc(REQUEST_BYTES)
  body[0] = family
  body[1] = IPPROTO_TCP
  body[2] = 1 << (INET_DIAG_INFO - 1)
  body.writeUInt32LE(STATES, 4)
  return body
}

/** Null: not a socket, or one that waits to be forgotten. Addresses are in the order of the network. */
export function parseSocket({ type, body }: Message): TcpSocket | null {
  if (type !== SOCK_DIAG_BY_FAMILY || body.length < ANSWER_BYTES) return null
  const family = body[0]
  if (family !== AF_INET && family !== AF_INET6) return null
  const info = attributesIn(body, ANSWER_BYTES).get(INET_DIAG_INFO)
  if (info === undefined) return null
  const address = (at: number) => addressText([...body.subarray(at, at + (family === AF_INET ? 4 : 16))])
  return {
    cookie: body.toString('hex', 44, 52),
    isListener: body[1] === LISTEN,
    inode: body.readUInt32LE(68),
    uid: body.readUInt32LE(64),
    localAddress: address(8),
    localPort: body.readUInt16BE(4),
    remoteAddress: address(24),
    remotePort: body.readUInt16BE(6),
    bytes:
      info.length < BYTES_RECEIVED + 8
        ? null
        : {
            sent: Number(info.readBigUInt64LE(BYTES_ACKED)),
            received: Number(info.readBigUInt64LE(BYTES_RECEIVED)),
          },
  }
}
