/**
 * Adapters, routes, neighbours and their counters.
 *
 * Source  GetAdaptersAddresses (iphlpapi.h); GetIpForwardTable2, GetIpNetTable2 and GetIfTable2 (netioapi.h), whose
 *         tables Windows allocates.
 */
import type { Layout } from '../layout.ts'
import type { AdapterRow, CounterRow, NeighbourRow, RouteRow } from './calls.ts'
import { CallError } from './calls.ts'
import {
  IP_ADAPTER_ADDRESSES,
  IP_ADAPTER_DNS_SERVER_ADDRESS,
  MIB_IF_ROW2,
  MIB_IPFORWARD_ROW2,
  MIB_IPNET_ROW2,
  MIB_TABLE2,
} from './layouts.ts'
import {
  addressOf,
  type Call,
  library,
  memory,
  noError,
  offsetIn,
  pointerIn,
  socketAddress,
  wideText,
} from './library.ts'

const iphlpapi = library('iphlpapi.dll', {
  FreeMibTable: 'void (intptr_t)',
  GetAdaptersAddresses: 'uint32_t (uint32_t, uint32_t, void *, void *, void *)',
  GetIfTable2: 'uint32_t (void *)',
  GetIpForwardTable2: 'uint32_t (uint16_t, void *)',
  GetIpNetTable2: 'uint32_t (uint16_t, void *)',
})

const AF_UNSPEC = 0
/** GAA_FLAG_SKIP_ANYCAST, SKIP_MULTICAST. */
const FLAGS = 2 | 4
const BUFFER_OVERFLOW = 111
const NO_DATA = 232
const NOT_FOUND = 1168
const MAX_BYTES = 4 * 1_048_576
const MAX_ROWS = 65_536
const MAX_LINKS = 4_096
const IF_OPER_STATUS_UP = 1
const HARDWARE_INTERFACE = 1
const FILTER_INTERFACE = 2

export function adapters(): AdapterRow[] {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(32_768)
  for (;;) {
    const bytes = Buffer.alloc(size.readUInt32LE())
    const status = iphlpapi.GetAdaptersAddresses(AF_UNSPEC, FLAGS, null, bytes, size)
    if (status === NO_DATA) return []
    if (status === 0) return parseAdapters(bytes, addressOf(bytes))
    if (status !== BUFFER_OVERFLOW || size.readUInt32LE() > MAX_BYTES)
      throw new CallError('GetAdaptersAddresses', status)
  }
}

/** `base`: the address of the buffer, in which all pointers lead. */
export function parseAdapters(bytes: Buffer, base: bigint): AdapterRow[] {
  const { at, size } = IP_ADAPTER_ADDRESSES
  const found: AdapterRow[] = []
  let start: number | null = 0
  while (start !== null && start + size <= bytes.length && found.length < MAX_LINKS) {
    const row: number = start
    const target = (member: number) => offsetIn(bytes, base, pointerIn(bytes, row + member))
    const text = (member: number) => {
      const place = target(member)
      return place === null ? '' : wideText(bytes, place, Math.min(256, (bytes.length - place) >> 1))
    }
    const name = target(at.AdapterName)
    found.push({
      index: bytes.readUInt32LE(row + at.IfIndex),
      index6: bytes.readUInt32LE(row + at.Ipv6IfIndex),
      name: name === null ? '' : bytes.toString('latin1', name, Math.max(name, bytes.indexOf(0, name))),
      description: text(at.Description),
      friendlyName: text(at.FriendlyName),
      type: bytes.readUInt32LE(row + at.IfType),
      isUp: bytes.readUInt32LE(row + at.OperStatus) === IF_OPER_STATUS_UP,
      mtu: bytes.readUInt32LE(row + at.Mtu),
      metric: bytes.readUInt32LE(row + at.Ipv4Metric),
      dns: dnsServers(bytes, base, target(at.FirstDnsServerAddress)),
    })
    start = target(at.Next)
  }
  return found
}

