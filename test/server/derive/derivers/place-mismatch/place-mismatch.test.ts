import assert from 'node:assert/strict'
import type { AddressFacts, Recorded } from '../../../../../wire/recording.ts'
import {
  AUSTIN,
  approval,
  BERLIN,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  received,
  session as sessionOf,
  T0,
} from '../../../events.ts'
import { type Run, sameInAnyOrder, standing } from '../../standing.ts'

const home = [contract('w1'), holding('d1', 'w1')]
const BERLIN_AT = { latitude: 52.52, longitude: 13.4 }
const SEATTLE = { ...AUSTIN, region: 'Washington', city: 'Seattle', lat: 47.6, lon: -122.3 }
const PARIS = { ...BERLIN, country: 'FR', region: 'Île-de-France', city: 'Paris', lat: 48.86, lon: 2.35, asn: 64_502 }
/** Each city has a network of its own: otherwise the place of an address would change (N27). */
const session = (device: string, geo: AddressFacts, time?: number): Recorded => ({
  ...sessionOf(device, geo, time),
  ...(geo.city !== 'Berlin' && { remoteAddress: `198.18.${geo.city?.length ?? 0}.9` }),
})
const on = (geo: AddressFacts, ...days: number[]): Recorded[] => days.map((day) => session('d1', geo, T0 + day * DAY))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Day, observed country, Days, DaysInPlace, TravelNotice of one reason. */
function reported(reason: string, records: readonly Recorded[], run: Run = {}) {
  return standing('place_mismatch', records, run)
    .filter((it) => it.Reason === reason)
    .map((it) => [Math.round((it.time - T0) / DAY), it.ObservedCountry, it.Days, it.DaysInPlace, it.TravelNotice])
}

