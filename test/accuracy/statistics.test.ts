import assert from 'node:assert/strict'
import { stream } from '../../server/simulate/random.ts'
import { quantile, resampled, wilson } from './statistics.ts'

const rounded = (values: readonly number[]) => values.map((it) => Math.round(it * 1e4) / 1e4)

describe('the certainty of a figure', () => {
  // Source: the closed form, computed by hand; 0 of 10 and 10 of 10 are the usual published examples.
  for (const { name, share, trials, interval } of [
    { name: 'none of ten', share: 0, trials: 10, interval: [0, 0.2775] },
    { name: 'all of ten', share: 1, trials: 10, interval: [0.7225, 1] },
    { name: 'all of twenty', share: 1, trials: 20, interval: [0.8389, 1] },
    { name: 'half of a hundred', share: 0.5, trials: 100, interval: [0.4038, 0.5962] },
    { name: 'no trials', share: 0, trials: 0, interval: [0, 1] },
  ])
    it(`Wilson: ${name}`, () => assert.deepEqual(rounded(wilson(share, trials)), interval))

  it('Wilson reaches 0 and 1 exactly', () => assert.deepEqual([wilson(0, 4)[0], wilson(1, 4)[1]], [0, 1]))

  for (const { name, values, share, is } of [
    { name: 'the median of an odd number', values: [3, 1, 2], share: 0.5, is: 2 },
    { name: 'no values', values: [], share: 0.5, is: null },
    {
      name: 'infinity is later than all others',
      values: [1, Number.POSITIVE_INFINITY, 2],
      share: 0.9,
      is: Number.POSITIVE_INFINITY,
    },
    { name: 'and does not move the median below them', values: [1, Number.POSITIVE_INFINITY, 2], share: 0.5, is: 2 },
  ])
    it(`quantile: ${name}`, () => assert.equal(quantile(values, share), is))

  it('equal seeds give an interval of one value', () => {
    const same = Array.from({ length: 20 }, () => [4, 5, 6])
    assert.deepEqual(
      resampled(same, (drawn) => quantile(drawn.flat(), 0.5), stream('test')),
      [5, 5],
    )
  })
  it('different seeds give an interval, the same each time', () => {
    const seeds = Array.from({ length: 20 }, (_, nth) => nth)
    const mean = (drawn: readonly number[]) => drawn.reduce((sum, it) => sum + it, 0) / drawn.length
    const [low, high] = resampled(seeds, mean, stream('test'))!
    assert.ok(low < 9.5 && 9.5 < high && high - low < 8, `${low} to ${high}`)
    assert.deepEqual(resampled(seeds, mean, stream('test')), [low, high])
  })
  it('no seeds, no interval', () =>
    assert.equal(
      resampled([], () => 1, stream('test')),
      null,
    ))
})
