/**
 * A rule's condition, as a closed set of small nodes. Two-valued: a test of a missing field is false, and its `not`
 * true.
 */
import type { Network } from './cidr.ts'
import type { Unit } from './moment.ts'
import type { How, Pattern } from './pattern.ts'
import type { Regex } from './regex.ts'

export type Expression =
  | { kind: 'and' | 'or'; of: readonly Expression[] }
  | { kind: 'not'; of: Expression }
  | { kind: 'test'; field: string | null; test: Test }

/**
 * One test of one field; `field` null in the node above means every value of the event. An array passes when any member
 * does.
 *
 * Shape   texts and patterns are already folded unless `cased`.
 */
export type Test =
  | { op: 'text'; how: How; text: string; cased: boolean }
  | { op: 'pattern'; pattern: Pattern; cased: boolean }
  | { op: 'regex'; regex: Regex }
  | { op: 'compare'; by: Comparison; than: number | bigint }
  | { op: 'time'; unit: Unit; by: Comparison; than: number }
  | { op: 'cidr'; network: Network }
  | { op: 'reference'; how: How; other: string; cased: boolean }
  /** The field exists and is not null. */
  | { op: 'present' }
  /** The field exists, with any value. */
  | { op: 'exists' }

export type Comparison = 'lt' | 'lte' | 'gt' | 'gte' | 'eq'

export function and(of: readonly Expression[]): Expression {
  return of.length === 1 ? of[0]! : { kind: 'and', of }
}
export function or(of: readonly Expression[]): Expression {
  return of.length === 1 ? of[0]! : { kind: 'or', of }
}
export function not(of: Expression): Expression {
  return { kind: 'not', of }
}

/**
 * An expression as one text: expressions with the same text match the same events. The order of the operands of `and`
 * and `or` makes no difference.
 */
export function textOfExpression(expression: Expression): string {
  if (expression.kind === 'test')
    return `${expression.field === null ? '*' : JSON.stringify(expression.field)} ${textOfTest(expression.test)}`
  if (expression.kind === 'not') return `not (${textOfExpression(expression.of)})`
  return `${expression.kind} (${[...new Set(expression.of.map(textOfExpression))].sort().join(', ')})`
}

/** Tests with the same text are the same test. */
export function textOfTest(test: Test): string {
  switch (test.op) {
    case 'text':
      return `${test.how}${test.cased ? '!' : ''} ${JSON.stringify(test.text)}`
    case 'pattern':
      return `pattern${test.cased ? '!' : ''} ${JSON.stringify(test.pattern.map((part) => (typeof part === 'string' ? part : { is: String(part) })))}`
    case 'regex':
      return `re ${test.regex.flags} ${JSON.stringify(test.regex.source)}`
    case 'compare':
      return `${test.by} ${test.than}`
    case 'time':
      return `${test.unit} ${test.by} ${test.than}`
    case 'cidr':
      return `cidr ${test.network.words.join(':')}/${test.network.bits}`
    case 'reference':
      return `ref ${test.how}${test.cased ? '!' : ''} ${JSON.stringify(test.other)}`
    case 'present':
    case 'exists':
      return test.op
  }
}
