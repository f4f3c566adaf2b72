/** Events around the end of a contract. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, DAY, HOUR, login as loginOf, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const cases: { what: string; records: Recorded[]; at: number; stands: [string, day: number][] }[] = [
  { what: 'no end is known', records: [contract('w1')], at: 60, stands: [] },
  { what: 'an end that is far', records: [contract('w1', { end: T0 + 30 * DAY })], at: 10, stands: [] },
  {
    what: '#83: fourteen days before the end',
    records: [contract('w1', { end: T0 + 30 * DAY })],
    at: 17,
    stands: [['ending', 16]],
  },
  {
    what: 'and the end',
    records: [contract('w1', { end: T0 + 30 * DAY })],
    at: 31,
    stands: [
      ['ending', 16],
      ['ended', 30],
    ],
  },
  {
    what: 'an end entered three days before: from then on',
    records: [contract('w1'), contract('w1', { from: T0 + 7 * DAY, end: T0 + 10 * DAY })],
    at: 8,
    stands: [['ending', 7]],
  },
  {
    what: 'an end that was put off before the window began',
    records: [contract('w1', { end: T0 + 30 * DAY }), contract('w1', { from: T0 + 10 * DAY, end: T0 + 300 * DAY })],
    at: 31,
    stands: [],
  },
  {
    what: 'an end that was put off within the window: it was coming, and did not come',
    records: [contract('w1', { end: T0 + 30 * DAY }), contract('w1', { from: T0 + 20 * DAY, end: null })],
    at: 31,
    stands: [['ending', 16]],
  },
]

describe('exit window', () => {
  for (const { what, records, at, stands } of cases)
    it(what, () => {
      const found = standing('contract_event', [...records, { type: 'clock', time: T0 + at * DAY }])
      assert.deepEqual(
        found.map((it) => [it.Action, (it.time - T0) / DAY]),
        stands,
      )
    })

  describe('use after the end', () => {
    const login = (day: number, Result: EventOf<'idp_login'>['Result'] = 'success') =>
      loginOf('w1', T0 + day * DAY, { Result })
    const ends = contract('w1', { end: T0 + 10 * DAY })
    const used = (records: Recorded[]) =>
      standing('contract_event', [ends, ...records])
        .filter((it) => it.Action === 'login_after_end')
        .map((it) => (it.time - T0) / DAY)

    it('a login, once a day, the first of it', () =>
      assert.deepEqual(used([login(12.2), login(12.1), login(12.3), login(14)]), [12.1, 14]))
    it('not before, not on the last evening, not with a wrong password', () =>
      assert.deepEqual(used([login(9), login(10.5), login(12, 'failure')]), []))
    it('not when the end was moved in time', () =>
      assert.deepEqual(used([contract('w1', { from: T0 + 9 * DAY, end: T0 + 99 * DAY }), login(12)]), []))
    it('is the same in any order', () =>
      assert.equal(
        sameInAnyOrder(
          'contract_event',
          [ends],
          [12, 12.2, 13, 13.1, 13.2, 15].map((it) => login(it)),
          {
            at: T0 + 20 * DAY,
          },
        ).length,
        5,
      ))
  })

  it('has a threshold in days before the end', () => {
    const records: Recorded[] = [contract('w1', { end: T0 + 30 * DAY }), { type: 'clock', time: T0 + 5 * DAY + HOUR }]
    const [found] = standing('contract_event', records, { thresholds: { exit_window: { daysBefore: 25 } } })
    assert.equal(found?.time, T0 + 5 * DAY)
  })
})
