/**
 * What an event must have before a rule can hold: so few things that most rules need not be asked.
 *
 * Shape   a witness is a set of predicates, one of which is true whenever the question is. An OR needs all branches'
 *         witnesses; an AND takes the one that the fewest events will have; a NOT has none.
 */
import { commonness, MAX_RUN } from './commonness.ts'
import type { Test } from './expression.ts'
import { fold, isAscii } from './fold.ts'
import type { Predicate, Question } from './predicates.ts'

/** How the index can notice that a test may hold. `exact`: noticing it is knowing that it holds. */
export type Clue =
  | { by: 'equals'; text: string; exact: boolean }
  /** The last part of a path, with its separator. */
  | { by: 'name'; text: string; exact: boolean }
  /** `key`, a part of `text`, occurs; `text` stands as `how` says. */
  | { by: 'part'; key: string; how: 'contains' | 'startswith' | 'endswith'; text: string; exact: boolean }
  | { by: 'nonascii' }
  | { by: 'present' }

export interface Witness {
  predicates: readonly Predicate[]
  /** Expected share of events that have it. */
  share: number
}

export function witnessOf(question: Question, clues: (predicate: Predicate) => Clues): Witness | null {
  if (question.kind === 'not') return null
  if (question.kind === 'ask') {
    const { share, all } = clues(question.predicate)
    return all === null ? null : { predicates: [question.predicate], share }
  }
  const parts = question.of.map((each) => witnessOf(each, clues))
  if (question.kind === 'and')
    return parts.reduce((best, each) => (each && (!best || each.share < best.share) ? each : best), null)
  if (parts.some((part) => part === null)) return null
  const all = parts as Witness[]
  return {
    predicates: [...new Set(all.flatMap(({ predicates }) => predicates))],
    share: all.reduce((sum, { share }) => sum + share, 0),
  }
}

export interface Clues {
  /** Null: the predicate can hold without leaving a trace. */
  all: readonly Clue[] | null
  share: number
  /** The clues decide the predicate. */
  exact: boolean
}

export function cluesOf(predicate: Predicate): Clues {
  const all: Clue[] = []
  let share = 0
  for (const test of predicate.tests) {
    const found = cluesOfTest(test, predicate.slot < 0)
    if (found === null) return { all: null, share: 1, exact: false }
    for (const clue of found) {
      all.push(clue)
      share += shareOf(clue)
    }
  }
  return { all, share: Math.min(1, share), exact: all.every((clue) => 'exact' in clue && clue.exact) }
}

function cluesOfTest(test: Test, anywhere: boolean): Clue[] | null {
  if (test.op === 'text') return [clueOfText(test.how, test.cased ? fold(test.text) : test.text, !test.cased)]
  if (test.op === 'pattern') {
    const literals = test.pattern
      .filter((part) => typeof part === 'string')
      .map((part) => (test.cased ? fold(part) : part))
    return [rarest(literals.map((literal) => clueOfText('contains', literal, false)))]
  }
  if (test.op === 'regex')
    return test.regex.literals?.map((literal) => clueOfText('contains', literal, false)) ?? [{ by: 'present' }]
  // What compares other things than text is asked only when there is something to compare.
  return anywhere ? null : [{ by: 'present' }]
}

function clueOfText(how: 'equals' | 'startswith' | 'endswith' | 'contains', text: string, exact: boolean): Clue {
  if (how === 'equals') return { by: 'equals', text, exact }
  if (how === 'endswith' && /^[\\/][^\\/]+$/.test(text)) return { by: 'name', text, exact }
  const ascii = text
    .split(/[^\x00-\x7f]+/)
    .filter((run) => run.length >= (isAscii(text) ? 1 : 4) && (run.length > 1 || commonness(run) < 0.25))
  let key = ''
  let least = Number.POSITIVE_INFINITY
  for (const each of ascii.flatMap(windows)) {
    const share = commonness(each)
    if (share < least) [key, least] = [each, share]
  }
  if (key !== '') return { by: 'part', key, how, text, exact }
  return isAscii(text) ? { by: 'present' } : { by: 'nonascii' }
}

/** Longer words are cut: more characters make the table larger and the choice hardly better. */
function windows(run: string): string[] {
  if (run.length <= MAX_RUN) return [run]
  const places = run.length - MAX_RUN
  const step = Math.max(1, Math.floor(places / MAX_WINDOWS))
  return Array.from({ length: Math.floor(places / step) + 1 }, (_, i) =>
    run.slice(places - i * step, places - i * step + MAX_RUN),
  )
}

const MAX_WINDOWS = 10

function rarest(clues: readonly Clue[]): Clue {
  return clues.reduce((best, each) => (shareOf(each) < shareOf(best) ? each : best), { by: 'present' } as Clue)
}

function shareOf(clue: Clue): number {
  if (clue.by === 'present') return 1
  if (clue.by === 'nonascii') return 0.05
  if (clue.by === 'equals')
    return /^(true|false|\d{1,2}|-|)$/.test(clue.text) ? 0.3 : Math.min(0.2, commonness(clue.text))
  return commonness(clue.by === 'name' ? clue.text : clue.key)
}
