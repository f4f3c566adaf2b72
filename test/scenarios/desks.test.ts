/**
 * What stands on a desk, and the band of the one who works there: KVMs in every disguise that is documented, and the
 * ordinary devices that look like them. All is connected for ten working days.
 */
import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { type ReplayDeps, replay } from '../../server/commands/replay.ts'
import { loadRules } from '../../server/detect/program.ts'
import { BANDS, type Band } from '../../server/model/assessment.ts'
import type { EventOf } from '../../wire/event.ts'
import type { Recorded } from '../../wire/recording.ts'
import { AUSTIN, agentState, contract, DAY, event, HOUR, holding, NOWHERE, received, T0 } from '../server/events.ts'

type Usb = Partial<EventOf<'usb_device'>>
type Display = Partial<EventOf<'display'>>
interface Desk {
  name: string
  usb?: Usb[]
  displays?: Display[]
  /** Absent: attached on the second day. */
  baseline?: true
  peripherals?: object[]
  least: Band
  most: Band
}

const PLAIN = {
  ...{ VendorId: 'abcd', ProductId: '1234', Manufacturer: '', ProductName: '', SerialNumber: '' },
  ...{ InterfaceClasses: ['03'], HasKeyboard: false, HasAbsolutePointer: false, HasStorage: false, HasNetwork: false },
  ParentPort: '1-2',
}
const MONITOR = {
  ...{ MakerId: 'DEL', ProductCode: '0x41d9', MonitorName: 'DELL U2723QE', SerialText: '7XYZ123' },
  ...{
    WidthMm: 597,
    HeightMm: 336,
    Internal: false,
    EdidHash: 'ab'.repeat(32),
    Port: 'card1-DP-1',
    ChecksumValid: true,
  },
}
const PANEL = {
  ...{ MakerId: 'BOE', ProductCode: '0x0a1b', MonitorName: null, SerialText: null, Internal: true },
  ...{ EdidHash: 'cd'.repeat(32), Port: 'card1-eDP-1', WidthMm: 310, HeightMm: 174 },
}
const K120: Usb = {
  ...{ VendorId: '046d', ProductId: 'c31c', Manufacturer: 'Logitech', ProductName: 'USB Keyboard' },
  ...{ InterfaceClasses: ['03', '03'], HasKeyboard: true, SpeedMbps: 1.5, MaxPowerMa: 90, ScsiInquiry: [] },
}
const RECEIVER: Usb = {
  ...{ VendorId: '046d', ProductId: 'c548', Manufacturer: 'Logitech', ProductName: 'USB Receiver' },
  ...{ InterfaceClasses: ['03', '03', '03'], HasKeyboard: true, SpeedMbps: 12, MaxPowerMa: 98, ScsiInquiry: [] },
}
const DOCK: Usb = { VendorId: '0bda', ProductId: '5413', SerialNumber: '0123456789ABCDEF', InterfaceClasses: ['09'] }
const COMPOSITE: Usb = {
  ...{ InterfaceClasses: ['03', '03', '08'], HasKeyboard: true, HasAbsolutePointer: true, HasStorage: true },
  ...{ SpeedMbps: 480, MaxPowerMa: 500 },
}
const HANDS: Usb = { InterfaceClasses: ['03', '03'], HasKeyboard: true, HasAbsolutePointer: true }
const UNKNOWN_SCREEN: Display = {
  MakerId: 'ABC',
  ProductCode: '0x0101',
  MonitorName: 'LCD',
  WidthMm: 0,
  HeightMm: 0,
  SerialText: null,
  EdidHash: null,
}
const PIKVM_DECLARED = [{ kind: 'ip_kvm', vendorId: '1d6b', productId: '0104', serial: null }]
const PIKVM: Usb = {
  ...COMPOSITE,
  VendorId: '1d6b',
  ProductId: '0104',
  Manufacturer: 'PiKVM',
  SerialNumber: 'CAFEBABE',
  ScsiInquiry: ['PiKVM Optical Drive'],
}
const PIKVM_SCREEN: Display = {
  MakerId: 'LNX',
  ProductCode: '0x7773',
  MonitorName: 'PiKVM V4 Plus',
  SerialText: 'CAFEBABE',
  EdidHash: 'ef'.repeat(32),
}

