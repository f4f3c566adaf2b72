/** The score in words: the same on the page and at the command line. */
import assert from 'node:assert/strict'
import { howCommon, pointsOf, signed } from '../../../server/model/points.ts'

describe('server/model/points', () => {
  for (const [points, words] of [
    [30, '+30'],
    [0, '+0'],
    [-20, '−20'],
  ] as const)
    it(`${points} is ${words}`, () => assert.equal(signed(points), words))

  it('none has no points', () => {
    assert.equal(pointsOf({ band: 'none', points: -20 }), '–')
    assert.equal(pointsOf({ band: 'low', points: -20 }), '−20')
  })

  for (const [shown, of, words] of [
    [0, 412, 'no colleague of 412 shows this'],
    [1, 412, '1 of 412 colleagues shows this'],
    [2, 1_412, '2 of 1,412 colleagues show this'],
    [0, 0, null],
  ] as const)
    it(`${shown} of ${of}: ${words}`, () => assert.equal(howCommon({ shown, of }), words))
  it('nobody was counted', () => assert.equal(howCommon(null), null))
})
