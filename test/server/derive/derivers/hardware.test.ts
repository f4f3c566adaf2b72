/** Devices attached to one laptop, and the timing of its input, with times in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { agentState, approval, contract, DAY, event, HOUR, holding, received, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const home = [contract('w1'), holding('d1', 'w1')]
const SECOND = 1_000

function usb(time: number, fields: Partial<EventOf<'usb_device'>> = {}): Recorded {
  const it = event(
    'usb_device',
    {
      Action: 'attached',
      VendorId: '1d6b',
      ProductId: '0104',
      Manufacturer: '',
      ProductName: 'Composite',
      SerialNumber: 'CAFEBABE',
      InterfaceClasses: ['03', '03', '08'],
      HasKeyboard: true,
      HasAbsolutePointer: true,
      HasStorage: true,
      HasNetwork: false,
      ParentPort: null,
      ...fields,
    },
    time,
  )
  return { ...received('d1', it), facts: {} }
}
function kvm(time: number, fields: Partial<EventOf<'usb_device'>> = {}): Recorded {
  return {
    ...usb(time, fields),
    facts: { hardware: [{ id: 'pikvm', name: 'PiKVM', kind: 'ip_kvm', by: 'usb_id' }] },
  } as Recorded
}
function display(time: number, fields: Partial<EventOf<'display'>> = {}): Recorded {
  const it = event(
    'display',
    {
      Action: 'attached',
      MakerId: 'DEL',
      ProductCode: '0x41a0',
      MonitorName: null,
      SerialText: null,
      WidthMm: 600,
      HeightMm: 340,
      Internal: false,
      EdidHash: null,
      ...fields,
    },
    time,
  )
  return { ...received('d1', it), facts: {} }
}
function input(
  time: number,
  histogram: Record<string, number>,
  fields: Partial<EventOf<'input_pattern'>> = {},
): Recorded {
  const it = event(
    'input_pattern',
    {
      SourceDevice: 'mouse',
      Kind: 'relative_pointer',
      Events: Object.values(histogram).reduce((a, b) => a + b, 0) + 1,
      IntervalHistogramMs: histogram,
      ReturnedToOrigin: null,
      CornerPinned: null,
      Virtual: false,
      WindowSeconds: 3_600,
      ...fields,
    },
    time,
  )
  return received('d1', it)
}
const RECEIVER = {
  ...{ VendorId: '046d', ProductId: 'c548', SerialNumber: '', InterfaceClasses: ['03', '03', '03'] },
  ...{ HasAbsolutePointer: false, HasStorage: false },
}
/** A keyboard and an absolute pointer, and nothing else. */
const POINTER = { InterfaceClasses: ['03', '03'], HasStorage: false }
const found = (records: Recorded[], known: Recorded[] = home) => standing('hardware', [...known, ...records])

describe('hardware that the catalogue knows', () => {
  const declared = { kind: 'ip_kvm', vendorId: '1D6B', productId: '0104', serial: null }
  const declares = (peripheral: object) => [
    contract('w1', { peripherals: [{ ...declared, ...peripheral }] }),
    holding('d1', 'w1'),
  ]
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; approved: boolean[] }[] = [
    { name: 'a KVM that nobody declared', records: [kvm(T0)], approved: [false] },
    { name: 'once a day', records: [kvm(T0), kvm(T0 + HOUR)], approved: [false] },
    { name: 'the next day again', records: [kvm(T0), kvm(T0 + DAY)], approved: [false, false] },
    { name: 'a declared one', known: declares({}), records: [kvm(T0)], approved: [true] },
    { name: 'declared until yesterday', known: declares({ to: T0 }), records: [kvm(T0)], approved: [false] },
    {
      name: 'declared with another serial',
      known: declares({ serial: 'OTHER' }),
      records: [kvm(T0)],
      approved: [false],
    },
    {
      name: 'a second one in addition to the declared one',
      known: declares({ serial: 'CAFEBABE' }),
      records: [kvm(T0), kvm(T0 + HOUR, { SerialNumber: 'OTHER' })],
      approved: [true, false],
    },
    {
      name: 'F16: declared a week later',
      records: [kvm(T0), kvm(T0 + 7 * DAY), ...declares({}).slice(0, 1)],
      approved: [true, true],
    },
    {
      name: 'approved for the company',
      known: [...home, approval({ kind: 'hardware', deviceKind: 'ip_kvm', vendorId: '1d6b' })],
      records: [kvm(T0)],
      approved: [true],
    },
    { name: 'its removal is no sighting', records: [kvm(T0, { Action: 'removed' })], approved: [] },
  ]
  for (const { name, known, records, approved } of cases)
    it(name, () =>
      assert.deepEqual(
        found(records, known).map((it) => it.Approved),
        approved,
      ),
    )

  it('reports the time since the first boot', () =>
    assert.equal(
      found([kvm(T0)], [contract('w1'), holding('d1', 'w1', { firstBoot: T0 - DAY / 2 })])[0]?.DaysSinceFirstBoot,
      0.5,
    ))
})

