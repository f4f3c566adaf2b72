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
const sittings = 'remote_session_days'

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
  const workdays = Array.from({ length: 21 }, (_, day) => day).filter((day) => day % 7 < 5)
  const byDays: { name: string; records: Recorded[]; last: unknown[][] }[] = [
    {
      name: 'three and a half hours each working day for three weeks',
      records: workdays.flatMap((day) => [session(day, 9, 10.7), session(day, 14, 15.8)]),
      last: [
        [18 * 24 + 9 + 1 / 12, sittings, 21, 15],
        [18 * 24 + 9 + 1 / 12, hours, 21, 52.5],
      ],
    },
    {
      name: 'twenty minutes on every second day',
      records: workdays.filter((day) => day % 2 === 0).map((day) => session(day, 9, 9 + 1 / 3)),
      last: [[18 * 24 + 9 + 1 / 12, sittings, 21, 8]],
    },
    { name: 'a repair that takes a week', records: [0, 1, 2, 3, 4].map((day) => session(day, 9, 9.5)), last: [] },
    { name: 'attempts that last a minute', records: workdays.map((day) => session(day, 9, 9 + 1 / 60)), last: [] },
    {
      name: 'once a month',
      records: Array.from({ length: 8 }, (_, month) => session(month * 30, 9, 10)),
      last: [],
    },
  ]
  for (const { name, records, last } of byDays)
    it(`by days: ${name}`, () => {
      const all = told(records)
      const end = Math.max(0, ...all.map((it) => it[0] as number))
      const rounded = (it: unknown[]) => [Math.round((it[0] as number) * 60), ...it.slice(1)]
      assert.deepEqual(
        all
          .filter((it) => it[0] === end)
          .map((it) => String(rounded(it)))
          .sort(),
        last.map((it) => String(rounded(it))).sort(),
      )
    })

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
