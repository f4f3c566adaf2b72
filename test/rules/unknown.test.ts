/** Null is unknown: a rule must not take a country that nobody knows for another country. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Expression } from '../../rules/language/expression.ts'
import { canHold, load } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/tooling/load.ts'

const { rules } = load(await readRuleFiles([join(import.meta.dirname, '../../rules/content')]))

/** The fields that must differ from another field for the expression to hold. */
function differing(of: Expression, isNegated = false): string[] {
  if (of.kind === 'not') return differing(of.of, !isNegated)
  if (of.kind !== 'test') return of.of.flatMap((it) => differing(it, isNegated))
  return isNegated && of.field !== null && of.test.op === 'reference' ? [of.field, of.test.other] : []
}

/** Places that a rule excludes by name: where nobody knows the place, it is not shown to be another. */
const PLACE = /(^|\.)([A-Za-z]*Country|country)$/

function excluded(of: Expression, isNegated = false): string[] {
  if (of.kind === 'not') return excluded(of.of, !isNegated)
  if (of.kind !== 'test') return of.of.flatMap((it) => excluded(it, isNegated))
  const isNull = of.test.op === 'present' || of.test.op === 'exists'
  return isNegated && !isNull && of.field !== null && PLACE.test(of.field) ? [of.field] : []
}

/** Where the deriver has compared with something else before it gives the event at all. */
const BY_DERIVER: Readonly<Record<string, string>> = {
  // Without a contract, with the country in which the laptop itself was on that day.
  operator_elsewhere: 'ContractCountry',
}

describe('rules: what is not known', () => {
  const compared = rules.filter((it) => differing(it.condition).length > 0)
  it('there are rules that ask for another country', () => assert.ok(compared.length >= 9))
  for (const rule of compared)
    it(`${rule.title}: not when a side is null`, () => {
      // A first boot is also judged by its distance; so is a region, which only excuses where both are known.
      const byDistance = (unknown: string) => (unknown.endsWith('Region') ? 'DistanceKm' : 'ShipToDistanceKm')
      const fixed = (field: string, unknown: string) =>
        field === unknown || field === byDistance(unknown) ? [null] : null
      const holding = differing(rule.condition).filter(
        (unknown) =>
          BY_DERIVER[rule.name ?? ''] !== unknown && canHold(rule.condition, (field) => fixed(field, unknown)),
      )
      assert.deepEqual(holding, [])
    })
  for (const rule of rules.filter((it) => excluded(it.condition).length > 0))
    it(`${rule.title}: not when the place is null`, () => {
      const holding = excluded(rule.condition).filter((unknown) =>
        canHold(rule.condition, (field) => (field === unknown || field === 'ShipToDistanceKm' ? [null] : null)),
      )
      assert.deepEqual(holding, [])
    })
})
