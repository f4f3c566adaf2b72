/**
 * USB devices, as Windows lists them.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Root hubs are omitted, other hubs are not.
 *         A part of a device with several is a device of its own to Windows, under the same ids: its interfaces are
 *         those of all parts with its ids. `HasKeyboard`: an interface calls itself a keyboard, or a HID device with its
 *         ids is one. `HasAbsolutePointer`: true for a touch screen or pen, else null.
 *         `ScsiInquiry`: the disks that have the device's serial number.
 * Units   polled every 5 s: a device that is attached for less can be missed.
 * Errors  null for what Windows does not keep: the maker's own name (it has that of the driver's package), speed, power,
 *         report descriptors. A device whose parts are not listed yet is reported at the next poll.
 * Source  SetupDiGetClassDevs with the enumerators USB, HID and USBSTOR; Microsoft's 'Standard USB Identifiers',
 *         'HIDClass Hardware IDs for Top-Level Collections', 'Identifiers for USB Storage Devices'. Wine lists no USB, so
 *         this has been seen on rows written from those pages only.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { DeviceRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { capabilitiesOf, type UsbInterface } from '../shared/usb-interfaces.ts'

const NAME = 'usb-devices'
const EVERY_MS = 5_000
/** Per poll; the rest at the next ones. */
const MAX_NEW = 256
const MAX_INTERFACES = 64
const MAX_DISKS = 32

type Described = Omit<ObservationOf<'usb_device'>, 'category' | 'time' | 'collector' | 'Action'> & {
  Manufacturer: null
  SpeedMbps: null
  MaxPowerMa: null
  ReportDescriptorHash: null
}
interface Rows {
  usb: readonly DeviceRow[]
  hid: readonly DeviceRow[]
  disks: readonly DeviceRow[]
}

