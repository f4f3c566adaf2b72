import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assess, explained, FAMILY_CAP, TOTAL_CAP } from '../../../server/assess/score.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Contract } from '../../../wire/contract.ts'
import { DAY, HOUR, T0 } from '../events.ts'
import { finding } from './finding.ts'

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
      name: 'three families at 2',
      findings: ['network', 'hardware', 'identity'].map((family) => finding({ strength: 2, family })),
      band: 'high',
    },
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

describe('the reason', () => {
  const cases: { one: string; other: string; reason: string }[] = [
    { one: 'A tool is here.', other: 'A place is wrong.', reason: 'A tool is here. A place is wrong.' },
    { one: 'a tool', other: 'a place', reason: 'a tool; a place' },
    { one: 'Who is here?', other: 'a place', reason: 'Who is here? a place' },
  ]
  for (const { one, other, reason } of cases)
    it(`joins '${one}' and '${other}'`, () =>
      assert.equal(
        assess('w1', [finding({ says: one }), finding({ says: other, strength: 2, family: 'network' })], T0).reason,
        reason,
      ))
})

describe('points', () => {
  it('the same rule and group counts once, on several days', () => {
    const days = [0, 1, 2].map((day) => finding({ rule: 'same', lastTime: T0 - day * DAY, time: T0 - day * DAY }))
    assert.deepEqual(
      assess('w1', days, T0).parts.map((it) => [it.points, it.findings.length]),
      [[40, 3]],
    )
  })
  it('one rule is one fact, however many devices, folders and addresses it names', () => {
    const found = [...Array(17).keys()].map((n) =>
      finding({ rule: 'given', group: `repository ${n}`, says: `repository ${n} was given away`, strength: 3 }),
    )
    const { points, parts, band } = assess('w1', found, T0)
    assert.deepEqual([points, band, parts.length, parts[0]?.findings.length], [40, 'medium', 1, 17])
  })
  it('two rules with one sentence tell one fact', () => {
    const found = [2, 3].map((strength) => finding({ strength: strength as 2 | 3, says: 'A KVM is plugged in.' }))
    const { points, parts, band } = assess('w1', found, T0)
    assert.deepEqual([points, band, parts.map((it) => it.findings.length)], [40, 'medium', [2]])
  })
  it('of one fact, what an agreement does not explain counts', () => {
    const contract = { worker: 'w1', from: 0, travelNotices: [{ from: T0 - DAY, to: T0 + DAY, country: 'DE' }] }
    const found = [
      finding({ rule: 'r', group: 'a', family: 'network' }),
      finding({ rule: 'r', group: 'b', family: 'network', time: T0 - 9 * DAY }),
    ]
    const { points, parts, band } = assess('w1', found, T0, { contract, referrer: null })
    assert.deepEqual([points, band, parts.map((it) => it.kind)], [40, 'medium', ['finding']])
  })
  it('a pattern is a part of its own even in a full family', () => {
    const full = [1, 2, 3].map(() => finding({ strength: 4 }))
    const { parts } = assess('w1', [...full, finding({ pattern: 'critical', says: 'a pattern' })], T0)
    assert.equal(parts[0]?.label, 'a pattern')
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
            rule: fc.constantFrom(...Array.from({ length: 40 }, (_, n) => `r${n}`)),
            says: fc.constantFrom('one', 'two', 'three', ...Array.from({ length: 40 }, (_, n) => `sentence ${n}`)),
            group: fc.constantFrom('here', 'there'),
            pattern: fc.constantFrom(null, null, null, 'high' as const),
          }),
          { maxLength: 200 },
        ),
        (rows) => {
          const findings = rows.map(({ age, ...it }, index) =>
            finding({
              ...it,
              id: String(index).padStart(4, '0'),
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
          assert.deepEqual(other, one)
          const labels = one.parts.map((it) => it.label)
          assert.equal(new Set(labels).size, labels.length)
          // No more is taken away than the part that met the cap, in each family and in all.
          for (const it of one.parts) assert.ok(it.points >= -FAMILY_CAP, `${it.label} ${it.points}`)
          const listed = one.parts.filter((it) => it.kind !== 'mitigation').flatMap((it) => it.findings)
          assert.deepEqual(
            [...listed].sort(),
            findings.map((it) => it.id),
          )
        },
      ),
    ))
})

