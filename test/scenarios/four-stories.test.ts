/** A farm, a VPN on a router, a slow drip and a traveller, evaluated with the shipped rules. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { type ReplayAnswer, type ReplayDeps, replay } from '../../server/commands/replay.ts'
import { loadRules } from '../../server/detect/program.ts'
import type { Recorded } from '../../wire/recording.ts'
import { HOUR, NOWHERE } from '../server/events.ts'
import { fourStories, momentOf } from './four-stories.ts'

describe('four stories', () => {
  let deps: ReplayDeps
  let records: Recorded[]
  let answer: ReplayAnswer
  const judged = async (lines: readonly Recorded[], at?: number) =>
    replay(
      (async function* () {
        for (const it of lines) yield JSON.stringify(it)
      })(),
      deps,
      at === undefined ? {} : { at },
    )
  const of = (worker: string) => answer.workers.find((it) => it.worker === worker)!

  before(async function () {
    this.timeout(120_000)
    const catalogue = loadCatalogue()
    const ruleset = await loadRules([], (problem) => assert.fail(JSON.stringify(problem)))
    deps = { ...ruleset, recognise: (event) => recognise(catalogue, event), lookup: () => NOWHERE }
    records = fourStories()
    answer = await judged(records)
  })

  it('accepts every line', () => assert.equal(answer.stats.rejected, 0))

  it('the farm is one critical cluster with its three people', () => {
    assert.deepEqual(
      answer.clusters.map((it) => [it.workers, it.band]),
      [[['f1', 'f2', 'f3'], 'critical']],
    )
    for (const worker of ['f1', 'f2', 'f3']) assert.equal(of(worker).band, 'critical')
  })

  it('the VPN on the router in the claimed city is high', () => assert.equal(of('r1').band, 'high'))

  it('the slow drip is high or more', () => assert.ok(['high', 'critical'].includes(of('s1').band), of('s1').band))

  it('the traveller and those who only worked have no findings', () => {
    for (const worker of ['t1', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'])
      assert.deepEqual([worker, of(worker).findings.map((it) => it.title)], [worker, []])
  })

  it('a server clock a year ahead for one start changes nothing', async () => {
    const middle = Math.floor(records.length / 2)
    const time = momentOf(records[middle]!)
    const year = 365 * 24 * HOUR
    const wrong: Recorded[] = [{ type: 'clock', time: time + year, downSince: time }]
    const withIt = await judged([...records.slice(0, middle), ...wrong, ...records.slice(middle)])
    assert.deepEqual({ ...withIt, stats: null }, { ...answer, stats: null })
  })

  it('parts add up for every worker', () => {
    for (const { points, parts } of answer.workers)
      assert.equal(
        parts.reduce((sum, it) => sum + it.points, 0),
        points,
      )
  })

  it('the result is the same when records arrive up to 72 hours late', async function () {
    this.timeout(300_000)
    // After the last record has arrived.
    const at = Math.max(...records.map(momentOf)) + 73 * HOUR
    const { stats: _, ...expected } = await judged(records, at)
    const known = records.filter((it) => it.type === 'contract' || it.type === 'device')
    const rest = records.filter((it) => it.type !== 'contract' && it.type !== 'device')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(72 * HOUR), { minLength: rest.length, maxLength: rest.length }),
        async (delays) => {
          const late = rest
            .map((record, index) => ({ record, at: momentOf(record) + delays[index]! }))
            .sort((a, b) => a.at - b.at)
            .map(({ record, at }) => (record.type === 'event' ? { ...record, receivedAt: at } : record))
          const { stats: __, ...found } = await judged([...known, ...late], at)
          assert.deepEqual(found, expected)
        },
      ),
      { numRuns: 3, endOnFailure: true },
    )
  })
})
