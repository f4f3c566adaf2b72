/**
 * IP-KVMs as a laptop sees them: one USB device, one "monitor", and the way they keep a screen awake.
 *
 * Source  threat model #31-#37 and #63 (strings and cadences from the makers' firmware), shared hardware list. Values
 *         not known from there (a size, a unit's own serial number) are assumed. Interval bounds are those that a
 *         timing collector would commonly use.
 */
import type { FieldsOf } from './observations.ts'
import { between, hexOf, type Random } from './random.ts'
import type { Hands, Moment, Stage } from './scene.ts'

export interface Kvm {
  usb: Partial<FieldsOf<'usb_device'>>
  display: Partial<FieldsOf<'display'>>
  hands: Hands
  jiggler: Jiggler
}

interface Jiggler {
  everySeconds: number
  /** Events per burst, a tenth of a second apart. */
  burst: number
  cornerPinned: boolean
}

export const KVMS = ['pikvm', 'tinypilot', 'jetkvm', 'nanokvm', 'comet'] as const
export type KvmName = (typeof KVMS)[number]

/** `unit` distinguishes boxes whose serial number is not a constant of the firmware. */
export function kvm(name: KvmName, unit: string): Kvm {
  const { usb, edid, jiggler } = MODELS[name]
  const [VendorId, ProductId, Manufacturer, ProductName, serial] = usb
  return {
    usb: {
      ...COMPOSITE,
      ...{ VendorId, ProductId, Manufacturer, ProductName, SerialNumber: serial ?? unit },
      ScsiInquiry: [INQUIRY[name]],
    },
    display: displayOf(...edid),
    hands: { keyboard: `${Manufacturer} ${ProductName}`, pointer: `${Manufacturer} ${ProductName}`, absolute: true },
    jiggler,
  }
}

/** A keyboard, an absolute and a relative pointer, a drive: all of them have this shape. */
const COMPOSITE = {
  InterfaceClasses: ['03', '03', '03', '08'],
  HasKeyboard: true,
  HasAbsolutePointer: true,
  HasStorage: true,
  // A gadget of the Linux kernel: high speed, which no keyboard needs.
  ...{ SpeedMbps: 480, BcdDevice: '0100', MaxPowerMa: 250 },
} satisfies Partial<FieldsOf<'usb_device'>>

/** What the virtual drive answers; a disguise leaves it as it is (judgement section 7). */
const INQUIRY: Readonly<Record<KvmName, string>> = {
  pikvm: 'PiKVM Flash Drive',
  tinypilot: 'Linux File-Stor Gadget',
  jetkvm: 'JetKVM Virtual Media',
  nanokvm: 'sipeed USB Drive',
  comet: 'Glinet Flash Drive',
}

type Usb = readonly [vendor: string, product: string, manufacturer: string, name: string, serial: string | null]
type Edid = readonly [
  maker: string,
  product: string,
  name: string,
  serial: string | null,
  widthMm: number,
  heightMm: number,
]

const PIKVM_JIGGLER = { everySeconds: 60, burst: 10, cornerPinned: false }
const MODELS: Readonly<Record<KvmName, { usb: Usb; edid: Edid; jiggler: Jiggler }>> = {
  pikvm: {
    usb: ['1d6b', '0104', 'PiKVM', 'PiKVM Composite Device', 'CAFEBABE'],
    edid: ['LNX', '0x7771', 'PiKVM V3', 'CAFEBABE', 530, 300],
    jiggler: PIKVM_JIGGLER,
  },
  tinypilot: {
    usb: ['1d6b', '0104', 'tinypilot', 'Multifunction USB Device', '6b65796d696d6570690'],
    edid: ['TSB', '0x9876', 'TinyPilot', null, 0, 0],
    jiggler: PIKVM_JIGGLER,
  },
  jetkvm: {
    usb: ['1d6b', '0104', 'JetKVM', 'USB Emulation Device', null],
    edid: ['TSB', '0x8801', 'T749-fHD720', null, 0, 0],
    jiggler: { everySeconds: 20, burst: 2, cornerPinned: true },
  },
  nanokvm: {
    usb: ['3346', '1009', 'sipeed', 'NanoKVM', '0123456789ABCDEF'],
    edid: ['SPD', '0x3301', 'NanoKVM', 'NanoKVM', 0, 0],
    jiggler: { everySeconds: 15, burst: 2, cornerPinned: false },
  },
  comet: {
    usb: ['38eb', '0104', 'Glinet', 'Glinet Composite Device', 'CAFEBABE'],
    edid: ['LNX', '0x7770', 'GLKVM', 'CAFEBABE', 530, 300],
    jiggler: PIKVM_JIGGLER,
  },
}

