/** Devices attached to one laptop, and the timing of its input, with times in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, received, T0 } from '../../events.ts'
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
      records: [usb(T0, { VendorId: '046d', HasAbsolutePointer: false, HasStorage: false }), display(T0)],
      ids: [],
    },
    { name: 'a stick and a monitor', records: [usb(T0, { HasKeyboard: false }), display(T0)], ids: [] },
    { name: 'a pen display', records: [usb(T0, { VendorId: '056A', HasStorage: false }), display(T0)], ids: [] },
    { name: "the laptop's own panel", records: [usb(T0), display(T0, { Internal: true })], ids: [] },
    { name: 'what was there at the first look', records: [usb(T0, { Action: 'present' }), display(T0)], ids: [] },
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
  assert.equal(same.length, 5)
})
