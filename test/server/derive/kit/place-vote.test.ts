import assert from 'node:assert/strict'
import { vote, type Witnesses } from '../../../../server/derive/kit/place-vote.ts'

const SILENT: Witnesses = { roundTrip: null, network: null, geofeed: null, clock: null, delivery: null }

describe('the vote about a place', () => {
  const rows: [name: string, says: Partial<Witnesses>, verdict: 'elsewhere' | 'disagree'][] = [
    ['the address alone', {}, 'elsewhere'],
    ['a clock is set in a minute', { clock: 'here' }, 'elsewhere'],
    ['the clock agrees with the address', { clock: 'elsewhere' }, 'elsewhere'],
    ['a short round trip alone: one against one', { roundTrip: 'here' }, 'elsewhere'],
    ['clock and round trip', { clock: 'here', roundTrip: 'here' }, 'disagree'],
    ['clock and router', { clock: 'here', network: 'here' }, 'disagree'],
    ['clock and round trip on a new network', { clock: 'here', roundTrip: 'here', network: 'elsewhere' }, 'elsewhere'],
    ['clock and router, and slower', { clock: 'here', network: 'here', roundTrip: 'elsewhere' }, 'elsewhere'],
    ['clock, round trip and router', { clock: 'here', network: 'here', roundTrip: 'here' }, 'disagree'],
    [
      'clock, round trip and router, sent there',
      { clock: 'here', network: 'here', roundTrip: 'here', delivery: 'elsewhere' },
      'disagree',
    ],
    ['it was sent there, and the clock was set', { clock: 'here', delivery: 'elsewhere' }, 'elsewhere'],
    ['the same address and router as at home', { network: 'same' }, 'disagree'],
    ['the same, with a clock of the other place', { network: 'same', clock: 'elsewhere' }, 'disagree'],
    ['faster than light', { roundTrip: 'cannot' }, 'disagree'],
    [
      'faster than light, on a new network',
      { roundTrip: 'cannot', network: 'elsewhere', clock: 'elsewhere' },
      'disagree',
    ],
    ["the operator's geofeed", { geofeed: 'here' }, 'disagree'],
    ["the operator's geofeed, and the clock", { geofeed: 'here', clock: 'here' }, 'disagree'],
    ["the operator's geofeed against the clock", { geofeed: 'here', clock: 'elsewhere' }, 'elsewhere'],
    ["the operator's geofeed against a new network", { geofeed: 'here', network: 'elsewhere' }, 'elsewhere'],
    [
      'two against three',
      { geofeed: 'here', clock: 'here', network: 'elsewhere', roundTrip: 'elsewhere' },
      'elsewhere',
    ],
    ['all agree with the address', { roundTrip: 'elsewhere', network: 'elsewhere', clock: 'elsewhere' }, 'elsewhere'],
  ]
  for (const [name, says, verdict] of rows)
    it(`${name}: ${verdict}`, () => assert.equal(vote({ ...SILENT, ...says }).verdict, verdict))

  it('counts the witnesses beside the database', () =>
    assert.deepEqual(vote({ ...SILENT, clock: 'here', network: 'elsewhere', delivery: 'elsewhere' }), {
      verdict: 'elsewhere',
      elsewhere: 2,
      here: 1,
    }))
})
