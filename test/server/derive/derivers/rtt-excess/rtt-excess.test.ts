import assert from 'node:assert/strict'
import type { AddressFacts, Recorded } from '../../../../../wire/recording.ts'
import { AUSTIN, BERLIN, contract, DAY, HOUR, holding, session, T0 } from '../../../events.ts'
import { about, type Run, sameInAnyOrder } from '../../standing.ts'

const workers = ['w1', 'w2', 'w3', 'w4', 'w5']
const home = workers.flatMap((worker) => [contract(worker), holding(worker.replace('w', 'd'), worker)])
const CHICAGO = { ...AUSTIN, region: 'Illinois', city: 'Chicago', lat: 41.88, lon: -87.63 }
const SAN_ANTONIO = { ...AUSTIN, city: 'San Antonio', lat: 29.42, lon: -98.49 }
/** A server in Austin. */
const here = { rtt_excess: { serverLatitude: 30.27, serverLongitude: -97.74 } }
const trip = (geo: AddressFacts, day: number, rttMinMs: number, device = 'd1'): Recorded => ({
  ...session(device, geo, T0 + day * DAY),
  rttMinMs,
  rttJitterMs: 2,
})
const trips = (geo: AddressFacts, days: readonly number[], rttMinMs: number, device?: string) =>
  days.map((day) => trip(geo, day, rttMinMs, device))
const week = [0, 1, 2, 3, 4]
const said = (records: readonly Recorded[], run: Run = {}) =>
  about('rtt_excess', [...home, ...records], { at: T0 + 30 * DAY, ...run }).map(({ event: it, device }) => [
    device,
    (it.time - T0) / DAY,
    it.MeasuredMs,
    it.ExpectedMs,
    it.Days,
    it.Target,
    it.NetworkClass,
  ])

describe('rtt_excess and the place of the contract (#53, N6)', () => {
  const BERLINER = { country: 'DE', region: null, city: 'Berlin', latitude: 52.52, longitude: 13.4 }
  const fits = (terms: Parameters<typeof contract>[1], rtt: number, later: readonly Recorded[] = []) =>
    about('rtt_excess', [contract('w1', terms), holding('d1', 'w1'), ...trips(AUSTIN, week, rtt), ...later], {
      at: T0 + 30 * DAY,
      thresholds: here,
    }).map(({ event }) => event.FitsContract)

  // 8,500 km of cable and as much again for detours take 170 ms.
  it('says that a laptop at the contract’s place would be as slow', () => assert.deepEqual(fits(BERLINER, 230), [true]))
  it('says that it would not', () => assert.deepEqual(fits(BERLINER, 350), [false]))
  it('says that it would not, where the address fits the contract', () => assert.deepEqual(fits({}, 180), [false]))
  it('does not know without a place', () => {
    assert.deepEqual(fits({ country: null, latitude: null, longitude: null }, 230), [null])
  })
  it('says it again when the contract becomes known later', () => {
    assert.deepEqual(fits({}, 230, [contract('w1', BERLINER)]), [true])
  })
})

describe('rtt_excess against the distance to the server (#46, #53, P22)', () => {
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'next door, and 180 ms for five days',
      records: trips(AUSTIN, week, 180),
      found: [['d1', 4, 180, 40, 5, 'server', 'residential']],
    },
    {
      name: "a VPN's exit next door",
      records: trips({ ...AUSTIN, class: 'vpn' }, week, 180),
      found: [['d1', 4, 180, 40, 5, 'server', 'vpn']],
    },
    { name: 'four days', records: trips(AUSTIN, week.slice(1), 180), found: [] },
    { name: 'a slow line', records: trips(AUSTIN, week, 119), found: [] },
    { name: 'far away, and as long as that takes', records: trips(BERLIN, week, 200), found: [] },
    { name: 'the least of a day counts', records: [...trips(AUSTIN, week, 180), trip(AUSTIN, 2.2, 30)], found: [] },
    {
      name: 'one good day of many is an exception',
      records: [...trips(AUSTIN, [0, 1, 2, 3, 4, 5], 180), trip(AUSTIN, 2.2, 30)],
      found: [['d1', 5, 180, 40, 5, 'server', 'residential']],
    },
    {
      name: 'bad days among good ones',
      records: [...trips(AUSTIN, week, 180), ...trips(AUSTIN, [5, 6, 7, 8, 9, 10], 30)],
      found: [['d1', 4, 180, 40, 5, 'server', 'residential']],
    },
    { name: 'mobile', records: trips({ ...AUSTIN, class: 'mobile' }, week, 180), found: [] },
    { name: 'a satellite', records: trips({ ...AUSTIN, asn: 14_593 }, week, 180), found: [] },
    { name: 'a country without a city', records: trips({ ...AUSTIN, city: null }, week, 180), found: [] },
    {
      name: 'a place that may be 10,000 km off',
      records: trips({ ...AUSTIN, accuracyKm: 10_000 }, week, 180),
      found: [],
    },
    {
      name: 'another network of its own nearby is as slow',
      records: [...trips(AUSTIN, week, 180), trip({ ...SAN_ANTONIO, asn: 64_999 }, 3, 150)],
      found: [],
    },
    {
      name: 'it was, weeks ago',
      records: [trip({ ...SAN_ANTONIO, asn: 64_999 }, -40, 150), ...trips(AUSTIN, week, 180)],
      found: [],
    },
    {
      name: 'another exit of a VPN nearby is no measure',
      records: [...trips(AUSTIN, week, 180), trip({ ...SAN_ANTONIO, asn: 64_999, class: 'vpn' }, 3, 150)],
      found: [['d1', 4, 180, 40, 5, 'server', 'residential']],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () => assert.deepEqual(said(records, { thresholds: here }), found))

  it('is not emitted before the day is over', () => {
    const records = trips(AUSTIN, week, 180)
    const midnight = Math.ceil((T0 + 4 * DAY) / DAY) * DAY
    assert.deepEqual(said(records, { thresholds: here, at: midnight - 1 }), [])
    assert.equal(said(records, { thresholds: here, at: midnight }).length, 1)
  })
})

