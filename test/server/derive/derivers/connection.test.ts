import assert from 'node:assert/strict'
import type { AddressFacts, Recorded, RecordedOf } from '../../../../wire/recording.ts'
import { AUSTIN, BERLIN, contract, DAY, HOUR, holding, session as sessionOf, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const home = [contract('w1'), holding('d1', 'w1')]
/** Each city has a network of its own: otherwise the place of an address would change (N27). */
const session = (device: string, geo: AddressFacts, time?: number): RecordedOf<'connection'> => ({
  ...sessionOf(device, geo, time),
  remoteAddress: `198.18.${geo === AUSTIN ? 1 : 2}.9`,
})
const timed = (at: RecordedOf<'connection'>, rttMinMs: number, rttJitterMs = 1) => ({ ...at, rttMinMs, rttJitterMs })

describe('connection', () => {
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'one a day, with the least round trip of the day',
      records: [
        session('d1', AUSTIN),
        timed(session('d1', AUSTIN, T0 + HOUR), 41, 3),
        timed(session('d1', AUSTIN, T0 + 2 * HOUR), 30, 2),
        timed(session('d1', AUSTIN, T0 + 3 * HOUR), 35, 1),
      ],
      found: [['Austin', 0, 30, 2, false]],
    },
    {
      name: 'another place is another one, the next day is another day',
      records: [session('d1', AUSTIN), session('d1', BERLIN, T0 + HOUR), session('d1', AUSTIN, T0 + DAY)],
      found: [
        ['Austin', 0, null, null, false],
        ['Berlin', 1, null, null, false],
        ['Austin', 24, null, null, false],
      ],
    },
    {
      name: 'an earlier one that comes late takes its place',
      records: [session('d1', AUSTIN), session('d1', AUSTIN, T0 - HOUR)],
      found: [['Austin', -1, null, null, false]],
    },
    {
      name: 'an approval that begins makes it another one',
      records: [
        contract('w1', { approvedEgress: [{ asn: 64_500, from: T0 + HOUR }] }),
        session('d1', AUSTIN),
        session('d1', AUSTIN, T0 + HOUR),
      ],
      found: [
        ['Austin', 0, null, null, false],
        ['Austin', 1, null, null, true],
      ],
    },
  ]
  for (const { name, records, found } of cases)
    it(name, () =>
      assert.deepEqual(
        standing('connection', [...home, ...records]).map((it) => [
          it.City,
          (it.time - T0) / HOUR,
          it.RttMinMs,
          it.RttJitterMs,
          it.Approved,
        ]),
        found,
      ),
    )

  it('has the round trip that the distance to the server allows', () => {
    const expected = (thresholds: Record<string, unknown>) =>
      standing('connection', [...home, session('d1', BERLIN)], { thresholds: { connection: thresholds } })[0]
        ?.RttExpectedMs
    assert.equal(expected({}), null)
    assert.equal(expected({ serverLatitude: 52.52, serverLongitude: 13.4 }), 40)
    // New York to Berlin, 6,385 km: 64 ms there and back in straight fibre.
    assert.equal(expected({ serverLatitude: 40.71, serverLongitude: -74.01, pathFactor: 1, baseMs: 0 }), 64)
  })

  it('is the same in any order', () => {
    const records = [0, 1, 2, 3].flatMap((day) => [
      timed(session('d1', AUSTIN, T0 + day * DAY), 40 - day),
      timed(session('d1', AUSTIN, T0 + day * DAY + HOUR), 39),
      session('d1', day % 2 ? BERLIN : AUSTIN, T0 + day * DAY + 2 * HOUR),
    ])
    assert.equal(sameInAnyOrder('connection', home, records).length, 6)
  })
})
