/**
 * Interfaces, routes and neighbours, by sysctl: what netstat and arp ask, without a child process. Nothing here has run on
 * a Mac; the parsers have, on bytes built as the headers say.
 *
 * Shape   messages, each with its length; behind a header the addresses that its bits name, each padded to four bytes. An
 *         address may be shorter than its kind (a mask ends with its last byte that is not zero). IPv6 addresses of a link
 *         carry the interface's number in their second pair of bytes.
 * Source  net/route.h, net/if.h, net/if_dl.h; netstat and arp in Apple's network_cmds.
 */
import { addressText } from '../../collectors/shared/address-text.ts'
import type { InterfaceRow, NeighbourRow, RouteRow } from './calls.ts'
import { if_data64, if_msghdr2, rt_msghdr, sockaddr_dl } from './layouts.ts'
import { sysctl } from './library.ts'

const CTL_NET = 4
const PF_ROUTE = 17
const AF_INET = 2
const AF_INET6 = 30
const AF_LINK = 18
const NET_RT_DUMP = 1
const NET_RT_FLAGS = 2
const NET_RT_IFLIST2 = 6
const RTM_GET = 4
const RTM_IFINFO2 = 0x12
const RTF_UP = 1
const RTF_GATEWAY = 2
const RTF_HOST = 4
const RTF_LLINFO = 0x400
const RTF_WASCLONED = 0x20000
const RTF_IFSCOPE = 0x1000000
const IFF_UP = 1
const IFF_RUNNING = 0x40
const DESTINATION = 0
const GATEWAY = 1
const MASK = 2

export function interfaces(): InterfaceRow[] {
  return parseInterfaces(sysctl([CTL_NET, PF_ROUTE, 0, 0, NET_RT_IFLIST2, 0]))
}

export function routes(): RouteRow[] {
  return [AF_INET, AF_INET6].flatMap((family) => parseRoutes(sysctl([CTL_NET, PF_ROUTE, 0, family, NET_RT_DUMP, 0])))
}

export function neighbours(): NeighbourRow[] {
  return [AF_INET, AF_INET6].flatMap((family) =>
    parseNeighbours(sysctl([CTL_NET, PF_ROUTE, 0, family, NET_RT_FLAGS, RTF_LLINFO])),
  )
}

function* messages(bytes: Buffer, header: number): Iterable<Buffer> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) return
    if (length >= header) yield bytes.subarray(at, at + length)
    at += length
  }
}

export function parseInterfaces(bytes: Buffer): InterfaceRow[] {
  const found: InterfaceRow[] = []
  const { at, size } = if_msghdr2
  for (const message of messages(bytes, 4)) {
    if (message[at.ifm_type] !== RTM_IFINFO2 || message.length < size + sockaddr_dl.at.sdl_data) continue
    const link = message.subarray(size)
    const flags = message.readInt32LE(at.ifm_flags)
    const data = at.ifm_data
    const name = sockaddr_dl.at.sdl_data
    found.push({
      index: message.readUInt16LE(at.ifm_index),
      name: link.toString('latin1', name, name + link[sockaddr_dl.at.sdl_nlen]!),
      type: message[data + if_data64.at.ifi_type]!,
      isUp: (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0,
      mtu: message.readUInt32LE(data + if_data64.at.ifi_mtu),
      received: Number(message.readBigUInt64LE(data + if_data64.at.ifi_ibytes)),
      sent: Number(message.readBigUInt64LE(data + if_data64.at.ifi_obytes)),
    })
  }
  return found
}

export function parseRoutes(bytes: Buffer): RouteRow[] {
  const found: RouteRow[] = []
  for (const { flags, index, addresses } of routeMessages(bytes)) {
    const isLearnt = (flags & RTF_WASCLONED) !== 0 || (flags & RTF_LLINFO) !== 0
    const to = addresses[DESTINATION]
    const destination = to === undefined ? null : ipOf(to)
    if ((flags & RTF_UP) === 0 || isLearnt || to === undefined || destination === null) continue
    const gateway = addresses[GATEWAY]
    found.push({
      interface: index,
      destination,
      length: (flags & RTF_HOST) !== 0 ? (to[1] === AF_INET ? 32 : 128) : prefixLength(addresses[MASK], to[1]!),
      gateway: (flags & RTF_GATEWAY) !== 0 && gateway !== undefined ? ipOf(gateway) : null,
      isScoped: (flags & RTF_IFSCOPE) !== 0,
    })
  }
  return found
}

export function parseNeighbours(bytes: Buffer): NeighbourRow[] {
  const found: NeighbourRow[] = []
  for (const { index, addresses } of routeMessages(bytes)) {
    const address = addresses[DESTINATION] && ipOf(addresses[DESTINATION])
    const mac = addresses[GATEWAY] && macOf(addresses[GATEWAY])
    if (address && mac) found.push({ interface: index, address, mac })
  }
  return found
}

function* routeMessages(bytes: Buffer): Iterable<{ flags: number; index: number; addresses: (Buffer | undefined)[] }> {
  const { at, size } = rt_msghdr
  for (const message of messages(bytes, size)) {
    if (message[at.rtm_type] !== RTM_GET) continue
    const bits = message.readInt32LE(at.rtm_addrs)
    const addresses: (Buffer | undefined)[] = []
    for (let bit = 0, from = size; bit < 8; bit++) {
      if ((bits & (1 << bit)) === 0) addresses.push(undefined)
      else {
        const length = message[from] ?? 0
        addresses.push(message.subarray(from, Math.min(message.length, from + length)))
        from += length === 0 ? 4 : Math.ceil(length / 4) * 4
      }
    }
    yield { flags: message.readInt32LE(at.rtm_flags), index: message.readUInt16LE(at.rtm_index), addresses }
  }
}

/** Of a sockaddr_in or sockaddr_in6, which may be cut where only zeros would follow; null for another family. */
function ipOf(address: Buffer): string | null {
  const [from, length] = address[1] === AF_INET ? [4, 4] : address[1] === AF_INET6 ? [8, 16] : [0, 0]
  if (length === 0) return null
  const octets = Array.from({ length }, (_, n) => address[from + n] ?? 0)
  if (length === 16 && octets[0] === 0xfe && (octets[1]! & 0xc0) === 0x80) octets[2] = octets[3] = 0
  return addressText(octets)
}

/** A mask's family is not always written. */
function prefixLength(mask: Buffer | undefined, family: number): number {
  if (mask === undefined) return 0
  const from = family === AF_INET ? 4 : 8
  let length = 0
  for (const octet of mask.subarray(from, from + (family === AF_INET ? 4 : 16)))
    for (let bit = 7; bit >= 0; bit--) {
      if ((octet & (1 << bit)) === 0) return length
      length++
    }
  return length
}

function macOf(address: Buffer): string | null {
  const { at } = sockaddr_dl
  if (address.length < at.sdl_data || address[at.sdl_family] !== AF_LINK || address[at.sdl_alen] !== 6) return null
  const from = at.sdl_data + address[at.sdl_nlen]!
  const octets = [...address.subarray(from, from + 6)]
  if (octets.length < 6 || octets.every((it) => it === 0)) return null
  return octets.map((it) => it.toString(16).padStart(2, '0')).join(':')
}
