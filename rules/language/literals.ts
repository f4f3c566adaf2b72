/**
 * Texts that an event's JSON must contain for a rule to match, so that most events of a log need not be parsed.
 *
 * Shape   `literalsOf` returns texts of which at least one occurs in the JSON of every event that the expression
 *         matches; null: no such texts are known. `literalScan` searches for them.
 *         The JSON is what JSON.stringify writes of the event, alone or within more. That writes printable ASCII other
 *         than `"` and `\` as it is, and numbers and booleans as their text form here, so only runs of such
 *         characters are literals; both sides are folded, because K (U+212A) folds to k and ſ to s.
 * Errors  none: an expression that is not understood here has no literals (null).
 */
import { commonness } from './commonness.ts'
import type { Expression, Test } from './expression.ts'
import { fold } from './fold.ts'
import { grams } from './grams.ts'

/** More literals would cost more than they save. */
const MAX_LITERALS = 4_096

/**
 * `isContext` tells whether a field may come with the event without being part of its JSON, as a contract does; for
 * null, whether a search of the whole event may find such fields.
 */
export function literalsOf(
  expression: Expression,
  isContext: (field: string | null) => boolean,
): readonly string[] | null {
  const found = demandOf(expression, isContext)
  return found === null || found.length > MAX_LITERALS ? null : [...new Set(found)].sort()
}

/** Whether any of the literals occurs in a JSON text. */
export function literalScan(literals: readonly string[]): (json: string) => boolean {
  const search = grams(literals.map((text) => ({ how: 'contains', text })))
  let any = false
  const found = (): void => void (any = true)
  return (json) => {
    any = false
    search.scan(fold(json), found)
    return any
  }
}

function demandOf(expression: Expression, isContext: (field: string | null) => boolean): readonly string[] | null {
  if (expression.kind === 'not') return null
  if (expression.kind === 'test') return isContext(expression.field) ? null : demandOfTest(expression.test)
  const parts = expression.of.map((each) => demandOf(each, isContext))
  if (expression.kind === 'and') return parts.reduce(rarer, null)
  return parts.every((part) => part !== null) ? parts.flat() : null
}

function demandOfTest(test: Test): readonly string[] | null {
  if (test.op === 'text') return allOf([rarestRun(fold(test.text))])
  if (test.op === 'pattern')
    return test.pattern
      .map((part) => (typeof part === 'string' ? allOf([rarestRun(fold(part))]) : null))
      .reduce(rarer, null)
  if (test.op === 'regex') return test.regex.literals && allOf(test.regex.literals.map(rarestRun))
  return null
}

function allOf(runs: readonly (string | null)[]): readonly string[] | null {
  return runs.every((run) => run !== null) ? runs : null
}

/** The rarest run of characters that JSON does not escape; null: there is none. */
function rarestRun(text: string): string | null {
  const runs = text.split(/[^\x20\x21\x23-\x5b\x5d-\x7e]+/).filter((run) => run !== '')
  return runs.reduce<string | null>(
    (best, run) => (best === null || commonness(run) < commonness(best) ? run : best),
    null,
  )
}

/** The literals that fewer events contain. */
function rarer(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (a === null || b === null) return a ?? b
  return shareOf(b) < shareOf(a) ? b : a
}

function shareOf(literals: readonly string[]): number {
  return literals.reduce((sum, literal) => sum + commonness(literal), 0)
}
