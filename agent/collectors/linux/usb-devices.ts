/**
 * USB devices, as the bus describes them.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Root hubs are omitted, other hubs are
 *         not. `ParentPort` is the bus and the chain of ports ('1-1.2'). `HasKeyboard`: an interface calls itself a
 *         keyboard (03, protocol 01; gadgets often leave out the boot subclass), or one of its input devices has
 *         letters; `HasAbsolutePointer`: one has ABS_X and ABS_Y and a button or touch.
 * Units   polled every 5 s: a device that is attached for less can be missed. A device on the same port with another
 *         device number is another device.
 * Errors  HasAbsolutePointer is null if the input devices cannot be read, ScsiInquiry if a disk has not answered. A
 *         device whose drivers are not ready is reported at the next poll.
 * Source  Linux Documentation/ABI/testing/sysfs-bus-usb; class codes from usb.org/defined-class-codes; the INQUIRY
 *         answers as the SCSI layer keeps them, so no disk is asked. Strings come from the device and are untrusted.
 */
import { createHash } from 'node:crypto'
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { shortText } from '../shared/short-text.ts'
import { capabilitiesOf, type UsbInterface } from '../shared/usb-capabilities.ts'

const NAME = 'usb-devices'
const ROOT = '/sys/bus/usb/devices'
const EVERY_MS = 5_000
/** Per poll; the rest at the next ones. */
const MAX_NEW = 256
/** Of one device: a card reader has eight at most. */
const MAX_DISKS = 32
/** The kernel's own bound for a report descriptor. */
const MAX_DESCRIPTOR = 4_096

type Described = Omit<ObservationOf<'usb_device'>, 'category' | 'time' | 'collector' | 'Action'>