describe('place_mismatch: the contract', () => {
  const mismatches = (records: Recorded[]) =>
    reported('contract', records).map(([, country, days, , notice]) => [country, days, notice])
  const trip = { from: T0 - DAY, to: T0 + 5 * DAY, country: 'DE' }
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    { name: 'at home', records: [...home, session('d1', AUSTIN)], found: [] },
    { name: 'another country', records: [...home, session('d1', BERLIN)], found: [['DE', 1, false]] },
    {
      name: 'days add up, one a day',
      records: [...home, session('d1', BERLIN), session('d1', BERLIN, T0 + HOUR), session('d1', BERLIN, T0 + DAY)],
      found: [
        ['DE', 1, false],
        ['DE', 2, false],
      ],
    },
    {
      name: 'a travel notice is in the event (N4)',
      records: [contract('w1', { travelNotices: [trip] }), holding('d1', 'w1'), session('d1', BERLIN)],
      found: [['DE', 1, true]],
    },
    {
      name: 'a notice for a region of the country, in another spelling',
      records: [
        contract('w1', { travelNotices: [{ ...trip, country: 'US', region: 'US-WA' }] }),
        holding('d1', 'w1'),
        session('d1', SEATTLE),
      ],
      found: [['US', 1, true]],
    },
    {
      name: 'a notice for another region of the country does not excuse',
      records: [
        contract('w1', { travelNotices: [{ ...trip, country: 'US', region: 'OR' }] }),
        holding('d1', 'w1'),
        session('d1', SEATTLE),
      ],
      found: [['US', 1, false]],
    },
    {
      name: 'a notice for another country does not excuse',
      records: [
        contract('w1', { travelNotices: [{ ...trip, country: 'FR' }] }),
        holding('d1', 'w1'),
        session('d1', BERLIN),
      ],
      found: [['DE', 1, false]],
    },
    {
      name: 'F16: a move that is entered two weeks late',
      records: [...home, ...on(BERLIN, 0, 1, 14), contract('w1', { from: T0 - DAY, country: 'DE', ...BERLIN_AT })],
      found: [],
    },
    {
      name: 'F16: a move that is entered late, from its second day on',
      records: [...home, ...on(BERLIN, 0, 1, 14), contract('w1', { from: T0 + DAY, country: 'DE', ...BERLIN_AT })],
      found: [['DE', 1, false]],
    },
    {
      name: 'F16: a contract that was corrected away from where the laptop is',
      records: [
        contract('w1', { country: 'DE', ...BERLIN_AT }),
        holding('d1', 'w1'),
        ...on(BERLIN, 0, 1),
        contract('w1', { from: T0 - DAY }),
      ],
      found: [
        ['DE', 1, false],
        ['DE', 2, false],
      ],
    },
    {
      name: 'F16: a journey that is announced afterwards',
      records: [...home, ...on(BERLIN, 0), contract('w1', { from: T0 - DAY, travelNotices: [trip] })],
      found: [['DE', 1, true]],
    },
    {
      name: 'F16: an exit that the company approves afterwards',
      records: [...home, ...on(BERLIN, 0, 1), approval({ kind: 'exit', asn: BERLIN.asn })],
      found: [],
    },
    { name: 'an exit proves no place: VPN', records: [...home, session('d1', { ...BERLIN, class: 'vpn' })], found: [] },
    {
      name: 'an exit proves no place: iCloud Private Relay',
      records: [...home, session('d1', { ...BERLIN, class: 'private_relay' })],
      found: [],
    },
    ...(['sase', 'satellite'] as const).map((kind) => ({
      name: `an exit proves no place: ${kind} (N31, N32)`,
      records: [...home, session('d1', { ...BERLIN, class: kind })],
      found: [],
    })),
    {
      name: "a satellite provider's own geofeed proves the country",
      records: [
        ...home,
        session('d1', { ...BERLIN, class: 'satellite', geofeed: { country: 'DE', region: null, city: null } }),
      ],
      found: [['DE', 1, false]],
    },
    {
      name: 'a security service by its AS number alone, in an old recording',
      records: [...home, session('d1', { ...BERLIN, asn: 53_813, class: 'residential' })],
      found: [],
    },
    {
      name: 'the class that a list gave is not changed by the AS number',
      records: [...home, session('d1', { ...BERLIN, asn: 53_813, class: 'residential', by: 'range:own 2026-11-01' })],
      found: [['DE', 1, false]],
    },
    {
      name: 'a security service that nobody declared: three countries (N31)',
      records: [
        ...home,
        ...on(BERLIN, 0, 3),
        ...on({ ...PARIS, asn: 64_501 }, 1),
        ...on({ ...AUSTIN, asn: 64_501 }, 2),
      ],
      found: [],
    },
    {
      name: 'a security service that nobody declared: in turn on one day',
      records: [...home, ...on(BERLIN, 0, 0.2), ...on({ ...AUSTIN, asn: 64_501 }, 0.1, 1, 2)],
      found: [],
    },
    {
      name: 'a security service that nobody declared: back and forth',
      records: [...home, ...on(BERLIN, 0, 2), ...on({ ...AUSTIN, asn: 64_501 }, 1, 3)],
      found: [],
    },
    {
      name: 'three countries in turn on one day, whoever runs the networks',
      records: [...home, ...on(AUSTIN, 0, 0.3), ...on(BERLIN, 0.1), ...on(PARIS, 0.2)],
      found: [],
    },
    {
      name: 'a train through three countries is a journey',
      records: [
        ...home,
        ...on(BERLIN, 0),
        ...on(PARIS, 0.1),
        ...on({ ...PARIS, country: 'BE', city: 'Brussels', asn: 64_503 }, 0.2),
      ],
      found: [
        ['DE', 1, false],
        ['FR', 1, false],
        ['BE', 1, false],
      ],
    },
    {
      name: 'a move and a visit home are no hops',
      records: [...home, ...on({ ...AUSTIN, asn: 64_501 }, 0, 1, 3), ...on(BERLIN, 2)],
      found: [['DE', 1, false]],
    },
    {
      name: 'at most four places of a day (F21)',
      records: [
        ...home,
        ...range(1, 9).map((n) =>
          session('d1', { ...SEATTLE, region: `R${n}`, city: 'x'.repeat(n), asn: 65_000 + n }, T0 + n),
        ),
      ],
      found: range(1, 4).map(() => ['US', 1, false]),
    },
    {
      name: 'N30: a travel SIM that comes out at its operator, on an announced journey',
      records: [
        contract('w1', { travelNotices: [{ ...trip, country: 'FR' }] }),
        holding('d1', 'w1'),
        session('d1', { ...BERLIN, class: 'mobile' }),
      ],
      found: [['DE', 1, true]],
    },
    {
      name: 'a mobile network abroad without a journey is a mismatch',
      records: [...home, session('d1', { ...BERLIN, class: 'mobile' })],
      found: [['DE', 1, false]],
    },
    {
      name: 'an approved exit, by AS number (N5)',
      records: [contract('w1', { approvedEgress: [{ asn: 64_501 }] }), holding('d1', 'w1'), session('d1', BERLIN)],
      found: [],
    },
    {
      name: 'an approved exit, by range',
      records: [
        contract('w1', { approvedEgress: [{ address: '203.0.113.0/24' }] }),
        holding('d1', 'w1'),
        session('d1', BERLIN),
      ],
      found: [],
    },
    {
      name: 'an approval that cannot be read excuses nothing',
      records: [
        contract('w1', { approvedEgress: [{ address: '203.0.113.0/99' }] }),
        holding('d1', 'w1'),
        session('d1', BERLIN),
      ],
      found: [['DE', 1, false]],
    },
    {
      name: 'the address database is 300 km off (N7)',
      records: [...home, session('d1', { ...AUSTIN, city: 'Houston', lat: 29.76, lon: -95.37, class: 'mobile' })],
      found: [],
    },
    {
      name: 'the other end of the same country',
      records: [...home, session('d1', { ...AUSTIN, city: 'Seattle', lat: 47.6, lon: -122.3 })],
      found: [['US', 1, false]],
    },
    { name: 'no contract, no judgement', records: [holding('d1', 'w1'), session('d1', BERLIN)], found: [] },
    {
      name: 'the contract of then, not of now',
      records: [
        ...home,
        contract('w1', { from: T0 + DAY, country: 'DE', latitude: 52.5, longitude: 13.4 }),
        session('d1', BERLIN),
        session('d1', BERLIN, T0 + 2 * DAY),
      ],
      found: [['DE', 1, false]],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(mismatches(records), found))
})

