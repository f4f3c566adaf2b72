import assert from 'node:assert/strict'
import type { Band } from '../../server/model/assessment.ts'
import { type Course, course, risesTo } from './course.ts'
import { hoursTo } from './figures.ts'
import type { Fleet } from './fleets.ts'
import { courses } from './processes.ts'

const FLEET: Fleet = { kind: 'scenes', seed: 7, scenarios: ['P1'], workers: 4, days: 10, start: Date.UTC(2026, 8, 14) }

describe('the course of a fleet', function () {
  this.timeout(120_000)
  let result: Course
  const days: number[] = []
  before(async () => {
    result = await course(FLEET, { explain: (label) => label?.scenario === 'P1', onDay: (day) => days.push(day) })
  })

  it('finds a takeover on the first day, by its own rule', () => {
    const [taken] = result.people.filter((it) => it.label?.truth === 'infiltrator')
    assert.ok(hoursTo(taken!, 'critical') < 24)
    assert.ok(taken!.findings.some((it) => it.own))
  })
  it('gives the changes of band in order of time', () => {
    for (const { stands } of result.people)
      assert.deepEqual(
        stands.map((it) => it.at),
        stands.map((it) => it.at).toSorted((a, b) => a - b),
      )
  })
  it('explains only the requested workers', () => {
    assert.equal(result.explained.filter((it) => /^w\d+ /.test(it)).length, 1)
    assert.match(result.explained[0]!, /infiltrator, P1/)
    assert.ok(result.explained.some((it) => /stands {2}critical/.test(it)))
    assert.ok(result.explained.some((it) => /found {3}\d/.test(it)))
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
    const [other] = await courses([{ fleet: FLEET, explain: [], dump: false }], 1, () => {})
    assert.deepEqual(
      { ...other, seconds: 0, explained: [] },
      JSON.parse(JSON.stringify({ ...result, seconds: 0, explained: [] })),
    )
  })
  it('reports the seed of a fleet that fails', () =>
    assert.rejects(
      courses([{ fleet: { ...FLEET, days: 1 }, explain: [], dump: false }], 1, () => {}),
      /seed 7, scenes: .*days/s,
    ))
})
