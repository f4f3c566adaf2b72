/**
 * Sockets with their owners: each process's files are asked for. Nothing here has run on a Mac; the parser has, on bytes
 * built as the header says.
 *
 * Source  sys/proc_info.h: ports are in network order in the first two of four bytes; an IPv4 address is in the last four
 *         of sixteen.
 */
import { addressText } from '../../collectors/shared/address-text.ts'
import type { Mac, SocketRow } from './calls.ts'
import { in_sockinfo, proc_fdinfo, socket_fdinfo, socket_info, tcp_sockinfo } from './layouts.ts'
import { lastError, system } from './library.ts'
import { processes } from './processes.ts'

const PROC_PIDLISTFDS = 1
const PROC_PIDFDSOCKETINFO = 3
const PROX_FDTYPE_SOCKET = 2
const SOCKINFO_IN = 1
const SOCKINFO_TCP = 2
const IPPROTO_UDP = 17
const INI_IPV4 = 1
const EPERM = 1
const MAX_FILES = 65_536

let files = Buffer.alloc(proc_fdinfo.size * 1_024)
const socket = Buffer.alloc(socket_fdinfo.size)

export function sockets(): ReturnType<Mac['sockets']> {
  const found: SocketRow[] = []
  let denied = 0
  for (const pid of processes()) {
    const numbers = socketsOf(pid)
    if (numbers === null) denied++
    for (const number of numbers ?? []) {
      if (Number(system.proc_pidfdinfo(pid, number, PROC_PIDFDSOCKETINFO, socket, socket.length)) < socket.length)
        continue
      const row = parseSocket(socket)
      if (row !== null) found.push({ ...row, pid })
    }
  }
  return { found, denied }
}

/** Null: they may not be read. */
function socketsOf(pid: number): number[] | null {
  for (;;) {
    const bytes = Number(system.proc_pidinfo(pid, PROC_PIDLISTFDS, 0, files, files.length))
    if (bytes <= 0) return lastError() === EPERM ? null : []
    if (bytes < files.length || files.length >= proc_fdinfo.size * MAX_FILES)
      return parseFiles(files.subarray(0, bytes))
    files = Buffer.alloc(files.length * 2)
  }
}

/** The numbers of the files that are sockets. */
export function parseFiles(bytes: Buffer): number[] {
  const { size, at } = proc_fdinfo
  const found: number[] = []
  for (let row = 0; row + size <= bytes.length; row += size)
    if (bytes.readUInt32LE(row + at.proc_fdtype) === PROX_FDTYPE_SOCKET) found.push(bytes.readInt32LE(row + at.proc_fd))
  return found
}

/** Null: neither TCP nor UDP. */
export function parseSocket(bytes: Buffer): Omit<SocketRow, 'pid'> | null {
  const psi = socket_fdinfo.at.psi
  const kind = bytes.readInt32LE(psi + socket_info.at.soi_kind)
  const isUdp = kind === SOCKINFO_IN && bytes.readInt32LE(psi + socket_info.at.soi_protocol) === IPPROTO_UDP
  if (kind !== SOCKINFO_TCP && !isUdp) return null
  const from = psi + socket_info.at.soi_proto
  const { at } = in_sockinfo
  const isIpv4 = (bytes[from + at.insi_vflag]! & INI_IPV4) !== 0
  const address = (of: number) => addressText([...bytes.subarray(of + (isIpv4 ? 12 : 0), of + 16)])
  return {
    protocol: isUdp ? 'udp' : 'tcp',
    state: isUdp ? 0 : bytes.readInt32LE(from + tcp_sockinfo.at.tcpsi_state),
    localAddress: address(from + at.insi_laddr),
    localPort: bytes.readUInt16BE(from + at.insi_lport),
    remoteAddress: address(from + at.insi_faddr),
    remotePort: bytes.readUInt16BE(from + at.insi_fport),
  }
}