describe('a display and a USB device attached together', () => {
  const cases: { name: string; records: Recorded[]; ids: string[] }[] = [
    { name: 'within a minute', records: [usb(T0), display(T0 + 40 * SECOND)], ids: ['kvm-twin'] },
    { name: 'the display first', records: [display(T0), usb(T0 + 40 * SECOND)], ids: ['kvm-twin'] },
    { name: 'after more than a minute', records: [usb(T0), display(T0 + 61 * SECOND)], ids: [] },
    { name: 'once a day', records: [usb(T0), display(T0), usb(T0 + HOUR), display(T0 + HOUR)], ids: ['kvm-twin'] },
    {
      name: 'a disk with a keyboard',
      records: [usb(T0, { HasAbsolutePointer: false }), display(T0)],
      ids: ['kvm-twin'],
    },
    {
      name: 'a receiver and a monitor on a dock (N12)',
      records: [usb(T0, RECEIVER), display(T0)],
      ids: [],
    },
    { name: 'a stick and a monitor', records: [usb(T0, { HasKeyboard: false }), display(T0)], ids: [] },
    { name: 'a pen display', records: [usb(T0, { VendorId: '056A', HasStorage: false }), display(T0)], ids: [] },
    {
      name: 'a gaming keyboard with a pointer, and a monitor on a dock',
      records: [usb(T0, { ...POINTER, VendorId: '04d9', SerialNumber: '000000000000' }), display(T0)],
      ids: [],
    },
    {
      name: 'a keyboard with a touchpad, and a monitor',
      records: [usb(T0, { ...POINTER, VendorId: '17ef', SerialNumber: '' }), display(T0)],
      ids: [],
    },
    {
      name: 'a keyboard and pointer that nobody knows, there before the agent',
      records: [
        usb(T0, { ...POINTER, Action: 'present', VendorId: '1234', SerialNumber: 'X' }),
        display(T0, { Action: 'present', WidthMm: 0, HeightMm: 0 }),
      ],
      ids: ['kvm-twin'],
    },
    {
      name: 'what claims to be a K120, and a display',
      records: [usb(T0, { ...POINTER, VendorId: '046d', ProductId: 'c31c', SerialNumber: '' }), display(T0)],
      ids: ['kvm-twin'],
    },
    {
      name: 'a genuine K120 and a monitor',
      records: [
        usb(T0, { ...POINTER, VendorId: '046d', ProductId: 'c31c', SerialNumber: '', HasAbsolutePointer: false }),
        display(T0),
      ],
      ids: [],
    },
    { name: "the laptop's own panel", records: [usb(T0), display(T0, { Internal: true })], ids: [] },
    {
      name: 'what was there at the first look',
      records: [usb(T0, { Action: 'present' }), display(T0)],
      ids: ['kvm-twin'],
    },
    { name: 'a display that went', records: [usb(T0), display(T0, { Action: 'removed' })], ids: [] },
    { name: 'a known one has its own name', records: [kvm(T0), display(T0)], ids: ['pikvm'] },
  ]
  for (const { name, records, ids } of cases)
    it(name, () =>
      assert.deepEqual(
        found(records).flatMap((it) => (it.MatchedBy === 'twin' ? [it.DeviceId] : [])),
        ids,
      ),
    )
})

