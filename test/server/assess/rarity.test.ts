import assert from 'node:assert/strict'
import { kindOf, RATE, roleOf, weigh } from '../../../server/assess/rarity.ts'
import type { RecordedRarity } from '../../../wire/recording.ts'
import { DAY, event, T0 } from '../events.ts'
import { finding } from './finding.ts'

const later = finding({ rule: 'r', strength: 3, time: T0 + DAY })
const among = (shown: number, workers: number, role = ''): RecordedRarity => ({
  ...{ type: 'rarity', time: T0 },
  roles: [{ role, workers, shown: { r: shown } }],
})
const decibans = (rarity: RecordedRarity | null, found = later, role = '') => weigh(found, role, rarity).decibans

describe('the weight of a finding', () => {
  it('while nobody has been counted, follows from the strength', () =>
    assert.deepEqual(
      ([1, 2, 3, 4] as const).map((strength) => decibans(null, finding({ strength }))),
      [0, 13, 23, 32],
    ))
  it('in a company of 200 where nobody else shows it', () =>
    assert.deepEqual(
      ([1, 2, 3, 4] as const).map((strength) => decibans(among(0, 201), finding({ strength }))),
      [3, 16, 26, 35],
    ))
  it('is about half when one colleague in twenty shows it', () =>
    assert.deepEqual(
      ([2, 3, 4] as const).map((strength) =>
        decibans(among(50, 1_001), finding({ rule: 'r', strength, time: T0 + 1 })),
      ),
      [7, 11, 13],
    ))
  it('is nothing when most show it', () => assert.equal(decibans(among(190, 201)), 0))
  it('falls with every colleague who shows it, and never below zero', () => {
    const weights = [0, 1, 2, 5, 10, 50, 100, 200].map((n) => decibans(among(n, 200)))
    assert.deepEqual(
      weights,
      weights.toSorted((a, b) => b - a),
    )
    assert.ok(weights.every((it) => it >= 0))
  })
  it('stays below four times the rate, in a company of any size', () =>
    assert.equal(decibans(among(0, 1_000_000)), Math.round(10 * Math.log10(0.5 / (RATE[3] / 4)))))
  it('does not count the worker among the colleagues', () => {
    const counted = finding({ rule: 'r', strength: 4, time: T0 - DAY })
    assert.equal(decibans(among(1, 201), counted), decibans(among(0, 201), counted))
    assert.ok(decibans(among(2, 201), counted) < decibans(among(1, 201), counted))
    assert.deepEqual(weigh(counted, '', among(2, 201)).colleagues, { shown: 1, of: 200 })
  })
  it('does not count those who share a key with the worker', () => {
    const key = event('shared_key', {
      ...{ KeyKind: 'login_address', KeyHash: 'abcdef0123456789', Workers: 3, Days: 5, Rarity: 1 },
      ...{ Corroborated: null, Roams: false, NetworkClass: 'residential' },
    })
    const shared = finding({ rule: 'r', strength: 3, time: T0 - DAY, events: [key] })
    assert.equal(decibans(among(3, 201), shared), decibans(among(0, 201), finding({ rule: 'x', strength: 3 })))
    assert.ok(decibans(among(5, 201), shared) < decibans(among(3, 201), shared))
  })
  it('follows the rate of the rule', () => assert.equal(decibans(null, finding({ strength: 3, rate: 0.05 })), 10))
  it('a role that is small begins with the rest of the company', () => {
    const rarity: RecordedRarity = {
      ...{ type: 'rarity', time: T0 },
      roles: [
        { role: 'developer', workers: 900, shown: { r: 900 } },
        { role: 'designer', workers: 3, shown: {} },
      ],
    }
    assert.equal(decibans(rarity, later, 'designer'), 0)
    assert.deepEqual(weigh(later, 'designer', rarity).colleagues, { shown: 900, of: 902 })
  })
  it('a large role goes by its own people', () => {
    const rarity: RecordedRarity = {
      ...{ type: 'rarity', time: T0 },
      roles: [
        { role: 'administrator', workers: 1_000, shown: { r: 900 } },
        { role: 'developer', workers: 4_000, shown: {} },
      ],
    }
    assert.equal(decibans(rarity, later, 'administrator'), 0)
    assert.ok(decibans(rarity, later, 'developer') > 10)
  })
  it('is counted for each value of what was seen', () => {
    const common = finding({ rule: 'r', strength: 2, what: '["ninjaone"]' })
    const rare = finding({ rule: 'r', strength: 2, what: '["anydesk"]' })
    const rarity: RecordedRarity = {
      ...{ type: 'rarity', time: T0 },
      roles: [{ role: '', workers: 200, shown: { [kindOf(common)]: 200 } }],
    }
    assert.deepEqual([decibans(rarity, common), decibans(rarity, rare)], [0, 16])
  })
})

describe('the role', () => {
  it('is the first of the contract', () => {
    assert.equal(roleOf({ worker: 'w1', from: 0, roles: ['Developer', 'On call'] }), 'developer')
    assert.equal(roleOf({ worker: 'w1', from: 0 }), '')
    assert.equal(roleOf(null), '')
  })
})