describe('place_mismatch: places known by name only', () => {
  const bare = { latitude: null, longitude: null }
  const NASHVILLE = { ...AUSTIN, region: 'Tennessee', city: 'Nashville', lat: 36.16, lon: -86.78 }
  const unplaced = { lat: null, lon: null }
  const match = (terms: Parameters<typeof contract>[1], geo: AddressFacts) =>
    standing('place_mismatch', [contract('w1', { ...bare, ...terms }), holding('d1', 'w1'), session('d1', geo)]).map(
      (it) => [it.ObservedCountry, it.DistanceKm],
    )
  const far = [['US', 1211]]
  const rows: [name: string, terms: Parameters<typeof contract>[1], geo: AddressFacts, found: unknown[]][] = [
    ['a contract without coordinates', { region: 'Texas', city: 'Austin' }, NASHVILLE, far],
    ['a code for the region', { region: 'TX', city: 'AUSTIN' }, NASHVILLE, far],
    ['both in one field', { city: 'Austin, Texas' }, NASHVILLE, far],
    ['a region alone: from its nearest town', { region: 'Texas' }, NASHVILLE, [['US', 730]]],
    ['an address without coordinates', { region: 'Texas', city: 'Austin' }, { ...NASHVILLE, ...unplaced }, far],
    ['an address with a region only', { city: 'Austin, TX' }, { ...NASHVILLE, ...unplaced, city: null }, [['US', 896]]],
    ['the same city', { region: 'TX', city: 'austin' }, { ...AUSTIN, ...unplaced }, []],
    ['a suburb that no gazetteer has', { region: 'TX', city: 'Hidden Hollow' }, AUSTIN, []],
    ['the region where it is', { region: 'US-TX' }, AUSTIN, []],
    ['a contract that names a country only', {}, NASHVILLE, []],
    [
      'another country needs no distance',
      { region: 'Texas', city: 'Austin' },
      { ...BERLIN, ...unplaced },
      [['DE', 8657]],
    ],
    [
      'another country, and names that nobody has',
      { city: 'Hidden Hollow' },
      { ...BERLIN, ...unplaced },
      [['DE', null]],
    ],
  ]
  for (const [name, terms, geo, found] of rows) it(name, () => assert.deepEqual(match(terms, geo), found))

  const nowhere = { ...AUSTIN, ...unplaced, region: 'Westland', city: 'Hidden Hollow' }
  const named = [contract('w1', { ...bare, region: 'Texas', city: 'Austin' }), holding('d1', 'w1')]
  it('what cannot be compared is neither near nor far', () => {
    assert.deepEqual(reported('never_converged', [...named, ...on(nowhere, ...range(0, 13))]), [])
    const found = reported('never_converged', [
      ...named,
      ...on(nowhere, ...range(0, 5)),
      ...on(NASHVILLE, ...range(6, 13)),
    ])
    assert.deepEqual(found, [[13, 'US', 8, 0, false]])
  })
  it('what cannot be compared is in its country', () =>
    assert.deepEqual(reported('reappeared_abroad', [...named, ...on(nowhere, 0, 1, 2), ...on(BERLIN, 3, 4)]), [
      [4, 'DE', 2, 0, false],
    ]))
})

