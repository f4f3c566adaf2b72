/**
 * The condition line: `or` < `and` < `not` < `N of pattern` < parentheses.
 *
 * Shape   an identifier may begin with `not` or contain `-`. Keywords may be in upper or lower case. `them` and
 *         patterns skip identifiers that begin with `_`, unless the pattern begins with it too.
 * Errors  Refusal at the word; a pattern that matches no identifier is refused, because it is a mistake.
 */
import { and, type Expression, not, or } from './expression.ts'
import { ANY, matches, type Part } from './pattern.ts'
import { nearest, Refusal } from './refusal.ts'

const MAX_DEPTH = 64
const MAX_WORDS = 2_000

interface Word {
  text: string
  at: number
}

export interface Condition {
  expression: Expression
  used: ReadonlySet<string>
}

/** The current offset. */
interface Parser {
  readonly words: readonly Word[]
  next: number
  /** Offset of the condition's end. */
  readonly end: number
  readonly named: ReadonlyMap<string, Expression>
  readonly used: Set<string>
}

export function parseCondition(text: string, at: number, named: ReadonlyMap<string, Expression>): Condition {
  const words = tokenise(text, at)
  const parser: Parser = { words, next: 0, end: at + text.length, named, used: new Set() }
  const expression = parseOr(parser, 0)
  const rest = words[parser.next]
  if (rest) throw new Refusal(rest.at, `The condition was complete before '${rest.text}'.`, 'Join with and, or.')
  return { expression, used: parser.used }
}

function peek({ words, next }: Parser): string {
  return words[next]?.text ?? ''
}

function isKeyword(parser: Parser, keyword: string): boolean {
  return peek(parser).toLowerCase() === keyword
}

/** Offset of the next word, or of the end. */
function offsetOf({ words, next, end }: Parser): number {
  return words[next]?.at ?? end
}

function parseOr(parser: Parser, depth: number): Expression {
  if (depth > MAX_DEPTH)
    throw new Refusal(offsetOf(parser), `The condition is nested more than ${MAX_DEPTH} levels deep.`)
  const parts = [parseAnd(parser, depth)]
  while (isKeyword(parser, 'or')) {
    parser.next++
    parts.push(parseAnd(parser, depth))
  }
  return or(parts)
}

function parseAnd(parser: Parser, depth: number): Expression {
  const parts = [parseNot(parser, depth)]
  while (isKeyword(parser, 'and')) {
    parser.next++
    parts.push(parseNot(parser, depth))
  }
  return and(parts)
}

function parseNot(parser: Parser, depth: number): Expression {
  let times = 0
  while (isKeyword(parser, 'not') && !parser.named.has(peek(parser))) {
    parser.next++
    times++
  }
  const inner = parseOperand(parser, depth)
  return times % 2 === 1 ? not(inner) : inner
}

function parseOperand(parser: Parser, depth: number): Expression {
  const word = parser.words[parser.next]
  if (!word) throw new Refusal(offsetOf(parser), 'The condition ends too early.', 'A selection is missing.')
  parser.next++
  if (word.text === '(') {
    const inner = parseOr(parser, depth + 1)
    if (peek(parser) !== ')') throw new Refusal(offsetOf(parser), 'A closing parenthesis is missing.')
    parser.next++
    return inner
  }
  if (/^(\d+|any|all)$/i.test(word.text) && isKeyword(parser, 'of')) return parseQuantified(parser, word)
  if (word.text === ')') throw new Refusal(word.at, 'A selection is missing before the closing parenthesis.')
  return selectionOf(parser, word)
}

function parseQuantified(parser: Parser, quantity: Word): Expression {
  parser.next++
  const pattern = parser.words[parser.next]
  if (!pattern || pattern.text === '(' || pattern.text === ')')
    throw new Refusal(offsetOf(parser), `'of' needs a pattern or 'them'.`)
  parser.next++
  const names = namesLike(parser, pattern)
  const members = names.map((name) => parser.named.get(name)!)
  for (const name of names) parser.used.add(name)
  const count = quantity.text.toLowerCase()
  if (count === 'all') return and(members)
  if (count === 'any' || count === '1') return or(members)
  const least = Number(count)
  if (least < 1 || least > members.length)
    throw new Refusal(
      quantity.at,
      `${count} of ${members.length} can never be decided.`,
      `'${pattern.text}' names ${names.join(', ')}.`,
    )
  return atLeast(least, members, quantity.at)
}

function namesLike({ named }: Parser, pattern: Word): string[] {
  const isThem = pattern.text.toLowerCase() === 'them' && !named.has(pattern.text)
  const shape = pattern.text
    .split(/(\*+)/)
    .flatMap((part): Part[] => (part === '' ? [] : [part.startsWith('*') ? ANY : part]))
  const names = [...named.keys()].filter((name) =>
    isThem ? !name.startsWith('_') : matches(shape, name) && (pattern.text.startsWith('_') || !name.startsWith('_')),
  )
  if (names.length === 0)
    throw new Refusal(pattern.at, `'${pattern.text}' names no selection.`, nearestName(pattern.text, named))
  return names
}

function selectionOf({ named, used }: Parser, word: Word): Expression {
  const found = named.get(word.text)
  if (!found) throw new Refusal(word.at, `There is no selection '${word.text}'.`, nearestName(word.text, named))
  used.add(word.text)
  return found
}

function nearestName(name: string, named: ReadonlyMap<string, Expression>): string {
  const near = nearest(name, named.keys())
  return near ? `Did you mean '${near}'?` : `There are: ${[...named.keys()].slice(0, 20).join(', ')}.`
}

function tokenise(text: string, at: number): Word[] {
  const words: Word[] = []
  for (const match of text.matchAll(/[()|]|[^\s()|]+/g)) {
    const word = { text: match[0], at: at + match.index }
    if (word.text === '|')
      throw new Refusal(
        word.at,
        'Aggregation after | is no longer part of Sigma.',
        'Write a correlation rule: event_count, value_count or temporal.',
      )
    words.push(word)
    if (words.length > MAX_WORDS) throw new Refusal(word.at, `The condition has more than ${MAX_WORDS} words.`)
  }
  if (words.length === 0) throw new Refusal(at, 'The condition is empty.')
  return words
}

/** `2 of x*` as an expression: an OR over all choices of two. Limited, because their number grows fast. */
function atLeast(least: number, members: readonly Expression[], at: number): Expression {
  if (least === members.length) return and(members)
  const choices: Expression[] = []
  const choose = (from: number, chosen: readonly Expression[]): void => {
    if (chosen.length === least) {
      choices.push(and(chosen))
      if (choices.length > 500)
        throw new Refusal(
          at,
          `${least} of ${members.length} selections has too many combinations.`,
          'Write the combinations that matter.',
        )
      return
    }
    for (let i = from; i < members.length; i++) choose(i + 1, [...chosen, members[i]!])
  }
  choose(0, [])
  return or(choices)
}