const desks: Desk[] = [
  { name: 'a PiKVM', usb: [PIKVM], displays: [PIKVM_SCREEN], least: 'high', most: 'critical' },
  {
    name: 'a PiKVM from before the agent',
    usb: [PIKVM],
    displays: [PIKVM_SCREEN],
    baseline: true,
    least: 'high',
    most: 'critical',
  },
  {
    name: 'only the display of a JetKVM',
    displays: [{ ...MONITOR, MakerId: 'JET', ProductCode: '0x0001', MonitorName: 'JetKVM v1', SerialText: null }],
    least: 'high',
    most: 'critical',
  },
  {
    name: 'only the display of an old JetKVM',
    displays: [{ ...MONITOR, MakerId: 'TSB', ProductCode: '0x8801', MonitorName: 'T749-fHD720', SerialText: null }],
    least: 'high',
    most: 'critical',
  },
  {
    name: 'a JetKVM that shows a Dell with the serial number of its firmware',
    displays: [{ ...MONITOR, ProductCode: '0x2013', MonitorName: 'DELL D2721H', SerialText: '3S5GQ23' }],
    least: 'high',
    most: 'critical',
  },
  {
    name: 'the description that BliKVM ships, byte for byte',
    displays: [
      {
        ...MONITOR,
        MakerId: 'TSB',
        ProductCode: '0x8888',
        MonitorName: 'Toshiba-H2C',
        SerialText: null,
        EdidHash: '956702126ed86c8b1899a3fae81fd5f337155cc866acfc70679dc29bfbda2b17',
      },
    ],
    least: 'high',
    most: 'critical',
  },
  ...[
    'Glinet Flash Drive',
    'PiKVM Optical Drive',
    'JetKVM Virtual Media',
    'NanoKVM USB Mass Storage',
    'sipeed Flash Drive',
  ].map(
    (inquiry): Desk => ({
      name: `a KVM under other ids, whose disk says ${inquiry}`,
      usb: [{ ...COMPOSITE, VendorId: '17ef', ProductId: '6099', ScsiInquiry: [inquiry] }],
      least: 'high',
      most: 'critical',
    }),
  ),
  {
    name: 'a nano receiver with a disk',
    usb: [{ ...RECEIVER, ProductId: 'c534', InterfaceClasses: ['03', '08'], HasStorage: true }],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'a Dell keyboard with a camera and a network card',
    usb: [
      {
        ...K120,
        VendorId: '413c',
        ProductId: '2113',
        InterfaceClasses: ['03', '0e', '0e', '02', '0a'],
        HasNetwork: true,
      },
    ],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'a keyboard of nobody knows, with pointer and sound',
    usb: [{ ...HANDS, InterfaceClasses: ['03', '03', '01'] }],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'a keyboard with a serial number that Windows makes up',
    usb: [{ ...HANDS, VendorId: '04f2', SerialNumber: '6&3b1f2a90&0&1' }],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'a K120 at high speed that draws 500 mA',
    usb: [{ ...K120, HasAbsolutePointer: true, SpeedMbps: 480, MaxPowerMa: 500 }],
    least: 'medium',
    most: 'critical',
  },
  { name: 'a K120 with a pointer', usb: [{ ...K120, HasAbsolutePointer: true }], least: 'low', most: 'low' },
  {
    name: 'a K120 with a pointer that came with a monitor',
    usb: [{ ...K120, HasAbsolutePointer: true }],
    displays: [MONITOR],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'an unknown keyboard and pointer, with an unknown screen, from before the agent',
    usb: [{ ...HANDS, SerialNumber: 'A7-11' }],
    displays: [UNKNOWN_SCREEN],
    baseline: true,
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'an unknown keyboard and pointer that came with a copied monitor',
    usb: [{ ...HANDS, SerialNumber: 'A7-11' }],
    displays: [MONITOR],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'the own monitor a second time',
    displays: [MONITOR, { ...MONITOR, Port: 'card1-HDMI-A-1' }],
    least: 'medium',
    most: 'critical',
  },
  {
    name: "the laptop's own panel outside",
    displays: [PANEL, { ...PANEL, Internal: false, Port: 'card1-HDMI-A-1' }],
    least: 'medium',
    most: 'critical',
  },
  {
    name: 'a serial-to-keyboard cable with a screen',
    usb: [{ ...HANDS, VendorId: '1a86', ProductId: 'e129', ProductName: 'CH9329' }],
    displays: [{ ...MONITOR, MonitorName: 'HD TO USB', SerialText: null }],
    least: 'medium',
    most: 'critical',
  },

  {
    name: 'a declared PiKVM with its screen',
    usb: [PIKVM],
    displays: [PIKVM_SCREEN],
    peripherals: PIKVM_DECLARED,
    least: 'none',
    most: 'low',
  },
  {
    name: 'a declared PiKVM, and another KVM beside it',
    usb: [PIKVM, { ...COMPOSITE, VendorId: '3346', ProductId: '1009', Manufacturer: 'sipeed', ProductName: 'NanoKVM' }],
    peripherals: PIKVM_DECLARED,
    least: 'high',
    most: 'critical',
  },
  {
    name: 'a dock with keyboard, mouse and monitors',
    usb: [DOCK, { ...K120, VendorId: '413c', ProductId: '2113' }, { VendorId: '413c', ProductId: '301a' }],
    displays: [PANEL, MONITOR, { ...MONITOR, SerialText: '7XYZ124', EdidHash: '12'.repeat(32), Port: 'card1-DP-2' }],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a dock with a gaming keyboard that has a pointer',
    usb: [DOCK, { ...HANDS, VendorId: '04d9', ProductId: 'a1cd', SerialNumber: '000000000000' }],
    displays: [MONITOR],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a gaming keyboard with sound',
    usb: [
      {
        ...K120,
        VendorId: '1b1c',
        ProductId: '1bc5',
        SerialNumber: '0E53A9D76113B4D1',
        InterfaceClasses: ['03', '03', '01', '01'],
        SpeedMbps: 480,
        MaxPowerMa: 500,
      },
    ],
    displays: [MONITOR],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a receiver and a television',
    usb: [RECEIVER],
    displays: [
      {
        ...MONITOR,
        MakerId: 'TSB',
        ProductCode: '0x8888',
        MonitorName: 'Toshiba-H2C',
        SerialText: null,
        WidthMm: 1_600,
        HeightMm: 900,
      },
    ],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a presenter with a disk, and a projector',
    usb: [{ ...COMPOSITE, VendorId: '047d', ProductName: 'Wireless Presenter', SpeedMbps: 12, MaxPowerMa: 100 }],
    displays: [{ ...MONITOR, SerialText: null, WidthMm: 0, HeightMm: 0 }],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a receiver with a disk and an absolute mouse',
    usb: [
      {
        ...COMPOSITE,
        VendorId: '04d9',
        ProductId: 'a1cd',
        ProductName: 'USB Receiver',
        SerialNumber: '000000000000',
        SpeedMbps: null,
      },
    ],
    least: 'none',
    most: 'low',
  },
  {
    name: 'two cheap monitors of one model',
    displays: [
      { ...MONITOR, SerialText: null },
      { ...MONITOR, SerialText: null, Port: 'card1-HDMI-A-1' },
    ],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a security key, a scanner and a drawing tablet',
    usb: [
      { VendorId: '1050', HasKeyboard: true, InterfaceClasses: ['03', '03', '0b'] },
      { VendorId: '0c2e', HasKeyboard: true, InterfaceClasses: ['03', '02', '0a'] },
      { ...COMPOSITE, VendorId: '256c' },
    ],
    displays: [MONITOR],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a KVM switch and a card reader',
    usb: [
      { ...HANDS, VendorId: '0557', ProductId: '2213' },
      { VendorId: '0bda', HasStorage: true, InterfaceClasses: ['08'], ScsiInquiry: ['Generic- SD/MMC'] },
    ],
    displays: [MONITOR],
    least: 'none',
    most: 'low',
  },
  {
    name: 'a telephone that shares its connection, and a printer',
    usb: [
      { VendorId: '18d1', HasNetwork: true, InterfaceClasses: ['e0', '0a'] },
      { VendorId: '04a9', HasStorage: true, InterfaceClasses: ['07', 'ff', '08'] },
    ],
    least: 'none',
    most: 'low',
  },
]

