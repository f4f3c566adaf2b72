/**
 * Converts a condition in words over rules (`a and (b or c) and not d`) into the alternatives in which it holds.
 *
 * Shape   the grammar is that of a rule's condition line, with rules instead of selections. This happens once, at load,
 *         so that deciding a window takes a few bit operations.
 */
import { parseCondition } from '../condition.ts'
import type { Expression } from '../expression.ts'
import { Refusal } from '../refusal.ts'
import type { Alternative } from './rule.ts'

const MAX_ALTERNATIVES = 256

/** `names[n]`: the name of the nth rule in the condition. */
export function parseWords(text: string, at: number, names: readonly string[]): Alternative[] {
  const named = new Map(
    names.map((name, n): [string, Expression] => [name, { kind: 'test', field: String(n), test: { op: 'present' } }]),
  )
  const { expression } = parseCondition(text, at, named)
  const anyOf = waysOf(expression, true, at)
  if (anyOf.length === 0) throw new Refusal(at, 'The condition can never hold.')
  return anyOf
}

/** The alternatives of 'at least `least` of `count` rules'. */
export function atLeast(least: number, count: number, at: number): Alternative[] {
  const ways: Alternative[] = []
  const choose = (from: number, all: number, left: number): void => {
    if (left === 0) {
      ways.push({ all, none: 0 })
      bounded(ways, at)
      return
    }
    for (let n = from; n <= count - left; n++) choose(n + 1, all | (1 << n), left - 1)
  }
  choose(0, 0, least)
  return ways
}

function waysOf(expression: Expression, wanted: boolean, at: number): Alternative[] {
  if (expression.kind === 'test') {
    const bit = 1 << Number(expression.field)
    return [wanted ? { all: bit, none: 0 } : { all: 0, none: bit }]
  }
  if (expression.kind === 'not') return waysOf(expression.of, !wanted, at)
  const parts = expression.of.map((part) => waysOf(part, wanted, at))
  // A negated `and` is an `or`, and vice versa.
  if ((expression.kind === 'or') === wanted) return distinct(parts.flat(), at)
  return parts.reduce((ways, part) =>
    distinct(
      ways.flatMap((way) => part.map((other) => joined(way, other))),
      at,
    ),
  )
}

function joined(a: Alternative, b: Alternative): Alternative {
  return { all: a.all | b.all, none: a.none | b.none }
}

/** Without contradictions, and without alternatives that a simpler one covers. */
function distinct(ways: readonly Alternative[], at: number): Alternative[] {
  const kept: Alternative[] = []
  for (const way of ways) {
    if ((way.all & way.none) !== 0) continue
    if (kept.some((simpler) => contains(way, simpler))) continue
    kept.push(way)
    bounded(kept, at)
  }
  return kept.filter((way) => !kept.some((simpler) => simpler !== way && contains(way, simpler)))
}

function contains(way: Alternative, simpler: Alternative): boolean {
  return (way.all & simpler.all) === simpler.all && (way.none & simpler.none) === simpler.none
}

function bounded(ways: readonly Alternative[], at: number): void {
  if (ways.length > MAX_ALTERNATIVES)
    throw new Refusal(
      at,
      `The condition can hold in more than ${MAX_ALTERNATIVES} ways.`,
      'Split it into several correlations.',
    )
}
