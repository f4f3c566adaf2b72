import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import type { Scenario } from '../../server/simulate/scene.ts'
import { DAY, HOUR, T0 } from '../server/events.ts'
import type { Course, Followed, Label } from './course.ts'
import { figures, hoursTo, statedOf } from './figures.ts'

const scene = (id: string, people: number): Scenario => ({ ...{ id, title: id, people, truth: 'benign' }, play() {} })
const SCENES = [scene('P1', 1), scene('P4', 3), scene('P10', 1), scene('N9', 2)]

const NONE = { findings: 0, medium: 0, high: 0 }
const stand = (at: number, band: Band) => ({
  at,
  band,
  points: 40,
  reason: `${band} for a reason`,
  found: [`${band} then`],
})
const person = (worker: string, label: Label | null, stands: Followed['stands'] = []): Followed => ({
  ...{ worker, label, stands, left: false, findings: [] },
})
const infiltrator = (scenario: string, from = T0): Label => ({ truth: 'infiltrator', scenario, from })
const benign = (scenario: string): Label => ({ truth: 'benign', scenario, from: T0 })
const course = (people: Followed[], fields: Partial<Course> = {}): Course => ({
  fleet: { kind: 'scenes', seed: 100_001, scenarios: [], workers: 100, days: 30, start: T0 },
  ...{
    people,
    mornings: [],
    dump: null,
    reviews: [],
    alerts: { infiltrators: NONE, others: NONE },
    events: 1_000,
    seconds: 1,
    explained: [],
  },
  ...fields,
})
const company = (people: Followed[], fields: Partial<Course> = {}): Course =>
  course(people, { fleet: { ...course([]).fleet, kind: 'company' }, ...fields })
const of = (courses: readonly Course[]) => figures(courses, 'reporting', { scenarios: SCENES })

