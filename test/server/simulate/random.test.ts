import assert from 'node:assert/strict'
import { logNormal, poisson, type Random, stream, weighted } from '../../../server/simulate/random.ts'

function sample(make: (random: Random) => number, count = 20_000): number[] {
  const random = stream('sample')
  return Array.from({ length: count }, () => make(random))
}
const mean = (values: readonly number[]): number => values.reduce((sum, it) => sum + it, 0) / values.length

describe('randomness', () => {
  it('repeats for the same keys only', () => {
    const first = (...keys: (string | number)[]) => {
      const random = stream(...keys)
      return [random(), random(), random()]
    }
    assert.deepEqual(first(1, 'a'), first(1, 'a'))
    assert.notDeepEqual(first(1, 'a'), first(2, 'a'))
    assert.notDeepEqual(first(1, 'a'), first(1, 'b'))
  })

  it('is even: each tenth has about a tenth', () => {
    const tenths = Array.from({ length: 10 }, () => 0)
    for (const it of sample((random) => random())) tenths[Math.floor(it * 10)]!++
    for (const count of tenths) assert.ok(count > 1_850 && count < 2_150, `${count}`)
  })

  it('has the documented distributions', () => {
    for (const wanted of [0.3, 4, 60]) {
      const found = mean(sample((random) => poisson(random, wanted)))
      assert.ok(Math.abs(found - wanted) < 0.03 * wanted, `${found} for ${wanted}`)
    }
    const sorted = sample((random) => logNormal(random, 100, 1)).sort((a, b) => a - b)
    assert.ok(Math.abs(sorted[10_000]! - 100) < 4)
    assert.ok(Math.abs(sorted[19_800]! - 1_024) < 120)
  })

  it('picks by weight', () => {
    const often = sample((random) => (weighted(random, { a: 3, b: 1 }) === 'a' ? 1 : 0))
    assert.ok(Math.abs(mean(often) - 0.75) < 0.02)
  })
})
