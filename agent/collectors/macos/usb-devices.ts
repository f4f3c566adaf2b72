/**
 * USB devices, as the I/O registry has them.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Root hubs are left out. `ParentPort` is the
 *         bus and the chain of ports ('20-1.2'), from the location id. `HasKeyboard`: an interface calls itself one, or a
 *         HID collection is one. `HasAbsolutePointer`: a HID report has X and Y as absolute values.
 * Units   polled every 5 s: a device that is attached for less can be missed.
 * Errors  HasAbsolutePointer is null if the device has an input interface and no report descriptor can be read. A device
 *         whose interfaces are not there yet is told at the next poll. MaxPowerMa is null: the registry has what is
 *         granted, not what the device asks for.
 * Source  IOUSBHostDevice, IOUSBHostInterface, IOHIDDevice, IOBlockStorageDevice; USBSpec.h; the names of properties as in
 *         public output of `ioreg -a`. Written from documentation; it has never run on a Mac.
 */
import { createHash } from 'node:crypto'
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac, RegistryEntry } from '../../host/macos/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { list, type PlistRecord, record, text, whole } from '../shared/plist.ts'
import { capabilitiesOf, type UsbInterface } from '../shared/usb-interfaces.ts'
import { hasAbsolutePointer } from './kit/report-descriptor.ts'

const NAME = 'usb-devices'
const EVERY_MS = 5_000
const MAX_DEVICES = 256
const MAX_INTERFACES = 64
const MAX_DISKS = 32
/** Low, full, high, SuperSpeed and above: kUSBHostConnectionSpeed… in IOKit's USB headers. */
const SPEEDS: readonly (number | null)[] = [1.5, 12, 480, 5_000, 10_000, 20_000]

type Described = Omit<ObservationOf<'usb_device'>, 'category' | 'time' | 'collector' | 'Action'> & { MaxPowerMa: null }
type Parts = Record<'interfaces' | 'inputs' | 'disks', RegistryEntry[]>

