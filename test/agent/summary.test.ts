import assert from 'node:assert/strict'
import type { StartCounters } from '../../agent/collect.ts'
import { summary } from '../../agent/summary.ts'

describe('agent/summary', () => {
  it('has the growth since the previous one, and current values', () => {
    let at = 1
    let starts: StartCounters | null = null
    const next = summary({
      cpuMs: () => 10.4 * at,
      residentBytes: () => 100 * at,
      spoolBytes: () => 7,
      wireBytes: () => 1_000 * at,
      starts: () => starts,
    })
    assert.deepEqual(next(), {
      CpuMs: 10,
      ResidentBytes: 100,
      SpoolBytes: 7,
      WireBytes: 1_000,
      ForksSeen: null,
      ForksTotal: null,
      StartsBy: null,
    })
    at = 3
    starts = { seen: 4, total: 9, by: 'tracefs' }
    assert.deepEqual(next(), {
      CpuMs: 21,
      ResidentBytes: 300,
      SpoolBytes: 7,
      WireBytes: 2_000,
      ForksSeen: 4,
      ForksTotal: 9,
      StartsBy: 'tracefs',
    })
    // The collector counts on in the same object.
    Object.assign(starts, { seen: 5, total: 19 })
    assert.deepEqual(
      [next()].map((it) => [it.CpuMs, it.ForksSeen, it.ForksTotal]),
      [[0, 1, 10]],
    )
  })
})
