import assert from 'node:assert/strict'
import { ByNetwork } from '../../../server/ingest/by-network.ts'

describe('what strangers hold open, by network', () => {
  it('has room until it is full', () => {
    const held = new ByNetwork<number>(3)
    assert.deepEqual(
      [1, 2, 3].map((it) => held.add('a', it)),
      [null, null, null],
    )
    assert.deepEqual([held.size, held.of('a'), held.of('b')], [3, 3, 0])
  })

  it('when it is full, the oldest of the busiest network gives way', () => {
    const held = new ByNetwork<number>(4)
    for (const [network, item] of [
      ['a', 1],
      ['b', 2],
      ['b', 3],
      ['c', 4],
    ] as const)
      held.add(network, item)
    assert.equal(held.add('d', 5), 2)
    assert.deepEqual([held.size, held.of('b'), held.of('d')], [4, 1, 1])
  })

  it('a newcomer of the busiest network, or of one as busy, gives way itself', () => {
    const held = new ByNetwork<number>(2)
    held.add('a', 1)
    held.add('a', 2)
    assert.equal(held.add('a', 3), 3)
    assert.deepEqual([held.size, held.of('a')], [2, 2])
  })

  it('forgets what has gone, also twice', () => {
    const held = new ByNetwork<number>(1)
    held.add('a', 1)
    held.delete('a', 1)
    held.delete('a', 1)
    assert.deepEqual([held.size, held.of('a'), held.add('b', 2)], [0, 0, null])
  })

  it('a flood from a thousand networks leaves each newcomer its place', () => {
    const held = new ByNetwork<number>(1_000)
    for (let i = 0; i < 100_000; i++) held.add(`n${i % 500}`, i)
    const evicted = held.add('newcomer', -1)
    assert.ok(evicted !== null && evicted !== -1)
    assert.equal(held.size, 1_000)
  })
})
