import assert from 'node:assert/strict'
import { DAY, HOUR, T0 } from '../server/events.ts'
import type { Course } from './course.ts'
import { type Accuracy, figures } from './figures.ts'
import { accuracyPage, hours, percent } from './page.ts'

const NONE = { findings: 0, medium: 0, high: 0 }
const COURSE: Course = {
  fleet: { kind: 'scenes', seed: 100_001, scenarios: [], workers: 100, days: 30, start: T0 },
  people: [
    {
      worker: 'w1',
      label: { truth: 'infiltrator', scenario: 'P1', from: T0 },
      stands: [{ at: T0 + HOUR, band: 'high', points: 70, reason: 'a <tool> called `a|b`', found: [] }],
      left: false,
      findings: [{ title: 'Two *tools*', at: T0, strength: 3, own: true }],
    },
    {
      worker: 'w2',
      label: { truth: 'benign', scenario: 'N9', from: T0 },
      stands: [{ at: T0 + DAY, band: 'high', points: 70, reason: 'one router', found: [] }],
      left: false,
      findings: [],
    },
  ],
  ...{
    reviews: [],
    alerts: { infiltrators: NONE, others: { findings: 10, medium: 2, high: 1 } },
    events: 1_000,
    seconds: 1,
    ...{ explained: [], mornings: [], dump: null },
  },
}

describe('the page', () => {
  const found = figures([COURSE, { ...COURSE, people: [], fleet: { ...COURSE.fleet, kind: 'company' } }], 'reporting')

  it('is made from the JSON alone', () =>
    assert.equal(accuracyPage(JSON.parse(JSON.stringify(found)) as Accuracy), accuracyPage(found)))

  it('names everybody who was missed, and every false positive', () => {
    const page = accuracyPage(found)
    assert.match(page, /\*\*P1\*\*, 1 person\n {2}- seed 100001, scenes, w1: high on day 0/)
    assert.match(
      page,
      /\*\*N9\*\*, 1 person\n {2}- seed 100001, scenes, w2: high on day 1, one router\. Found: nothing\./,
    )
  })

  it('escapes text from laptops', () => {
    const page = accuracyPage(found)
    assert.ok(page.includes('a \\<tool\\> called \\`a\\|b\\`'))
    assert.ok(page.includes('Two \\*tools\\*'))
  })

  it('shows what was not measured', () => {
    const page = accuracyPage(figures([COURSE], 'tuning'))
    assert.doesNotMatch(page, /NaN|undefined|Infinity/)
    assert.doesNotMatch(page, /## The queue/)
  })

  for (const [share, text] of [
    [0, '0 %'],
    [0.0002, '0.1 %'],
    [0.004, '0.4 %'],
    [0.5, '50 %'],
    [0.9996, '99.9 %'],
    [1, '100 %'],
  ] as const)
    it(`${share} is ${text}`, () => assert.equal(percent(share), text))

  for (const [value, text] of [
    [null, 'not by the end'],
    [0, 'at once'],
    [0.25, '0.3 h'],
    [30, '30 h'],
    [120, '5.0 d'],
  ] as const)
    it(`${value} hours are ${text}`, () => assert.equal(hours(value), text))
})
