import assert from 'node:assert/strict'
import { BACKOFF, backoffMs } from '../../../agent/uplink/backoff.ts'
import { Config } from '../../../server/config.ts'
import { Admission, type AdmissionDeps } from '../../../server/ingest/admission.ts'
import { STREAM_PATH, upgradeRefusal } from '../../../server/ingest/upgrade.ts'

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

/** Two round trips and a signature; on a loaded server, as slow as 256 of them at once. */
const PROOF_MS = 500
const { limits } = Config.parse({ dataFolder: '/srv' })

/** Virtual time: the server's rule for upgrades, the server's delay, the agent's jitter. */
function reconnect(laptops: number): { allBackMs: number; refusals: number } {
  const random = seeded(7)
  const admission = new Admission({ random, limits, now: () => 0 } as unknown as AdmissionDeps)
  /** By the millisecond: how often each who tries then has failed. */
  const tries: number[][] = [new Array<number>(laptops).fill(0)]
  const provenAt: number[] = []
  let sessions = 0
  let refusals = 0
  for (let now = 0; now < tries.length || provenAt.length > 0; now++) {
    while (provenAt.length > 0 && provenAt[0]! <= now) provenAt.shift()
    for (const failures of tries[now] ?? []) {
      const is = { isClosing: false, sessions, unprovenThere: provenAt.length }
      const deps = { busy: (why: string) => admission.busy(why), isOurName: () => true }
      const refusal = upgradeRefusal({ url: STREAM_PATH, headers: {} }, is, limits, deps)
      if (refusal === null) {
        sessions++
        provenAt.push(now + PROOF_MS)
        continue
      }
      refusals++
      const delay = Number(refusal.fault.facts.retryAfterMs) + backoffMs(failures, random)
      ;(tries[now + Math.max(1, delay)] ??= []).push(failures + 1)
    }
    if (provenAt.length === 0 && sessions === laptops) return { allBackMs: now, refusals }
  }
  throw new Error(`${sessions} of ${laptops} are back`)
}

describe('an office behind one address that reconnects at once', () => {
  for (const { laptops, withinMs } of [
    { laptops: limits.unprovenPerNetwork, withinMs: PROOF_MS },
    { laptops: 300, withinMs: 20_000 },
    { laptops: 5_000, withinMs: 40_000 },
  ])
    it(`${laptops} laptops are all back within ${withinMs / 1_000} s`, () => {
      const { allBackMs, refusals } = reconnect(laptops)
      assert.ok(allBackMs <= withinMs, `${allBackMs} ms, ${refusals} refusals`)
      assert.equal(refusals > 0, laptops > limits.unprovenPerNetwork)
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
