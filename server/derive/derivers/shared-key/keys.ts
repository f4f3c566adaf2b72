/**
 * Keys: what identifies a network, a device or a person, and that unrelated workers normally do not share.
 *
 * Shape   a key is its kind, a blank, and its value: 'uplink 203.0.113.7'.
 */
import ipaddr from 'ipaddr.js'
import { toolIdOf } from '../../../../rules/catalogue/tool-names.ts'
import { isFactorySerial } from '../../../../rules/catalogue/usb-shape.ts'
import type { Contract } from '../../../../wire/contract.ts'
import type { Category, EventOf } from '../../../../wire/event.ts'
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import type { Seen } from '../../deriver.ts'
import { approvedExit } from '../../kit/place.ts'
import type { World } from '../../kit/world.ts'

export type KeyKind = EventOf<'shared_key'>['KeyKind']

/** Kinds that identify a place. */
export const PLACE_KINDS: ReadonlySet<KeyKind> = new Set(['uplink', 'gateway', 'bssid', 'login_address'])

/** Networks in which an address can be somebody's own uplink. */
export const PRIVATE_NETWORKS: ReadonlySet<NetworkClass> = new Set(['residential', 'unknown'])

/** Categories of laptop events that contain keys; other events only show that the laptop was awake. */
export const WITH_KEYS: ReadonlySet<Category> = new Set(['network_place', 'display', 'usb_device', 'remote_session'])

/** What is held like a key, and only says where a laptop was. */
export const COMPANY_EXIT = 'exit corporate'
export const FULL_TUNNEL = 'tunnel full'

/** Whether the key identifies something that can be shared. */
export function isShareable(key: string): boolean {
  return key !== COMPANY_EXIT && key !== FULL_TUNNEL
}

export function kindOf(key: string): KeyKind {
  return key.slice(0, key.indexOf(' ')) as KeyKind
}

/**
 * What the laptop has from this record on, by slot (such as 'uplink', or one USB device). Null: not any more, or
 * something that identifies nobody.
 */
export function slotsIn({ event, connection, contract, time }: Seen): [slot: string, key: string | null][] {
  if (connection) {
    const { remoteAddress, geo } = connection
    const isOwn = PRIVATE_NETWORKS.has(geo.class) && !approvedExit(contract, remoteAddress, geo.asn, time)
    return [
      ['uplink', isOwn ? uplinkKey(remoteAddress) : null],
      ['exit', geo.class === 'corporate' ? COMPANY_EXIT : null],
    ]
  }
  if (event?.category === 'network_place')
    return [
      ['gateway', event.GatewayHash && `gateway ${event.GatewayHash}`],
      ['bssid', event.BssidHash && `bssid ${event.BssidHash}`],
      ['tunnel', event.DefaultRouteOnTunnel === true ? FULL_TUNNEL : null],
    ]
  if (event?.category === 'display' && !event.Internal && isSerial(event.SerialText)) {
    const key = `edid ${event.MakerId} ${event.ProductCode} ${event.SerialText}`
    return [[key, event.Action === 'removed' ? null : key]]
  }
  // The serial number of a hub is the address of its port: the same on all laptops of a model.
  const isHub = event?.category === 'usb_device' && event.InterfaceClasses?.every((it) => it === '09')
  if (event?.category === 'usb_device' && !isHub && isSerial(event.SerialNumber)) {
    const key = usbKey(event.VendorId, event.ProductId, event.SerialNumber)
    return [[key, event.Action === 'removed' ? null : key]]
  }
  return []
}

/** Who controls the laptop remotely, and with which tool. */
export function controllerIn({ event }: Seen): string | null {
  if (event?.category !== 'remote_session' || event.Direction !== 'incoming' || event.PeerIdHash === null) return null
  return `controller ${event.PeerIdHash} ${toolIdOf(event.Tool)}`
}

/**
 * Whether the controller is one that the company knows, or only helps there: an approved tool, or a few short sessions
 * (N1, F20).
 */
export function isHelpDesk(world: World, key: string, device: string, worker: string, time: number): boolean {
  const [, operator = '', tool = ''] = /^controller (\S+) (.*)$/.exec(key) ?? []
  return world.approvesSession(device, worker, tool, time) || world.sessions.isHelp(device, operator)
}

/** Whether the contract declares this very USB device: with its ids and its serial number. */
export function isDeclared(contract: Contract | null, key: string): boolean {
  return (
    contract?.peripherals?.some(
      ({ vendorId, productId, serial }) =>
        vendorId != null && productId != null && serial != null && key === usbKey(vendorId, productId, serial),
    ) ?? false
  )
}

/** The MFA device of a login; null for service accounts. */
export function mfaDeviceIn({ event, contract }: Seen): string | null {
  if (event?.category !== 'idp_login' || event.MfaDeviceHash === null || isService(contract)) return null
  return `mfa_device ${event.MfaDeviceHash}`
}

/** The address of a login, where it can be somebody's own uplink; null for phones, failures and service accounts. */
export function loginAddressIn({ event, peer, contract, time }: Seen): string | null {
  if (event?.category !== 'idp_login' || event.Result !== 'success' || event.Mobile === true) return null
  if (event.Ip === null || !peer || !PRIVATE_NETWORKS.has(peer.class) || isService(contract)) return null
  return approvedExit(contract, event.Ip, peer.asn, time) ? null : loginAddressOf(uplinkKey(event.Ip))
}

function usbKey(vendorId: string, productId: string, serial: string): string {
  return `usb_serial ${vendorId.toLowerCase()}:${productId.toLowerCase()}:${serial}`
}

/** The key of logins through an uplink. */
export function loginAddressOf(uplink: string): string {
  return `login_address ${uplink.slice('uplink '.length)}`
}

/** The uplink that logins came through. */
export function uplinkOf(loginAddress: string): string {
  return `uplink ${loginAddress.slice('login_address '.length)}`
}

function isService(contract: Contract | null): boolean {
  return contract?.roles?.some((it) => /^service([ _-]?account)?$/i.test(it)) ?? false
}

/** Of IPv6, the /64: it belongs to one household, and the addresses in it change daily. */
export function uplinkKey(address: string): string {
  const found = ipaddr.process(address)
  if (found.kind() === 'ipv4') return `uplink ${found.toString()}`
  return `uplink ${(found as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((it) => it.toString(16))
    .join(':')}::/64`
}

/**
 * At least four characters, of at least three different ones, and not one that a maker gives to every unit: that
 * identifies a model, never a thing.
 */
function isSerial(text: string | null): text is string {
  const serial = text?.trim() ?? ''
  return serial.length >= 4 && new Set(serial).size > 2 && !isFactorySerial(serial)
}
