import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assess, DOUBT_ABOVE, explained, LEAST, OVERLAP } from '../../../server/assess/score.ts'
import { PRIOR } from '../../../server/model/assessment.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Contract } from '../../../wire/contract.ts'
import { DAY, HOUR, T0 } from '../events.ts'
import { finding } from './finding.ts'

/** What a finding weighs while nobody has been counted, by strength: 10 log10 of 0.05 · 20, 0.2 · 100 … */
const WEIGHT = { 1: 0, 2: 13, 3: 23, 4: 32 } as const
const of = (strength: 1 | 2 | 3 | 4, ...sensors: string[]) =>
  finding({ strength, sensors: sensors.length > 0 ? sensors : ['process'] })
const bandOf = (...findings: Finding[]) => assess('w1', findings, T0).band
const kinds = (findings: Finding[], context?: Parameters<typeof assess>[3]) =>
  assess('w1', findings, T0, context).parts.map((it) => [it.kind, it.points])
const aContract = (fields: Partial<Contract>) => ({
  contract: { worker: 'w1', from: 0, ...fields } satisfies Contract,
  referrer: null,
  rarity: null,
  decidedAt: null,
})

describe('bands', () => {
  const cases: { name: string; findings: Finding[]; band: string }[] = [
    { name: 'nothing', findings: [], band: 'none' },
    { name: 'strength 1, which one colleague in twenty shows', findings: [of(1)], band: 'none' },
    { name: 'one of strength 2', findings: [of(2)], band: 'low' },
    { name: 'one of strength 3', findings: [of(3)], band: 'medium' },
    { name: 'one of strength 4', findings: [of(4)], band: 'high' },
    { name: 'two of strength 2 of one sensor', findings: [of(2), of(2)], band: 'low' },
    { name: 'two of strength 2 of two sensors', findings: [of(2), of(2, 'address')], band: 'medium' },
    { name: 'strength 3, and 2 of another sensor', findings: [of(3), of(2, 'address')], band: 'high' },
    { name: 'two of strength 3 of two sensors', findings: [of(3), of(3, 'address')], band: 'critical' },
    { name: 'two of strength 3 of one sensor', findings: [of(3), of(3)], band: 'high' },
    { name: 'a pattern marked critical', findings: [finding({ strength: 2, pattern: 'critical' })], band: 'critical' },
    { name: 'a pattern marked high', findings: [finding({ strength: 2, pattern: 'high' })], band: 'high' },
    {
      name: 'two half-lives old',
      findings: [finding({ strength: 3, time: T0 - 29 * DAY, lastTime: T0 - 29 * DAY })],
      band: 'low',
    },
    {
      name: 'a pattern that is two half-lives old, and nobody has decided',
      findings: [finding({ strength: 4, pattern: 'critical', time: T0 - 29 * DAY, lastTime: T0 - 29 * DAY })],
      band: 'critical',
    },
    {
      name: 'a year old, but it never decays',
      findings: [finding({ strength: 4, halfLifeDays: null, time: T0 - 365 * DAY, lastTime: T0 - 365 * DAY })],
      band: 'high',
    },
  ]
  for (const { name, findings, band } of cases) it(name, () => assert.equal(bandOf(...findings), band))
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
        assess('w1', [finding({ says: one }), finding({ says: other, strength: 2, sensors: ['address'] })], T0).reason,
        reason,
      ))
  it('names two sensors, not one twice', () => {
    const found = [
      finding({ says: 'a.' }),
      finding({ says: 'b.' }),
      finding({ says: 'c.', strength: 2, sensors: ['hr'] }),
    ]
    assert.equal(assess('w1', found, T0).reason, 'a. c.')
  })
  it('says when all of it is common, or has faded', () => {
    assert.equal(assess('w1', [finding({ strength: 1, says: 'a VPN' })], T0).reason, 'common here: a VPN')
    const old = finding({ says: 'a tool', lastTime: T0 - 365 * DAY, time: T0 - 365 * DAY })
    assert.equal(assess('w1', [old], T0).reason, 'faded: a tool')
  })
})

