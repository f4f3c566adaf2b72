/**
 * Converts expressions into trees of predicates. Rules share predicates, and each is evaluated once per event.
 *
 * Shape   tests of one field under one OR are one predicate; equal predicates of different rules are the same one.
 */
import { type Expression, type Test, textOfTest } from './expression.ts'
import type { How } from './pattern.ts'

export interface Predicate {
  id: number
  /** -1: every value of the event. */
  slot: number
  /** Whether it depends on the field's text only. */
  byText: boolean
  /** Any of these. */
  tests: readonly Test[]
  /** The same by operation, so that frequent ones are plain loops over texts. All folded. */
  equals: readonly string[]
  starts: readonly string[]
  ends: readonly string[]
  contains: readonly string[]
  others: readonly Test[]
  cost: number
}

export type PredicateTree =
  | { kind: 'predicate'; predicate: Predicate; cost: number }
  | { kind: 'and' | 'or'; of: readonly PredicateTree[]; cost: number }
  | { kind: 'not'; of: PredicateTree; cost: number }

export interface Interning {
  /** Field names by slot. */
  fields: readonly string[]
  predicates: readonly Predicate[]
  treeOf(expression: Expression): PredicateTree
  slot(field: string): number
}

export function interning(): Interning {
  const fields: string[] = []
  const slots = new Map<string, number>()
  const predicates: Predicate[] = []
  const known = new Map<string, Predicate>()

  function slot(field: string): number {
    let found = slots.get(field)
    if (found === undefined) {
      found = fields.push(field) - 1
      slots.set(field, found)
    }
    return found
  }

  function predicateOf(field: string | null, tests: readonly Test[]): PredicateTree {
    const key = `${field === null ? '' : `${slot(field)} `}${tests.map(keyOf).join('\n')}`
    let predicate = known.get(key)
    if (!predicate) {
      for (const test of tests) if (test.op === 'reference') slot(test.other)
      const texts = (how: How) =>
        tests.flatMap((test) => (test.op === 'text' && !test.cased && test.how === how ? [test.text] : []))
      predicate = {
        id: predicates.length,
        slot: field === null ? -1 : slot(field),
        byText: tests.every((test) => test.op !== 'reference'),
        tests,
        equals: texts('equals'),
        starts: texts('startswith'),
        ends: texts('endswith'),
        contains: texts('contains'),
        others: tests.filter((test) => test.op !== 'text' || test.cased).sort((a, b) => testCost(a) - testCost(b)),
        cost: tests.reduce((sum, test) => sum + testCost(test), 0) * (field === null ? 20 : 1),
      }
      predicates.push(predicate)
      known.set(key, predicate)
    }
    return { kind: 'predicate', predicate, cost: predicate.cost }
  }

  function treeOf(expression: Expression): PredicateTree {
    if (expression.kind === 'test') return predicateOf(expression.field, [expression.test])
    if (expression.kind === 'not') {
      const of = treeOf(expression.of)
      return { kind: 'not', of, cost: of.cost }
    }
    const { kind } = expression
    const of = kind === 'or' ? alternatives(expression.of) : expression.of.map(treeOf)
    of.sort((a, b) => a.cost - b.cost)
    return of.length === 1 ? of[0]! : { kind, of, cost: of.reduce((sum, each) => sum + each.cost, 0) }
  }

  /** Tests of the same field go together. */
  function alternatives(of: readonly Expression[]): PredicateTree[] {
    const byField = new Map<string | null, Test[]>()
    const trees: PredicateTree[] = []
    for (const each of of) {
      if (each.kind !== 'test') trees.push(treeOf(each))
      else {
        const tests = byField.get(each.field)
        if (tests) tests.push(each.test)
        else byField.set(each.field, [each.test])
      }
    }
    for (const [field, tests] of byField) trees.push(predicateOf(field, tests))
    return trees
  }

  return { fields, predicates, treeOf, slot }
}

/** The same for the same test. The text's length makes it unambiguous, at a tenth of the cost of JSON. */
function keyOf(test: Test): string {
  return test.op === 'text' ? `${test.how}${test.cased ? '!' : ''} ${test.text.length} ${test.text}` : textOfTest(test)
}

/** Roughly nanoseconds. */
function testCost(test: Test): number {
  switch (test.op) {
    case 'present':
    case 'exists':
      return 1
    case 'text':
      return test.how === 'contains' ? 40 : 4
    case 'compare':
      return 20
    case 'reference':
      return 30
    case 'time':
    case 'cidr':
      return 200
    case 'pattern':
      return 100
    case 'regex':
      return test.regex.chain || test.regex.literals ? 500 : 5_000
  }
}
