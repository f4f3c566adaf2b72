import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import { DAY, T0 } from '../server/events.ts'
import { aging, calibration, drift, left, slopeOf } from './calibration.ts'
import type { Course, Followed, Label } from './course.ts'
import type { Kind } from './fleets.ts'

const NONE = { findings: 0, medium: 0, high: 0 }
const infiltrator = (from: number): Label => ({ truth: 'infiltrator', scenario: 'P1', from: T0 + from * DAY })
const person = (worker: string, label: Label | null, bands: Readonly<Record<number, Band>> = {}): Followed => ({
  ...{ worker, label, left: false, findings: [] },
  stands: Object.entries(bands).map(([day, band]) => ({
    ...{ at: T0 + Number(day) * DAY, band, points: 0, reason: '', found: [] },
  })),
})
/** `points` by worker, one a morning; workers without have -20. */
const course = (kind: Kind, workers: number, people: Followed[], points: Record<string, number[]> = {}): Course => ({
  fleet: { kind, seed: 1, scenarios: [], workers, days: 121, start: T0 },
  people,
  mornings: Array.from({ length: Math.max(0, ...Object.values(points).map((it) => it.length)) }, (_, day) => ({
    at: T0 + day * DAY,
    ...{ nobody: -20, open: 0 },
    points: Object.fromEntries(Object.entries(points).map(([worker, all]) => [worker, all[day]!])),
  })),
  ...{ reviews: [], alerts: { infiltrators: NONE, others: NONE }, events: 1, seconds: 1, explained: [], dump: null },
})

describe('calibration', () => {
  const found = calibration([
    course('company', 10, [person('w1', infiltrator(1)), person('w2', null)], {
      w1: [25, 12, 14],
      w2: [3, -5, -5],
      w3: [-8, 11, 2],
    }),
    course('scenes', 5, [person('w1', infiltrator(0))], { w1: [25, 25, 25] }),
  ])!

  it('counts each person of the companies once, by their highest points since they are infiltrators', () =>
    assert.deepEqual(
      found.highest.map((it) => [it.from, it.people, it.infiltrators]),
      [
        [null, 7, 0],
        [0, 1, 0],
        [10, 2, 1],
        [20, 0, 0],
        [30, 0, 0],
      ],
    ))
  it('compares the odds of those shown with the odds of the score', () => {
    assert.deepEqual(
      found.shown.map((it) => [it.from, it.people, it.infiltrators]),
      [
        [0, 3, 1],
        [10, 2, 1],
        [20, 0, 0],
      ],
    )
    assert.equal(found.shown[1]?.observed, 0)
    assert.equal(found.shown[1]?.stated, (14 + 11) / 2)
    assert.ok(Math.abs(found.shown[0]!.observed! - 10 * Math.log10(1 / 2)) < 1e-9)
    assert.deepEqual([found.shown[2]?.observed, found.shown[2]?.stated], [null, null])
  })
  it('counts every morning once', () =>
    assert.deepEqual(
      found.mornings.map((it) => [it.people, it.infiltrators]),
      [
        [24, 0],
        [2, 0],
        [3, 2],
        [0, 0],
        [0, 0],
      ],
    ))
  it('needs companies', () => assert.equal(calibration([course('scenes', 5, [])]), null))
})

describe('points over time', () => {
  for (const { name, values, is } of [
    { name: 'rising', values: [0, 2, 4, 6], is: 2 },
    { name: 'constant', values: [5, 5, 5], is: 0 },
    { name: 'one step in the middle', values: [0, 0, 1, 1], is: 0.4 },
    { name: 'one morning', values: [7], is: 0 },
    { name: 'no morning', values: [], is: 0 },
  ])
    it(`slope: ${name}`, () => assert.ok(Math.abs(slopeOf(values) - is) < 1e-9, `${slopeOf(values)}`))

  it('drift is of benign people, also of those without findings', () => {
    const rising = Array.from({ length: 121 }, (_, day) => day / 10)
    const found = drift([course('drift', 4, [person('w1', infiltrator(0))], { w1: rising.map(() => 99), w2: rising })])!
    assert.equal(found.people, 3)
    assert.ok(Math.abs(found.slope.highest - 0.1) < 1e-9 && Math.abs(found.slope.mean - 0.1 / 3) < 1e-9)
    assert.deepEqual(
      found.at.map((it) => [it.day, it.highest]),
      [
        [30, 3],
        [60, 6],
        [90, 9],
        [120, 12],
      ],
    )
    assert.equal(drift([course('company', 4, [])]), null)
  })

  it('aging compares the same people on two days', () => {
    const people = [
      person('w1', infiltrator(0), { 3: 'critical', 60: 'low' }),
      person('w2', infiltrator(0), { 3: 'high' }),
      person('w3', null, { 50: 'medium' }),
    ]
    assert.deepEqual(
      aging([course('aging', 12, people)]).map(({ day, high, medium }) => [day, high, medium]),
      [
        [45, { infiltrators: 1, others: 0 }, { infiltrators: 1, others: 0 }],
        [90, { infiltrators: 0.5, others: 0 }, { infiltrators: 0.5, others: 0.1 }],
      ],
    )
  })

  it('who was critical and left the queue before anybody decided', () => {
    const critical = { 3: 'critical', 9: 'low' } as const
    const all = course('company', 9, [
      { ...person('left', infiltrator(0), critical), left: true },
      { ...person('left, benign', null, critical), left: true },
      person('stayed, or decided', infiltrator(0), critical),
      person('never', null, { 3: 'high', 9: 'none' }),
    ])
    assert.deepEqual(left([all]), { critical: 3, left: 2, infiltrators: 1 })
  })
})