describe('points', () => {
  it('begin at the prior, and the strongest of a sensor counts in full, the others for a third', () => {
    const rest = WEIGHT[2] - Math.round(WEIGHT[2] * OVERLAP)
    assert.deepEqual(kinds([of(4), of(2), of(2, 'address')]), [
      ['prior', PRIOR],
      ['finding', WEIGHT[4]],
      ['finding', WEIGHT[2]],
      ['overlap', -rest],
      ['finding', WEIGHT[2]],
    ])
  })
  it('a correlation over two sensors overlaps with both', () => {
    const parts = kinds([of(4, 'process', 'address'), of(3, 'process'), of(3, 'address'), of(3, 'hr')])
    assert.equal(parts.filter(([kind]) => kind === 'overlap').length, 2)
  })
  it('the same rule and group counts once, on several days', () => {
    const days = [0, 1, 2].map((day) => finding({ rule: 'same', lastTime: T0 - day * DAY, time: T0 - day * DAY }))
    const { parts } = assess('w1', days, T0)
    assert.deepEqual(
      parts.map((it) => [it.points, it.findings.length]),
      [
        [PRIOR, 0],
        [WEIGHT[3], 3],
      ],
    )
  })
  it('one rule is one fact, however many devices, folders and addresses it names', () => {
    const found = [...Array(17).keys()].map((n) =>
      finding({ rule: 'given', group: `repository ${n}`, says: `repository ${n} was given away`, strength: 3 }),
    )
    const { points, parts, band } = assess('w1', found, T0)
    assert.deepEqual([points, band, parts.length, parts[1]?.findings.length], [PRIOR + WEIGHT[3], 'medium', 2, 17])
  })
  it('rules that name one fact tell it once: the strongest counts', () => {
    const found = [2, 4, 3].map((strength) => finding({ strength: strength as 2 | 3 | 4, fact: 'elsewhere' }))
    const { points, parts } = assess('w1', found, T0)
    assert.deepEqual([points, parts.map((it) => it.findings.length)], [PRIOR + WEIGHT[4], [0, 3]])
    assert.equal(parts[1]?.findings[0], found[1]?.id)
  })
  it('two rules with one sentence tell one fact', () => {
    const found = [2, 3].map((strength) => finding({ strength: strength as 2 | 3, says: 'A KVM is plugged in.' }))
    const { points, parts } = assess('w1', found, T0)
    assert.deepEqual([points, parts.map((it) => it.findings.length)], [PRIOR + WEIGHT[3], [0, 2]])
  })
  it('a weight halves with every half-life', () =>
    assert.deepEqual(
      [0, 14, 28].map((days) => {
        const at = T0 - days * DAY
        return kinds([finding({ strength: 4, time: at, lastTime: at })])[1]
      }),
      [WEIGHT[4], WEIGHT[4] / 2, WEIGHT[4] / 4].map((points) => ['finding', points]),
    ))
  it('slow evidence has its own weight', () =>
    assert.deepEqual(kinds([finding({ strength: 3, decibans: 17.4 })])[1], ['finding', 17]))
  it('above a limit a point counts for a third, so that the order stays', () => {
    const sensors = ['process', 'address', 'hr', 'files', 'display']
    const sums = [2, 3, 4, 5].map((n) =>
      assess(
        'w1',
        sensors.slice(0, n).map((it) => of(4, it)),
        T0,
      ),
    )
    for (const [index, { points, parts }] of sums.entries()) {
      const plain = PRIOR + WEIGHT[4] * (index + 2)
      assert.equal(points, plain - Math.round(((plain - DOUBT_ABOVE) * 2) / 3))
      assert.equal(parts.at(-1)?.kind, 'doubt')
      assert.ok(index === 0 || points > sums[index - 1]!.points)
    }
  })
  it('a pattern adds what its band lacks', () =>
    assert.deepEqual(kinds([finding({ strength: 3, pattern: 'critical' })]).at(-1), [
      'floor',
      LEAST.critical - (PRIOR + WEIGHT[3]),
    ]))
  it('parts add up to the score, in any order of findings, and the sum decides the band', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            strength: fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<1 | 2 | 3 | 4>,
            sensors: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 2 }),
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
            finding({ ...it, id: String(index).padStart(4, '0'), lastTime: T0 - age * DAY, time: T0 - age * DAY }),
          )
          const one = assess('w1', findings, T0)
          assert.equal(
            one.parts.reduce((sum, it) => sum + it.points, 0),
            one.points,
          )
          assert.deepEqual(assess('w1', [...findings].reverse(), T0), one)
          const least = one.band === 'none' || one.band === 'low' ? Number.NEGATIVE_INFINITY : LEAST[one.band]
          assert.ok(one.points >= least)
          assert.equal(one.points >= LEAST.high, one.band === 'high' || one.band === 'critical')
          const listed = one.parts.filter((it) => it.kind === 'finding').flatMap((it) => it.findings)
          assert.deepEqual(
            [...listed].sort(),
            findings.map((it) => it.id),
          )
          // More evidence is never less.
          const more = assess('w1', [...findings, finding({ strength: 4, sensors: ['f'] })], T0)
          assert.ok(more.points >= one.points)
        },
      ),
    ))
})

