/** Sessions on one laptop on several days, with times in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, received, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

/** Monday, midnight UTC. */
const MONDAY = T0 - 9 * HOUR
const home: Recorded[] = [contract('w1', { start: MONDAY - 10 * DAY }), holding('d1', 'w1')]

/** Reported when it ended. */
function session(day: number, from: number, to: number, fields: Partial<EventOf<'remote_session'>> = {}): Recorded {
  const [StartedAt, EndedAt] = [MONDAY + day * DAY + from * HOUR, MONDAY + day * DAY + to * HOUR]
  const it = event(
    'remote_session',
    {
      Tool: 'AnyDesk',
      Direction: 'incoming',
      PeerIp: null,
      PeerIdHash: null,
      StartedAt,
      EndedAt,
      Unattended: true,
      ...fields,
    },
    EndedAt,
  )
  return received('d1', it)
}
const told = (records: Recorded[], known = home) =>
  standing('volume_anomaly', [...known, ...records]).map((it) => [
    (it.time - MONDAY) / HOUR,
    it.Metric,
    it.WindowDays,
    it.Value,
  ])
const hours = 'remote_session_hours'

describe('remote_hours', () => {
  const week = [session(0, 9, 14), session(1, 9, 13), session(2, 9, 15)]
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; found: unknown[] }[] = [
    { name: 'a short session', records: [session(0, 9, 9.5)], found: [] },
    { name: 'half a day, once', records: [session(0, 9, 14)], found: [[13, hours, 1, 5]] },
    {
      name: 'three days of five',
      records: week,
      found: [
        [13, hours, 1, 5],
        [37, hours, 1, 4],
        [61, hours, 1, 6],
        [61, hours, 5, 15],
      ],
    },
    {
      name: 'three days of six are not',
      records: [session(0, 9, 13), session(1, 9, 13), session(5, 9, 13)],
      found: [
        [13, hours, 1, 4],
        [37, hours, 1, 4],
        [133, hours, 1, 4],
      ],
    },
    {
      name: 'several sessions add up, and overlapping ones count once',
      records: [session(0, 9, 11), session(0, 10, 12, { PeerIdHash: 'aaaaaaaa' }), session(0, 15, 16)],
      found: [[16, hours, 1, 4]],
    },
    {
      name: 'over midnight each day has its own',
      records: [session(0, 19, 28.5)],
      found: [
        [23, hours, 1, 5],
        [28, hours, 1, 4.5],
      ],
    },
    {
      name: 'the last word of a session counts',
      records: [session(0, 9, 15, { EndedAt: null }), session(0, 9, 16, { EndedAt: MONDAY + 10 * HOUR })],
      found: [],
    },
    {
      name: 'without an end it lasted until its event',
      records: [session(0, 9, 14, { EndedAt: null })],
      found: [[13, hours, 1, 5]],
    },
    {
      name: 'an end that has not come yet is none',
      records: [session(0, 9, 10, { EndedAt: MONDAY + 40 * DAY })],
      found: [],
    },
    { name: 'outgoing is their own work', records: [session(0, 9, 18, { Direction: 'outgoing' })], found: [] },
    {
      name: 'a tool that was agreed (N23)',
      known: [contract('w1', { approvedTools: [{ tool: 'anydesk' }] }), holding('d1', 'w1')],
      records: week,
      found: [],
    },
  ]
  for (const { name, known, records, found } of cases) it(name, () => assert.deepEqual(told(records, known), found))

  it('has the days since the start', () =>
    assert.equal(standing('volume_anomaly', [...home, ...week])[0]?.DaysSinceStart, 10 + 13 / 24))

  it('by other hours and days', () =>
    assert.equal(
      standing('volume_anomaly', [...home, ...week], { thresholds: { remote_hours: { hours: 5, days: 2, ofDays: 3 } } })
        .length,
      3,
    ))

  it('keeps five hundred sessions of a laptop that invents more', () => {
    const many = Array.from({ length: 2_000 }, (_, nth) => session(nth / 1_000, 2, 2 + 1e-4))
    assert.equal(told([...many, ...week]).length, 4)
  })

  it('in any order', () => {
    const found = sameInAnyOrder('volume_anomaly', home, [
      ...week,
      session(0, 9, 12, { EndedAt: null }),
      session(3, 20, 29),
      session(8, 9, 14),
      session(9, 9, 14, { PeerIdHash: 'bbbbbbbb' }),
      session(15, 9, 14),
    ])
    assert.ok(found.some((it) => it.WindowDays === 5))
  })
})
