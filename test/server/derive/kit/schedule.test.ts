/** When names are returned by a schedule. */
import assert from 'node:assert/strict'
import { Schedule } from '../../../../server/derive/kit/schedule.ts'
import { HOUR, MINUTE } from '../../../../wire/time.ts'

describe('a schedule', () => {
  it('returns a name once its time has come, and then forgets it', () => {
    const schedule = new Schedule()
    schedule.add('a', 2 * HOUR)
    schedule.add('b', 3 * HOUR)
    assert.deepEqual(schedule.take(HOUR), [])
    assert.deepEqual(schedule.take(2 * HOUR), ['a'])
    assert.deepEqual(schedule.take(5 * HOUR).concat(schedule.take(9 * HOUR)), ['b'])
  })

  it('may return a name up to five minutes early, and never late', () => {
    const schedule = new Schedule()
    schedule.add('a', HOUR + 4 * MINUTE)
    assert.deepEqual(schedule.take(HOUR - MINUTE), [])
    assert.deepEqual(schedule.take(HOUR), ['a'])
  })

  it('keeps the earliest time of a name', () => {
    const schedule = new Schedule()
    for (const hour of [5, 2, 7]) schedule.add('a', hour * HOUR)
    assert.deepEqual(schedule.take(2 * HOUR), ['a'])
    assert.deepEqual(schedule.take(9 * HOUR), [])
  })
})