function displayOf(...[MakerId, ProductCode, MonitorName, SerialText, WidthMm, HeightMm]: Edid): Kvm['display'] {
  // The EDID block in the firmware is the same in every unit.
  const EdidHash = hexOf(`edid ${MakerId} ${ProductCode} ${SerialText}`, 64)
  return { MakerId, ProductCode, MonitorName, SerialText, WidthMm, HeightMm, EdidHash, Port: 'card1-DP-1' }
}

/**
 * JetKVM's own presets: a keyboard and a monitor of well-known makers, with a drive that the real keyboard lacks (#35).
 */
export function disguised(preset: 'logitech' | 'microsoft' | 'dell'): Kvm {
  const { usb, edid } = PRESETS[preset]
  const [VendorId, ProductId, Manufacturer, ProductName] = usb
  return {
    usb: {
      ...{ ...COMPOSITE, VendorId, ProductId, Manufacturer, ProductName, SerialNumber: '' },
      ScsiInquiry: [INQUIRY.jetkvm],
    },
    display: displayOf(...edid),
    hands: { keyboard: ProductName, pointer: ProductName, absolute: true },
    jiggler: MODELS.jetkvm.jiggler,
  }
}

const PRESETS: Readonly<Record<'logitech' | 'microsoft' | 'dell', { usb: Usb; edid: Edid }>> = {
  logitech: {
    usb: ['046d', 'c52b', 'Logitech (x64)', 'Logitech USB Input Device', ''],
    edid: ['ACR', '0x0565', 'B246WL', 'T8NEE0038522', 518, 324],
  },
  microsoft: {
    usb: ['045e', '005f', 'Microsoft', 'Wireless MultiMedia Keyboard', ''],
    edid: ['AUS', '0x2487', 'PA248QV', 'M1LMQS052157', 518, 324],
  },
  dell: {
    usb: ['413c', '2011', 'Dell Inc.', 'Multimedia Pro Keyboard', ''],
    edid: ['DEL', '0x2013', 'DELL D2721H', '3S5GQ23', 598, 336],
  },
}

export function plugsIn(moment: Moment, { usb, display }: Pick<Kvm, 'usb' | 'display'>): Moment {
  return moment.saw('usb_device', usb).saw('display', display)
}

/** The jiggler's events of each hour from one full hour to another; the laptop is not idle in that time. */
export function jiggles(stage: Stage, { hands, jiggler }: Kvm, from: number, to: number): void {
  const clock = (hour: number) => `${String(hour).padStart(2, '0')}:00`
  stage.nudged(clock(from), clock(to), jiggler.everySeconds * 1.25)
  for (let hour = from; hour < to; hour++)
    stage.at(clock(hour)).saw('input_pattern', {
      SourceDevice: hands.pointer,
      Kind: hands.absolute ? 'absolute_pointer' : 'relative_pointer',
      ...cadence(jiggler, stage.random),
    })
}

function cadence({ everySeconds, burst, cornerPinned }: Jiggler, random: Random) {
  const times = Math.round((3_600 / everySeconds) * between(random, 0.97, 1.03))
  // PiKVM varies its one-minute pause by a quarter, so half of the pauses are longer than a minute.
  const long = everySeconds === 60 ? Math.round(times * between(random, 0.4, 0.6)) : 0
  const bound = everySeconds < 20 ? '20000' : everySeconds < 30 ? '30000' : '60000'
  return {
    Events: times * burst,
    IntervalHistogramMs: { '100': times * (burst - 1), [bound]: times - long, ...(long > 0 && { '120000': long }) },
    ReturnedToOrigin: !cornerPinned,
    CornerPinned: cornerPinned,
  }
}
