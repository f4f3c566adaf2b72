/** What time it is for judgement, when clocks are wrong. */
import assert from 'node:assert/strict'
import { LogClock } from '../../../server/detect/log-clock.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, login, processStart, received, session, T0 } from '../events.ts'

const YEAR = 365 * DAY
const clock = (time: number): Recorded => ({ type: 'clock', time })
/** An event that happened at `time` by the laptop's clock, and came at `at` by the server's. */
const event = (time: number, at = time, device = 'd1') => received(device, processStart('/bin/x', time), at)
const opened = (at: number, skewMs: number | null, device = 'd1'): Recorded => ({
  ...session(device, AUSTIN, at),
  clockSkewMs: skewMs,
})
const hours = (from: number, to: number, make: (time: number) => Recorded) =>
  Array.from({ length: Math.round((to - from) / HOUR) }, (_, n) => make(from + n * HOUR))

describe('server/detect: the clock of the log', () => {
  const cases: { name: string; records: Recorded[]; time: number; held?: number | null }[] = [
    { name: 'an event that says the same moves it', records: [event(T0)], time: T0 },
    {
      name: 'small steps need nobody',
      records: [event(T0), clock(T0 + HOUR), clock(T0 + 2 * HOUR)],
      time: T0 + 2 * HOUR,
    },
    {
      name: 'a server a year ahead for one start is not believed',
      records: [event(T0), clock(T0 + YEAR)],
      time: T0,
      held: T0 + YEAR,
    },
    {
      name: 'nor when laptops connect whose clocks say otherwise',
      records: [event(T0), clock(T0 + YEAR), opened(T0 + YEAR, -YEAR), event(T0 + 60_000, T0 + YEAR + 60_000)],
      time: T0,
      held: T0 + YEAR + 60_000,
    },
    {
      name: 'and is forgotten once the clock is right again',
      records: [event(T0), clock(T0 + YEAR), event(T0 + YEAR / 2, T0 + YEAR), clock(T0 + 600_000)],
      time: T0 + 600_000,
    },
    {
      name: 'a server that was off for a month, and a laptop that says the same',
      records: [event(T0), clock(T0 + 30 * DAY), opened(T0 + 30 * DAY + 1_000, 2_000)],
      time: T0 + 30 * DAY + 1_000,
    },
    {
      name: 'a backlog from before the pause confirms nothing by itself',
      records: [event(T0), event(T0 + HOUR, T0 + 30 * DAY)],
      time: T0,
      held: T0 + 30 * DAY,
    },
    {
      name: 'a sign-in that another system saw confirms',
      records: [event(T0), clock(T0 + 5 * DAY), { ...login('w1', T0 + 5 * DAY), receivedAt: T0 + 5 * DAY }],
      time: T0 + 5 * DAY,
    },
    {
      name: 'a clock that ran on for a day, contradicted by one laptop only, is right',
      records: [event(T0), opened(T0 + YEAR, -YEAR), ...hours(T0 + YEAR, T0 + YEAR + 25 * HOUR, clock)],
      time: T0 + YEAR + 24 * HOUR,
    },
    {
      name: 'contradicted by two it is wrong however long it runs',
      records: [
        event(T0),
        opened(T0 + YEAR, -YEAR, 'd1'),
        opened(T0 + YEAR, -YEAR, 'd2'),
        ...hours(T0 + YEAR, T0 + YEAR + 25 * HOUR, clock),
      ],
      time: T0,
      held: T0 + YEAR + 24 * HOUR,
    },
    { name: 'the first stamp of all is held as well', records: [clock(T0 + YEAR)], time: 0, held: T0 + YEAR },
    { name: 'never goes back', records: [event(T0 + HOUR), event(T0), clock(T0 - DAY)], time: T0 + HOUR },
    { name: 'a contract says nothing about time', records: [event(T0), contract('w1')], time: T0 },
  ]
  for (const { name, records, time, held = null } of cases)
    it(name, () => {
      const it = new LogClock()
      for (const [index, record] of records.entries()) it.take(record, index + 1)
      assert.deepEqual([it.time, it.held], [time, held])
    })

  it('an export that ends days after its last event is judged at its end, one a year after is not', () => {
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

  it('knows at which positions stamps were not believed', () => {
    const it = new LogClock()
    for (const [index, record] of [event(T0), clock(T0 + YEAR), clock(T0 + YEAR), event(T0 + HOUR)].entries())
      it.take(record, index + 1)
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((position) => it.doubted(position)),
      [false, true, true, false, false],
    )
  })

  it('goes on where it was kept', () => {
    const before = new LogClock()
    for (const [index, record] of [event(T0), clock(T0 + YEAR)].entries()) before.take(record, index + 1)
    const after = new LogClock()
    for (const [subject, state] of before.kept().changed())
      after.kept().restore(subject, JSON.parse(JSON.stringify(state)))
    assert.deepEqual([after.time, after.held, after.doubted(3)], [T0, T0 + YEAR, true])
  })
})
