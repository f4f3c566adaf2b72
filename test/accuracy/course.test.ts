import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import { type Course, course, risesTo } from './course.ts'
import { hoursTo } from './figures.ts'
import type { Fleet } from './fleets.ts'
import { courses } from './processes.ts'

const FLEET: Fleet = { kind: 'scenes', seed: 7, scenarios: ['P1'], workers: 4, days: 10, start: Date.UTC(2026, 8, 14) }

describe('a fleet’s course', function () {
  this.timeout(120_000)
  let told: Course
  const days: number[] = []
  before(async () => {
    told = await course(FLEET, { explain: (label) => label?.scenario === 'P1', onDay: (day) => days.push(day) })
  })

  it('finds a takeover on the first day, by its own rule', () => {
    const [taken] = told.people.filter((it) => it.label?.truth === 'infiltrator')
    assert.ok(hoursTo(taken!, 'critical') < 24)
    assert.ok(taken!.findings.some((it) => it.own))
  })
  it('in stands that follow each other', () => {
    for (const { stands } of told.people)
      assert.deepEqual(
        stands.map((it) => it.at),
        stands.map((it) => it.at).toSorted((a, b) => a - b),
      )
  })
  it('tells the story of whoever was asked about, and of nobody else', () => {
    assert.equal(told.told.filter((it) => /^w\d+ /.test(it)).length, 1)
    assert.match(told.told[0]!, /infiltrator, P1/)
    assert.ok(told.told.some((it) => /stands {2}critical/.test(it)))
    assert.ok(told.told.some((it) => /found {3}\d/.test(it)))
  })
  for (const { bands, rises } of [
    { bands: [], rises: 0 },
    { bands: ['high'], rises: 1 },
    { bands: ['medium', 'high', 'critical'], rises: 1 },
    { bands: ['high', 'low', 'critical'], rises: 2 },
  ] satisfies { bands: Band[]; rises: number }[])
    it(`${bands.join(', ') || 'nothing'}: rises to high ${rises} times`, () =>
      assert.equal(
        risesTo(
          'high',
          bands.map((band) => ({ band })),
        ),
        rises,
      ))
  it('counts the days', () => assert.deepEqual(days.slice(0, 3), [0, 1, 2]))
  it('is the same in another process', async () => {
    const [other] = await courses([{ fleet: FLEET, explain: [] }], 1, () => {})
    assert.deepEqual({ ...other, seconds: 0, told: [] }, JSON.parse(JSON.stringify({ ...told, seconds: 0, told: [] })))
  })
  it('a fleet that cannot be is told with its seed', () =>
    assert.rejects(
      courses([{ fleet: { ...FLEET, days: 1 }, explain: [] }], 1, () => {}),
      /seed 7, scenes: .*days/s,
    ))
})