describe('one description on two connectors', () => {
  const monitor = { SerialText: '7XYZ123', EdidHash: 'ab'.repeat(32), Port: 'card1-HDMI-A-1' }
  const panel = { Internal: true, EdidHash: 'cd'.repeat(32), Port: 'card1-eDP-1' }
  const clone = (time: number, fields: Partial<EventOf<'display'>> = {}) =>
    display(time, { ...monitor, Port: 'card1-DP-2', ...fields })
  const present = { Action: 'present' } as const
  const cases: { name: string; records: Recorded[]; times: number[] }[] = [
    { name: 'a copy of the monitor', records: [display(T0, monitor), clone(T0 + HOUR)], times: [T0 + HOUR] },
    {
      name: 'both at the first look',
      records: [display(T0, { ...monitor, ...present }), clone(T0, present)],
      times: [T0],
    },
    {
      name: 'the monitor on another connector',
      records: [display(T0, monitor), display(T0 + HOUR, { ...monitor, Action: 'removed' }), clone(T0 + HOUR)],
      times: [],
    },
    {
      name: 'moved while the agent was off',
      records: [display(T0, monitor), clone(T0 + HOUR, present), display(T0 + HOUR, { ...panel, ...present })],
      times: [],
    },
    { name: 'the same connector again', records: [display(T0, monitor), display(T0 + HOUR, monitor)], times: [] },
    {
      name: 'two cheap monitors without a serial number',
      records: [display(T0, { ...monitor, SerialText: null }), clone(T0, { SerialText: null })],
      times: [],
    },
    {
      name: 'two cheap monitors with a serial number for all',
      records: [display(T0, { ...monitor, SerialText: '0000000000001' }), clone(T0, { SerialText: '0000000000001' })],
      times: [],
    },
    {
      name: "the built-in panel's description outside",
      records: [display(T0, panel), clone(T0 + HOUR, { EdidHash: panel.EdidHash, SerialText: null })],
      times: [T0 + HOUR],
    },
    {
      name: 'an agent that reports no connectors, at one look',
      records: [display(T0, { ...monitor, ...present, Port: null }), clone(T0, { ...present, Port: null })],
      times: [T0],
    },
    {
      name: 'an agent that reports no connectors, after a removal',
      records: [
        display(T0, { ...monitor, Port: null }),
        clone(T0 + HOUR, { Port: null, Action: 'removed' }),
        clone(T0 + 2 * HOUR, { Port: null }),
      ],
      times: [],
    },
    {
      name: 'an agent that reports no connectors, and no removal while the laptop slept',
      records: [0, 1, 2].map((day) => display(T0 + day * DAY, { ...monitor, Port: null })),
      times: [],
    },
    {
      name: 'once a day',
      records: [
        display(T0, monitor),
        clone(T0 + HOUR),
        clone(T0 + 2 * HOUR, { Action: 'removed' }),
        clone(T0 + 3 * HOUR),
        clone(T0 + DAY, { Action: 'removed' }),
        clone(T0 + DAY + HOUR),
      ],
      times: [T0 + HOUR, T0 + DAY + HOUR],
    },
  ]
  const timesOf = (records: Recorded[]) => found(records).flatMap((it) => (it.MatchedBy === 'clone' ? [it.time] : []))
  for (const { name, records, times } of cases) it(name, () => assert.deepEqual(timesOf(records), times))

  it('in any order', () => {
    const same = sameInAnyOrder('hardware', home, [
      display(T0, { ...monitor, ...present }),
      display(T0, { ...panel, ...present }),
      clone(T0 + HOUR),
      clone(T0 + 2 * HOUR, { Action: 'removed' }),
      clone(T0 + DAY),
      display(T0 + DAY + HOUR, { ...monitor, ...present }),
      clone(T0 + 2 * DAY),
    ])
    assert.equal(same.length, 3)
  })
})

