/**
 * The access point that each wireless interface is connected to: nl80211.
 *
 * Shape   one per interface that is connected as a station. The network's name comes from the interface, or from what
 *         its access point sends. Which access point it is stands in the list of those that were heard last; nothing is
 *         sent into the air for it.
 * Errors  CallError; ENOENT on a kernel without wireless networks.
 * Source  Linux include/uapi/linux/{genetlink,nl80211}.h; IEEE 802.11, element 0 is the SSID. Built after these headers
 *         and never run with a radio: the machines that it was written on have none, nor a simulated one.
 */
import { CallError, ENOSYS, type WirelessLink } from './calls.ts'
import { ask, attribute, attributesIn, type Message } from './netlink.ts'

const NETLINK_GENERIC = 16
/** Messages to the register of families. */
const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2
/** The head of a generic message: command, version, reserved. */
const HEAD_BYTES = 4

const GET_INTERFACE = 5
const NEW_INTERFACE = 7
const GET_SCAN = 32
const NEW_SCAN_RESULTS = 34
const ATTR_IFINDEX = 3
const ATTR_IFNAME = 4
const ATTR_IFTYPE = 5
const ATTR_BSS = 47
const ATTR_SSID = 52
const IFTYPE_STATION = 2
const BSS_BSSID = 1
const BSS_INFORMATION_ELEMENTS = 6
const BSS_STATUS = 9
const BSS_STATUS_ASSOCIATED = 1
const MAX_INTERFACES = 64

export function wirelessLinks(): WirelessLink[] {
  const family = familyOf('nl80211')
  const stations: Station[] = []
  ask(NETLINK_GENERIC, { type: family, body: command(GET_INTERFACE), isDump: true }, (message) => {
    const station = parseInterface(message)
    if (station !== null && stations.length < MAX_INTERFACES) stations.push(station)
  })
  return stations.flatMap(({ index, name, ssid }) => {
    let found: AccessPoint | null = null
    const body = Buffer.concat([command(GET_SCAN), attribute(ATTR_IFINDEX, number(index))])
    ask(NETLINK_GENERIC, { type: family, body, isDump: true }, (message) => {
      found ??= parseAccessPoint(message)
    })
    const at = found as AccessPoint | null
    return at === null ? [] : [{ name, bssid: at.bssid, ssid: ssid ?? at.ssid }]
  })
}

/** The number that the kernel has given a family since it began. Errors  CallError with ENOENT where it has none. */
export function familyOf(name: string): number {
  let id: number | null = null
  const body = Buffer.concat([
    command(CTRL_CMD_GETFAMILY, 1),
    attribute(CTRL_ATTR_FAMILY_NAME, Buffer.from(`${name}\0`)),
  ])
  ask(NETLINK_GENERIC, { type: GENL_ID_CTRL, body, isDump: false }, (message) => {
    const value = attributesIn(message.body, HEAD_BYTES).get(CTRL_ATTR_FAMILY_ID)
    if (value !== undefined && value.length >= 2) id = value.readUInt16LE(0)
  })
  if (id === null) throw new CallError(name, ENOSYS)
  return id
}

export function command(number: number, version = 0): Buffer {
  return Buffer.of(number, version, 0, 0)
}

function number(value: number): Buffer {
  const it = Buffer.alloc(4)
  it.writeUInt32LE(value)
  return it
}

interface Station {
  index: number
  name: string
  /** Null: not connected, or a kernel that does not say it here. */
  ssid: Buffer | null
}

/** Null: not an interface, or one that is an access point or anything else. */
export function parseInterface({ body }: Message): Station | null {
  if (body[0] !== NEW_INTERFACE) return null
  const attributes = attributesIn(body, HEAD_BYTES)
  const index = uint32(attributes.get(ATTR_IFINDEX))
  const name = attributes.get(ATTR_IFNAME)?.toString('utf8').replace(/\0.*$/s, '')
  if (index === null || !name || uint32(attributes.get(ATTR_IFTYPE)) !== IFTYPE_STATION) return null
  return { index, name, ssid: copied(attributes.get(ATTR_SSID)) }
}

interface AccessPoint {
  bssid: string
  /** Null: it hides it. */
  ssid: Buffer | null
}

/** Null: one that was heard, and that the laptop is not connected to. */
export function parseAccessPoint({ body }: Message): AccessPoint | null {
  if (body[0] !== NEW_SCAN_RESULTS) return null
  const bss = attributesIn(body, HEAD_BYTES).get(ATTR_BSS)
  if (bss === undefined) return null
  const attributes = attributesIn(bss, 0)
  const bssid = attributes.get(BSS_BSSID)
  if (uint32(attributes.get(BSS_STATUS)) !== BSS_STATUS_ASSOCIATED || bssid?.length !== 6) return null
  const ssid = ssidIn(attributes.get(BSS_INFORMATION_ELEMENTS) ?? Buffer.alloc(0))
  return { bssid: bssid.toString('hex').replace(/(..)(?!$)/g, '$1:'), ssid }
}

/** Elements have a byte of id, a byte of length, and their value. Hidden names are empty, or zeros of their length. */
function ssidIn(elements: Buffer): Buffer | null {
  for (let at = 0; at + 2 <= elements.length; at += 2 + elements[at + 1]!) {
    if (elements[at] !== 0) continue
    const ssid = elements.subarray(at + 2, at + 2 + elements[at + 1]!)
    return ssid.length < elements[at + 1]! || ssid.every((it) => it === 0) ? null : copied(ssid)
  }
  return null
}

/** What it is a part of is used again for the next answer. */
function copied(value: Buffer | undefined): Buffer | null {
  return value === undefined || value.length === 0 || value.length > 32 ? null : Buffer.from(value)
}

function uint32(value: Buffer | undefined): number | null {
  return value === undefined || value.length < 4 ? null : value.readUInt32LE(0)
}