function dnsServers(bytes: Buffer, base: bigint, first: number | null): string[] {
  const { at, size } = IP_ADAPTER_DNS_SERVER_ADDRESS
  const found: string[] = []
  for (let row = first; row !== null && row + size <= bytes.length && found.length < MAX_LINKS; ) {
    const place = offsetIn(bytes, base, pointerIn(bytes, row + at.lpSockaddr))
    const address = place === null || place + 24 > bytes.length ? null : socketAddress(bytes, place)
    if (address !== null) found.push(address)
    row = offsetIn(bytes, base, pointerIn(bytes, row + at.Next))
  }
  return found
}

/** A copy of a table that Windows allocates, which is freed. An empty one may be reported as not found. */
function table<R>(
  call: string,
  read: (pointer: Buffer) => number,
  row: Layout<string>,
  parse: (row: Buffer) => R,
): R[] {
  const pointer = Buffer.alloc(8)
  const status = read(pointer)
  if (status === NOT_FOUND) return []
  noError(call, status)
  const start = pointerIn(pointer, 0)
  try {
    const count = Math.min(MAX_ROWS, memory(start, MIB_TABLE2.size).readUInt32LE(MIB_TABLE2.at.NumEntries))
    const bytes = memory(start + BigInt(MIB_TABLE2.at.Table), Math.max(1, count * row.size))
    return Array.from({ length: count }, (_, n) => parse(bytes.subarray(n * row.size, (n + 1) * row.size)))
  } finally {
    ;(iphlpapi.FreeMibTable as Call)(start)
  }
}

export function routes(): RouteRow[] {
  const read = (pointer: Buffer) => iphlpapi.GetIpForwardTable2(AF_UNSPEC, pointer)
  return table('GetIpForwardTable2', read, MIB_IPFORWARD_ROW2, parseRoute)
}

export function parseRoute(row: Buffer): RouteRow {
  const { at } = MIB_IPFORWARD_ROW2
  const via = socketAddress(row, at.NextHop)
  return {
    index: row.readUInt32LE(at.InterfaceIndex),
    destination: socketAddress(row, at.Destination) ?? '',
    length: row[at.PrefixLength]!,
    gateway: via === '0.0.0.0' || via === '::' ? null : via,
    metric: row.readUInt32LE(at.Metric),
  }
}

export function neighbours(): NeighbourRow[] {
  const read = (pointer: Buffer) => iphlpapi.GetIpNetTable2(AF_UNSPEC, pointer)
  return table('GetIpNetTable2', read, MIB_IPNET_ROW2, parseNeighbour).filter(({ mac }) => !/^(00:){5}00$|^$/.test(mac))
}

export function parseNeighbour(row: Buffer): NeighbourRow {
  const { at } = MIB_IPNET_ROW2
  const length = Math.min(32, row.readUInt32LE(at.PhysicalAddressLength))
  const mac = row.subarray(at.PhysicalAddress, at.PhysicalAddress + length)
  return {
    index: row.readUInt32LE(at.InterfaceIndex),
    address: socketAddress(row, at.Address) ?? '',
    mac: [...mac].map((it) => it.toString(16).padStart(2, '0')).join(':'),
  }
}

export function counters(): CounterRow[] {
  return table('GetIfTable2', (pointer) => iphlpapi.GetIfTable2(pointer), MIB_IF_ROW2, parseCounter)
}

/** Windows lists a card again for each filter that is bound to it: these are not hardware of their own. */
export function parseCounter(row: Buffer): CounterRow {
  const { at } = MIB_IF_ROW2
  const flags = row[at.InterfaceAndOperStatusFlags]!
  return {
    name: row.toString('hex', at.InterfaceGuid, at.InterfaceGuid + 16),
    isHardware: (flags & HARDWARE_INTERFACE) !== 0 && (flags & FILTER_INTERFACE) === 0,
    received: Number(row.readBigUInt64LE(at.InOctets)),
    sent: Number(row.readBigUInt64LE(at.OutOctets)),
  }
}
