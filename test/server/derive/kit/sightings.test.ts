/** The latest sightings on a laptop, by event time and by holder. */
import assert from 'node:assert/strict'
import type { Seen } from '../../../../server/derive/deriver.ts'
import { addSighting, noSightings } from '../../../../server/derive/kit/sightings.ts'
import type { Contract } from '../../../../wire/contract.ts'
import type { Event } from '../../../../wire/event.ts'
import { AUSTIN, DAY, event, HOUR, processStart, session, T0 } from '../../events.ts'

const CONTRACT: Contract = {
  worker: 'w1',
  from: 0,
  approvedTools: [{ tool: 'AnyDesk' }],
  approvedEgress: [{ address: '203.0.113.0/24' }],
  peripherals: [{ kind: 'ip_kvm', vendorId: '1d6b' }],
}
const tools = (...ids: string[]) => ({
  tools: ids.map((id) => ({
    ...{ id: id.toLowerCase(), name: id, category: 'remote-desktop', by: 'name' as const },
    ...{ renamed: false, unattended: null },
  })),
})
const kvm = { hardware: [{ id: 'pikvm', name: 'PiKVM', kind: 'ip_kvm' as const, by: 'usb_id' as const }] }

const seen = (it: Event | null, about: Partial<Seen> = {}): Seen => ({
  ...{
    event: it,
    connection: null,
    peer: null,
    approval: null,
    conflict: false,
    device: 'd1',
    worker: 'w1',
    time: it?.time ?? T0,
  },
  ...{ receivedAt: T0, epoch: 0, contract: CONTRACT, firstBoot: null, facts: undefined, ...about },
})
const connects = (geo: Partial<typeof AUSTIN>, time = T0, about: Partial<Seen> = {}) =>
  seen(null, { time, connection: { ...session('d1', AUSTIN, time), geo: { ...AUSTIN, ...geo } }, ...about })
const usb = (vendor: string, action: 'attached' | 'removed' = 'attached') =>
  event('usb_device', {
    ...{ Action: action, VendorId: vendor, ProductId: '0104', Manufacturer: null, ProductName: null },
    ...{ SerialNumber: null, InterfaceClasses: [], HasKeyboard: true, HasAbsolutePointer: true, HasStorage: false },
    ...{ HasNetwork: false, ParentPort: null },
  })
const zone = (name: string, time = T0) =>
  event('clock_place', { TimeZone: name, UtcOffsetMinutes: 0, KeyboardLayouts: null, ClockJumpMs: null }, time)

function keptOf(...all: Seen[]) {
  const memory = noSightings()
  for (const it of all) addSighting(memory, it)
  return memory
}
const things = (...all: Seen[]) => keptOf(...all).things.map((it) => `${it.name} ${it.approved}`)

describe('server/derive: sightings', () => {
  const cases: { name: string; of: Seen[]; things: string[] }[] = [
    { name: 'an approved tool', of: [seen(processStart('/a'), { facts: tools('AnyDesk') })], things: ['AnyDesk true'] },
    { name: 'another', of: [seen(processStart('/a'), { facts: tools('RustDesk') })], things: ['RustDesk false'] },
    {
      name: 'a tool that is not for remote control',
      of: [seen(processStart('/a'), { facts: { tools: [{ ...tools('Zoom').tools[0]!, category: 'meeting' }] } })],
      things: [],
    },
    { name: 'a declared KVM', of: [seen(usb('1d6b'), { facts: kvm })], things: ['PiKVM true'] },
    { name: 'a KVM with other ids', of: [seen(usb('ffff'), { facts: kvm })], things: ['PiKVM false'] },
    { name: 'what goes is not seen', of: [seen(usb('1d6b', 'removed'), { facts: kvm })], things: [] },
    {
      name: 'an event with a used sequence number is ignored',
      of: [seen(processStart('/a'), { facts: tools('RustDesk'), conflict: true })],
      things: [],
    },
    {
      name: 'the latest sighting decides approval, whatever arrived last',
      of: [
        seen(processStart('/a', T0 + HOUR), { facts: tools('AnyDesk') }),
        seen(processStart('/a', T0), { facts: tools('AnyDesk'), contract: null }),
      ],
      things: ['AnyDesk true'],
    },
    {
      name: 'each holder separately',
      of: [
        seen(processStart('/a', T0), { facts: tools('AnyDesk'), worker: 'w0', contract: null }),
        seen(processStart('/a', T0 + HOUR), { facts: tools('AnyDesk') }),
      ],
      things: ['AnyDesk true', 'AnyDesk false'],
    },
  ]
  for (const { name, of, things: expected } of cases) it(name, () => assert.deepEqual(things(...of), expected))

  it('an exit proves no place, and may be approved', () => {
    const of = (geo: Partial<typeof AUSTIN>, about = {}) => {
      const { proves, approved } = keptOf(connects(geo, T0, about)).place!
      return [proves, approved]
    }
    assert.deepEqual(of({}, { contract: null }), [true, false])
    assert.deepEqual(of({ class: 'vpn' }, { contract: null }), [false, false])
    assert.deepEqual(of({ class: 'vpn' }), [false, true])
    assert.deepEqual(of({ country: null }, { contract: null }), [false, false])
  })

  it('an earlier record that arrives late changes nothing', () => {
    const { place, clock } = keptOf(
      connects({ city: 'Waco' }, T0 + DAY),
      connects({}),
      seen(zone('America/Chicago', T0 + DAY)),
      seen(zone('Asia/Tokyo')),
    )
    assert.deepEqual([place?.city, clock?.timeZone], ['Waco', 'America/Chicago'])
  })

  it('keeps the 32 things seen last', () => {
    const all = Array.from({ length: 40 }, (_, index) =>
      seen(processStart('/a', T0 + index), { facts: tools(`T${index}`) }),
    )
    const kept = things(...all)
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [32, 'T39 false', 'T8 false'])
  })
})
