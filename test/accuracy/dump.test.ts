import assert from 'node:assert/strict'
import type { Finding } from '../../server/model/finding.ts'
import { finding } from '../server/assess/finding.ts'
import { DAY, T0 } from '../server/events.ts'
import { dumping, findingsAt } from './dump.ts'
import type { Fleet } from './fleets.ts'

const FLEET: Fleet = { kind: 'company', seed: 1, scenarios: [], workers: 2, days: 5, start: T0 }

describe('a dump of findings', () => {
  let now: Finding[] = []
  const done = (mornings: readonly Finding[][]) => {
    const dump = dumping(FLEET, {
      findings: {
        subjects: () => [...new Set(now.map((it) => it.worker!))],
        of: (worker) => now.filter((it) => it.worker === worker),
      },
      world: { contractAt: () => null },
      time: T0,
    })
    for (const [day, findings] of mornings.entries()) {
      now = findings
      dump.morning(T0 + day * DAY)
    }
    return dump.done(new Map([['w2', { truth: 'benign', scenario: 'N9', from: T0 }]]))
  }
  const one = finding({ rule: 'tool', worker: 'w1' })
  const grown = { ...one, count: one.count + 4, lastTime: one.lastTime + DAY }
  const other = finding({ rule: 'place', worker: 'w1' })

  it('has a finding as it was on each morning', () => {
    const dump = done([[], [one], [one, other], [grown]])
    const at = (day: number) => (findingsAt(dump, day).get('w1') ?? []).map((it) => [it.rule, it.count])
    assert.deepEqual(at(0), [])
    assert.deepEqual(at(1), [['tool', one.count]])
    assert.deepEqual(at(2), [
      ['tool', one.count],
      ['place', other.count],
    ])
    assert.deepEqual(at(3), [['tool', one.count + 4]])
    assert.deepEqual(at(4), at(3))
  })
  it('has everything that the score reads', () => {
    const [found] = findingsAt(done([[one]]), 0).get('w1')!
    assert.deepEqual({ ...found, events: one.events }, one)
  })
  it('names everybody, with their scene', () =>
    assert.deepEqual(
      done([[one]]).workers.map((it) => [it.worker, it.label?.scenario ?? null]),
      [
        ['w1', null],
        ['w2', 'N9'],
      ],
    ))
})