describe('place_mismatch: first boot (#2)', () => {
  const shipTo = { country: 'US', latitude: 30.27, longitude: -97.74 }
  const boot = holding('d1', 'w1', { from: T0, firstBoot: T0 })
  const shipped = [contract('w1', { shipTo }), boot]
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    { name: 'where it was shipped', records: [...shipped, ...on(AUSTIN, 0, 1)], found: [] },
    { name: 'in another country', records: [...shipped, ...on(BERLIN, 0)], found: [[0, 'DE', 1, 0, false]] },
    {
      name: 'in the same country, far away',
      records: [...shipped, ...on(SEATTLE, 0, 1)],
      found: [
        [0, 'US', 1, 0, false],
        [1, 'US', 2, 0, false],
      ],
    },
    {
      name: 'a hotel first, then home: retracted',
      records: [...shipped, ...on(SEATTLE, 0, 1), ...on(AUSTIN, 2, 3, 4)],
      found: [],
    },
    {
      name: 'home for a day only is no arrival',
      records: [...shipped, ...on(SEATTLE, 0), ...on(AUSTIN, 1), ...on(SEATTLE, 4, 5, 6, 7)],
      found: [[0, 'US', 1, 0, false]],
    },
    {
      name: 'far away, by names alone',
      records: [
        contract('w1', { shipTo: { country: 'US', region: 'TX', city: 'Austin' } }),
        boot,
        ...on({ ...SEATTLE, lat: null, lon: null }, 0),
      ],
      found: [[0, 'US', 1, 0, false]],
    },
    {
      name: 'names that nobody has are not far',
      records: [contract('w1', { shipTo: { country: 'US', city: 'Hidden Hollow' } }), boot, ...on(SEATTLE, 0)],
      found: [],
    },
    { name: 'after three days it is no first boot', records: [...shipped, ...on(SEATTLE, 4)], found: [] },
    {
      name: 'a contract without first boot: its start counts',
      records: [
        contract('w1', { shipTo, start: T0 - DAY }),
        holding('d1', 'w1', { firstBoot: null }),
        ...on(SEATTLE, 0),
      ],
      found: [[0, 'US', 1, 0, false]],
    },
    { name: 'nothing was shipped', records: [contract('w1'), boot, ...on(SEATTLE, 0)], found: [] },
    {
      name: 'through a VPN it is nowhere',
      records: [...shipped, ...on({ ...SEATTLE, class: 'vpn' }, 0)],
      found: [],
    },
    {
      name: 'during an announced journey',
      records: [
        contract('w1', { shipTo, travelNotices: [{ from: T0, to: T0 + DAY, country: 'DE' }] }),
        boot,
        ...on(BERLIN, 0),
      ],
      found: [],
    },
    {
      name: 'shipped to one place, with a contract for another: reported until it stays there',
      records: [
        contract('w1', { shipTo: { country: 'US', latitude: 47.6, longitude: -122.3 } }),
        boot,
        ...on(AUSTIN, 0),
      ],
      found: [[0, 'US', 1, 1, false]],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(reported('first_boot', records), found))
})

