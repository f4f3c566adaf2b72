/**
 * What a USB keyboard is besides a keyboard, and whether anything explains it: ids and names can be chosen, the
 * functions that a remote KVM needs cannot be left out (#35, #38).
 *
 * Shape   'shape': a keyboard that is also a disk, network card or camera, or has a serial number that no keyboard has.
 *         'claim': it differs from the product that it claims to be in one respect, or is a keyboard with sound or a
 *         disk that might be explained.
 * Silent  devices without a keyboard; what could not be read; an absolute pointer alone, which touchpads are too.
 */
import type { EventOf } from '../../wire/event.ts'
import type { ClaimedProduct, HardwareFile, UsbPart } from './entry.ts'
import hardwareFile from './hardware.json' with { type: 'json' }
import { normalized } from './spelling.ts'

type Usb = EventOf<'usb_device'>

export interface Strangeness {
  by: 'shape' | 'claim'
  /** In words: 'keyboard, disk and network card'. */
  signs: string
}

// The inferred type of the file is a union of all literal shapes; a test checks it against this type.
const file = hardwareFile as unknown as HardwareFile
const exceptionsByVendor = Map.groupBy(file.shapeExceptions, (it) => it.vendorId)
/** By 'vendor:product'. */
const claims = new Map(file.claims.map((it) => [`${it.vendorId}:${it.productId}`, it]))
/** With those of the monitors that KVM firmware offers as presets. */
const factorySerials = new Set(
  [...file.factorySerials, ...file.devices.flatMap((it) => (it.edid ?? []).flatMap((mark) => mark.serial ?? []))].map(
    comparable,
  ),
)
const kvmSerials = new Set(file.kvmSerials.map(comparable))

const WORDS: Readonly<Record<UsbPart, string>> = {
  pointer: 'absolute pointer',
  storage: 'disk',
  audio: 'sound card',
  network: 'network card',
  video: 'camera',
}
const PARTS = Object.keys(WORDS) as UsbPart[]
/** Windows makes one up for a device without a serial number, and a firmware that copies it reports it as its own. */
const INSTANCE_ID = /^[1-9]&[0-9a-f]{7,8}&\d+&\d+$/
/** What the Linux kernel's gadget answers unless it is told otherwise. */
const LINUX_GADGET_DISK = /^linux\s+file-stor/
/** A product may ask for twice what its list says, and no more: revisions differ. */
const POWER_MARGIN = 2

export function strangenessOf(event: Usb): Strangeness | undefined {
  const claimed = claims.get(idsOf(event))
  if (claimed) return mismatch(claimed, event)
  if (event.HasKeyboard !== true) return undefined
  const parts = partsOf(event)
  const { left, doubtful } = unexplained(parts, event)
  const serial = serialSign(event)
  const signs = inWords(['keyboard', ...wordsOf(left), ...wordsOf(doubtful), ...(serial ? [serial] : [])])
  const isFactory = isFactorySerial(event.SerialNumber)
  if (
    serial !== null ||
    ['network', 'video', 'storage'].some((it) => left.has(it as UsbPart)) ||
    (left.has('pointer') && (left.has('audio') || isFactory))
  )
    return { by: 'shape', signs }
  return left.has('audio') || doubtful.size > 0 ? { by: 'claim', signs } : undefined
}

/** Whether a display that comes with it may be the other end of the same box. */
export function mayBePartOfKvm(event: Usb): boolean {
  if (strangenessOf(event)?.by === 'shape') return true
  if (event.HasKeyboard !== true) return false
  const parts = partsOf(event)
  if (claims.has(idsOf(event))) return parts.size > 0
  const { left } = unexplained(parts, event)
  return left.has('pointer')
}

/** A serial number that a maker gave to every unit, or that is none: it identifies a model, never a thing. */
export function isFactorySerial(serial: string | null): boolean {
  const text = comparable(serial)
  if (factorySerials.has(text) || INSTANCE_ID.test(text)) return true
  return /^(.)\1*$/.test(text) || isSequence(text)
}

