import assert from 'node:assert/strict'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import { aloneFleet, companyFleet, isAmong, REPORTING, scenesFleet, seedsOf, TUNING } from './fleets.ts'

const SIZE = { workers: 500, days: 45, start: 0 }
const variants = SCENARIOS.flatMap(({ id, variants = [] }) => variants.map((it) => `${id}/${it}`))
const peopleIn = (scenarios: readonly string[], letter: string) =>
  scenarios
    .filter((it) => it.startsWith(letter))
    .reduce((sum, it) => sum + SCENARIOS.find(({ id }) => id === it.split('/')[0])!.people, 0)

describe('the fleets of a seed', () => {
  it('tuning and reporting use different seeds', () => {
    const tuned = new Set(seedsOf(TUNING, TUNING.to - TUNING.from + 1))
    assert.deepEqual(
      seedsOf(REPORTING, 1_000).filter((it) => tuned.has(it)),
      [],
    )
  })
  it('refuses more seeds than the tuning range has', () => assert.throws(() => seedsOf(TUNING, 1_000), RangeError))
  it('each fleet has every scene, and five consecutive ones have every variant', () => {
    const fleets = seedsOf(REPORTING, 5).map((seed) => scenesFleet(seed, SIZE).scenarios)
    for (const fleet of fleets) for (const { id } of SCENARIOS) assert.equal(fleet.filter((it) => it === id).length, 1)
    assert.deepEqual(
      fleets
        .flat()
        .filter((it) => it.includes('/'))
        .sort(),
      variants.toSorted(),
    )
  })
  it('with --alone, has only the requested scenes in all variants', () => {
    assert.deepEqual(aloneFleet(1, SIZE, ['p4', 'P1/relay']).scenarios, ['P1/relay', 'P4', 'P4/kvm', 'P4/slow'])
  })
  it('in a company, one in fifty is an infiltrator', () => {
    for (const seed of seedsOf(REPORTING, 20)) {
      const { scenarios } = companyFleet(seed, SIZE)
      assert.equal(peopleIn(scenarios, 'P'), 10)
      assert.ok(peopleIn(scenarios, 'N') <= 25, `${seed}: ${scenarios}`)
    }
  })
  it('companies differ by seed, and are reproducible', () => {
    assert.notDeepEqual(companyFleet(1, SIZE), { ...companyFleet(2, SIZE), seed: 1 })
    assert.deepEqual(companyFleet(1, SIZE), companyFleet(1, SIZE))
  })
  for (const { scenario, only, is } of [
    { scenario: 'P4', only: ['P4'], is: true },
    { scenario: 'P4/kvm', only: ['p4'], is: true },
    { scenario: 'P4/kvm', only: ['P4/KVM'], is: true },
    { scenario: 'P4', only: ['P4/kvm'], is: false },
    { scenario: 'P14', only: ['P1'], is: false },
  ])
    it(`${scenario} ${is ? 'is' : 'is not'} among ${only}`, () => assert.equal(isAmong(scenario, only), is))
})
