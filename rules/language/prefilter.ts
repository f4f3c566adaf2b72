/**
 * A cheap necessary condition for a rule to match, so that most rules need not be evaluated.
 *
 * Shape   a prefilter is a set of predicates, one of which is true whenever the rule's tree is. An OR needs those of
 *         all branches; an AND takes the one that the fewest events will have; a NOT has none.
 */
import { commonness, MAX_RUN } from './commonness.ts'
import type { Test } from './expression.ts'
import { fold, isAscii } from './fold.ts'
import type { Predicate, PredicateTree } from './predicates.ts'

/** How the index detects that a test may be true. `exact`: then the test is true. */
export type IndexTerm =
  | { by: 'equals'; text: string; exact: boolean }
  /** The last part of a path, with its separator. */
  | { by: 'name'; text: string; exact: boolean }
  /** `key`, a part of `text`, occurs, and `text` matches as `how` requires. */
  | { by: 'part'; key: string; how: 'contains' | 'startswith' | 'endswith'; text: string; exact: boolean }
  | { by: 'nonascii' }
  | { by: 'present' }
  /** Also null. */
  | { by: 'exists' }

export interface Prefilter {
  predicates: readonly Predicate[]
  /** Expected share of events that have it. */
  share: number
}

export function prefilterOf(tree: PredicateTree, terms: (predicate: Predicate) => IndexTerms): Prefilter | null {
  if (tree.kind === 'not') return null
  if (tree.kind === 'predicate') {
    const { share, all } = terms(tree.predicate)
    return all === null ? null : { predicates: [tree.predicate], share }
  }
  const parts = tree.of.map((each) => prefilterOf(each, terms))
  if (tree.kind === 'and')
    return parts.reduce((best, each) => (each && (!best || each.share < best.share) ? each : best), null)
  if (parts.some((part) => part === null)) return null
  const all = parts as Prefilter[]
  return {
    predicates: [...new Set(all.flatMap(({ predicates }) => predicates))],
    share: all.reduce((sum, { share }) => sum + share, 0),
  }
}

export interface IndexTerms {
  /** Null: the predicate can be true without anything that an index can detect. */
  all: readonly IndexTerm[] | null
  share: number
  /** The terms decide the predicate. */
  exact: boolean
}

export function indexTermsOf(predicate: Predicate): IndexTerms {
  const all: IndexTerm[] = []
  let share = 0
  for (const test of predicate.tests) {
    const found = termsOfTest(test, predicate.slot < 0)
    if (found === null) return { all: null, share: 1, exact: false }
    for (const term of found) {
      all.push(term)
      share += shareOf(term)
    }
  }
  return { all, share: Math.min(1, share), exact: all.every((term) => 'exact' in term && term.exact) }
}

function termsOfTest(test: Test, anywhere: boolean): IndexTerm[] | null {
  if (test.op === 'text') return [termOfText(test.how, test.cased ? fold(test.text) : test.text, !test.cased)]
  if (test.op === 'pattern') {
    const literals = test.pattern
      .filter((part) => typeof part === 'string')
      .map((part) => (test.cased ? fold(part) : part))
    return [rarest(literals.map((literal) => termOfText('contains', literal, false)))]
  }
  if (test.op === 'regex')
    return test.regex.literals?.map((literal) => termOfText('contains', literal, false)) ?? [{ by: 'present' }]
  if (test.op === 'exists') return [{ by: 'exists' }]
  // Predicates that do not compare text are evaluated only when the field exists.
  return anywhere ? null : [{ by: 'present' }]
}

function termOfText(how: 'equals' | 'startswith' | 'endswith' | 'contains', text: string, exact: boolean): IndexTerm {
  if (how === 'equals') return { by: 'equals', text, exact }
  if (how === 'endswith' && /^[\\/][^\\/]+$/.test(text)) return { by: 'name', text, exact }
  const plain = isAscii(text)
  const runs = plain ? [text] : text.split(/[^\x00-\x7f]+/).filter((run) => run.length >= 4)
  let key = ''
  let least = Number.POSITIVE_INFINITY
  for (const run of runs) {
    if (run === '' || (run.length === 1 && commonness(run) >= 0.25)) continue
    for (const each of windows(run)) {
      const share = commonness(each)
      if (share < least) [key, least] = [each, share]
    }
  }
  if (key !== '') return { by: 'part', key, how, text, exact }
  return plain ? { by: 'present' } : { by: 'nonascii' }
}

/** Longer words are cut: more characters make the table larger and hardly more selective. */
function windows(run: string): string[] {
  if (run.length <= MAX_RUN) return [run]
  const places = run.length - MAX_RUN
  const step = Math.max(1, Math.floor(places / MAX_WINDOWS))
  return Array.from({ length: Math.floor(places / step) + 1 }, (_, i) =>
    run.slice(places - i * step, places - i * step + MAX_RUN),
  )
}

const MAX_WINDOWS = 10

function rarest(terms: readonly IndexTerm[]): IndexTerm {
  return terms.reduce((best, each) => (shareOf(each) < shareOf(best) ? each : best), { by: 'present' } as IndexTerm)
}

function shareOf(term: IndexTerm): number {
  if (term.by === 'present' || term.by === 'exists') return 1
  if (term.by === 'nonascii') return 0.05
  if (term.by === 'equals')
    return /^(true|false|\d{1,2}|-|)$/.test(term.text) ? 0.3 : Math.min(0.2, commonness(term.text))
  return commonness(term.by === 'name' ? term.text : term.key)
}
