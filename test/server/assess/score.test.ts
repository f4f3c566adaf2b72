import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assess, FAMILY_CAP, TOTAL_CAP } from '../../../server/assess/score.ts'
import type { Finding } from '../../../server/store/store.ts'
import { DAY, T0 } from '../events.ts'

let made = 0
function finding(fields: Partial<Finding> = {}): Finding {
  made++
  return {
    id: made.toString(16).padStart(32, '0'),
    rule: `rule-${made}`,
    ruleVersion: 'v1',
    title: 'a finding',
    level: null,
    family: 'remote-access',
    strength: 3,
    halfLifeDays: 14,
    pattern: null,
    ordinaryFor: [],
    worker: 'w1',
    device: 'd1',
    group: 'g',
    time: T0,
    lastTime: T0,
    count: 1,
    says: 'something was seen',
    events: [],
    ...fields,
  }
}

describe('bands', () => {
  const cases: { name: string; findings: Finding[]; band: string }[] = [
    { name: 'nothing', findings: [], band: 'none' },
    { name: 'context only', findings: [finding({ strength: 1 })], band: 'low' },
    { name: 'one of strength 2', findings: [finding({ strength: 2 })], band: 'low' },
    { name: 'one of strength 3', findings: [finding()], band: 'medium' },
    { name: 'two of strength 3 in one family', findings: [finding(), finding()], band: 'medium' },
    {
      name: 'two families at 2',
      findings: [finding({ strength: 2 }), finding({ strength: 2, family: 'network' })],
      band: 'medium',
    },
    {
      name: 'two families, one at 3',
      findings: [finding(), finding({ strength: 2, family: 'network' })],
      band: 'high',
    },
    {
      name: 'strength 1 opens no second family',
      findings: [finding(), finding({ strength: 1, family: 'network' })],
      band: 'medium',
    },
    { name: 'strength 4 alone', findings: [finding({ strength: 4 })], band: 'high' },
    {
      name: 'strength 4 and another family',
      findings: [finding({ strength: 4 }), finding({ strength: 2, family: 'network' })],
      band: 'critical',
    },
    {
      name: 'three families, one at 3',
      findings: [finding(), finding({ strength: 2, family: 'network' }), finding({ strength: 2, family: 'hardware' })],
      band: 'critical',
    },
    { name: 'a pattern marked critical', findings: [finding({ strength: 2, pattern: 'critical' })], band: 'critical' },
    { name: 'a pattern marked high', findings: [finding({ strength: 2, pattern: 'high' })], band: 'high' },
    {
      name: 'a month old, faded',
      findings: [finding({ strength: 4, lastTime: T0 - 29 * DAY, time: T0 - 29 * DAY })],
      band: 'low',
    },
    {
      name: 'a year old, but it never decays',
      findings: [finding({ strength: 4, halfLifeDays: null, lastTime: T0 - 365 * DAY })],
      band: 'high',
    },
  ]
  for (const { name, findings, band } of cases) it(name, () => assert.equal(assess('w1', findings, T0).band, band))
})

describe('points', () => {
  it('the same rule and group counts once, whatever the days', () => {
    const days = [0, 1, 2].map((day) => finding({ rule: 'same', lastTime: T0 - day * DAY, time: T0 - day * DAY }))
    assert.deepEqual(
      assess('w1', days, T0).parts.map((it) => [it.points, it.findings.length]),
      [[40, 3]],
    )
  })
  it('halve in a half-life', () => assert.equal(assess('w1', [finding({ lastTime: T0 - 14 * DAY })], T0).points, 20))
  it('a family is capped, and the cap is a part', () => {
    const { points, parts } = assess('w1', [finding({ strength: 4 }), finding({ strength: 4 })], T0)
    assert.equal(points, FAMILY_CAP)
    assert.deepEqual(
      parts.map((it) => [it.kind, it.points]),
      [
        ['finding', 70],
        ['finding', 70],
        ['family_cap', FAMILY_CAP - 140],
      ],
    )
  })
  it('parts add up to the score, under the cap, in any order of findings', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            strength: fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<1 | 2 | 3 | 4>,
            family: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
            age: fc.integer({ min: 0, max: 100 }),
            rule: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6'),
          }),
          { maxLength: 30 },
        ),
        (rows) => {
          const findings = rows.map(({ age, ...it }, index) =>
            finding({
              ...it,
              id: String(index).padStart(4, '0'),
              group: it.family,
              lastTime: T0 - age * DAY,
              time: T0 - age * DAY,
            }),
          )
          const one = assess('w1', findings, T0)
          const other = assess('w1', [...findings].reverse(), T0)
          assert.equal(
            one.parts.reduce((sum, it) => sum + it.points, 0),
            one.points,
          )
          assert.ok(one.points >= 0 && one.points <= TOTAL_CAP)
          assert.deepEqual([other.band, other.points], [one.band, one.points])
        },
      ),
    ))
})
