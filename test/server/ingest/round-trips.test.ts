import assert from 'node:assert/strict'
import { roundTrips } from '../../../server/ingest/round-trips.ts'
import { HOUR } from '../../../wire/time.ts'

describe('round trips', () => {
  let n = 0
  const ask = (of: ReturnType<typeof roundTrips>, ...ms: number[]) => {
    for (const it of ms) {
      of.sent(++n, 1_000)
      of.answered(n, 1_000 + it)
    }
  }

  it('are recorded after the first five answers', () => {
    const trips = roundTrips()
    ask(trips, 40, 50, 41, 45)
    assert.equal(trips.toRecord(0), null)
    ask(trips, 44)
    assert.deepEqual(trips.toRecord(0), { minMs: 40, jitterMs: 6 })
    assert.equal(trips.toRecord(1), null)
  })

  const later = [
    { what: 'the same', ms: [41, 60], recorded: null },
    { what: 'a fifth more', ms: [48], recorded: null },
    { what: 'more than that', ms: [120, 49], recorded: { minMs: 49, jitterMs: 71 } },
    { what: 'less', ms: [20], recorded: { minMs: 20, jitterMs: 0 } },
  ]
  for (const { what, ms, recorded } of later)
    it(`of the next hour that are ${what}`, () => {
      const trips = roundTrips()
      ask(trips, 40, 40, 40, 40, 40)
      trips.toRecord(0)
      ask(trips, ...ms)
      assert.equal(trips.toRecord(HOUR - 1), null)
      assert.deepEqual(trips.toRecord(HOUR), recorded)
    })

  it('ignore unknown, repeated and early answers', () => {
    const trips = roundTrips()
    trips.answered(7, 1)
    trips.sent(7, 1_000)
    trips.answered(7, 1_030)
    trips.answered(7, 1_500)
    assert.deepEqual(trips.now(), { minMs: 30, jitterMs: 0 })
  })
})