describe('the figures', () => {
  for (const { name, from = T0, stands, is } of [
    { name: 'nothing found', stands: [], is: Number.POSITIVE_INFINITY },
    { name: 'later', stands: [stand(T0 + HOUR, 'medium'), stand(T0 + 5 * HOUR, 'critical')], is: 5 },
    { name: 'already at the band', stands: [stand(T0 - HOUR, 'high')], is: 0 },
    {
      name: 'at the band before, but no longer',
      stands: [stand(T0 - 9, 'high'), stand(T0 - 1, 'low')],
      is: Number.POSITIVE_INFINITY,
    },
    {
      name: 'fell and rose again',
      stands: [stand(T0 - 9, 'high'), stand(T0 - 1, 'low'), stand(T0 + HOUR, 'high')],
      is: 1,
    },
  ])
    it(`hours to high: ${name}`, () => assert.equal(hoursTo({ label: infiltrator('P1', from), stands }, 'high'), is))

  it('a pattern has a stated band, and a variant of P10 another one', () =>
    assert.deepEqual(['P1', 'P3/router', 'P10', 'P10/remote'].map(statedOf), ['critical', 'high', 'medium', 'high']))

  it('a worker who stays below the stated band is missed, with their findings', () => {
    const { patterns, missed } = of([
      course([
        person('w1', infiltrator('P1'), [stand(T0 + HOUR, 'high')]),
        person('w2', infiltrator('P10'), [stand(T0 + HOUR, 'medium')]),
      ]),
    ])
    assert.deepEqual(
      patterns.map((it) => [it.scenario, it.stated, it.share]),
      [
        ['P1', 'critical', 0],
        ['P10', 'medium', 1],
      ],
    )
    assert.deepEqual(
      missed.map((it) => [it.seed, it.worker, it.scenario, it.band, it.reason]),
      [[100_001, 'w1', 'P1', 'high', 'high for a reason']],
    )
  })

  it('three people of one farm are one trial', () => {
    const farm = ['w1', 'w2', 'w3'].map((it) => person(it, infiltrator('P4'), [stand(T0 + HOUR, 'critical')]))
    const [row] = of([course(farm)]).patterns
    assert.deepEqual([row?.people, row?.scenes, row?.share], [3, 1, 1])
  })

  it('evasions are counted separately', () => {
    const { patterns, evasions } = of([course([person('w1', infiltrator('P4/kvm')), person('w2', infiltrator('P1'))])])
    assert.deepEqual([patterns.map((it) => it.scenario), evasions.map((it) => it.scenario)], [['P1'], ['P4/kvm']])
  })

  it('a worker who was high for a day is a false positive, even if no longer', () => {
    const { lookAlikes, falsePositives } = of([
      course([
        person('w1', benign('N9'), [stand(T0 + DAY, 'high'), stand(T0 + 2 * DAY, 'low')]),
        person('w2', benign('N9'), [stand(T0, 'medium')]),
      ]),
    ])
    assert.deepEqual(
      lookAlikes.map((it) => [it.scenario, it.people, it.share]),
      [['N9', 2, 0.5]],
    )
    assert.deepEqual(
      falsePositives.map((it) => [it.worker, it.band, it.day, it.findings]),
      [['w1', 'high', 1, ['high then']]],
    )
  })

  it('a benign person of a pattern is not missed, and can be a false positive', () => {
    const { patterns, missed, falsePositives } = of([course([person('w1', benign('P4'), [stand(T0, 'high')])])])
    assert.deepEqual([patterns, missed.length, falsePositives.map((it) => it.scenario)], [[], 0, ['P4']])
  })

  it('all workers without a label are ordinary, with or without findings', () => {
    const { ordinary } = of([course([person('w1', null, [stand(T0, 'critical')]), person('w2', infiltrator('P1'))])])
    assert.deepEqual([ordinary.people, ordinary.share], [99, 1 / 99])
  })

  it('the queue: in time, later, and too close to the end to tell', () => {
    const people = ['in time', 'later', 'never'].map((it) => person(it, infiltrator('P1')))
    const reviews = [
      { worker: 'in time', at: T0 + 14 * DAY, confirmed: true },
      { worker: 'later', at: T0 + 3 * DAY, confirmed: false },
      { worker: 'later', at: T0 + 15 * DAY, confirmed: true },
    ]
    const { queue } = of([company([...people, person('at the end', infiltrator('P1', T0 + 20 * DAY))], { reviews })])
    assert.deepEqual([queue.within.people, queue.within.share], [3, 1 / 3])
    assert.deepEqual([queue.ever.people, queue.ever.share], [4, 0.5])
    assert.deepEqual([queue.reviews, queue.confirmedShare], [1, 2 / 3])
  })

  it('noise is per 1,000 laptops and day', () => {
    const { alerts } = of([
      company([], { alerts: { others: { findings: 300, medium: 30, high: 3 }, infiltrators: { ...NONE, high: 6 } } }),
    ])
    assert.deepEqual(
      alerts.map((it) => it.rate),
      [100, 10, 1, 0, 0, 2],
    )
  })

  it('a worker who never reached high counts as later than all others, and is null in JSON', () => {
    const got = [1, 2].map((it) => person(`w${it}`, infiltrator('P1'), [stand(T0 + it * HOUR, 'critical')]))
    const { hoursToHigh } = of([course([...got, person('w3', infiltrator('P1')), person('w4', infiltrator('P10'))])])
    assert.equal(hoursToHigh.people, 3)
    assert.deepEqual(hoursToHigh.quantiles, [
      [0.1, 1],
      [0.25, 1],
      [0.5, 2],
      [0.75, null],
      [0.9, null],
    ])
  })

  it('scenes that were not requested are omitted', () => {
    const people = [
      person('w1', infiltrator('P1')),
      person('w2', infiltrator('P4')),
      person('w3', null, [stand(T0, 'high')]),
    ]
    const { patterns, missed, falsePositives } = figures([course(people)], 'tuning', {
      scenarios: SCENES,
      asked: (it) => it === 'P4',
    })
    assert.deepEqual(
      [patterns, missed, falsePositives].map((all) => all.map((it) => it.scenario)),
      [['P4'], ['P4'], [null]],
    )
  })
})
