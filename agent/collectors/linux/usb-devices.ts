/**
 * USB devices, as the bus describes them.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Root hubs are omitted, other hubs are
 *         not. `ParentPort` is the bus and the chain of ports ('1-1.2'). `HasKeyboard`: a boot keyboard (03/01/01);
 *         `HasAbsolutePointer`: one of its input devices has ABS_X and ABS_Y and a button or touch.
 * Units   polled every 5 s: a device that is attached for less can be missed. A device on the same port with another
 *         device number is another device.
 * Errors  HasAbsolutePointer is null if the input devices cannot be read. A device whose drivers are not ready is
 *         reported at the next poll.
 * Source  Linux Documentation/ABI/testing/sysfs-bus-usb; class codes from usb.org/defined-class-codes. Strings come
 *         from the device and are untrusted.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { shortText } from '../shared/short-text.ts'

const NAME = 'usb-devices'
const ROOT = '/sys/bus/usb/devices'
const EVERY_MS = 5_000
/** Per poll; the rest at the next ones. */
const MAX_NEW = 256

type Described = Omit<ObservationOf<'usb_device'>, 'category' | 'time' | 'collector' | 'Action'>
export interface UsbInterface {
  class: string
  subclass: string
  protocol: string
}

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
        const unready = device.HasAbsolutePointer === null && device.InterfaceClasses.includes('03')
        if ((unready || device.InterfaceClasses.length === 0) && !waited.has(key)) {
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

async function describe(host: Host, port: string): Promise<Described> {
  const folder = `${ROOT}/${port}`
  const interfaces: UsbInterface[] = []
  const names = (await host.list(folder).catch(() => [])).filter((it) => it.startsWith(`${port}:`))
  for (const name of names.sort((a, b) => interfaceNumber(a) - interfaceNumber(b)).slice(0, 64)) {
    const [code, subclass, protocol] = await Promise.all(
      ['bInterfaceClass', 'bInterfaceSubClass', 'bInterfaceProtocol'].map((it) =>
        shortText(host, `${folder}/${name}/${it}`),
      ),
    )
    if (/^[0-9a-f]{2}$/.test(code ?? ''))
      interfaces.push({ class: code!, subclass: subclass ?? '', protocol: protocol ?? '' })
  }
  const has = capabilitiesOf(interfaces)
  return {
    VendorId: hex4(await shortText(host, `${folder}/idVendor`)),
    ProductId: hex4(await shortText(host, `${folder}/idProduct`)),
    Manufacturer: await readString(host, `${folder}/manufacturer`),
    ProductName: await readString(host, `${folder}/product`),
    SerialNumber: await readString(host, `${folder}/serial`),
    InterfaceClasses: interfaces.map((it) => it.class),
    HasKeyboard: has.keyboard,
    HasAbsolutePointer: has.input ? await hasAbsolutePointer(host, port) : false,
    HasStorage: has.storage,
    HasNetwork: has.network,
    ParentPort: bounded(port, 256),
  }
}

function interfaceNumber(name: string): number {
  return Number(name.slice(name.lastIndexOf('.') + 1))
}

export function capabilitiesOf(interfaces: readonly UsbInterface[]) {
  const is = (...codes: string[]) =>
    interfaces.some((it) => codes.includes(`${it.class}/${it.subclass}/${it.protocol}`))
  const of = (code: string, ...subclasses: string[]) =>
    interfaces.some((it) => it.class === code && subclasses.includes(it.subclass))
  return {
    input: interfaces.some((it) => it.class === '03'),
    keyboard: is('03/01/01'),
    storage: interfaces.some((it) => it.class === '08'),
    // CDC: ECM, EEM, NCM, MBIM. RNDIS has three class codes.
    network: of('02', '06', '0c', '0d', '0e') || is('02/02/ff', 'e0/01/03', 'ef/04/01'),
  }
}

/** Null: it has no input device (yet), or none can be read. */
async function hasAbsolutePointer(host: Host, port: string): Promise<boolean | null> {
  let wasRead = false
  for (const name of await host.list('/sys/class/input').catch(() => [])) {
    if (!/^input\d+$/.test(name)) continue
    const place = await host.link(`/sys/class/input/${name}`).catch(() => '')
    if (!place.includes(`/${port}:`)) continue
    const [abs, keys] = await Promise.all([
      shortText(host, `/sys/class/input/${name}/capabilities/abs`),
      shortText(host, `/sys/class/input/${name}/capabilities/key`),
    ])
    if (abs === null || keys === null) continue
    wasRead = true
    if (isAbsolutePointer(abs, keys)) return true
  }
  return wasRead ? false : null
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
  return /^[0-9a-f]{4}$/i.test(text ?? '') ? text!.toLowerCase() : '0000'
}