describe('mitigations', () => {
  const journey = { travelNotices: [{ from: T0 - 2 * DAY, to: T0 + 2 * DAY, country: 'DE' }] }
  const half = -Math.round(WEIGHT[3] / 2)

  it('an announced journey halves the points', () =>
    assert.deepEqual(kinds([finding({ family: 'network' })], aContract(journey)), [
      ['prior', PRIOR],
      ['finding', WEIGHT[3]],
      ['mitigation', half],
    ]))
  it('but not for a remote-control tool', () => assert.equal(kinds([finding()], aContract(journey)).length, 2))
  it('nor in another week', () =>
    assert.equal(kinds([finding({ family: 'network', time: T0 - 9 * DAY })], aContract(journey)).length, 2))
  it('work that is ordinary for the role', () =>
    assert.deepEqual(
      kinds([finding({ ordinaryFor: ['platform-engineer'] })], aContract({ roles: ['Platform-Engineer'] })).at(-1),
      ['mitigation', half],
    ))
  it('never a pattern', () =>
    assert.equal(
      assess('w1', [finding({ family: 'network', pattern: 'critical' })], T0, aContract(journey)).band,
      'critical',
    ))
  it('of one fact, what an agreement does not explain counts', () => {
    const found = [
      finding({ rule: 'r', group: 'a', family: 'network' }),
      finding({ rule: 'r', group: 'b', family: 'network', time: T0 - 9 * DAY }),
    ]
    const { points, parts } = assess('w1', found, T0, aContract(journey))
    assert.deepEqual([points, parts.map((it) => it.kind)], [PRIOR + WEIGHT[3], ['prior', 'finding']])
  })
})

describe('a referral', () => {
  const referred = (band: 'low' | 'high') =>
    assess('w1', [finding({ strength: 3, says: 'something was seen' })], T0, {
      contract: null,
      referrer: { worker: 'w9', band },
      rarity: null,
      decidedAt: null,
    })
  it('by somebody flagged makes it five times likelier', () =>
    assert.deepEqual(
      referred('high')
        .parts.map((it) => [it.kind, it.points, it.label])
        .at(-1),
      ['referral', 7, 'recommended by w9, who is high'],
    ))
  it('by anybody else has no effect', () => assert.equal(referred('low').points, PRIOR + WEIGHT[3]))
})

