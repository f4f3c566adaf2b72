import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import { DAY, HOUR, T0 } from '../server/events.ts'
import type { Course, Followed, Label } from './course.ts'
import { daysOf, firstDays } from './first-days.ts'

const NONE = { findings: 0, medium: 0, high: 0 }
const person = (worker: string, label: Label | null, stands: readonly [day: number, band: Band][]): Followed => ({
  ...{ worker, label, left: false, findings: [] },
  stands: stands.map(([day, band]) => ({ at: T0 + day * DAY + HOUR, band, points: 0, reason: '', found: [] })),
})
const COURSE: Course = {
  fleet: { kind: 'company', seed: 1, scenarios: [], workers: 12, days: 3, start: T0 },
  people: [
    person('w1', null, [
      [0, 'medium'],
      [1, 'low'],
    ]),
    person('w2', { truth: 'benign', scenario: 'N9', from: T0 }, [[1, 'high']]),
    person('w3', { truth: 'infiltrator', scenario: 'P1', from: T0 + 2 * DAY }, [
      [0, 'medium'],
      [2, 'critical'],
    ]),
  ],
  mornings: [1, 2, 3].map((day) => ({ at: T0 + day * DAY, nobody: -20, open: 10 + day, points: {} })),
  reviews: [{ worker: 'w1', at: T0 + DAY, confirmed: false }],
  ...{ alerts: { infiltrators: NONE, others: NONE }, events: 1, seconds: 1, explained: [], dump: null },
}

describe('the first days of a company', () => {
  const days = daysOf(COURSE)
  it('a person counts on each day on which they stood there at any hour', () => {
    assert.deepEqual(
      days.map((it) => it.ordinary),
      [
        { people: 10, medium: 0.1, high: 0 },
        { people: 10, medium: 0.1, high: 0 },
        { people: 10, medium: 0, high: 0 },
      ],
    )
    assert.deepEqual(
      days.map((it) => it.lookAlikes.high),
      [0, 1, 1],
    )
  })
  it('an infiltrator counts from their first action', () =>
    assert.deepEqual(
      days.map((it) => [it.infiltrators.people, it.infiltrators.high]),
      [
        [0, 0],
        [0, 0],
        [1, 1],
      ],
    ))
  it('shows the open cases of each morning, and the reviews', () => {
    const rows = firstDays(COURSE)
      .split('\n')
      .map((it) => it.split('\t'))
    assert.deepEqual(
      rows.slice(1, 4).map((it) => [it[0], it.at(-2), it.at(-1)]),
      [
        ['1', '11', '83.3'],
        ['2', '12', '0.0'],
        ['3', '13', '0.0'],
      ],
    )
  })
})
