/** Each deriver over sequences of records, with the clock in the rows. */
import assert from 'node:assert/strict'
import type { Program } from '../../../rules/language/index.ts'

import { Pipeline } from '../../../server/pipeline.ts'
import type { Event } from '../../../wire/event.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, BERLIN, contract, DAY, event, HOUR, holding, processStart, received, session, T0 } from '../events.ts'

/** A program without rules that keeps what it is shown: the derived events, as rules would see them. */
function derivedFrom(records: readonly Recorded[], at?: number): Event[] {
  const seen: Event[] = []
  const program = {
    rules: [{ logsource: { category: null } }],
    match: (it: Event) => {
      if (it.product === 'tellwire') seen.push(it)
      return []
    },
    reads: () => false,
  } as unknown as Program
  const pipeline = new Pipeline({
    program,
    correlations: [],

    recognise: () => undefined,
    lookup: () => ({
      ...AUSTIN,
      country: null,
      region: null,
      city: null,
      lat: null,
      lon: null,
      asn: null,
      class: 'unknown',
    }),
  })
  for (const record of records) pipeline.take(record)
  pipeline.advance(at)
  return seen
}

const home = [contract('w1'), holding('d1', 'w1')]

describe('file_burst over an hour', () => {
  const burst = (files: number, time: number, root = '/media/stick') =>
    received(
      'd1',
      event(
        'file_burst',
        {
          Root: root,
          RootKind: 'removable',
          Files: files,
          Bytes: files * 10,
          Archives: 0,
          SourceFiles: files,
          WindowSeconds: 60,
        },
        time,
      ),
    )
  const cases: { name: string; records: Recorded[]; sums: number[] }[] = [
    { name: 'one burst speaks for itself', records: [burst(100, T0)], sums: [] },
    {
      name: 'a slow copy adds up',
      records: [burst(100, T0), burst(200, T0 + 60_000), burst(300, T0 + 120_000)],
      sums: [300, 600],
    },
    { name: 'an hour later it begins anew', records: [burst(100, T0), burst(200, T0 + HOUR)], sums: [] },
    {
      name: 'another folder is another copy',
      records: [burst(100, T0), burst(200, T0 + 60_000, '/media/other')],
      sums: [],
    },
    {
      name: 'a late one counts only what came before it',
      records: [burst(100, T0), burst(200, T0 - 60_000)],
      sums: [],
    },
  ]
  for (const { name, records, sums } of cases)
    it(name, () =>
      assert.deepEqual(
        derivedFrom([...home, ...records]).flatMap((it) => (it.category === 'file_burst' ? [it.Files] : [])),
        sums,
      ),
    )
})

describe('place_mismatch', () => {
  const mismatches = (records: Recorded[]) =>
    derivedFrom(records).flatMap((it) =>
      it.category === 'place_mismatch' ? [[it.ObservedCountry, it.Days, it.TravelNotice]] : [],
    )
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
      name: 'a travel notice is told, not hidden (N4)',
      records: [contract('w1', { travelNotices: [trip] }), holding('d1', 'w1'), session('d1', BERLIN)],
      found: [['DE', 1, true]],
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
    { name: 'an exit proves no place: VPN', records: [...home, session('d1', { ...BERLIN, class: 'vpn' })], found: [] },
    {
      name: 'an exit proves no place: iCloud Private Relay',
      records: [...home, session('d1', { ...BERLIN, class: 'private_relay' })],
      found: [],
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

describe('identity_conflict', () => {
  const reasons = (records: Recorded[]) =>
    derivedFrom(records).flatMap((it) => (it.category === 'identity_conflict' ? [it.Reason] : []))
  const [a, b] = ['aaaaaaaa', 'bbbbbbbb']
  it('two fingerprints on one key', () =>
    assert.deepEqual(reasons([...home, session('d1', AUSTIN, T0, a), session('d1', AUSTIN, T0 + HOUR, b)]), [
      'two_fingerprints',
    ]))
  it('one fingerprint, and one that could not be read', () =>
    assert.deepEqual(
      reasons([
        ...home,
        session('d1', AUSTIN, T0, a),
        session('d1', AUSTIN, T0 + HOUR),
        session('d1', AUSTIN, T0 + HOUR, a),
      ]),
      [],
    ))
  it('a number that came with another event', () =>
    assert.deepEqual(reasons([...home, { ...received('d1', processStart('/x')), conflict: true }]), [
      'sequence_replay',
    ]))
})
