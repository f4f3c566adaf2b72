import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { AddressFacts, Recorded, RecordedOf } from '../../../../../wire/recording.ts'
import {
  AUSTIN,
  agentState,
  BERLIN,
  contract,
  DAY,
  HOUR,
  holding,
  login as loginOf,
  processStart,
  received,
  session,
  T0,
} from '../../../events.ts'
import { about, sameInAnyOrder, standing } from '../../standing.ts'

const home = [contract('w1'), holding('d1', 'w1'), holding('d2', 'w1'), holding('d9', 'w9')]
const SEATTLE = { ...AUSTIN, region: 'Washington', city: 'Seattle', lat: 47.6, lon: -122.3 }
const [A, B] = ['aaaaaaaa', 'bbbbbbbb']
const times = (reason: string, records: readonly Recorded[]) =>
  standing('identity_conflict', [...home, ...records])
    .filter((it) => it.Reason === reason)
    .map((it) => Number(((it.time - T0) / HOUR).toFixed(2)))
const from = (print: string | undefined, ...hours: number[]) =>
  hours.map((it) => session('d1', AUSTIN, T0 + it * HOUR, print))

describe('identity_conflict: two fingerprints (#98, P23)', () => {
  const cases: { name: string; records: Recorded[]; found: number[] }[] = [
    { name: 'within an hour of each other', records: [...from(A, 0), ...from(B, 1)], found: [1] },
    { name: 'one after the other: a repair (N26)', records: [...from(A, 0, 5), ...from(B, 8, 20, 30)], found: [] },
    { name: 'the one before comes back', records: [...from(A, 0), ...from(B, 8), ...from(A, 20)], found: [20] },
    {
      name: 'the previous hardware returns after a week: a loan (N26)',
      records: [...from(A, 0), ...from(B, 8, 80), ...from(A, 150)],
      found: [],
    },
    {
      name: 'back and forth, once a day',
      records: [...from(A, 0, 6, 12, 24, 30), ...from(B, 3, 9, 15, 27)],
      found: [6, 15],
    },
    { name: 'one, and one that could not be read', records: [...from(A, 0, 1), ...from(undefined, 0.5)], found: [] },
    { name: 'one, again and again', records: from(A, 0, 1, 2, 30), found: [] },
  ]
  for (const { name, records, found } of cases)
    it(name, () => assert.deepEqual(times('two_fingerprints', records), found))

  it('is the same in any order', () =>
    assert.ok(
      sameInAnyOrder('identity_conflict', home, [...from(A, 0, 6, 12, 24, 30, 90), ...from(B, 3, 9, 15, 27, 60, 91)])
        .length > 2,
    ))
})

