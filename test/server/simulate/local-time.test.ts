import assert from 'node:assert/strict'
import { isHoliday, isWeekend, localTime, minutesOf, utcOffsetMs } from '../../../server/simulate/local-time.ts'

const HOUR = 3_600_000

describe('local time', () => {
  it('follows daylight saving by day and hour', () => {
    const sunday = Date.UTC(2026, 10, 1)
    assert.equal(localTime('America/New_York', sunday, 60), sunday + 5 * HOUR)
    assert.equal(localTime('America/New_York', sunday, 9 * 60), sunday + 14 * HOUR)
    assert.equal(localTime('America/New_York', sunday - 24 * HOUR, 9 * 60), sunday - 24 * HOUR + 13 * HOUR)
    assert.equal(localTime('America/Phoenix', sunday, 9 * 60), sunday + 16 * HOUR)
  })

  it('handles half-hour zones, both hemispheres, and times after midnight', () => {
    const day = Date.UTC(2026, 9, 3)
    assert.equal(localTime('Asia/Kolkata', day, 0), day - 5.5 * HOUR)
    assert.equal(localTime('Australia/Sydney', day, 9 * 60), day - HOUR)
    // Daylight saving begins on the night to Sunday, 4 October 2026.
    assert.equal(localTime('Australia/Sydney', day, 33 * 60), day + 22 * HOUR)
    assert.equal(utcOffsetMs('UTC', day), 0)
  })

  it('reads local times, and refuses invalid ones', () => {
    assert.equal(minutesOf('09:30'), 570)
    assert.equal(minutesOf('26:00'), 1_560)
    for (const wrong of ['9', '09:60', '75:00', '']) assert.throws(() => minutesOf(wrong), RangeError, wrong)
  })

  it('recognises weekends and public holidays', () => {
    assert.ok(isWeekend(Date.UTC(2026, 8, 13)) && !isWeekend(Date.UTC(2026, 8, 14)))
    assert.ok(isHoliday('US', Date.UTC(2026, 8, 7)), 'the first Monday of September')
    assert.ok(!isHoliday('US', Date.UTC(2026, 8, 14)))
    assert.ok(isHoliday('US', Date.UTC(2026, 10, 26)), 'the fourth Thursday of November')
    assert.ok(isHoliday('DE', Date.UTC(2026, 9, 3)) && !isHoliday('GB', Date.UTC(2026, 9, 3)))
  })
})
