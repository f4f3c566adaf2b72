/**
 * What the agent asks the Linux kernel for beside its files, as plain data. Collectors know only this file; tests pass a
 * fake.
 *
 * Errors  every call throws with the code that node:fs would use, so that `gapReason` understands it; ENOENT where the
 *         kernel, the C library or the native module does not have it.
 */

export interface TcpSocket {
  /** The kernel's own number of the socket: no other socket has it until the next boot. */
  cookie: string
  isListener: boolean
  /** 0: no process holds it any more. */
  inode: number
  uid: number
  localAddress: string
  localPort: number
  remoteAddress: string
  remotePort: number
  /** Bytes that the peer has confirmed, and bytes received, since the socket began. Null: the kernel does not count. */
  bytes: { sent: number; received: number } | null
}

/** The sockets that close, with their last numbers, even if nobody has seen them before. */
export interface TcpEnds {
  /** Since the previous call. `lost`: how often the kernel had no room for more, each time for one socket at least. */
  read(): { ended: TcpSocket[]; lost: number }
  close(): void
}

/** A wireless interface that is connected. */
export interface WirelessLink {
  name: string
  /** Of the access point: '02:fc:00:00:00:05'. */
  bssid: string
  /** The network's name, 1 to 32 bytes of any kind. Null: it is hidden, and the kernel does not know it either. */
  ssid: Buffer | null
}

export interface LinuxCalls {
  /** The TCP sockets of this network namespace. `omitted`: those beyond the agent's bound. */
  tcpSockets(): { found: TcpSocket[]; omitted: number }
  tcpEnds(): TcpEnds
  wirelessLinks(): WirelessLink[]
  /** Bytes of the largest packet that gets through to the server. Null: the agent is not connected to it. */
  pathMtu(): number | null
}

/** `errno`: Linux' number. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: string

  constructor(call: string, errno: number) {
    const code = CODES[errno] ?? 'EIO'
    super(`${code}: ${call} failed with errno ${errno}`)
    this.code = code
  }
}

/** errno.h: what this kernel does not offer is ENOENT, 'unsupported' in a gap. */
export const ENOSYS = 38
const CODES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  13: 'EACCES',
  19: 'ENOENT', // ENODEV
  38: 'ENOENT', // ENOSYS
  92: 'ENOENT', // ENOPROTOOPT
  93: 'ENOENT', // EPROTONOSUPPORT
  94: 'ENOENT', // ESOCKTNOSUPPORT
  95: 'ENOENT', // EOPNOTSUPP
  97: 'ENOENT', // EAFNOSUPPORT
}
