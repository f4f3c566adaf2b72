/**
 * What decides a rule's matches, as one hash: when it stays, the same events match as before.
 *
 * Shape   covers the document without comments and tests (`version`), the filters that apply to the rule with their
 *         days of expiry, the values of placeholders, and the engine. A correlation's covers its members' too, however
 *         far down. A filter's title, reason, owner and ticket are for people, and not in it.
 *         Whether a filter has expired is not in it either: it expires by the time of the event, so that the same log
 *         gives the same findings whenever it is evaluated.
 */
import { sha256 } from '../../wire/sha256.ts'
import { type Expression, textOfExpression } from './expression.ts'

/**
 * Raise it when the same expression and event can have another verdict than before, or the same matches other firings:
 * a change in how values are read, folded, compared or searched, or in what correlations decide. A change in how
 * documents are parsed does not need it: what comes of the parsing is part of the hash.
 * `test/rules/language/engine-version.test.ts` fails when a recorded verdict changed and this number did not.
 */
export const ENGINE_VERSION = 1

export function effectiveVersionOf(version: string, condition: Expression): string {
  return sha256(JSON.stringify([ENGINE_VERSION, version, textOfExpression(condition)]))
}

/** `members` as `effectiveVersion`s, in the correlation's order. */
export function effectiveVersionOfCorrelation(version: string, members: readonly string[]): string {
  return sha256(JSON.stringify([ENGINE_VERSION, version, members]))
}