describe('mitigations', () => {
  const contract = (fields: Partial<Contract>): Contract => ({ worker: 'w1', from: 0, ...fields })
  const shown = (findings: Finding[], fields: Partial<Contract>) => {
    const { band, parts, points } = assess('w1', findings, T0, { contract: contract(fields), referrer: null })
    return { band, points, parts: parts.map((it) => [it.kind, it.points]) }
  }
  const journey = { travelNotices: [{ from: T0 - 2 * DAY, to: T0 + 2 * DAY, country: 'DE' }] }

  it('an announced journey halves the points and lowers the strength', () =>
    assert.deepEqual(shown([finding({ family: 'network' })], journey), {
      band: 'low',
      points: 20,
      parts: [
        ['finding', 40],
        ['mitigation', -20],
      ],
    }))
  it('but not for a remote-control tool', () => assert.equal(shown([finding()], journey).points, 40))
  it('nor in another week', () =>
    assert.equal(shown([finding({ family: 'network', time: T0 - 9 * DAY })], journey).band, 'medium'))
  it('work that is ordinary for the role', () =>
    assert.deepEqual(shown([finding({ ordinaryFor: ['platform-engineer'] })], { roles: ['Platform-Engineer'] }).parts, [
      ['finding', 40],
      ['mitigation', -20],
    ]))
  it('never a pattern', () =>
    assert.equal(shown([finding({ family: 'network', pattern: 'critical' })], journey).band, 'critical'))
  it('a family is capped after mitigations', () =>
    assert.deepEqual(
      shown([finding({ strength: 4, family: 'network' }), finding({ strength: 4, family: 'network' })], journey).parts,
      [
        ['finding', 70],
        ['finding', 70],
        ['mitigation', -70],
      ],
    ))
})

describe('a referral', () => {
  const referred = (band: 'low' | 'high') =>
    assess('w1', [finding({ strength: 3, says: 'something was seen' })], T0, {
      contract: null,
      referrer: { worker: 'w9', band },
    })
  it('by somebody flagged counts one and a half times', () =>
    assert.deepEqual(
      referred('high').parts.map((it) => [it.kind, it.points, it.label]),
      [
        ['finding', 40, 'something was seen'],
        ['referral', 20, 'recommended by w9, who is high'],
      ],
    ))
  it('by anybody else has no effect', () => assert.equal(referred('low').points, 40))
})

describe('without a part', () => {
  const findings = [
    finding({ id: 'tool', strength: 3 }),
    finding({ id: 'place', strength: 3, family: 'network' }),
    finding({ id: 'lone', strength: 2, family: 'hardware' }),
  ]
  const contract: Contract = {
    worker: 'w1',
    from: 0,
    travelNotices: [{ from: T0 - DAY, to: T0 + DAY, country: 'DE' }],
  }

  it('is the result without that part', () => {
    const { parts } = explained('w1', findings, T0)
    for (const { findings: ids, without } of parts) {
      const rest = assess(
        'w1',
        findings.filter((it) => !ids.includes(it.id)),
        T0,
      )
      assert.deepEqual(without, { points: rest.points, band: rest.band })
    }
    assert.equal(parts.length, 3)
  })
  it('a mitigation too', () => {
    const { points, parts } = explained('w1', findings, T0, { contract, referrer: null })
    const notice = parts.find((it) => it.kind === 'mitigation')
    assert.deepEqual([points, notice?.points, notice?.without], [75, -20, { points: 95, band: 'critical' }])
  })
  it('is not given for a cap, which lists what came after it', () => {
    const capped = [1, 2, 3].map((n) => finding({ rule: `r${n}`, strength: 4 }))
    const parts = explained('w1', capped, T0).parts
    assert.deepEqual(
      parts.map((it) => [it.kind, it.without?.points, it.findings.length]),
      [...Array(2).fill(['finding', FAMILY_CAP, 1]), ['family_cap', undefined, 1]],
    )
  })
  it('holds for the hour', () =>
    assert.deepEqual(explained('w1', findings, T0), explained('w1', findings, T0 + HOUR - 1)))
})
