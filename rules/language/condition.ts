/**
 * The condition line: `or` < `and` < `not` < `N of pattern` < parentheses.
 *
 * Shape   words are words: an identifier may begin with `not` or contain `-`. Keywords in either case. `them` and
 *         patterns leave out identifiers that begin with `_`, unless the pattern does too.
 * Errors  Refusal at the word; a pattern that names nothing is refused, because the author meant something.
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

export function parseCondition(text: string, at: number, named: ReadonlyMap<string, Expression>): Condition {
  const words = tokenise(text, at)
  const used = new Set<string>()
  let next = 0
  const expression = anyOf(0)
  if (next < words.length)
    throw new Refusal(
      words[next]!.at,
      `The condition was complete before '${words[next]!.text}'.`,
      'Join with and, or.',
    )
  return { expression, used }

  function peek(): string {
    return words[next]?.text ?? ''
  }
  function isWord(word: string): boolean {
    return peek().toLowerCase() === word
  }
  function here(): number {
    return words[next]?.at ?? at + text.length
  }

  function anyOf(depth: number): Expression {
    if (depth > MAX_DEPTH) throw new Refusal(here(), `The condition is nested more than ${MAX_DEPTH} levels deep.`)
    const parts = [allOf(depth)]
    while (isWord('or')) {
      next++
      parts.push(allOf(depth))
    }
    return or(parts)
  }

  function allOf(depth: number): Expression {
    const parts = [negated(depth)]
    while (isWord('and')) {
      next++
      parts.push(negated(depth))
    }
    return and(parts)
  }

  function negated(depth: number): Expression {
    let times = 0
    while (isWord('not') && !named.has(peek())) {
      next++
      times++
    }
    const inner = operand(depth)
    return times % 2 === 1 ? not(inner) : inner
  }

  function operand(depth: number): Expression {
    const word = words[next]
    if (!word) throw new Refusal(here(), 'The condition ends too early.', 'A selection is missing.')
    next++
    if (word.text === '(') {
      const inner = anyOf(depth + 1)
      if (peek() !== ')') throw new Refusal(here(), 'A closing parenthesis is missing.')
      next++
      return inner
    }
    if (/^(\d+|any|all)$/i.test(word.text) && isWord('of')) return quantified(word)
    if (word.text === ')') throw new Refusal(word.at, 'A selection is missing before the closing parenthesis.')
    return selection(word)
  }

  function quantified(quantity: Word): Expression {
    next++
    const pattern = words[next]
    if (!pattern || pattern.text === '(' || pattern.text === ')')
      throw new Refusal(here(), `'of' needs a pattern or 'them'.`)
    next++
    const names = namesLike(pattern)
    const members = names.map((name) => named.get(name)!)
    for (const name of names) used.add(name)
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

  function namesLike(pattern: Word): string[] {
    const them = pattern.text.toLowerCase() === 'them' && !named.has(pattern.text)
    const shape = pattern.text
      .split(/(\*+)/)
      .flatMap((part): Part[] => (part === '' ? [] : [part.startsWith('*') ? ANY : part]))
    const names = [...named.keys()].filter((name) =>
      them ? !name.startsWith('_') : matches(shape, name) && (pattern.text.startsWith('_') || !name.startsWith('_')),
    )
    if (names.length === 0) throw new Refusal(pattern.at, `'${pattern.text}' names no selection.`, meant(pattern.text))
    return names
  }

  function selection(word: Word): Expression {
    const found = named.get(word.text)
    if (!found) throw new Refusal(word.at, `There is no selection '${word.text}'.`, meant(word.text))
    used.add(word.text)
    return found
  }

  function meant(name: string): string {
    const near = nearest(name, named.keys())
    return near ? `Did you mean '${near}'?` : `There are: ${[...named.keys()].slice(0, 20).join(', ')}.`
  }
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

/** `2 of x*` as an expression: some choice of so many holds. Bounded, because the choices grow fast. */
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