describe('place_mismatch: never converged (#3)', () => {
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'two weeks elsewhere',
      records: [...home, ...on(SEATTLE, ...range(0, 13))],
      found: [[13, 'US', 14, 0, false]],
    },
    { name: 'not yet two weeks', records: [...home, ...on(SEATTLE, ...range(0, 12))], found: [] },
    {
      name: 'half of the days at home',
      records: [...home, ...on(SEATTLE, ...range(0, 6)), ...on(AUSTIN, ...range(7, 12)), ...on(SEATTLE, 13)],
      found: [[13, 'US', 8, 6, false]],
    },
    {
      name: 'most of the days at home',
      records: [...home, ...on(SEATTLE, ...range(0, 5)), ...on(AUSTIN, ...range(6, 12)), ...on(SEATTLE, 13)],
      found: [],
    },
    { name: 'too few days with a place', records: [...home, ...on(SEATTLE, 0, 3, 6, 9, 13)], found: [] },
    {
      name: 'two weeks behind a VPN prove nothing',
      records: [...home, ...on({ ...SEATTLE, class: 'vpn' }, ...range(0, 13))],
      found: [],
    },
    {
      name: 'two announced weeks',
      records: [
        contract('w1', { travelNotices: [{ from: T0, to: T0 + 20 * DAY, country: 'DE' }] }),
        holding('d1', 'w1'),
        ...on(BERLIN, ...range(0, 13)),
      ],
      found: [],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () => assert.deepEqual(reported('never_converged', records), found))

  it('has the distance of the median day', () =>
    assert.deepEqual(
      standing('place_mismatch', [...home, ...on(AUSTIN, 0, 1, 2), ...on(SEATTLE, ...range(3, 13))])
        .filter((it) => it.Reason === 'never_converged')
        .map((it) => it.DistanceKm),
      [2845],
    ))
})

describe('place_mismatch: reappeared abroad (#59)', () => {
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'at home for three days, then abroad for two',
      records: [...home, ...on(AUSTIN, 0, 1, 2), ...on(BERLIN, 3, 4)],
      found: [[4, 'DE', 2, 3, false]],
    },
    { name: 'abroad for one moment', records: [...home, ...on(AUSTIN, 0, 1, 2), ...on(BERLIN, 3)], found: [] },
    {
      name: 'abroad for six hours of one day',
      records: [...home, ...on(AUSTIN, 0, 1, 2), ...on(BERLIN, 3, 3.25)],
      found: [[3, 'DE', 1, 3, false]],
    },
    { name: 'never at home before', records: [...home, ...on(AUSTIN, 0, 1), ...on(BERLIN, 3, 4)], found: [] },
    {
      name: 'elsewhere in the country is at home for this',
      records: [...home, ...on(SEATTLE, 0, 1, 2), ...on(BERLIN, 3, 4)],
      found: [[4, 'DE', 2, 0, false]],
    },
    {
      name: 'months after it was last seen at home (P18)',
      records: [...home, ...on(AUSTIN, 0, 1, 2), ...on(BERLIN, 80, 81)],
      found: [[81, 'DE', 2, 0, false]],
    },
    {
      name: 'N4: announced, with a day of grace and a stopover',
      records: [
        contract('w1', { travelNotices: [{ from: T0 + 4 * DAY, to: T0 + 9 * DAY, country: 'DE' }] }),
        holding('d1', 'w1'),
        ...on(AUSTIN, 0, 1, 2),
        ...on(PARIS, 3),
        ...on(BERLIN, 3.2, 4, 5, 6, 7, 8, 9.5),
        ...on(AUSTIN, 11),
      ],
      found: [],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () => assert.deepEqual(reported('reappeared_abroad', records), found))
})