describe('identity_conflict: what the agent says of its machine (#98, #99)', () => {
  type State = Partial<EventOf<'agent_state'>>
  const says = (fields: State, ...hours: number[]): Recorded[] =>
    hours.map((it) => received('d1', { ...agentState('summary', T0 + it * HOUR), ...fields }))
  const [a, b] = [
    { Fingerprint: A, BootId: 'boot-a' },
    { Fingerprint: B, BootId: 'boot-b' },
  ]
  const reasons = (records: readonly Recorded[], known: Recorded[] = home) =>
    [...new Set(standing('identity_conflict', [...known, ...inTime(records)]).map((it) => it.Reason))].sort()
  const inTime = (records: readonly Recorded[]) =>
    records.toSorted((x, y) => (x.type === 'event' && y.type === 'event' ? x.receivedAt - y.receivedAt : 0))
  const listed = [contract('w1'), holding('d1', 'w1', { serial: 'PF3X' })]
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; found: string[] }[] = [
    {
      name: 'two machines that alternate',
      records: [...says(a, 0, 2, 4, 6), ...says(b, 1, 3, 5)],
      found: ['two_fingerprints', 'two_machines_at_once'],
    },
    {
      name: 'two that alternate by the day',
      records: [...says(a, 0, 8, 48, 56), ...says(b, 24, 32, 72)],
      found: ['two_machines_at_once'],
    },
    {
      name: 'a copy with the same fingerprint',
      records: [...says(a, 0, 2, 4, 6), ...says({ ...b, Fingerprint: A }, 1, 3, 5)],
      found: ['two_boots_at_once'],
    },
    {
      name: 'two machines of which no boot is known',
      records: [...says({ Fingerprint: A }, 0, 2, 4, 6), ...says({ Fingerprint: B }, 1, 3, 5)],
      found: ['two_fingerprints'],
    },
    {
      name: 'a new mainboard (N26)',
      records: [...says(a, 0, 1, 2, 30), ...says(b, 40, 41, 60, 90)],
      found: ['fingerprint_changed'],
    },
    {
      name: 'a loan of another laptop for a week',
      records: [...says(a, 0, 1), ...says({ ...b, BootId: 'x' }, 30, 40, 90), ...says({ ...a, BootId: 'y' }, 150)],
      found: [],
    },
    {
      name: 'a restart each day',
      records: [0, 1, 2, 3].flatMap((day) => says({ Fingerprint: A, BootId: `boot ${day}` }, day * 24, day * 24 + 8)),
      found: [],
    },
    {
      name: 'a clock that was an hour slow after a restart',
      records: [
        ...says(a, 0, 1, 2),
        ...says(b, 1.5).map((it) => ({ ...it, receivedAt: T0 + 2.5 * HOUR }) as Recorded),
        ...says({ ...b, Fingerprint: A }, 3, 4),
      ].map((it) => (it.type === 'event' ? { ...it, event: { ...it.event, Fingerprint: A } } : it) as Recorded),
      found: [],
    },
    { name: 'nothing could be read', records: says({ Fingerprint: null, BootId: null }, 0, 1, 2), found: [] },
    {
      name: 'virtual after real',
      records: [...says({ Virtual: false }, 0, 1), ...says({ Virtual: true }, 30)],
      found: ['virtual_after_hardware'],
    },
    { name: 'virtual from the start', records: says({ Virtual: true }, 0, 30), found: [] },
    {
      name: 'real after virtual',
      records: [...says({ Virtual: true }, 0), ...says({ Virtual: false }, 30)],
      found: [],
    },
    {
      name: 'virtual, and the roster has a serial number',
      known: listed,
      records: says({ Virtual: true }, 0, 30),
      found: ['virtual_though_listed'],
    },
    { name: 'not known', known: listed, records: says({ Virtual: null }, 0, 30), found: [] },
  ]
  for (const { name, known, records, found } of cases) it(name, () => assert.deepEqual(reasons(records, known), found))

  it('is the same in any order', () =>
    assert.ok(
      sameInAnyOrder('identity_conflict', home, [
        ...says({ ...a, Virtual: false }, 0, 6, 12, 24, 30, 90),
        ...says({ ...b, Virtual: true }, 3, 9, 15, 27, 60, 91),
      ]).length > 4,
    ))
})

describe('identity_conflict: a repeated sequence number (#98)', () => {
  const replay = (hours: number): Recorded => ({
    ...received('d1', processStart('/x', T0 + hours * HOUR)),
    conflict: true,
  })
  it('once a day, at the first time', () =>
    assert.deepEqual(times('sequence_replay', [replay(3), replay(1), replay(30)]), [1, 30]))
  it('a number that was used once', () =>
    assert.deepEqual(times('sequence_replay', [received('d1', processStart('/x'))]), []))
  it('is the same in any order', () =>
    assert.equal(sameInAnyOrder('identity_conflict', home, [0, 1, 2, 26, 27, 60].map(replay)).length, 3))
})

