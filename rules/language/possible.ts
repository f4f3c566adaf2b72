/**
 * Whether a condition can be true at all, for events of which some fields are known to be limited to certain values.
 *
 * Shape   `possible` gives the values that a field can have, null: any. Tests are taken apart from each other, so an
 *         answer of false is certain, and one of true is not.
 */

import { cellOf, holds } from './evaluate.ts'
import type { Expression } from './expression.ts'

export function canHold(expression: Expression, possible: (field: string) => readonly unknown[] | null): boolean {
  return outcomes(expression).canHold

  function outcomes(of: Expression): Outcomes {
    if (of.kind === 'not') {
      const { canHold, canFail } = outcomes(of.of)
      return { canHold: canFail, canFail: canHold }
    }
    if (of.kind === 'test') return ofTest(of)
    const parts = of.of.map(outcomes)
    return of.kind === 'and'
      ? { canHold: parts.every((it) => it.canHold), canFail: parts.some((it) => it.canFail) }
      : { canHold: parts.some((it) => it.canHold), canFail: parts.every((it) => it.canFail) }
  }

  function ofTest({ field, test }: Expression & { kind: 'test' }): Outcomes {
    if (field === null) return { canHold: true, canFail: true }
    const values = possible(field)
    if (test.op === 'reference') {
      const others = possible(test.other)
      const never = [values, others].some((it) => it?.every((value) => value === null))
      return { canHold: !never, canFail: true }
    }
    if (values === null) return { canHold: true, canFail: true }
    const results = values.map((it) => holds(test, cellOf(it), () => cellOf(null)))
    return { canHold: results.includes(true), canFail: results.includes(false) }
  }
}

interface Outcomes {
  canHold: boolean
  canFail: boolean
}

/** The fields that a condition tests, also as the other side of `fieldref`. */
export function fieldsIn(expression: Expression): readonly string[] {
  const found = new Set<string>()
  const visit = (of: Expression): void => {
    if (of.kind === 'not') visit(of.of)
    else if (of.kind !== 'test') of.of.forEach(visit)
    else {
      if (of.field !== null) found.add(of.field)
      if (of.test.op === 'reference') found.add(of.test.other)
    }
  }
  visit(expression)
  return [...found]
}
