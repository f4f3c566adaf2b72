/**
 * Recognises hardware that controls a laptop from outside, by its USB and EDID data.
 *
 * Shape   at most one per event, the most certain: its ids and names, or what its disks call themselves; then its
 *         shape; then ids that many devices share; last what it claims to be and is not.
 * Silent  ids that many devices have, without a string or a keyboard; unplugged devices; the operator's own side.
 */
import type { EventOf } from '../../wire/event.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import type { EdidMark, HardwareEntry, HardwareFile, UsbMark } from './entry.ts'
import { comparable, strangenessOf } from './usb-shape.ts'

export type FoundHardware = NonNullable<CatalogueFacts['hardware']>[number]
type Usb = EventOf<'usb_device'>

export interface HardwareIndex {
  /** By vendor id, lower case; '*' for any. */
  usb: Map<string, { entry: HardwareEntry; mark: UsbMark }[]>
  /** By the words of SCSI INQUIRY, as SCSI keeps them: lower case, eight letters. */
  inquiry: Map<string, HardwareEntry>
  edid: { entry: HardwareEntry; mark: EdidMark }[]
}

export function indexHardware(file: HardwareFile): HardwareIndex {
  const usb: HardwareIndex['usb'] = new Map()
  for (const entry of file.devices)
    for (const mark of entry.usb ?? []) usb.set(mark.vendorId, [...(usb.get(mark.vendorId) ?? []), { entry, mark }])
  return {
    usb,
    inquiry: new Map(
      file.devices.flatMap((entry) => (entry.inquiry ?? []).map((it) => [scsiWord(comparable(it)), entry] as const)),
    ),
    edid: file.devices.flatMap((entry) => (entry.edid ?? []).map((mark) => ({ entry, mark }))),
  }
}

export function recogniseUsb(index: HardwareIndex, event: Usb): FoundHardware[] | undefined {
  if (event.Action === 'removed') return undefined
  const named = entryOf(index, event)
  if (named && !named.fallback) return [one(named, 'usb_id')]
  const byDisk = entryOfDisks(index, event)
  if (byDisk) return [{ ...byDisk, by: 'inquiry' }]
  const strange = strangenessOf(event)
  if (named && strange?.by !== 'shape') return [one(named, 'usb_id')]
  return strange && [{ ...STRANGE[strange.by], kind: 'ip_kvm', ...strange }]
}

const STRANGE = {
  shape: { id: 'kvm-shape', name: 'A device with the shape of an IP-KVM' },
  claim: { id: 'kvm-claim', name: 'A device that is not what it claims to be' },
} as const

function entryOf(index: HardwareIndex, event: Usb): HardwareEntry | undefined {
  const product = event.ProductId.toLowerCase()
  let fallback: HardwareEntry | undefined
  for (const key of [event.VendorId.toLowerCase(), '*'])
    for (const { entry, mark } of index.usb.get(key) ?? []) {
      if (entry.fallback && fallback) continue
      if (!fitsUsb(mark, product, event)) continue
      if (!entry.fallback) return entry
      fallback = entry
    }
  return fallback
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

/** By what its disks call themselves, which remains when ids are changed. A word with 'KVM' needs no entry. */
function entryOfDisks(index: HardwareIndex, event: Usb): Omit<FoundHardware, 'by'> | undefined {
  for (const inquiry of event.ScsiInquiry ?? [])
    for (const word of comparable(inquiry).split(/\s+/)) {
      const entry = index.inquiry.get(scsiWord(word))
      if (entry) return { id: entry.id, name: entry.name, kind: entry.kind }
      if (word.includes('kvm'))
        return { id: 'kvm-disk', name: 'USB device whose disk calls itself a KVM', kind: 'ip_kvm' }
    }
  return undefined
}

/** SCSI keeps eight letters of a vendor. */
function scsiWord(word: string): string {
  return word.slice(0, 8)
}

export function recogniseDisplay(index: HardwareIndex, event: EventOf<'display'>): FoundHardware[] | undefined {
  if (event.Action === 'removed' || event.Internal === true) return undefined
  const found = index.edid.find(({ mark }) => fitsEdid(mark, event))
  return found && [one(found.entry, 'edid')]
}

function fitsEdid(mark: EdidMark, event: EventOf<'display'>): boolean {
  const name = comparable(event.MonitorName)
  return (
    (mark.hashes === undefined || (event.EdidHash !== null && mark.hashes.includes(event.EdidHash))) &&
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

function one(entry: HardwareEntry, by: FoundHardware['by']): FoundHardware {
  return { id: entry.id, name: entry.name, kind: entry.kind, by }
}
