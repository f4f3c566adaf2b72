/**
 * What a rule asks, as a closed set of small nodes. Two-valued: a test on a missing field is false, its `not` true.
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
 * One question to one field; `field` null in the node above means every value of the event. An array answers yes when
 * any member does.
 *
 * Shape   texts and patterns are already folded unless `cased`.
 */
export type Test =
  | { op: 'text'; how: How; text: string; cased: boolean }
  | { op: 'pattern'; pattern: Pattern; cased: boolean }
  | { op: 'regex'; regex: Regex }
  | { op: 'compare'; by: Comparison; than: number }
  | { op: 'time'; unit: Unit; by: Comparison; than: number }
  | { op: 'cidr'; network: Network }
  | { op: 'reference'; how: How; other: string; cased: boolean }
  /** The field is there and not null. */
  | { op: 'present' }

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