export const usbDevices = (windows: Windows): Collector<'usb_device'> => ({
  name: NAME,
  categories: ['usb_device'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  const known = new Map<string, Described>()
  const waited = new Set<string>()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const usb = windows.devices('USB')
      const present = new Map(usb.filter((it) => isWhole(it.id)).map((it) => [it.id, it]))
      for (const [id, device] of known) {
        if (present.has(id)) continue
        known.delete(id)
        yield { category: 'usb_device' as const, ...stamp, Action: 'removed' as const, ...device }
      }
      const fresh = [...present.values()].filter(({ id }) => !known.has(id))
      // The other two lists are asked for only when something is new.
      const rows = { usb, hid: fresh.length ? windows.devices('HID') : [], disks: fresh.length ? disksOf(windows) : [] }
      for (const row of fresh.slice(0, MAX_NEW)) {
        const device = describe(row, rows)
        if (device.InterfaceClasses.length === 0 && !waited.has(row.id)) {
          waited.add(row.id)
          continue
        }
        waited.delete(row.id)
        known.set(row.id, device)
        const Action = isFirst ? ('present' as const) : ('attached' as const)
        yield { category: 'usb_device' as const, ...stamp, Action, ...device }
      }
      // A device that waits for its parts at the first poll is still 'present', not 'attached'.
      isFirst &&= waited.size > 0 || fresh.length > MAX_NEW
    } catch (cause) {
      yield gap(stamp, 'list of USB devices', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** A laptop without any such disk may not have the enumerator. */
function disksOf(windows: Windows): DeviceRow[] {
  try {
    return windows.devices('USBSTOR')
  } catch {
    return []
  }
}

/** Not a root hub, which has no ids, nor a part of a device. */
function isWhole(id: string): boolean {
  return /^USB\\VID_[0-9A-F]{4}&PID_[0-9A-F]{4}\\/i.test(id)
}

export function describe(row: DeviceRow, { usb, hid, disks }: Rows): Described {
  const [, ids = '', vendor = '', product = '', instance = ''] =
    /^USB\\(VID_([0-9A-F]{4})&PID_([0-9A-F]{4}))\\(.*)$/i.exec(row.id) ?? []
  const isOf = (it: DeviceRow) => it.id.toUpperCase().includes(`\\${ids.toUpperCase()}&MI_`)
  const parts = usb.filter(isOf).sort((a, b) => (partOf(a) < partOf(b) ? -1 : 1))
  // Two of the same device have each part twice.
  const once = parts.filter((it, n) => n === 0 || partOf(it) !== partOf(parts[n - 1]!))
  const interfaces = (once.length > 0 ? once : [row]).flatMap((it) => interfaceOf(it) ?? []).slice(0, MAX_INTERFACES)
  const has = capabilitiesOf(interfaces, vendor.toLowerCase())
  const usages = hid
    .filter((it) => it.id.toUpperCase().startsWith(`HID\\${ids.toUpperCase()}`))
    .flatMap((it) => it.hardwareIds)
  const serial = instance.includes('&') ? '' : instance
  const revision = row.hardwareIds.map((it) => /&REV_([0-9A-F]{4})/i.exec(it)?.[1]).find((it) => it !== undefined)
  return {
    VendorId: vendor.toLowerCase(),
    ProductId: product.toLowerCase(),
    Manufacturer: null,
    ProductName: row.reportedName === null ? null : bounded(row.reportedName, 256),
    SerialNumber: bounded(serial, 256),
    InterfaceClasses: interfaces.map((it) => it.class),
    HasKeyboard: has.keyboard || usages.some((it) => /^HID_DEVICE_(?:SYSTEM_KEYBOARD$|UP:0001_U:0006)/i.test(it)),
    HasAbsolutePointer: usages.some((it) => /^HID_DEVICE_UP:000D_U:000[124]/i.test(it)) || null,
    HasStorage: has.storage,
    HasNetwork: has.network,
    ParentPort: row.location === null ? null : bounded(row.location, 256),
    SpeedMbps: null,
    BcdDevice: revision?.toLowerCase() ?? null,
    MaxPowerMa: null,
    ScsiInquiry: has.storage ? inquiriesOf(serial, disks) : [],
    ReportDescriptorHash: null,
  }
}

/** '00' of 'USB\VID_046D&PID_C52B&MI_00\…'. */
function partOf({ id }: DeviceRow): string {
  return /&MI_([0-9A-F]{2})/i.exec(id)?.[1] ?? ''
}

/** 'USB\Class_03&SubClass_01&Prot_02'; null: the device has several parts, or Windows has not looked yet. */
function interfaceOf({ compatibleIds }: DeviceRow): UsbInterface | null {
  for (const it of compatibleIds) {
    const [, code, subclass, protocol] =
      /^USB\\Class_([0-9A-F]{2})&SubClass_([0-9A-F]{2})&Prot_([0-9A-F]{2})$/i.exec(it) ?? []
    if (code && subclass && protocol)
      return { class: code.toLowerCase(), subclass: subclass.toLowerCase(), protocol: protocol.toLowerCase() }
  }
  return null
}

/** 'USBSTOR\Disk&Ven_Glinet&Prod_Flash_Drive&Rev_1.00\SERIAL&0'. Null: no disk says that it is this device's. */
function inquiriesOf(serial: string, disks: readonly DeviceRow[]): string[] | null {
  const own = disks.flatMap(({ id }) => {
    const [, vendor, product, instance = ''] =
      /^USBSTOR\\[^\\]*?&Ven_([^&\\]*)&Prod_([^&\\]*)[^\\]*\\(.*)$/i.exec(id) ?? []
    const isOwn = serial !== '' && instance.toUpperCase().startsWith(`${serial.toUpperCase()}&`)
    return isOwn ? [bounded(`${vendor} ${product}`.replaceAll('_', ' ').trim(), 64)] : []
  })
  return own.length > 0 ? own.slice(0, MAX_DISKS) : null
}
