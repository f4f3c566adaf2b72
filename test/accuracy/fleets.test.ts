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
  const companies = seedsOf(REPORTING, 80).map((seed) => companyFleet(seed, { ...SIZE, workers: 200 }).scenarios)
  it('in companies, one in a hundred is an infiltrator, and every pattern and look-alike occurs', () => {
    const people = (letter: string) => companies.reduce((sum, it) => sum + peopleIn(it, letter), 0)
    assert.ok(Math.abs(people('P') - 160) <= 4, `${people('P')} infiltrators`)
    assert.ok(Math.abs(people('N') - 480) <= 28, `${people('N')} in look-alikes`)
    const there = new Set(companies.flat().map((it) => it.split('/')[0]))
    assert.deepEqual(
      SCENARIOS.map((it) => it.id).filter((it) => !there.has(it)),
      [],
    )
  })
  it('in every eighth company several thieves work at a time', () => {
    const thieves = companies.map((it) => it.filter((name) => /^P1[12]\b/.test(name)).length)
    assert.ok(
      thieves.every((it, nth) => nth % 8 !== 7 || it >= 4),
      thieves.join(' '),
    )
  })
  it('a company too small for a scene is dealt another one', () => {
    const small = seedsOf(REPORTING, 200).flatMap((seed) => companyFleet(seed, { ...SIZE, workers: 40 }).scenarios)
    assert.ok(small.length > 100 && !small.some((it) => it.startsWith('N27')))
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