describe('rtt_excess against peers who claim to be nearby', () => {
  const peers = (ms: number, devices: readonly string[], geo: AddressFacts = SAN_ANTONIO, days = week) =>
    devices.flatMap((device, index) => trips(geo, days, ms + index, device))
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'three others take 130 ms, this one 280',
      records: [...trips(AUSTIN, week, 280), ...peers(130, ['d2', 'd3', 'd4'])],
      // 131 is the median; 300 km of cable and a last mile come on top.
      found: [['d1', 4, 280, 157, 5, 'peers near Austin', 'residential']],
    },
    { name: 'all take as long', records: [...trips(AUSTIN, week, 280), ...peers(270, ['d2', 'd3', 'd4'])], found: [] },
    { name: 'two others are too few', records: [...trips(AUSTIN, week, 280), ...peers(130, ['d2', 'd3'])], found: [] },
    {
      name: 'others far away are no peers',
      records: [...trips(AUSTIN, week, 280), ...peers(130, ['d2', 'd3', 'd4'], BERLIN)],
      found: [],
    },
    {
      name: 'nobody near by, and 30 ms for others in Chicago',
      records: [...trips(AUSTIN, week, 280), ...peers(30, ['d2', 'd3', 'd4'], CHICAGO)],
      // 31 is the median; 1,600 km of cable and a last mile come on top.
      found: [['d1', 4, 280, 84, 5, 'peers elsewhere', 'residential']],
    },
    {
      name: 'no more than the way to Chicago explains',
      records: [...trips(AUSTIN, week, 160), ...peers(30, ['d2', 'd3', 'd4'], CHICAGO)],
      found: [],
    },
    {
      name: 'two in Chicago and one near are three, and too few of either',
      records: [...trips(AUSTIN, week, 280), ...peers(30, ['d2', 'd3'], CHICAGO), ...peers(30, ['d4'])],
      found: [['d1', 4, 280, 83, 5, 'peers elsewhere', 'residential']],
    },
    {
      name: 'one worker whom the database misplaces has no effect on others',
      records: [...trips(AUSTIN, week, 200), ...peers(5, ['d2']), ...peers(190, ['d3', 'd4', 'd5'])],
      found: [],
    },
    {
      name: "a VPN's exit measures nobody, and is measured",
      records: [
        ...trips({ ...AUSTIN, class: 'vpn' }, week, 280),
        ...peers(270, ['d2'], { ...SAN_ANTONIO, class: 'vpn' }),
        ...peers(130, ['d3', 'd4', 'd5']),
      ],
      found: [
        ['d1', 4, 280, 157, 5, 'peers near Austin', 'vpn'],
        ['d2', 4, 270, 157, 5, 'peers near San Antonio', 'vpn'],
      ],
    },
    {
      name: 'peers of weeks ago are no peers',
      records: [...peers(130, ['d2', 'd3', 'd4'], SAN_ANTONIO, [-16, -15]), ...trips(AUSTIN, week, 280)],
      found: [],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(said(records), found))

  it('is the same in any order, with peers elsewhere', () => {
    const records = [
      ...trips(AUSTIN, week, 280),
      ...week.flatMap((day) => ['d2', 'd3', 'd4'].map((it) => trip(CHICAGO, day + 0.2, 230 - 50 * day, it))),
    ]
    assert.ok(sameInAnyOrder('rtt_excess', home, records, { at: T0 + 10 * DAY + HOUR }).length > 0)
  })

  it('is the same in any order', () => {
    const days = [0, 1, 2, 3, 4, 5, 7, 8]
    const records = [
      ...trips(AUSTIN, days, 280),
      ...days.map((day) => trip(AUSTIN, day + 0.1, 250 + day)),
      ...days.flatMap((day) =>
        ['d2', 'd3', 'd4'].map((device, index) => trip(SAN_ANTONIO, day + 0.2, 130 - 5 * day + index, device)),
      ),
      trip({ ...AUSTIN, asn: 64_999 }, 6, 240),
    ]
    assert.ok(sameInAnyOrder('rtt_excess', home, records, { at: T0 + 10 * DAY + HOUR }).length > 2)
  })
})