describe('a display that belongs to a declared KVM', () => {
  const edid = (time: number, id: string, name: string) =>
    ({
      ...display(time),
      facts: { hardware: [{ id, name, kind: 'ip_kvm', by: 'edid' }] },
    }) as Recorded
  const declared = (ids: object) => [
    contract('w1', { peripherals: [{ kind: 'ip_kvm', serial: null, ...ids }] }),
    holding('d1', 'w1'),
  ]
  const pikvm = { vendorId: '1d6b', productId: '0104' }
  const cases: { name: string; known: Recorded[]; record: Recorded; approved: boolean }[] = [
    { name: 'its own', known: declared(pikvm), record: edid(T0, 'pikvm', 'PiKVM'), approved: true },
    {
      name: 'of a maker with other ids',
      known: declared(pikvm),
      record: edid(T0, 'nanokvm', 'NanoKVM'),
      approved: false,
    },
    {
      name: "another one of the same maker's",
      known: declared(pikvm),
      record: edid(T0, 'jetkvm-disguise', 'JetKVM'),
      approved: true,
    },
    { name: 'declared without ids', known: declared({}), record: edid(T0, 'nanokvm', 'NanoKVM'), approved: true },
    {
      name: 'any product of a vendor',
      known: declared({ vendorId: '38EB', productId: '0002' }),
      record: edid(T0, 'glkvm', 'Comet'),
      approved: true,
    },
  ]
  for (const { name, known, record, approved } of cases)
    it(name, () =>
      assert.deepEqual(
        found([record], known).map((it) => it.Approved),
        [approved],
      ),
    )
})

describe('the rhythm of a jiggler', () => {
  const pikvm = { '100': 240, '128': 260, '50000': 18, '75000': 37 }
  const cases: { name: string; record: Recorded; ids: string[] }[] = [
    { name: 'PiKVM', record: input(T0, pikvm, { ReturnedToOrigin: true }), ids: ['pikvm-jiggler'] },
    { name: 'the same, ending elsewhere', record: input(T0, pikvm, { ReturnedToOrigin: false }), ids: [] },
    {
      name: 'PiKVM, absolute, with powers of two as bounds',
      record: input(
        T0,
        { '128': 540, '65536': 30, '131072': 30 },
        { ReturnedToOrigin: true, Kind: 'absolute_pointer' },
      ),
      ids: ['pikvm-jiggler'],
    },
    { name: 'a few minutes of it', record: input(T0, { '128': 40, '75000': 4 }, { ReturnedToOrigin: true }), ids: [] },
    {
      name: 'with input by a person',
      record: input(T0, { ...pikvm, '16': 4_000, '32': 900, '1000': 40 }, { ReturnedToOrigin: true }),
      ids: [],
    },
    {
      name: 'JetKVM',
      record: input(T0, { '16': 170, '18000': 0, '20500': 175 }, { CornerPinned: true, Kind: 'absolute_pointer' }),
      ids: ['jetkvm-jiggler'],
    },
    { name: 'every 20 s, anywhere', record: input(T0, { '18000': 0, '20500': 175 }), ids: [] },
    { name: 'NanoKVM', record: input(T0, { '14500': 0, '15500': 230 }), ids: ['nanokvm-jiggler'] },
    {
      name: 'every 15 s on a keyboard',
      record: input(T0, { '14500': 0, '15500': 230 }, { Kind: 'keyboard' }),
      ids: [],
    },
    {
      name: 'a person',
      record: input(
        T0,
        { '8': 5_000, '16': 20_000, '100': 900, '1000': 300, '15000': 60, '60000': 12 },
        { ReturnedToOrigin: true },
      ),
      ids: [],
    },
    { name: 'nothing at all', record: input(T0, {}), ids: [] },
  ]
  for (const { name, record, ids } of cases)
    it(name, () =>
      assert.deepEqual(
        found([record]).map((it) => it.DeviceId),
        ids,
      ),
    )

  it('a declared one', () =>
    assert.deepEqual(
      found(
        [input(T0, pikvm, { ReturnedToOrigin: true })],
        [contract('w1', { peripherals: [{ kind: 'jiggler' }] }), holding('d1', 'w1')],
      ).map((it) => [it.MatchedBy, it.Approved]),
      [['cadence', true]],
    ))
})

it('hardware in any order', () => {
  const jiggle = { '128': 540, '60000': 60 }
  const same = sameInAnyOrder('hardware', home, [
    kvm(T0 + HOUR),
    kvm(T0),
    display(T0 + 20 * SECOND),
    usb(T0 + DAY),
    display(T0 + DAY - 50 * SECOND),
    usb(T0 + DAY + HOUR),
    display(T0 + DAY + HOUR),
    input(T0 + 2 * DAY, jiggle, { ReturnedToOrigin: true }),
    input(T0 + 2 * DAY + HOUR, jiggle, { ReturnedToOrigin: true }),
    kvm(T0 + 12 * DAY),
  ])
  assert.equal(same.length, 6)
})

