/**
 * A hash of everything that decides a rule's matches: while it stays the same, the same events match.
 *
 * Shape   covers the document without comments and tests (`version`), the filters that apply to the rule with their
 *         days of expiry, the values of placeholders, and the engine. A correlation's hash covers its
 *         members', at any depth. A filter's title, reason, owner and ticket are not covered.
 *         Neither is whether a filter has expired: that depends on the time of the event, so that the same log gives
 *         the same findings whenever it is evaluated.
 */
import { sha256 } from '../../wire/sha256.ts'
import { type Expression, textOfExpression } from './expression.ts'

/**
 * Increase it when the same expression and event can have another verdict than before, the same matches other
 * firings, or the same event another sentence: after changes in how values are read, folded, compared or searched, or in what correlations decide. Changes
 * in parsing do not need it: the result of parsing is part of the hash.
 * `test/rules/language/engine-version.test.ts` fails when a recorded verdict changed and this number did not.
 */
export const ENGINE_VERSION = 3

export function effectiveVersionOf(version: string, condition: Expression): string {
  return sha256(JSON.stringify([ENGINE_VERSION, version, textOfExpression(condition)]))
}

/** `members` as `effectiveVersion`s, in the correlation's order. */
export function effectiveVersionOfCorrelation(version: string, members: readonly string[]): string {
  return sha256(JSON.stringify([ENGINE_VERSION, version, members]))
}