export const usbDevices: Collector<'usb_device'> = {
  name: NAME,
  categories: ['usb_device'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const known = new Map<string, Described>()
  const waited = new Set<string>()
  let first = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const ports = (await host.list(ROOT)).filter((it) => /^\d+-[\d.]+$/.test(it))
      const present = new Map<string, string>()
      for (const port of ports) {
        const number = await shortText(host, `${ROOT}/${port}/devnum`)
        if (number !== null) present.set(`${port} ${number}`, port)
      }
      for (const [key, device] of known) {
        if (present.has(key)) continue
        known.delete(key)
        yield { category: 'usb_device' as const, ...stamp, Action: 'removed' as const, ...device }
      }
      const fresh = [...present].filter(([key]) => !known.has(key))
      for (const [key, port] of fresh.slice(0, MAX_NEW)) {
        const device = await describe(host, port)
        if (!isReady(device) && !waited.has(key)) {
          waited.add(key)
          continue
        }
        waited.delete(key)
        known.set(key, device)
        const Action = first ? ('present' as const) : ('attached' as const)
        yield { category: 'usb_device' as const, ...stamp, Action, ...device }
      }
      // A device that waits for its drivers at the first poll is still 'present', not 'attached'.
      first &&= waited.size > 0 || fresh.length > MAX_NEW
    } catch (cause) {
      yield gap(stamp, ROOT, gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Drivers need a moment: input devices after the device, disks about a second after that. */
function isReady({ InterfaceClasses, HasAbsolutePointer, ScsiInquiry }: Described): boolean {
  if (InterfaceClasses.length === 0 || ScsiInquiry === null) return false
  return HasAbsolutePointer !== null || !InterfaceClasses.includes('03')
}

async function describe(host: Host, port: string): Promise<Described> {
  const folder = `${ROOT}/${port}`
  const interfaces: UsbInterface[] = []
  /** A driver made a network interface of it. */
  let hasDriver = false
  const names = (await host.list(folder).catch(() => [])).filter((it) => it.startsWith(`${port}:`))
  for (const name of names.sort((a, b) => interfaceNumber(a) - interfaceNumber(b)).slice(0, 64)) {
    const [code, subclass, protocol] = await Promise.all(
      ['bInterfaceClass', 'bInterfaceSubClass', 'bInterfaceProtocol'].map((it) =>
        shortText(host, `${folder}/${name}/${it}`),
      ),
    )
    hasDriver ||= (await host.list(`${folder}/${name}/net`).catch(() => [])).length > 0
    if (/^[0-9a-f]{2}$/.test(code ?? ''))
      interfaces.push({ class: code!, subclass: subclass ?? '', protocol: protocol ?? '' })
  }
  const VendorId = hex4(await shortText(host, `${folder}/idVendor`))
  const has = capabilitiesOf(interfaces, VendorId)
  const input = has.input ? await inputOf(host, port) : { letters: false, absolutePointer: false }
  return {
    VendorId,
    ProductId: hex4(await shortText(host, `${folder}/idProduct`)),
    Manufacturer: await readString(host, `${folder}/manufacturer`),
    ProductName: await readString(host, `${folder}/product`),
    SerialNumber: await readString(host, `${folder}/serial`),
    InterfaceClasses: interfaces.map((it) => it.class),
    HasKeyboard: has.keyboard || input?.letters === true,
    HasAbsolutePointer: input?.absolutePointer ?? null,
    HasStorage: has.storage,
    HasNetwork: has.network || hasDriver,
    ParentPort: bounded(port, 256),
    SpeedMbps: speedOf(await shortText(host, `${folder}/speed`)),
    BcdDevice: hex4OrNull(await shortText(host, `${folder}/bcdDevice`)),
    MaxPowerMa: milliamperes(await shortText(host, `${folder}/bMaxPower`)),
    ScsiInquiry: has.storage ? await inquiriesOf(host, port) : [],
    ReportDescriptorHash: has.input ? await reportDescriptorHash(host, port) : null,
  }
}

function interfaceNumber(name: string): number {
  return Number(name.slice(name.lastIndexOf('.') + 1))
}

/** Null: it has no input device (yet), or none can be read. */
async function inputOf(host: Host, port: string): Promise<{ letters: boolean; absolutePointer: boolean } | null> {
  const found = { letters: false, absolutePointer: false }
  let wasRead = false
  for (const { path } of await partsOf(host, '/sys/class/input', port)) {
    if (!/\/input\d+$/.test(path)) continue
    const [abs, keys] = await Promise.all([
      shortText(host, `${path}/capabilities/abs`),
      shortText(host, `${path}/capabilities/key`),
    ])
    if (abs === null || keys === null) continue
    wasRead = true
    found.letters ||= hasLetters(keys)
    found.absolutePointer ||= isAbsolutePointer(abs, keys)
  }
  return wasRead ? found : null
}

/** The entries of a folder of links that lead to the interfaces of this device, in order of interface. */
async function partsOf(host: Host, folder: string, port: string): Promise<{ path: string; place: string }[]> {
  const parts: { path: string; place: string }[] = []
  for (const name of await host.list(folder).catch(() => [])) {
    const path = `${folder}/${name}`
    const place = await host.link(path).catch(() => '')
    if (place.includes(`/${port}:`)) parts.push({ path, place })
  }
  return parts.sort((a, b) => a.place.localeCompare(b.place, 'en', { numeric: true }))
}

/** 'Glinet Flash Drive' for each disk or drive of the device. Null: none has answered (yet). */
async function inquiriesOf(host: Host, port: string): Promise<string[] | null> {
  const answers: string[] = []
  for (const { path } of (await partsOf(host, '/sys/block', port)).slice(0, MAX_DISKS)) {
    const [vendor, model] = await Promise.all([
      shortText(host, `${path}/device/vendor`),
      shortText(host, `${path}/device/model`),
    ])
    if (vendor !== null || model !== null) answers.push(bounded(`${vendor ?? ''} ${model ?? ''}`.trim(), 64))
  }
  return answers.length > 0 ? answers : null
}

/** Over all report descriptors of the device, in order of interface. Null: none can be read. */
async function reportDescriptorHash(host: Host, port: string): Promise<string | null> {
  const sum = createHash('sha256')
  let wasRead = false
  for (const { path } of await partsOf(host, '/sys/bus/hid/devices', port)) {
    const bytes = await host.readBytes(`${path}/report_descriptor`, MAX_DESCRIPTOR).catch(() => null)
    if (bytes === null) continue
    wasRead = true
    sum.update(bytes)
  }
  return wasRead ? sum.digest('hex') : null
}

/** KEY_Q to KEY_P (16 to 25), KEY_A to KEY_L (30 to 38) and KEY_Z to KEY_M (44 to 50): buttons alone are no keyboard. */
export function hasLetters(keys: string): boolean {
  return [16, 25, 30, 38, 44, 50].every((it) => hasBit(keys, it))
}

/** ABS_X and ABS_Y with BTN_LEFT (0x110) or BTN_TOUCH (0x14a). A joystick has the axes, but neither button. */
export function isAbsolutePointer(abs: string, keys: string): boolean {
  return hasBit(abs, 0) && hasBit(abs, 1) && (hasBit(keys, 0x110) || hasBit(keys, 0x14a))
}

/** Words of 64 bits in hex, the highest first, without leading zeros. */
function hasBit(bitmap: string, bit: number): boolean {
  const word =
    bitmap
      .trim()
      .split(/\s+/)
      .at(-1 - Math.floor(bit / 64)) ?? ''
  return /^[0-9a-f]{1,16}$/.test(word) && ((BigInt(`0x${word}`) >> BigInt(bit % 64)) & 1n) === 1n
}

/** '': the device has no such string, so the kernel created no file. Null: it could not be read. */
async function readString(host: Host, path: string): Promise<string | null> {
  try {
    return bounded((await host.readText(path, 4_096)).replace(/\n$/, ''), 256)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? '' : null
  }
}

function hex4(text: string | null): string {
  return hex4OrNull(text) ?? '0000'
}

function hex4OrNull(text: string | null): string | null {
  return /^[0-9a-f]{4}$/i.test(text ?? '') ? text!.toLowerCase() : null
}

/** '480' or '1.5'; 'unknown' where the kernel does not know. */
function speedOf(text: string | null): number | null {
  return /^\d{1,6}(\.\d{1,3})?$/.test(text ?? '') ? Number(text) : null
}

/** '500mA' */
function milliamperes(text: string | null): number | null {
  const [, digits] = /^(\d{1,5})mA$/.exec(text ?? '') ?? []
  return digits === undefined ? null : Number(digits)
}
