/** A process that resumes from saved rows, in any order, emits the same as the one that saved them. */
import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { derivers } from '../../../server/derive/index.ts'
import { changedRows } from '../../../server/derive/kit/kept.ts'
import { World } from '../../../server/derive/kit/world.ts'
import { simulate, workersFor } from '../../../server/simulate/simulate.ts'
import { Recorded } from '../../../wire/recording.ts'
import { DAY, T0 } from '../events.ts'
import { randomRecords } from './records.ts'
import { Ledger, Rig, shuffled } from './rig.ts'

/** Thresholds that a few laptops reach within days. */
const EAGER = {
  share_hours: { hours: 1, days: 1 },
  rtt_excess: { days: 2, minPeers: 1, excessMs: 50 },
  volume_anomaly: { leastPeers: 1, habitDays: 2 },
  two_lines: { aroundQuarters: 4 },
}

interface Plan {
  records: readonly Recorded[]
  make: () => Rig
  /** Changed rows are saved after this many records. */
  writeEvery: number
  /** After how many records a second process resumes, and for how many records both are compared. */
  restarts: readonly number[]
  goesOnFor: number
}

/** The number of emitted events, by deriver. */
function goesOn({ records, make, writeEvery, restarts, goesOnFor }: Plan): Map<string, number> {
  const ledger = new Ledger()
  const live = make()
  const others = new Map<Rig, number>()
  const emitted = new Map<string, number>()
  const compare = (about: Recorded | null) => {
    const isNews = [live, ...others.keys()].some((it) => it.emitted.length > 0)
    const expected = inOrder(live)
    for (const { deriver } of live.emitted) emitted.set(deriver, (emitted.get(deriver) ?? 0) + 1)
    live.emitted = []
    for (const [other, until] of others) {
      if (isNews) assert.deepEqual(inOrder(other), expected, JSON.stringify(about))
      other.emitted = []
      if (until === 0) others.delete(other)
      else others.set(other, until - 1)
    }
  }
  for (const [index, record] of records.entries()) {
    for (const it of [live, ...others.keys()]) it.take(record)
    compare(record)
    const isRestart = restarts.includes(index + 1)
    if (!isRestart && (index + 1) % writeEvery !== 0) continue
    ledger.collect(live.parts)
    if (!isRestart) continue
    ledger.check(live.parts)
    const next = make()
    next.restored(shuffled(ledger.rows(), index))
    next.clockOf(live)
    others.set(next, goesOnFor)
  }
  for (const it of [live, ...others.keys()]) it.advance()
  compare(null)
  ledger.collect(live.parts)
  ledger.check(live.parts)
  return emitted
}

/** For one record, the order in which subjects are judged is not defined. */
function inOrder({ emitted }: Rig): string[] {
  return emitted.map((it) => JSON.stringify(it)).sort()
}

describe('state by subject', () => {
  it('a small fleet with all kinds of events', function () {
    this.timeout(120_000)
    const all = new Map<string, number>()
    for (let seed = 0; seed < 6; seed++) {
      const plan = { records: randomRecords(seed, 500), make: () => new Rig(EAGER), writeEvery: 1 + seed }
      const restarts = [37, 111, 203, 307, 401].map((it) => it + seed)
      for (const [name, count] of goesOn({ ...plan, restarts, goesOnFor: 90 }))
        all.set(name, (all.get(name) ?? 0) + count)
    }
    const names = derivers(new World()).map(([name]) => name)
    assert.deepEqual([...all.keys()].sort(), names.sort(), 'every deriver must emit something to be tested')
  })

  it('scenarios of a simulated fleet', function () {
    this.timeout(120_000)
    const catalogue = loadCatalogue()
    const scenarios = ['P5', 'P14', 'P22', 'N27']
    const lines = simulate({ scenarios, seed: 7, workers: workersFor(scenarios), days: 33, start: T0 })
    const records = Array.from(lines, (it) => Recorded.parse(JSON.parse(it)))
    const make = () => new Rig({}, (event) => recognise(catalogue, event))
    const restarts = [0.3, 0.7].map((share) => Math.floor(share * records.length))
    goesOn({ records, make, writeEvery: 2_000, restarts, goesOnFor: 4_000 })
  })

  it('unchanged rows are not reported', () => {
    const rig = new Rig()
    for (const it of randomRecords(1, 200)) rig.take(it)
    rig.advance(T0 + 60 * DAY)
    changedRows(rig.parts)
    assert.deepEqual(changedRows(rig.parts), [])
    rig.advance(T0 + 60 * DAY)
    assert.deepEqual(changedRows(rig.parts), [])
  })
})