describe('place_mismatch: the vote of the witnesses', () => {
  const terms = { region: 'Texas', city: 'Austin', timeZone: 'America/Chicago' }
  const worker = [contract('w1', terms), holding('d1', 'w1')]
  const clock = (TimeZone: string | null, UtcOffsetMinutes: number | null, day = 0) =>
    received(
      'd1',
      event('clock_place', { TimeZone, UtcOffsetMinutes, KeyboardLayouts: null, ClockJumpMs: null }, T0 + day * DAY),
    )
  const CHICAGO = clock('America/Chicago', -360)
  const router = (GatewayHash: string | null, day: number, BssidHash: string | null = null) =>
    received(
      'd1',
      event(
        'network_place',
        {
          ...{ Interface: 'wlan0', GatewayHash, SsidHash: null, BssidHash, DnsServers: null, TunnelInterface: null },
          ...{ TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: null },
        },
        T0 + day * DAY + 9_000,
      ),
    )
  const from = (geo: AddressFacts, rttMinMs: number | null, remoteAddress: string, ...days: number[]): Recorded[] =>
    days.map((day) => ({ ...session('d1', geo, T0 + day * DAY), remoteAddress, rttMinMs }))
  const [HOME, OTHER] = ['198.18.1.9', '198.18.2.9']
  const atHome = from(AUSTIN, 40, HOME, 0, 1, 2)
  const FAR = { ...BERLIN, asn: 64_500 }
  const days = (records: readonly Recorded[], thresholds = {}) => {
    const found = standing('place_mismatch', [...worker, ...records], {
      // A change of an address's place is held for a day.
      at: T0 + 70 * DAY,
      thresholds: { place_mismatch: thresholds },
    })
    const of = (disputed: boolean) => found.filter((it) => (it.Reason === 'databases_disagree') === disputed)
    const dayOf = (it: { time: number }) => Math.round((it.time - T0) / DAY)
    return {
      elsewhere: [...new Set(of(false).map(dayOf))],
      disagree: of(true).map((it) => [dayOf(it), it.WitnessesFor, it.WitnessesAgainst]),
    }
  }
  const dallas = { serverLatitude: 32.78, serverLongitude: -96.8 }
  const berlin = { serverLatitude: BERLIN.lat, serverLongitude: BERLIN.lon }

  const cases: { name: string; records: Recorded[]; thresholds?: object; elsewhere: number[]; disagree: unknown[] }[] =
    [
      {
        name: 'the same address and router (N36 for one laptop)',
        records: [...atHome, router('aa', 0), ...from(BERLIN, 40, HOME, 3, 4)],
        elsewhere: [],
        disagree: [
          [3, 0, 2],
          [4, 0, 2],
        ],
      },
      {
        name: 'the same address, and nothing else is known',
        records: [...from(AUSTIN, null, HOME, 0, 1, 2), ...from(BERLIN, null, HOME, 3)],
        elsewhere: [],
        disagree: [[3, 0, 1]],
      },
      {
        name: 'the same address, back and forth',
        records: [...from(AUSTIN, null, HOME, 0, 2, 4), ...from(BERLIN, null, HOME, 3, 5)],
        elsewhere: [],
        disagree: [
          [3, 0, 1],
          [5, 0, 1],
        ],
      },
      {
        name: 'an address that was abroad first is not made a home by one wrong day',
        records: [...from(BERLIN, null, HOME, 0, 1, 3, 4), ...from({ ...AUSTIN, asn: 64_501 }, null, HOME, 2)],
        elsewhere: [0, 1, 3, 4],
        disagree: [],
      },
      {
        name: 'the same address for two months: the database is believed in the end',
        records: [...from(AUSTIN, null, HOME, 0, 1, 2), ...from(BERLIN, null, HOME, 60)],
        elsewhere: [60],
        disagree: [],
      },
      {
        name: 'a new address of the same operator behind the same router',
        records: [...atHome, router('aa', 0), ...from(FAR, 45, OTHER, 3)],
        elsewhere: [],
        disagree: [[3, 0, 2]],
      },
      {
        name: 'the router taken along: another operator',
        records: [...atHome, router('aa', 0), CHICAGO, ...from(BERLIN, 150, OTHER, 3)],
        elsewhere: [3],
        disagree: [],
      },
      {
        name: 'the router taken along: no round trip, and a clock that was set',
        records: [...from(AUSTIN, null, HOME, 0, 1), router('aa', 0), CHICAGO, ...from(BERLIN, null, OTHER, 3)],
        elsewhere: [3],
        disagree: [],
      },
      {
        name: 'a new network abroad, with the clock of home',
        records: [...atHome, router('aa', 0), CHICAGO, router('bb', 3), ...from(BERLIN, 150, OTHER, 3)],
        elsewhere: [3],
        disagree: [],
      },
      {
        name: 'a new network abroad, with the clock and the round trip of home',
        records: [
          ...from(AUSTIN, 140, HOME, 0, 1),
          router('aa', 0),
          CHICAGO,
          router('bb', 3),
          ...from(BERLIN, 140, OTHER, 3),
        ],
        elsewhere: [3],
        disagree: [],
      },
      {
        name: 'the access point is the same, and the router was replaced',
        records: [...atHome, router('aa', 0, 'ap'), router('bb', 3, 'ap'), ...from(FAR, 40, OTHER, 3)],
        elsewhere: [],
        disagree: [[3, 0, 2]],
      },
      {
        name: 'from the first day: clock and a short round trip (case 06)',
        records: [CHICAGO, ...from(BERLIN, 12, HOME, 0, 1)],
        elsewhere: [],
        disagree: [
          [0, 0, 2],
          [1, 0, 2],
        ],
      },
      {
        name: 'from the first day: the clock alone',
        records: [CHICAGO, ...from(BERLIN, null, HOME, 0)],
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'from the first day: the clock, and a round trip across the ocean',
        records: [CHICAGO, ...from(BERLIN, 110, HOME, 0)],
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'a clock on UTC says nothing',
        records: [clock('Etc/UTC', 0), ...from(BERLIN, 12, HOME, 0)],
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'a clock by its offset alone',
        records: [clock(null, -360), ...from(BERLIN, 12, HOME, 0)],
        elsewhere: [],
        disagree: [[0, 0, 2]],
      },
      {
        name: 'faster than light from this server, whose place is known',
        records: [...from(BERLIN, 20, OTHER, 0)],
        thresholds: dallas,
        elsewhere: [],
        disagree: [[0, 0, 1]],
      },
      {
        name: 'slow enough for the place, from this server',
        records: [CHICAGO, ...from(BERLIN, 130, OTHER, 0)],
        thresholds: dallas,
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'far too slow for a place next to this server, as slow as from the contract, and the clock of home',
        records: [CHICAGO, ...from(PARIS, 200, OTHER, 0)],
        thresholds: berlin,
        elsewhere: [],
        disagree: [[0, 0, 2]],
      },
      {
        name: 'as slow as from the contract alone: one against one',
        records: from(PARIS, 200, OTHER, 0),
        thresholds: berlin,
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'slower than the contract explains too, with the clock of home',
        records: [CHICAGO, ...from(PARIS, 320, OTHER, 0)],
        thresholds: berlin,
        elsewhere: [0],
        disagree: [],
      },
      {
        name: 'faster than light by way of any server: home and away together',
        records: [...from(AUSTIN, 30, HOME, 0), ...from(BERLIN, 30, OTHER, 3)],
        elsewhere: [],
        disagree: [[3, 0, 1]],
      },
      {
        name: 'a mobile network, whose round trip and address say nothing',
        records: [CHICAGO, ...from({ ...BERLIN, class: 'mobile' }, 12, HOME, 0)],
        elsewhere: [0],
        disagree: [],
      },
      {
        name: "the operator's geofeed has it at home",
        records: from({ ...BERLIN, geofeed: { country: 'US', region: null, city: null } }, null, OTHER, 0),
        elsewhere: [],
        disagree: [[0, 0, 1]],
      },
      {
        name: "the operator's geofeed has it in the same city",
        records: from({ ...SEATTLE, geofeed: { country: 'US', region: 'US-TX', city: 'Austin' } }, null, OTHER, 0),
        elsewhere: [],
        disagree: [[0, 0, 1]],
      },
      {
        name: "the operator's geofeed agrees with the database",
        records: from({ ...BERLIN, geofeed: { country: 'DE', region: null, city: null } }, null, OTHER, 0),
        elsewhere: [0],
        disagree: [],
      },
    ]
  for (const { name, records, thresholds, ...found } of cases)
    it(name, () => assert.deepEqual(days(records, thresholds), found))

  it('makes no first boot, no reappearance and no two weeks elsewhere of a database that is wrong', () => {
    const records = [...atHome, router('aa', 0), ...from(BERLIN, 40, HOME, ...range(3, 20))]
    const reasons = new Set(standing('place_mismatch', [...worker, ...records]).map((it) => it.Reason))
    assert.deepEqual([...reasons], ['databases_disagree'])
  })
  it('is the same in any order', () => {
    const records = [
      ...atHome,
      ...[0, 3, 6].map((day) => router('aa', day)),
      ...[1, 4, 5].map((day) => router('bb', day)),
      ...[0, 2, 5].map((day) => clock('America/Chicago', -360, day)),
      ...[1, 4].map((day) => clock('Europe/Berlin', 60, day)),
      ...from(BERLIN, 40, HOME, 3, 6),
      ...from(BERLIN, 150, OTHER, 4, 5, 7),
      ...from(FAR, 45, OTHER, 8, 9),
    ]
    assert.ok(sameInAnyOrder('place_mismatch', worker, records).length > 5)
  })
})

