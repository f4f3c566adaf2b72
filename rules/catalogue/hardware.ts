/**
 * Recognises hardware that controls a laptop from outside, by its USB and EDID data.
 *
 * Shape   at most one per event: a device recognised by its ids is not also reported by its shape.
 * Silent  ids that many devices have, without a string or a keyboard; unplugged devices; the operator's own side.
 */
import type { EventOf } from '../../wire/event.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import type { EdidMark, HardwareEntry, HardwareFile, UsbMark } from './entry.ts'
import { normalized } from './spelling.ts'

export type FoundHardware = NonNullable<CatalogueFacts['hardware']>[number]
type Usb = EventOf<'usb_device'>

export interface HardwareIndex {
  /** By vendor id, lower case; '*' for any. */
  usb: Map<string, { entry: HardwareEntry; mark: UsbMark }[]>
  edid: { entry: HardwareEntry; mark: EdidMark }[]
  genericSerials: Set<string>
  exceptions: HardwareFile['shapeExceptions']
}

export function indexHardware(file: HardwareFile): HardwareIndex {
  const usb: HardwareIndex['usb'] = new Map()
  for (const entry of file.devices)
    for (const mark of entry.usb ?? []) usb.set(mark.vendorId, [...(usb.get(mark.vendorId) ?? []), { entry, mark }])
  return {
    usb,
    edid: file.devices.flatMap((entry) => (entry.edid ?? []).map((mark) => ({ entry, mark }))),
    genericSerials: new Set(file.genericSerials.map((it) => it.toLowerCase())),
    exceptions: file.shapeExceptions,
  }
}

export function recogniseUsb(index: HardwareIndex, event: Usb): FoundHardware[] | undefined {
  if (event.Action === 'removed') return undefined
  const vendor = event.VendorId.toLowerCase()
  const product = event.ProductId.toLowerCase()
  for (const key of [vendor, '*'])
    for (const { entry, mark } of index.usb.get(key) ?? [])
      if (fitsUsb(mark, product, event)) return [one(entry, 'usb_id')]
  return hasKvmShape(index, vendor, product, event)
    ? [{ id: 'kvm-shape', name: 'A device with the shape of an IP-KVM', kind: 'ip_kvm', by: 'shape' }]
    : undefined
}

function fitsUsb(mark: UsbMark, product: string, event: Usb): boolean {
  if (mark.productId !== '*' && mark.productId !== product) return false
  const own = [event.Manufacturer, event.ProductName, event.SerialNumber].map(comparable)
  if (mark.strings && !mark.strings.some((wanted) => own.includes(wanted.toLowerCase()))) return false
  if (mark.productLike && !like(mark.productLike, event.ProductName)) return false
  return (mark.needs ?? []).every((need) => {
    if (need === 'keyboard') return event.HasKeyboard === true
    if (need === 'network') return event.HasNetwork
    return event.HasStorage || event.HasAbsolutePointer === true
  })
}

/** #38: a keyboard and an absolute pointer in one device, with a disk, a network card or a serial from a template. */
function hasKvmShape(index: HardwareIndex, vendor: string, product: string, event: Usb): boolean {
  if (event.HasKeyboard !== true || event.HasAbsolutePointer !== true) return false
  const generic = index.genericSerials.has(comparable(event.SerialNumber))
  if (!event.HasStorage && !event.HasNetwork && !generic) return false
  return !index.exceptions.some((it) => it.vendorId === vendor && (it.productId === '*' || it.productId === product))
}

export function recogniseDisplay(index: HardwareIndex, event: EventOf<'display'>): FoundHardware[] | undefined {
  if (event.Action === 'removed' || event.Internal === true) return undefined
  const found = index.edid.find(({ mark }) => fitsEdid(mark, event))
  return found && [one(found.entry, 'edid')]
}

function fitsEdid(mark: EdidMark, event: EventOf<'display'>): boolean {
  const name = comparable(event.MonitorName)
  return (
    (mark.maker === undefined || mark.maker === event.MakerId?.toUpperCase()) &&
    (mark.product === undefined || mark.product === event.ProductCode) &&
    (mark.name === undefined || mark.name.toLowerCase() === name) &&
    (mark.nameStarts === undefined || name.startsWith(mark.nameStarts.toLowerCase())) &&
    (mark.nameLike === undefined || like(mark.nameLike, name)) &&
    (mark.serial === undefined || mark.serial.toLowerCase() === comparable(event.SerialText))
  )
}

function like(wanted: readonly string[], name: string | null): boolean {
  const squeezed = squeeze(name ?? '')
  return wanted.some((it) => squeezed.includes(squeeze(it)))
}

function squeeze(name: string): string {
  return comparable(name).replace(/[\s_-]+/g, '')
}

/** The names that devices give themselves, in the form in which they are compared. */
function comparable(name: string | null): string {
  return normalized(name ?? '')
    .trim()
    .toLowerCase()
}

function one(entry: HardwareEntry, by: FoundHardware['by']): FoundHardware {
  return { id: entry.id, name: entry.name, kind: entry.kind, by }
}
