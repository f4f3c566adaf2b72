/** Sockets with their owners. Source  GetExtendedTcpTable and GetExtendedUdpTable (iphlpapi.h). */
import { addressText } from '../../collectors/shared/address-text.ts'
import type { SocketRow, Windows } from './calls.ts'
import { CallError } from './calls.ts'
import {
  MIB_TABLE_OWNER_PID,
  MIB_TCP6ROW_OWNER_PID,
  MIB_TCPROW_OWNER_PID,
  MIB_UDP6ROW_OWNER_PID,
  MIB_UDPROW_OWNER_PID,
} from './layouts.ts'
import { type Call, library } from './library.ts'

const iphlpapi = library('iphlpapi.dll', {
  GetExtendedTcpTable: 'uint32_t (void *, void *, int, uint32_t, uint32_t, uint32_t)',
  GetExtendedUdpTable: 'uint32_t (void *, void *, int, uint32_t, uint32_t, uint32_t)',
})

const AF_INET = 2
const AF_INET6 = 23
const TCP_TABLE_OWNER_PID_ALL = 5
const UDP_TABLE_OWNER_PID = 1
const INSUFFICIENT_BUFFER = 122
const MAX_BYTES = 16 * 1_048_576

const TABLES = [
  { table: 'tcp', call: iphlpapi.GetExtendedTcpTable, family: AF_INET, of: TCP_TABLE_OWNER_PID_ALL, parse: parseTcp },
  {
    table: 'tcp6',
    call: iphlpapi.GetExtendedTcpTable,
    family: AF_INET6,
    of: TCP_TABLE_OWNER_PID_ALL,
    parse: parseTcp6,
  },
  { table: 'udp', call: iphlpapi.GetExtendedUdpTable, family: AF_INET, of: UDP_TABLE_OWNER_PID, parse: parseUdp },
  { table: 'udp6', call: iphlpapi.GetExtendedUdpTable, family: AF_INET6, of: UDP_TABLE_OWNER_PID, parse: parseUdp6 },
] as const

export function sockets(): ReturnType<Windows['sockets']> {
  const found: SocketRow[] = []
  const failed: { table: string; cause: unknown }[] = []
  for (const { table, call, family, of, parse } of TABLES)
    try {
      for (const row of parse(readTable(call, family, of))) found.push(row)
    } catch (cause) {
      failed.push({ table, cause })
    }
  return { found, failed }
}

function readTable(call: Call, family: number, of: number): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(65_536)
  for (;;) {
    const bytes = Buffer.alloc(size.readUInt32LE())
    const status = call(bytes, size, 0, family, of, 0)
    if (status === 0) return bytes
    // Room for the sockets that are opened meanwhile.
    const needed = size.readUInt32LE() + 16_384
    if (status !== INSUFFICIENT_BUFFER || needed > MAX_BYTES) throw new CallError('socket table', status)
    size.writeUInt32LE(needed)
  }
}

function* rowsOf(bytes: Buffer, rowSize: number): Iterable<number> {
  const first = MIB_TABLE_OWNER_PID.at.table
  const count = bytes.readUInt32LE(MIB_TABLE_OWNER_PID.at.dwNumEntries)
  for (let n = 0, at = first; n < count && at + rowSize <= bytes.length; n++, at += rowSize) yield at
}

export function parseTcp(bytes: Buffer): Iterable<SocketRow> {
  const { size, at } = MIB_TCPROW_OWNER_PID
  return tcpRows(bytes, size, { ...at, local: at.dwLocalAddr, remote: at.dwRemoteAddr, length: 4 })
}

export function parseTcp6(bytes: Buffer): Iterable<SocketRow> {
  const { size, at } = MIB_TCP6ROW_OWNER_PID
  return tcpRows(bytes, size, { ...at, local: at.ucLocalAddr, remote: at.ucRemoteAddr, length: 16 })
}

/** The offsets that both rows have, and where the addresses are, of how many bytes. */
type TcpOffsets = Record<
  'dwState' | 'dwLocalPort' | 'dwRemotePort' | 'dwOwningPid' | 'local' | 'remote' | 'length',
  number
>

/** Addresses and ports are in network order; a port is in the first two of its four bytes. */
function* tcpRows(bytes: Buffer, size: number, at: TcpOffsets): Iterable<SocketRow> {
  for (const row of rowsOf(bytes, size))
    yield {
      protocol: 'tcp',
      state: bytes.readUInt32LE(row + at.dwState),
      localAddress: address(bytes, row + at.local, at.length),
      localPort: bytes.readUInt16BE(row + at.dwLocalPort),
      remoteAddress: address(bytes, row + at.remote, at.length),
      remotePort: bytes.readUInt16BE(row + at.dwRemotePort),
      pid: bytes.readUInt32LE(row + at.dwOwningPid),
    }
}

export function* parseUdp(bytes: Buffer): Iterable<SocketRow> {
  const { size, at } = MIB_UDPROW_OWNER_PID
  for (const row of rowsOf(bytes, size))
    yield bound(address(bytes, row + at.dwLocalAddr, 4), '0.0.0.0', bytes, row + at.dwLocalPort, row + at.dwOwningPid)
}

export function* parseUdp6(bytes: Buffer): Iterable<SocketRow> {
  const { size, at } = MIB_UDP6ROW_OWNER_PID
  for (const row of rowsOf(bytes, size))
    yield bound(address(bytes, row + at.ucLocalAddr, 16), '::', bytes, row + at.dwLocalPort, row + at.dwOwningPid)
}

/** Windows does not say to whom a UDP socket is connected. */
function bound(localAddress: string, remoteAddress: string, bytes: Buffer, port: number, pid: number): SocketRow {
  const [localPort, owner] = [bytes.readUInt16BE(port), bytes.readUInt32LE(pid)]
  return { protocol: 'udp', state: 0, localAddress, localPort, remoteAddress, remotePort: 0, pid: owner }
}

function address(bytes: Buffer, at: number, length: number): string {
  return addressText([...bytes.subarray(at, at + length)])
}
