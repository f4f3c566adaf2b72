import assert from 'node:assert/strict'
import { holds, median, quantile, shown } from './row.ts'

describe('a measured figure', () => {
  const row = { name: 'x', unit: 'ms' }
  const cases = [
    { value: 9_999, budget: '>= 10,000', held: false },
    { value: 10_000, budget: '>= 10,000', held: true },
    { value: 0.3, budget: '<= 0.3', held: true },
    { value: 0.31, budget: '<= 0.3', held: false },
    { value: Number.NaN, budget: '<= 0.3', held: false },
    { value: 1, budget: '', held: null },
  ]
  for (const { value, budget, held } of cases)
    it(`${value} against '${budget}': ${held}`, () => assert.equal(holds({ ...row, value, budget }), held))

  it('refuses an invalid budget', () =>
    assert.throws(() => holds({ ...row, value: 1, budget: '< 5' }), /'< 5' is not a budget/))

  it('computes median and quantile', () => {
    assert.equal(median([5, 1, 9]), 5)
    assert.equal(quantile([4, 1, 3, 2], 0.99), 4)
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2)
    assert.ok(Number.isNaN(quantile([], 0.5)))
  })

  it('shows a suitable number of digits', () =>
    assert.deepEqual([20_653.4, 13.44, 2.649, 0.0123, Number.NaN].map(shown), [
      '20,653',
      '13.4',
      '2.65',
      '0.012',
      'not measured',
    ]))
})