function recorded({ usb = [], displays = [], baseline, peripherals = [] }: Desk): Recorded[] {
  const at = baseline ? T0 : T0 + DAY
  const Action = baseline ? ('present' as const) : ('attached' as const)
  const days = Array.from({ length: 10 }, (_, day) => T0 + day * DAY)
  return [
    contract('w1', { peripherals } as Partial<Parameters<typeof contract>[1]>),
    holding('d1', 'w1', { firstBoot: T0 }),
    ...days.flatMap((time): Recorded[] => [
      {
        type: 'connection',
        device: 'd1',
        time,
        remoteAddress: '203.0.113.7',
        geo: { ...AUSTIN, class: 'residential' },
      },
      received('d1', agentState('summary', time + HOUR)),
    ]),
    ...usb.map((it, n) => received('d1', event('usb_device', { ...PLAIN, Action, ...it }, at + n * 1_000))),
    ...displays.map((it) =>
      received('d1', event('display', { ...MONITOR, Action, ...it }, at + (baseline ? 0 : 5_000))),
    ),
  ].sort((a, b) => timeOf(a) - timeOf(b))
}

function timeOf(it: Recorded): number {
  return it.type === 'event' ? it.event.time : it.type === 'connection' ? it.time : 0
}

describe('desks', () => {
  let deps: ReplayDeps
  before(async function () {
    this.timeout(120_000)
    const catalogue = loadCatalogue()
    const ruleset = await loadRules([], (problem) => assert.fail(JSON.stringify(problem)))
    deps = { ...ruleset, recognise: (it) => recognise(catalogue, it), lookup: () => NOWHERE }
  })
  for (const desk of desks)
    it(desk.name, async () => {
      const { workers, stats } = await replay(
        (async function* () {
          for (const it of recorded(desk)) yield JSON.stringify(it)
        })(),
        deps,
        {},
      )
      assert.equal(stats.rejected, 0)
      const band = (workers.find((it) => it.worker === 'w1')?.band ?? 'none') as Band
      const titles = workers.flatMap((it) => it.findings.map(({ title }) => title))
      const [rank, least, most] = [band, desk.least, desk.most].map((it) => BANDS.indexOf(it)) as [
        number,
        number,
        number,
      ]
      assert.ok(
        rank >= least && rank <= most,
        `${band}, not ${desk.least} to ${desk.most}: ${[...new Set(titles)].join('; ')}`,
      )
    })
})
