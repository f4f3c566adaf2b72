import assert from 'node:assert/strict'
import { BACKOFF, backoffMs } from '../../../agent/uplink/backoff.ts'

describe('agent/uplink/backoff', () => {
  it('doubles up to the cap, with the jitter after it', () => {
    const longest = (failures: number) => backoffMs(failures, () => 0.999999)
    assert.deepEqual([0, 1, 5, 9, 10, 5_000].map(longest), [999, 1_999, 31_999, 511_999, 899_999, 899_999])
    assert.equal(
      backoffMs(30, () => 0),
      0,
    )
  })

  it('1,000 agents reconnect spread out after a long outage: peak below three times the mean', () => {
    const random = seeded(7)
    const outageMs = 60 * 60_000
    const bucketMs = 10_000
    const returns: number[] = []
    for (let agent = 0; agent < 1_000; agent++) {
      let at = 0
      for (let failures = 0; at < outageMs; failures++) at += backoffMs(failures, random)
      returns.push(at - outageMs)
    }
    const buckets = new Array<number>(Math.ceil(BACKOFF.capMs / bucketMs)).fill(0)
    for (const at of returns) buckets[Math.floor(at / bucketMs)]!++
    const mean = returns.length / buckets.length
    const ratio = Math.max(...buckets) / mean
    assert.ok(ratio < 3, `peak/mean ${ratio.toFixed(2)}`)
  })
})

/** mulberry32, so that every run has the same numbers. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
