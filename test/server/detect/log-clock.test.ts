/** The log's clock when other clocks are wrong. */
import assert from 'node:assert/strict'
import { LogClock } from '../../../server/detect/log-clock.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, login, processStart, received, session, T0 } from '../events.ts'

const YEAR = 365 * DAY
const clock = (time: number): Recorded => ({ type: 'clock', time })
/** An event at `time` by the laptop's clock, received at `at` by the server's. */
const event = (time: number, at = time, device = 'd1') => received(device, processStart('/bin/x', time), at)
const opened = (at: number, skewMs: number | null, device = 'd1'): Recorded => ({
  ...session(device, AUSTIN, at),
  clockSkewMs: skewMs,
})
const hours = (from: number, to: number, make: (time: number) => Recorded) =>
  Array.from({ length: Math.round((to - from) / HOUR) }, (_, n) => make(from + n * HOUR))

describe('server/detect: the clock of the log', () => {
  const cases: { name: string; records: Recorded[]; time: number; held?: number | null }[] = [
    { name: 'an event with the same time moves it', records: [event(T0)], time: T0 },
    {
      name: 'small steps need no confirmation',
      records: [event(T0), clock(T0 + HOUR), clock(T0 + 2 * HOUR)],
      time: T0 + 2 * HOUR,
    },
    {
      name: 'a server clock a year ahead is held',
      records: [event(T0), clock(T0 + YEAR)],
      time: T0,
      held: T0 + YEAR,
    },
    {
      name: 'it stays held when connecting laptops disagree',
      records: [event(T0), clock(T0 + YEAR), opened(T0 + YEAR, -YEAR), event(T0 + 60_000, T0 + YEAR + 60_000)],
      time: T0,
      held: T0 + YEAR + 60_000,
    },
    {
      name: 'it is dropped once the clock is right again',
      records: [event(T0), clock(T0 + YEAR), event(T0 + YEAR / 2, T0 + YEAR), clock(T0 + 600_000)],
      time: T0 + 600_000,
    },
    {
      name: 'after a month of downtime a laptop confirms the time',
      records: [event(T0), clock(T0 + 30 * DAY), opened(T0 + 30 * DAY + 1_000, 2_000)],
      time: T0 + 30 * DAY + 1_000,
    },
    {
      name: 'events from before the downtime confirm nothing',
      records: [event(T0), event(T0 + HOUR, T0 + 30 * DAY)],
      time: T0,
      held: T0 + 30 * DAY,
    },
    {
      name: 'a sign-in seen by another system confirms the time',
      records: [event(T0), clock(T0 + 5 * DAY), { ...login('w1', T0 + 5 * DAY), receivedAt: T0 + 5 * DAY }],
      time: T0 + 5 * DAY,
    },
    {
      name: 'a clock that ran steadily for a day, contradicted by one laptop only, is accepted',
      records: [event(T0), opened(T0 + YEAR, -YEAR), ...hours(T0 + YEAR, T0 + YEAR + 25 * HOUR, clock)],
      time: T0 + YEAR + 24 * HOUR,
    },
    {
      name: 'contradicted by two laptops, it stays held however long it runs',
      records: [
        event(T0),
        opened(T0 + YEAR, -YEAR, 'd1'),
        opened(T0 + YEAR, -YEAR, 'd2'),
        ...hours(T0 + YEAR, T0 + YEAR + 25 * HOUR, clock),
      ],
      time: T0,
      held: T0 + YEAR + 24 * HOUR,
    },
    { name: 'the very first stamp is held too', records: [clock(T0 + YEAR)], time: 0, held: T0 + YEAR },
    { name: 'it never goes back', records: [event(T0 + HOUR), event(T0), clock(T0 - DAY)], time: T0 + HOUR },
    { name: 'a contract without a time does not move it', records: [event(T0), contract('w1')], time: T0 },
  ]
  for (const { name, records, time, held = null } of cases)
    it(name, () => {
      const it = new LogClock()
      for (const [index, record] of records.entries()) it.take(record, index + 1)
      assert.deepEqual([it.time, it.held], [time, held])
    })

  it('the end of an export is accepted days after the last event, but not a year after', () => {
    for (const [ahead, end] of [
      [3 * DAY, T0 + 3 * DAY],
      [YEAR, T0],
    ] as const) {
      const it = new LogClock()
      it.take(event(T0), 1)
      it.take(clock(T0 + ahead), 2)
      assert.equal(it.end, end)
    }
  })

  it('knows at which positions stamps were held', () => {
    const it = new LogClock()
    for (const [index, record] of [event(T0), clock(T0 + YEAR), clock(T0 + YEAR), event(T0 + HOUR)].entries())
      it.take(record, index + 1)
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((position) => it.wasHeldAt(position)),
      [false, true, true, false, false],
    )
  })

  it('continues from its saved state', () => {
    const before = new LogClock()
    for (const [index, record] of [event(T0), clock(T0 + YEAR)].entries()) before.take(record, index + 1)
    const after = new LogClock()
    for (const [subject, state] of before.kept().changed())
      after.kept().restore(subject, JSON.parse(JSON.stringify(state)))
    assert.deepEqual([after.time, after.held, after.wasHeldAt(3)], [T0, T0 + YEAR, true])
  })
})