describe('place_mismatch: the address of an operator (#25)', () => {
  const remote = (
    peer: AddressFacts,
    time = T0,
    fields: { Direction?: 'incoming' | 'outgoing'; Tool?: string } = {},
  ) => ({
    ...received(
      'd1',
      event(
        'remote_session',
        {
          Tool: 'AnyDesk',
          Direction: 'incoming',
          PeerIp: '198.51.100.7',
          PeerIdHash: null,
          StartedAt: time,
          EndedAt: null,
          Unattended: true,
          ...fields,
        },
        time,
      ),
    ),
    facts: { peer },
  })
  const nowhere = contract('w1', { country: null, latitude: null, longitude: null })
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    { name: 'in another country', records: [...home, remote(BERLIN)], found: [[0, 'DE', 1, 0, false]] },
    {
      name: 'whatever the class of the address',
      records: [...home, remote({ ...BERLIN, class: 'vpn' })],
      found: [[0, 'DE', 1, 0, false]],
    },
    { name: 'in the same country', records: [...home, remote(SEATTLE)], found: [] },
    { name: 'an outgoing session', records: [...home, remote(BERLIN, T0, { Direction: 'outgoing' })], found: [] },
    {
      name: 'two events about one session',
      records: [...home, remote(BERLIN), remote(BERLIN, T0 + HOUR)],
      found: [[0, 'DE', 1, 0, false]],
    },
    {
      name: 'two days of seven (P8)',
      records: [...home, remote(BERLIN), remote(BERLIN, T0 + 3 * DAY)],
      found: [
        [0, 'DE', 1, 0, false],
        [3, 'DE', 2, 0, false],
      ],
    },
    {
      name: 'N1: the help desk, with an approved tool',
      records: [contract('w1', { approvedTools: [{ tool: 'anydesk' }] }), holding('d1', 'w1'), remote(BERLIN)],
      found: [],
    },
    {
      name: 'from an approved exit',
      records: [
        contract('w1', { approvedEgress: [{ address: '198.51.100.0/24' }] }),
        holding('d1', 'w1'),
        remote(BERLIN),
      ],
      found: [],
    },
    {
      name: 'no contract: against where the laptop was that day',
      records: [nowhere, holding('d1', 'w1'), session('d1', AUSTIN), remote(BERLIN, T0 + HOUR)],
      found: [[0, 'DE', 1, null, false]],
    },
    {
      name: 'no contract, and the laptop is there too',
      records: [nowhere, holding('d1', 'w1'), session('d1', BERLIN), remote(BERLIN, T0 + HOUR)],
      found: [],
    },
    { name: 'no contract and no laptop: nothing', records: [nowhere, holding('d1', 'w1'), remote(BERLIN)], found: [] },
    {
      name: 'a clock that runs ahead does not blind us',
      records: [...home, { ...remote(BERLIN, T0 + 900 * DAY), receivedAt: T0 }, remote(BERLIN, T0 + DAY)],
      found: [
        [0, 'DE', 1, 0, false],
        [1, 'DE', 2, 0, false],
      ],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () => assert.deepEqual(reported('operator_address', records), found))

  it('is the same in any order, with all the other reasons', () => {
    const records = [
      ...on(SEATTLE, ...range(0, 4), 6, 8, 8.3, 14),
      ...on(AUSTIN, 4.2, 5, 6.1),
      ...on(BERLIN, 9, 10, 10.3),
      ...on(PARIS, 10.2, 12),
      ...on(SEATTLE, 20, 21, 21.1),
      remote(BERLIN, T0 + DAY),
      remote(PARIS, T0 + 2 * DAY),
    ]
    const known = [
      contract('w1', {
        shipTo: { country: 'US', latitude: 30.27, longitude: -97.74 },
        travelNotices: [{ from: T0 + 12 * DAY, to: T0 + 13 * DAY, country: 'FR' }],
      }),
      holding('d1', 'w1', { firstBoot: T0 }),
    ]
    const reasons = sameInAnyOrder('place_mismatch', known, records).map((it) => it.Reason)
    assert.deepEqual([...new Set(reasons)].sort(), [
      'contract',
      'first_boot',
      'never_converged',
      'operator_address',
      'reappeared_abroad',
    ])
  })
})