describe('identity_conflict: two places (#50, #52, P9)', () => {
  type Fields = Partial<RecordedOf<'feed'>['event'] & { category: 'idp_login' }>
  const login = (geo: AddressFacts, hours: number, fields: Fields = {}): Recorded => {
    const said = { Worker: 'w1@example.org', Ip: '198.51.100.7', Country: geo.country, ...fields }
    return { ...loginOf('w1', T0 + hours * HOUR, said), geo }
  }
  const busy = (hours: number, device = 'd1') => received(device, processStart('/x', T0 + hours * HOUR))
  /** Each city has a network of its own: an address whose place changes is the database's doing (N27). */
  const at = (geo: AddressFacts, hours: number, device = 'd1'): Recorded => ({
    ...session(device, geo, T0 + hours * HOUR),
    remoteAddress: `203.0.${geo.country === 'US' ? geo.city?.length : 113}.9`,
  })
  const working = [at(AUSTIN, 0), busy(3)]

  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'a login from another country while the laptop is in use',
      records: [...working, login(BERLIN, 3.2)],
      found: [[3.2, 'US', 'DE', null, 1]],
    },
    { name: 'from the same place', records: [...working, login(AUSTIN, 3.2)], found: [] },
    {
      name: 'from the other end of the country',
      records: [...working, login(SEATTLE, 3.2)],
      found: [[3.2, 'US', 'US', null, 1]],
    },
    {
      name: 'from there over a mobile network, whose gateways are anywhere in the country',
      records: [...working, login({ ...SEATTLE, class: 'mobile' }, 3.2)],
      found: [],
    },
    { name: 'the laptop is asleep', records: [...working, login(BERLIN, 6)], found: [] },
    { name: 'the login failed', records: [...working, login(BERLIN, 3.2, { Result: 'failure' })], found: [] },
    { name: 'from a phone', records: [...working, login(BERLIN, 3.2, { Mobile: true })], found: [] },
    ...(['vpn', 'hosting', 'private_relay', 'tor', 'corporate'] as const).flatMap((kind) => [
      {
        name: `the login came through ${kind}`,
        records: [...working, login({ ...BERLIN, class: kind }, 3.2)],
        found: [],
      },
      {
        name: `the laptop goes through ${kind}`,
        records: [at({ ...AUSTIN, class: kind }, 0), busy(3), login(BERLIN, 3.2)],
        found: [],
      },
    ]),
    {
      name: 'from an approved exit',
      records: [contract('w1', { approvedEgress: [{ address: '198.51.100.7' }] }), ...working, login(BERLIN, 3.2)],
      found: [],
    },
    {
      name: 'during an announced journey there',
      records: [
        contract('w1', { travelNotices: [{ from: T0 + DAY, to: T0 + 3 * DAY, country: 'DE' }] }),
        ...working,
        login(BERLIN, 3.2),
      ],
      found: [],
    },
    {
      name: 'a second laptop in use is there',
      records: [...working, at(BERLIN, 0, 'd2'), busy(3, 'd2'), login(BERLIN, 3.2)],
      found: [],
    },
    {
      name: "another worker's laptop is there",
      records: [...working, at(BERLIN, 0, 'd9'), busy(3, 'd9'), login(BERLIN, 3.2)],
      found: [[3.2, 'US', 'DE', null, 1]],
    },
    {
      name: 'the laptop moved there in the meantime',
      records: [...working, at(BERLIN, 2.5), login(BERLIN, 3.2)],
      found: [],
    },
    {
      name: 'managed or not, as far as the provider knows',
      records: [
        ...working,
        login(BERLIN, 3.1, { ManagedDevice: false }),
        login(BERLIN, 3.2, { DeviceId: 'd1' }),
        login(BERLIN, 3.3),
      ],
      found: [
        [3.1, 'US', 'DE', false, 1],
        [3.2, 'US', 'DE', true, 1],
        [3.3, 'US', 'DE', null, 1],
      ],
    },
    {
      name: 'an id that the roster does not have is one of a device that is not ours',
      records: [at(AUSTIN, 0), busy(3), login(BERLIN, 3.3, { DeviceId: 'nobody knows' })],
      found: [[3.3, 'US', 'DE', false, 1]],
    },
    {
      name: 'once a day; counts the days of a week',
      records: [0, 2, 5, 8, 20].flatMap((day) => [
        at(AUSTIN, day * 24),
        busy(day * 24 + 3),
        login(BERLIN, day * 24 + 3),
        login(BERLIN, day * 24 + 3.5),
      ]),
      found: [
        [3, 'US', 'DE', null, 1],
        [51, 'US', 'DE', null, 2],
        [123, 'US', 'DE', null, 3],
        [195, 'US', 'DE', null, 3],
        [483, 'US', 'DE', null, 1],
      ],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () =>
      assert.deepEqual(
        about('identity_conflict', [...home, ...records]).map(({ event: it, device, worker }) => {
          assert.deepEqual([device, worker], [null, 'w1'])
          return [
            Number(((it.time - T0) / HOUR).toFixed(2)),
            it.LaptopCountry,
            it.LoginCountry,
            it.ManagedDevice,
            it.Days,
          ]
        }),
        found,
      ),
    )

  it('is the same in any order', () => {
    const records = [0, 1, 2, 5, 9, 12].flatMap((day) => [
      at(day === 5 ? SEATTLE : AUSTIN, day * 24),
      at(BERLIN, day * 24 + 5, 'd2'),
      busy(day * 24 + 3),
      ...(day % 2 ? [busy(day * 24 + 6, 'd2')] : []),
      login(BERLIN, day * 24 + 3.4),
      login(AUSTIN, day * 24 + 6.2, { ManagedDevice: false }),
    ])
    assert.ok(sameInAnyOrder('identity_conflict', home, records).length > 6)
  })
})
