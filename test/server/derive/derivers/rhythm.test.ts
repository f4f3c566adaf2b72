/** Weeks of hours, against contracts; the clock is in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, received, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

/** Monday 2 November 2026, midnight UTC: Chicago went back to UTC-6 the night before. */
const MONDAY = T0 - 9 * HOUR
const chicago = [contract('w1', { timeZone: 'America/Chicago', from: MONDAY - 60 * DAY }), holding('d1', 'w1')]

function presence(day: number, hour: number, fields: Partial<EventOf<'presence'>> = {}): Recorded {
  const it = event(
    'presence',
    { ActiveMinutes: 45, LongestIdleSeconds: 400, WindowSeconds: 3_600, ...fields },
    MONDAY + day * DAY + (hour + 1) * HOUR,
  )
  return received('d1', it)
}
/** Active from one UTC hour until another, on each of the days. */
function days(
  from: number,
  to: number,
  first: number,
  last: number,
  fields: Partial<EventOf<'presence'>> = {},
): Recorded[] {
  const hours = Array.from({ length: to - from }, (_, n) => from + n)
  return Array.from({ length: last - first + 1 }, (_, n) => first + n).flatMap((day) =>
    hours.map((hour) => presence(day, hour, fields)),
  )
}
const last = (records: Recorded[], known: Recorded[] = chicago, at = MONDAY + 60 * DAY) =>
  standing('rhythm', [...known, ...records], { at }).at(-1)

describe('rhythm', () => {
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; says: Partial<EventOf<'rhythm'>> }[] = [
    {
      name: 'a day from nine to six in Chicago',
      records: days(15, 24, 0, 9),
      says: { OffHoursShare: 0, BestUtcOffset: -6, ContractUtcOffset: -6, ActiveHoursPerDay: 6.75, Days: 10 },
    },
    {
      name: 'the nights of Chicago, which are days in the east',
      records: days(1, 10, 0, 9),
      says: { OffHoursShare: 0.67, BestUtcOffset: 8, ContractUtcOffset: -6 },
    },
    {
      name: 'across the end of daylight saving, each day by its own offset',
      records: [...days(13, 15, -1, -1), ...days(13, 15, -2, -2)],
      // 08-10 in summer time on Saturday 31 October; 07-09 in winter time on Sunday.
      says: { OffHoursShare: 0.25, ContractUtcOffset: -6 },
    },
    {
      name: 'declared hours are the agreed ones (N21)',
      known: [
        contract('w1', {
          timeZone: 'America/Chicago',
          from: MONDAY - 60 * DAY,
          declaredHours: [{ days: [1, 2, 3, 4, 5, 7], start: '19:00', end: '04:00' }],
        }),
        holding('d1', 'w1'),
      ],
      records: days(1, 10, 0, 4),
      says: { OffHoursShare: 0, BestUtcOffset: 8 },
    },
    {
      name: 'outside the declared ones, by day too',
      known: [
        contract('w1', {
          timeZone: 'America/Chicago',
          declaredHours: [{ days: [1, 2, 3, 4, 5], start: '09:00', end: '12:00' }],
        }),
        holding('d1', 'w1'),
      ],
      records: days(15, 24, 0, 0),
      says: { OffHoursShare: 0.67 },
    },
    {
      name: 'without a time zone nothing is off',
      known: [contract('w1'), holding('d1', 'w1')],
      records: days(1, 10, 0, 1),
      says: { OffHoursShare: null, ContractUtcOffset: null, BestUtcOffset: 8 },
    },
    {
      name: 'a time zone that does not exist is none',
      known: [contract('w1', { timeZone: 'Mars/Olympus' }), holding('d1', 'w1')],
      records: days(1, 10, 0, 1),
      says: { OffHoursShare: null, ContractUtcOffset: null },
    },
    {
      name: 'round the clock, never idle (#65)',
      records: days(0, 24, 0, 4, { ActiveMinutes: 60, LongestIdleSeconds: 290 }),
      says: { BestUtcOffset: null, ActiveHoursPerDay: 24, LongestIdleSeconds: 290, Days: 5 },
    },
    {
      name: 'an hour without an event is idle',
      records: days(0, 24, 0, 4, { LongestIdleSeconds: 290 }).filter((_, nth) => nth !== 4 * 24 + 3),
      says: { LongestIdleSeconds: 3_600 },
    },
    { name: 'a night is idle', records: days(8, 18, 0, 4), says: { LongestIdleSeconds: 14 * 3_600 } },
    {
      name: 'of the last ten active days only',
      records: [...days(15, 24, 0, 9), ...days(4, 13, 10, 19)],
      says: { BestUtcOffset: 5, Days: 10 },
    },
  ]
  for (const { name, known, records, says } of cases)
    it(name, () => {
      const found = last(records, known)
      assert.deepEqual(
        Object.fromEntries(Object.keys(says).map((key) => [key, found?.[key as keyof typeof found]])),
        says,
      )
    })

  it('is emitted once a day, when the day is over', () => {
    const records = days(9, 18, 0, 2)
    const count = (at: number) => standing('rhythm', [...chicago, ...records], { at }).length
    assert.deepEqual([count(MONDAY + 2 * DAY + 20 * HOUR), count(MONDAY + 3 * DAY)], [2, 3])
  })

  it('nothing where presence is not collected', () =>
    assert.deepEqual(standing('rhythm', chicago, { at: MONDAY + 9 * DAY }), []))

  it('in any order', () => {
    const found = sameInAnyOrder(
      'rhythm',
      chicago,
      [...days(15, 18, 0, 4), ...days(3, 5, 6, 9), presence(2, 15, { ActiveMinutes: 50, LongestIdleSeconds: 3_000 })],
      { at: MONDAY + 20 * DAY },
    )
    assert.equal(found.length, 9)
  })
})
