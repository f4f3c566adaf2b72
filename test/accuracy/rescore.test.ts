import assert from 'node:assert/strict'
import { loadRules } from '../../server/detect/program.ts'
import { type Course, course } from './course.ts'
import type { Fleet } from './fleets.ts'
import { rescored } from './rescore.ts'

const FLEET: Fleet = {
  ...{ kind: 'company', seed: 7, scenarios: ['P1', 'N9'], workers: 12, days: 10 },
  start: Date.UTC(2026, 8, 14),
}

describe('a dump, judged again', function () {
  this.timeout(120_000)
  let live: Course
  let again: Course
  before(async () => {
    live = await course(FLEET, { dump: true })
    const { program, correlations } = await loadRules([], () => {})
    again = rescored(JSON.parse(JSON.stringify(live.dump)), [...program.rules, ...correlations])
  })

  it('has the points of every morning', () => {
    const points = (it: Course) => it.mornings.filter(({ at }) => at > FLEET.start + 86_400_000)
    const other = new Map(points(again).map((it) => [it.at, it]))
    let same = 0
    let all = 0
    for (const { at, points: theirs } of points(live))
      for (const [worker, value] of Object.entries(theirs)) {
        all++
        if (Math.abs((other.get(at)?.points[worker] ?? Number.NaN) - value) <= 1) same++
      }
    assert.ok(all > 10 && same > 0.95 * all, `${same} of ${all} within a point`)
  })
  it('finds the same people of scenes', () => {
    const reached = (all: Course) =>
      all.people
        .filter((it) => it.label !== null)
        .map(({ worker, label, stands }) => [worker, label?.scenario, stands.some(({ band }) => band === 'critical')])
    assert.deepEqual(reached(again), reached(live))
  })
})