describe('hardware that stays', () => {
  const awake = (time: number) => received('d1', agentState('summary', time))
  const started = (time: number) => received('d1', agentState('started', time))
  const other = (time: number) => usb(time, { ...RECEIVER, Action: 'present', HasKeyboard: true, ParentPort: '1-9' })
  const gone = (time: number) => kvm(time, { Action: 'removed' })
  const daysOf = (records: Recorded[]) =>
    found(records).flatMap((it) => (it.MatchedBy === 'usb_id' ? [(it.time - T0) / DAY] : []))
  const cases: { name: string; records: Recorded[]; days: number[] }[] = [
    {
      name: 'is seen on each day on which the laptop is awake',
      records: [kvm(T0), awake(T0 + DAY), awake(T0 + 3 * DAY), awake(T0 + 3 * DAY + HOUR)],
      days: [0, 1, 3],
    },
    {
      name: 'until it is gone',
      records: [kvm(T0), awake(T0 + DAY), gone(T0 + 1.5 * DAY), awake(T0 + 2 * DAY)],
      days: [0, 1],
    },
    {
      name: 'gone when the laptop wakes',
      records: [kvm(T0), awake(T0 + DAY), gone(T0 + DAY + 5 * SECOND), awake(T0 + DAY + HOUR)],
      days: [0],
    },
    {
      name: 'unplugged while the laptop was off: the next look does not find it',
      records: [
        kvm(T0),
        started(T0 + DAY),
        other(T0 + DAY + 5 * SECOND),
        awake(T0 + DAY + 2 * HOUR),
        awake(T0 + 2 * DAY),
      ],
      days: [0],
    },
    {
      name: 'unplugged while the laptop was off, and nothing else is connected',
      records: [kvm(T0), started(T0 + DAY), awake(T0 + 2 * DAY)],
      days: [0],
    },
    {
      name: 'found again by the next look',
      records: [
        kvm(T0),
        started(T0 + DAY),
        other(T0 + DAY + 5 * SECOND),
        kvm(T0 + DAY + 10 * SECOND, { Action: 'present' }),
        awake(T0 + 2 * DAY),
      ],
      days: [0, (DAY + 10 * SECOND) / DAY, 2],
    },
    {
      name: 'for weeks',
      records: [kvm(T0), ...Array.from({ length: 20 }, (_, day) => awake(T0 + (day + 1) * DAY))],
      days: Array.from({ length: 21 }, (_, day) => day),
    },
  ]
  for (const { name, records, days } of cases) it(name, () => assert.deepEqual(daysOf(records), days))

  it('a display that came with it stays with it', () => {
    const records = [usb(T0), display(T0), ...Array.from({ length: 15 }, (_, day) => awake(T0 + (day + 1) * DAY))]
    assert.equal(found(records).filter((it) => it.MatchedBy === 'twin').length, 16)
  })

  it('is approved on the days on which it is declared', () => {
    const peripherals = [{ kind: 'ip_kvm', vendorId: '1d6b', productId: '0104', from: T0, to: T0 + 1.5 * DAY }]
    assert.deepEqual(
      found(
        [kvm(T0), awake(T0 + DAY), awake(T0 + 2 * DAY)],
        [contract('w1', { peripherals }), holding('d1', 'w1')],
      ).map((it) => it.Approved),
      [true, true, false],
    )
  })

  it('in any order', () => {
    const same = sameInAnyOrder('hardware', home, [
      kvm(T0),
      display(T0 + 20 * SECOND),
      awake(T0 + DAY),
      gone(T0 + DAY + 3 * HOUR),
      kvm(T0 + DAY + 5 * HOUR),
      awake(T0 + 2 * DAY),
      started(T0 + 3 * DAY),
      other(T0 + 3 * DAY + 5 * SECOND),
      awake(T0 + 4 * DAY),
      kvm(T0 + 5 * DAY),
      awake(T0 + 6 * DAY),
      awake(T0 + 16 * DAY),
    ])
    assert.deepEqual(
      same.map((it) => `${it.MatchedBy} ${Math.floor((it.time - T0) / DAY)}`),
      ['usb_id 0', 'twin 0', 'usb_id 1', 'twin 1', 'usb_id 2', 'usb_id 5', 'usb_id 6', 'usb_id 16'],
    )
  })
})
