import assert from 'node:assert/strict'
import type { AddressFacts, Recorded } from '../../../../wire/recording.ts'
import { AUSTIN, contract, DAY, event, holding, received, session, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const home = [contract('w1'), holding('d1', 'w1')]
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const trips = (days: readonly number[], rttMinMs: number | null, geo: AddressFacts = AUSTIN): Recorded[] =>
  days.map((day) => ({ ...session('d1', geo, T0 + day * DAY), rttMinMs }))
const router = (GatewayHash: string | null, day: number): Recorded =>
  received(
    'd1',
    event(
      'network_place',
      {
        ...{ Interface: 'eth0', GatewayHash, SsidHash: null, BssidHash: null, DnsServers: null, TunnelInterface: null },
        ...{ TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: null },
      },
      T0 + day * DAY + 5_000,
    ),
  )
const changes = (records: readonly Recorded[], terms: Parameters<typeof contract>[1] = {}) =>
  standing('rtt_change', [contract('w1', terms), ...home.slice(1), ...records]).map((it) => [
    Math.round((it.time - T0) / DAY),
    it.BeforeMs,
    it.AfterMs,
    it.NewNetwork,
  ])

describe('rtt_change', () => {
  const week = range(0, 6)
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'slower behind a new router',
      records: [router('aa', 0), ...trips(week, 30), router('bb', 7), ...trips([7, 8, 9, 10], 190)],
      found: [[9, 30, 190, true]],
    },
    {
      name: 'after a gap, and weeks later it still stands',
      records: [router('aa', 0), ...trips(range(0, 4), 30), router('bb', 14), ...trips(range(14, 45), 190)],
      found: [[16, 30, 190, true]],
    },
    {
      name: 'slower behind the same router',
      records: [router('aa', 0), ...trips(week, 30), ...trips([7, 8, 9], 190)],
      found: [[9, 30, 190, false]],
    },
    {
      name: 'the router is not known',
      records: [...trips(week, 30), ...trips([7, 8, 9], 190)],
      found: [[9, 30, 190, null]],
    },
    {
      name: 'the router is known on one side only',
      records: [...trips(week, 30), router('bb', 7), ...trips([7, 8, 9], 190)],
      found: [[9, 30, 190, null]],
    },
    { name: 'two slow days', records: [...trips(week, 30), ...trips([7, 8], 190)], found: [] },
    {
      name: 'a slow day among quick ones',
      records: [...trips(week, 30), ...trips([7, 9], 190), ...trips([8], 35)],
      found: [],
    },
    {
      name: 'one bad day before makes no difference',
      records: [...trips([0, 1, 2, 4, 5, 6], 30), ...trips([3], 200), ...trips([7, 8, 9], 190)],
      found: [[9, 30, 190, null]],
    },
    {
      name: 'a line that is slow now and then',
      records: [...trips([0, 2, 4, 5, 6], 30), ...trips([1, 3], 200), ...trips([7, 8, 9], 190)],
      found: [],
    },
    { name: 'too little history', records: [...trips(range(0, 3), 30), ...trips([4, 5, 6], 190)], found: [] },
    { name: 'another provider', records: [...trips(week, 30), ...trips([7, 8, 9], 70)], found: [] },
    { name: 'quicker', records: [...trips(week, 190), ...trips([7, 8, 9], 30)], found: [] },
    { name: 'not measured', records: [...trips(week, null), ...trips([7, 8, 9], 190)], found: [] },
    {
      name: 'a mobile network, a satellite, a security service',
      records: [
        ...trips(week, 30),
        ...trips([7], 190, { ...AUSTIN, class: 'mobile' }),
        ...trips([8], 190, { ...AUSTIN, class: 'satellite' }),
        ...trips([9], 190, { ...AUSTIN, class: 'sase' }),
      ],
      found: [],
    },
    {
      name: 'days apart, within a week',
      records: [...trips(week, 30), ...trips([9, 12, 15], 190)],
      found: [[15, 30, 190, null]],
    },
    { name: 'days too far apart', records: [...trips(week, 30), ...trips([9, 14, 19], 190)], found: [] },
    {
      name: 'twice slower, each from what it had become',
      records: [...trips(week, 30), ...trips(range(7, 13), 100), ...trips([14, 15, 16], 200)],
      found: [
        [9, 30, 100, null],
        [16, 100, 200, null],
      ],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(changes(records), found))

  it('says when a journey was announced', () => {
    const notice = { from: T0 + 7 * DAY, to: T0 + 20 * DAY, country: null }
    const found = standing('rtt_change', [
      contract('w1', { travelNotices: [notice] }),
      ...home.slice(1),
      ...trips(week, 30),
      ...trips([7, 8, 9], 190),
    ])
    assert.deepEqual(
      found.map((it) => it.TravelNotice),
      [true],
    )
  })
  it('is the same in any order', () => {
    const records = [
      router('aa', 0),
      ...trips(week, 30),
      router('bb', 7.1),
      ...trips(range(7, 12), 190),
      ...trips([13, 14], 60),
      router('cc', 15),
      ...trips(range(15, 20), 300),
    ]
    assert.ok(sameInAnyOrder('rtt_change', home, records).length >= 1)
  })
})