describe('a case that waits', () => {
  const at = (daysAgo: number, fields: Partial<Finding> = {}) =>
    finding({ strength: 4, time: T0 - daysAgo * DAY, lastTime: T0 - daysAgo * DAY, ...fields })
  const decided = (daysAgo: number) => ({ ...aContract({}), decidedAt: T0 - daysAgo * DAY })

  it('keeps the sum of its worst day, and says since when', () => {
    const { band, points, parts } = assess('w1', [at(60)], T0)
    assert.deepEqual([band, points, parts.at(-1)?.kind], ['high', PRIOR + WEIGHT[4], 'waiting'])
    assert.match(parts.at(-1)!.label, /high on 2026-\d\d-\d\d, and nobody/)
  })
  it('fades once somebody has decided', () =>
    assert.deepEqual(
      [assess('w1', [at(60)], T0, decided(59)).band, assess('w1', [at(60)], T0, decided(61)).band],
      ['low', 'high'],
    ))
  it('was never high when two facts did not meet', () =>
    assert.equal(bandOf(at(300, { strength: 3 }), at(0, { strength: 3, sensors: ['address'] })), 'medium'))
  it('was critical when they did', () =>
    assert.equal(bandOf(at(80, { strength: 3 }), at(80, { strength: 3, sensors: ['address'] })), 'critical'))
  it('a medium one fades without a verdict', () => assert.equal(bandOf(at(60, { strength: 3 })), 'low'))
  it('shows the score without a part, of its worst day too', () => {
    const [one, other] = [at(80, { strength: 3 }), at(80, { strength: 3, sensors: ['address'] })]
    const { parts } = explained('w1', [one, other], T0)
    const { points, band } = assess('w1', [other], T0)
    assert.deepEqual(parts.find((it) => it.findings.includes(one.id))?.without, { points, band })
  })
})

describe('without a part', () => {
  const findings = [
    finding({ id: 'tool', strength: 3 }),
    finding({ id: 'place', strength: 3, family: 'network', sensors: ['address'] }),
    finding({ id: 'lone', strength: 2, sensors: ['peripheral'] }),
  ]
  const notice = aContract({ travelNotices: [{ from: T0 - DAY, to: T0 + DAY, country: 'DE' }] })

  it('is the result without that part', () => {
    const parts = explained('w1', findings, T0).parts.filter((it) => it.kind === 'finding')
    for (const { findings: ids, without } of parts) {
      const { points, band } = assess(
        'w1',
        findings.filter((it) => !ids.includes(it.id)),
        T0,
      )
      assert.deepEqual(without, { points, band })
    }
    assert.equal(parts.length, 3)
  })
  it('a mitigation too', () => {
    const mitigated = explained('w1', findings, T0, notice).parts.find((it) => it.kind === 'mitigation')
    const { points, band } = assess('w1', findings, T0)
    assert.deepEqual(mitigated?.without, { points, band })
  })
  it('and without all of a sensor: nothing of what it saw, alone or with others', () => {
    const found = [
      ...findings,
      finding({ id: 'second', strength: 2 }),
      finding({ id: 'both', strength: 3, sensors: ['address', 'process'], pattern: 'high' }),
    ]
    const { withoutSensor } = explained('w1', found, T0)
    const without = (...ids: string[]) => {
      const { points, band } = assess(
        'w1',
        found.filter((it) => !ids.includes(it.id)),
        T0,
      )
      return { points, band }
    }
    assert.deepEqual(withoutSensor, {
      process: without('tool', 'second', 'both'),
      address: without('place', 'both'),
      peripheral: without('lone'),
    })
    assert.deepEqual(explained('w1', [], T0).withoutSensor, {})
  })
  it('of a case that waits: its worst day without that sensor', () => {
    const old = { strength: 3 as const, time: T0 - 80 * DAY, lastTime: T0 - 80 * DAY }
    const [one, other] = [finding({ ...old, id: 'one' }), finding({ ...old, id: 'other', sensors: ['address'] })]
    const { points, band } = assess('w1', [other], T0)
    assert.deepEqual(explained('w1', [one, other], T0).withoutSensor.process, { points, band })
  })
  it('is not given for the prior, overlaps and doubt', () => {
    const found = ['process', 'process', 'address', 'hr'].map((it) => of(4, it))
    const { parts } = explained('w1', found, T0)
    const others = parts.filter((it) => it.kind !== 'finding')
    assert.deepEqual(
      others.map((it) => [it.kind, it.without]),
      [
        ['prior', null],
        ['overlap', null],
        ['doubt', null],
      ],
    )
  })
  it('holds for the hour', () =>
    assert.deepEqual(explained('w1', findings, T0), explained('w1', findings, T0 + HOUR - 1)))
})
