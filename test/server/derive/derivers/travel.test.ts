import assert from 'node:assert/strict'
import type { AddressFacts, Recorded } from '../../../../wire/recording.ts'
import { AUSTIN, BERLIN, contract, DAY, event, HOUR, holding, received, session, T0 } from '../../events.ts'
import { about, sameInAnyOrder } from '../standing.ts'

const home = [contract('w1'), holding('d1', 'w1'), holding('d2', 'w1'), holding('d3', 'w2')]
const DALLAS = { ...AUSTIN, city: 'Dallas', lat: 32.78, lon: -96.8 }
const SEATTLE = { ...AUSTIN, region: 'Washington', city: 'Seattle', lat: 47.6, lon: -122.3, asn: 64_502 }
const BRNO = { ...BERLIN, country: 'CZ', region: 'South Moravia', city: 'Brno', lat: 49.19, lon: 16.61 }
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
let networks = 0
/** From a network of its own each time. */
const at = (geo: AddressFacts, hours: number, device = 'd1'): Recorded => ({
  ...session(device, geo, T0 + hours * HOUR),
  remoteAddress: `198.18.${networks++ % 250}.7`,
})
const used = (device: string, hours: number) =>
  received(
    device,
    event('presence', { ActiveMinutes: 30, LongestIdleSeconds: 60, WindowSeconds: 3_600 }, T0 + hours * HOUR),
  )
const moves = (records: readonly Recorded[]) =>
  about('travel', [...home, ...records]).map(({ event: it, device }) => [
    `${it.FromCountry}-${it.ToCountry}`,
    it.Hours,
    it.TravelNotice,
    device,
  ])

describe('travel (#51)', () => {
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'across the ocean in an hour',
      records: [at(AUSTIN, 0), at(BERLIN, 1)],
      found: [['US-DE', 1, false, 'd1']],
    },
    { name: 'across the ocean in eleven hours', records: [at(AUSTIN, 0), at(BERLIN, 11)], found: [] },
    {
      name: 'between regions of one country',
      records: [at(AUSTIN, 0), at(SEATTLE, 1)],
      found: [['US-US', 1, false, 'd1']],
    },
    { name: 'within a region', records: [at(AUSTIN, 0), at(DALLAS, 0.1)], found: [] },
    { name: 'to a neighbouring country at once', records: [at(BERLIN, 0), at(BRNO, 0.1)], found: [] },
    {
      name: 'a place that may be 8,000 km off',
      records: [at(AUSTIN, 0), at({ ...BERLIN, accuracyKm: 8_000 }, 1)],
      found: [],
    },
    ...(['vpn', 'hosting', 'private_relay', 'tor', 'corporate', 'mobile', 'sase', 'satellite'] as const).map(
      (kind) => ({
        name: `one end is ${kind}`,
        records: [at(AUSTIN, 0), at({ ...BERLIN, class: kind }, 1)],
        found: [],
      }),
    ),
    {
      name: 'an approved exit (N5)',
      records: [contract('w1', { approvedEgress: [{ asn: 64_501 }] }), at(AUSTIN, 0), at(BERLIN, 1)],
      found: [],
    },
    {
      name: 'one address, and another place overnight (N27)',
      records: [session('d1', AUSTIN), session('d1', BERLIN, T0 + HOUR)],
      found: [],
    },
    {
      name: 'announced, with a day of grace (N4)',
      records: [
        contract('w1', { travelNotices: [{ from: T0 + DAY, to: T0 + 4 * DAY, country: 'DE' }] }),
        at(AUSTIN, 0),
        at(BERLIN, 2),
      ],
      found: [['US-DE', 2, true, 'd1']],
    },
    {
      name: 'back and forth: once a day and direction',
      records: [0, 2, 4, 25].flatMap((hours) => [at(AUSTIN, hours), at(BERLIN, hours + 1)]),
      found: [
        ['US-DE', 1, false, 'd1'],
        ['DE-US', 1, false, 'd1'],
        ['US-DE', 1, false, 'd1'],
      ],
    },
    {
      name: "one operator's network in two countries: its exit (N31)",
      records: [at(AUSTIN, 0), at({ ...BERLIN, asn: 64_500 }, 1)],
      found: [],
    },
    {
      name: 'a security service by its AS number alone, in an old recording (N31)',
      records: [at(AUSTIN, 0), at({ ...BERLIN, asn: 53_813, class: 'unknown' }, 1)],
      found: [],
    },
    {
      name: 'many exits at once: one event says so (F21)',
      records: range(0, 11).map((n) => at(n % 2 ? AUSTIN : { ...BERLIN, region: `R${n}`, asn: 65_000 + n }, n)),
      found: [['DE-US', 1, false, 'd1']],
    },
    { name: "another worker's laptop", records: [at(AUSTIN, 0), at(BERLIN, 1, 'd3')], found: [] },
    { name: 'a second laptop that runs by itself', records: [at(AUSTIN, 0), at(BERLIN, 1, 'd2')], found: [] },
    {
      name: 'a second laptop, and both were used',
      records: [used('d1', 0), used('d2', 1.2), at(AUSTIN, 0), at(BERLIN, 1, 'd2')],
      found: [['US-DE', 1, false, null]],
    },
    {
      name: 'a second laptop, and the first was used much earlier',
      records: [used('d1', -5), used('d2', 1.2), at(AUSTIN, 0), at(BERLIN, 1, 'd2')],
      found: [],
    },
    {
      name: 'the second laptop at home does not hide it',
      records: [at(AUSTIN, 0), at(AUSTIN, 0.5, 'd2'), at(BERLIN, 1)],
      found: [['US-DE', 1, false, 'd1']],
    },
    {
      name: 'an unproven place between does not hide it',
      records: [at(AUSTIN, 0), at({ ...BERLIN, class: 'vpn' }, 0.5), at(BERLIN, 1)],
      found: [['US-DE', 1, false, 'd1']],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(moves(records), found))

  it('has distance and speed', () =>
    assert.deepEqual(
      about('travel', [...home, at(AUSTIN, 0), at(BERLIN, 2)]).map(({ event: it }) => [it.DistanceKm, it.SpeedKmh]),
      [[8_656, 4_328]],
    ))

  it('is the same in any order', () => {
    const records = [
      ...[0, 3, 7, 30].flatMap((hours) => [at(AUSTIN, hours), at(BERLIN, hours + 1.5)]),
      ...[8, 31, 50].flatMap((hours) => [at(SEATTLE, hours, 'd2'), used('d2', hours + 0.1), used('d1', hours)]),
    ]
    assert.ok(sameInAnyOrder('travel', home, records).length > 2)
  })
})
