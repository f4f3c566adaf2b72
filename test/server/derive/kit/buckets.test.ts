/** Facts by bucket, compared with a plain model in any order of arrival. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { buckets, earliestAndLatest, type Fact } from '../../../../server/derive/kit/buckets.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'

const KEPT_DAYS = 4
const KEYS_A_BUCKET = 16

const made = () => buckets({ bucketMs: DAY, keepMs: KEPT_DAYS * DAY, width: 2, merge: earliestAndLatest })
const keyOf = (n: number) => `key ${String.fromCharCode(97 + n)}`
const addition = fc.record({ hours: fc.nat(24 * KEPT_DAYS - 1), key: fc.nat(20).map(keyOf) })

function expected(additions: readonly { hours: number; key: string }[]): Fact[] {
  const days = Map.groupBy(additions, (it) => Math.floor(it.hours / 24))
  return [...days]
    .sort(([a], [b]) => a - b)
    .flatMap(([bucket, ofDay]) =>
      [...Map.groupBy(ofDay, (it) => it.key)]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, KEYS_A_BUCKET)
        .map(([key, all]) => {
          const times = all.map((it) => it.hours * HOUR)
          return { bucket, key, values: [Math.min(...times), Math.max(...times)] }
        }),
    )
}

describe('buckets', () => {
  it('have the same content as a plain model, in order, with the alphabetically first keys', () => {
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 120 }), (additions) => {
        const all = made()
        for (const { hours, key } of additions) all.add('a', hours * HOUR, key, [hours * HOUR, hours * HOUR])
        const facts = expected(additions)
        assert.deepEqual(all.of('a'), facts)
        assert.deepEqual([...all.keys('a')].sort(), [...new Set(facts.map((it) => it.key))].sort())
        for (let day = 0; day < KEPT_DAYS; day++)
          assert.deepEqual(
            all.at('a', day * DAY),
            facts.filter((it) => it.bucket === day),
          )
      }),
    )
  })

  it('pass on and drop facts that are too old, and their keys', () => {
    const expired: string[] = []
    const all = buckets({
      ...{ bucketMs: DAY, keepMs: KEPT_DAYS * DAY, width: 1, merge: (a) => [...a] },
      expired: (subject, { bucket, key }) => expired.push(`${subject} ${bucket} ${key}`),
    })
    for (const [day, key] of [
      [0, 'b'],
      [0, 'a'],
      [2, 'b'],
      [5, 'c'],
      [6, 'c'],
    ] as const)
      all.add('x', day * DAY, key, [day])
    assert.deepEqual(expired, ['x 0 a', 'x 0 b'])
    assert.deepEqual(
      all.of('x').map(({ bucket, key }) => `${bucket} ${key}`),
      ['2 b', '5 c', '6 c'],
    )
    assert.deepEqual([...all.keys('x')].sort(), ['b', 'c'])
    assert.equal(all.add('x', DAY, 'd', [1]), false)
  })
})