export const usbDevices = (mac: Mac): Collector<'usb_device'> => ({
  name: NAME,
  categories: ['usb_device'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  const known = new Map<string, Described>()
  const waited = new Set<string>()
  let listed: string | null = null
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      // Their ids alone cost little.
      const ids = mac.registry('IOUSBHostDevice', []).map((it) => it.id)
      const current = ids.join(' ')
      if (current === listed && waited.size === 0) {
        await host.sleep(EVERY_MS, signal)
        continue
      }
      const all = mac.registry('IOUSBHostDevice', DEVICE).filter(isDevice)
      if (all.length > MAX_DEVICES) yield gap(stamp, 'USB devices', 'overflow', null, all.length - MAX_DEVICES)
      const devices = all.slice(0, MAX_DEVICES)
      const present = new Set(devices.map((it) => it.id))
      for (const id of waited) if (!present.has(id)) waited.delete(id)
      for (const [id, device] of known) {
        if (present.has(id)) continue
        known.delete(id)
        yield { category: 'usb_device' as const, ...stamp, Action: 'removed' as const, ...device }
      }
      const fresh = devices.filter((it) => !known.has(it.id))
      const parts = fresh.length === 0 ? NONE : partsOf(mac)
      for (const it of fresh) {
        const device = describe(it, parts)
        if (!isReady(device) && !waited.has(it.id)) {
          waited.add(it.id)
          continue
        }
        waited.delete(it.id)
        known.set(it.id, device)
        const Action = isFirst ? ('present' as const) : ('attached' as const)
        yield { category: 'usb_device' as const, ...stamp, Action, ...device }
      }
      isFirst &&= waited.size > 0
      listed = current
    } catch (cause) {
      yield gap(stamp, 'USB devices', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

const DEVICE = [
  ...['idVendor', 'idProduct', 'bcdDevice', 'locationID', 'USBSpeed', 'Device Speed', 'UsbLinkSpeed'],
  ...['USB Vendor Name', 'kUSBVendorString', 'USB Product Name', 'kUSBProductString'],
  ...['USB Serial Number', 'kUSBSerialNumberString'],
]
const NONE: Parts = { interfaces: [], inputs: [], disks: [] }

function partsOf(mac: Mac): Parts {
  const classes = ['bInterfaceNumber', 'bInterfaceClass', 'bInterfaceSubClass', 'bInterfaceProtocol', 'locationID']
  return {
    interfaces: mac.registry('IOUSBHostInterface', classes),
    inputs: mac.registry('IOHIDDevice', ['LocationID', 'ReportDescriptor', 'DeviceUsagePairs']),
    disks: mac.registry('IOBlockStorageDevice', ['Device Characteristics'], ['locationID']),
  }
}

/** A root hub is at no port. */
function isDevice({ properties: { idVendor, locationID } }: RegistryEntry): boolean {
  const location = whole(locationID)
  return whole(idVendor) !== null && (location === null || (location & 0xffffff) !== 0)
}

/** Drivers need a moment. */
function isReady({ InterfaceClasses, HasAbsolutePointer, ScsiInquiry }: Described): boolean {
  if (InterfaceClasses.length === 0 || ScsiInquiry === null) return false
  return HasAbsolutePointer !== null || !InterfaceClasses.includes('03')
}

function describe({ properties: it }: RegistryEntry, parts: Parts): Described {
  const location = whole(it.locationID)
  const isHere = (place: unknown) => location !== null && place === location
  const interfaces = interfacesOf(parts.interfaces.filter((of) => isHere(of.properties.locationID)))
  const VendorId = hex(it.idVendor, 4)
  const has = capabilitiesOf(interfaces, VendorId)
  const inputs = parts.inputs.filter((of) => isHere(of.properties.LocationID)).map((of) => of.properties)
  const reports = inputs.flatMap((of) => (Buffer.isBuffer(of.ReportDescriptor) ? [of.ReportDescriptor] : []))
  return {
    VendorId,
    ProductId: hex(it.idProduct, 4),
    Manufacturer: textOf(it, 'USB Vendor Name', 'kUSBVendorString'),
    ProductName: textOf(it, 'USB Product Name', 'kUSBProductString'),
    SerialNumber: textOf(it, 'USB Serial Number', 'kUSBSerialNumberString'),
    InterfaceClasses: interfaces.map((of) => of.class),
    HasKeyboard: has.keyboard || inputs.some(isKeyboard),
    HasAbsolutePointer: !has.input ? false : reports.length === 0 ? null : reports.some(hasAbsolutePointer),
    HasStorage: has.storage,
    HasNetwork: has.network,
    ParentPort: location === null ? null : portOf(location),
    SpeedMbps: speedOf(it),
    BcdDevice: whole(it.bcdDevice) === null ? null : hex(it.bcdDevice, 4),
    MaxPowerMa: null,
    ScsiInquiry: has.storage ? inquiries(parts.disks.filter((of) => isHere(of.above.locationID))) : [],
    ReportDescriptorHash: reports.length === 0 ? null : hashOf(reports),
  }
}

function interfacesOf(all: readonly RegistryEntry[]): UsbInterface[] {
  const number = ({ properties }: RegistryEntry) => whole(properties.bInterfaceNumber) ?? 0
  return [...all]
    .sort((a, b) => number(a) - number(b))
    .filter(({ properties }) => whole(properties.bInterfaceClass) !== null)
    .slice(0, MAX_INTERFACES)
    .map(({ properties: it }) => ({
      class: hex(it.bInterfaceClass, 2),
      subclass: hex(it.bInterfaceSubClass, 2),
      protocol: hex(it.bInterfaceProtocol, 2),
    }))
}

/** Usage page 1, usage 6: HID Usage Tables. */
function isKeyboard(input: PlistRecord): boolean {
  return list(input.DeviceUsagePairs).some((it) => {
    const pair = record(it)
    return pair?.DeviceUsagePage === 1 && pair.DeviceUsage === 6
  })
}

/** Null: no disk of it has answered (yet). */
function inquiries(disks: readonly RegistryEntry[]): string[] | null {
  const found = disks.slice(0, MAX_DISKS).flatMap(({ properties }) => {
    const device = record(properties['Device Characteristics'])
    const names = [text(device?.['Vendor Name']), text(device?.['Product Name'])].map((it) => it?.trim() ?? '')
    return names.some((it) => it !== '') ? [bounded(names.join(' ').trim(), 64)] : []
  })
  return found.length > 0 ? found : null
}

/** Over all report descriptors of the device, in the registry's order. */
function hashOf(reports: readonly Buffer[]): string {
  const sum = createHash('sha256')
  for (const it of reports) sum.update(it)
  return sum.digest('hex')
}

/** '': the device has no such string. */
function textOf(of: PlistRecord, ...names: string[]): string {
  return bounded(names.map((it) => text(of[it])).find((it) => it !== null) ?? '', 256)
}

function hex(value: unknown, digits: number): string {
  const number = typeof value === 'number' && value >= 0 && value < 16 ** digits ? value : 0
  return number.toString(16).padStart(digits, '0')
}

/** The bus in the upper byte, then one hex digit for each port of the chain: 0x14230000 is 20-2.3. */
export function portOf(location: number): string {
  const digits = (location >>> 0).toString(16).padStart(8, '0')
  const ports = [...digits.slice(2)].map((it) => Number.parseInt(it, 16)).filter((it) => it > 0)
  return `${Number.parseInt(digits.slice(0, 2), 16)}-${ports.join('.')}`
}

function speedOf(of: PlistRecord): number | null {
  const link = whole(of.UsbLinkSpeed)
  if (link !== null && link > 0) return link / 1_000_000
  // USBSpeed counts from 1, 'Device Speed' from 0.
  const [counted, old] = [whole(of.USBSpeed), whole(of['Device Speed'])]
  return SPEEDS[old ?? (counted === null ? -1 : (SPEED_OF_USB[counted] ?? -1))] ?? null
}
/** kIOUSBHostConnectionSpeed…: none, full, low, high, SuperSpeed, SuperSpeedPlus … */
const SPEED_OF_USB: readonly number[] = [-1, 1, 0, 2, 3, 4, 5]