/** What it has that the product it claims to be does not have. */
function mismatch(claimed: ClaimedProduct, event: Usb): Strangeness | undefined {
  const parts = partsOf(event)
  const hid = event.InterfaceClasses.filter((it) => it === '03').length
  const others = event.InterfaceClasses.some((it) => it !== '03')
  const { SpeedMbps: mbps = null, MaxPowerMa: power = null } = event
  const isTooFast = mbps !== null && mbps > claimed.mbps
  const serial = serialSign(event)
  const signs = [
    ...wordsOf(parts),
    ...(claimed.keyboard === false && event.HasKeyboard ? ['keyboard'] : []),
    ...(hid > claimed.hid ? [`${hid} input interfaces`] : []),
    ...(others && parts.size === 0 ? ['another interface'] : []),
    ...(isTooFast ? [`speed of ${mbps} Mbit/s`] : []),
    ...(power !== null && power > POWER_MARGIN * claimed.milliamperes ? [`need of ${power} mA`] : []),
    ...(serial ? [serial] : !claimed.serial && comparable(event.SerialNumber) !== '' ? ['serial number'] : []),
  ]
  if (signs.length === 0) return undefined
  const isMore = parts.has('storage') || parts.has('network') || parts.has('video')
  const by = isMore || isTooFast || serial || signs.length > 1 ? 'shape' : 'claim'
  return { by, signs: `${claimed.name} with ${inWords(signs)}` }
}

function partsOf(event: Usb): Set<UsbPart> {
  const has = (code: string) => event.InterfaceClasses.includes(code)
  const is: Readonly<Record<UsbPart, boolean>> = {
    pointer: event.HasAbsolutePointer === true,
    storage: event.HasStorage || has('08'),
    audio: has('01'),
    network: event.HasNetwork,
    video: has('0e'),
  }
  return new Set(PARTS.filter((it) => is[it]))
}

/** What nothing explains, and what might be explained. */
function unexplained(parts: ReadonlySet<UsbPart>, event: Usb) {
  const product = event.ProductId.toLowerCase()
  const exceptions = (exceptionsByVendor.get(event.VendorId.toLowerCase()) ?? []).filter(
    (it) => it.productId === '*' || it.productId === product,
  )
  const inquiries = (event.ScsiInquiry ?? []).map(comparable)
  const isGadget = inquiries.some((it) => LINUX_GADGET_DISK.test(it))
  const isReader = inquiries.length > 0 && inquiries.every((it) => file.cardReaders.some((word) => it.includes(word)))
  const name = `${comparable(event.Manufacturer)} ${comparable(event.ProductName)}`
  const isPresenter = file.presenterNames.some((it) => name.includes(it))
  const isExplained = (part: UsbPart) =>
    exceptions.some((it) => it.explains.includes(part)) || (isPresenter && part === 'pointer')
  const isDoubtful = (part: UsbPart) =>
    exceptions.some((it) => it.mayExplain?.includes(part)) || (part === 'storage' && (isPresenter || isReader))
  const rest = [...parts].filter((it) => !isExplained(it) || (it === 'storage' && isGadget))
  const doubtful = new Set(rest.filter((it) => isDoubtful(it) && !(it === 'storage' && isGadget)))
  return { left: new Set(rest.filter((it) => !doubtful.has(it))), doubtful }
}

function serialSign({ SerialNumber }: Usb): string | null {
  const text = comparable(SerialNumber)
  if (kvmSerials.has(text)) return 'serial number of KVM firmware'
  return INSTANCE_ID.test(text) ? 'serial number that only Windows makes up' : null
}

function isSequence(text: string): boolean {
  return text.length >= 6 && ('0123456789abcdef'.includes(text) || '1234567890'.includes(text))
}

function wordsOf(parts: ReadonlySet<UsbPart>): string[] {
  return [...parts].map((it) => WORDS[it])
}

/** 'a, b and c' */
function inWords(all: readonly string[]): string {
  return all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1)}` : (all[0] ?? '')
}

function idsOf({ VendorId, ProductId }: Usb): string {
  return `${VendorId}:${ProductId}`.toLowerCase()
}

/** The texts that devices give themselves, in the form in which they are compared. */
export function comparable(text: string | null | undefined): string {
  return normalized(text ?? '')
    .trim()
    .toLowerCase()
}
