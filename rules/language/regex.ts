/**
 * Regular expressions in linear time for every rule and input, with RE2's syntax and automata.
 *
 * Shape   an unanchored search, case-sensitive unless `i` or `(?i)`. `\w \d \s \b` are ASCII. No look-around and no
 *         back-references, which automata cannot do.
 * Units   at most `MAX_SOURCE` characters and `MAX_PROGRAM` instructions: use a list for thousands of alternatives.
 * Errors  a plain Error with the mistake in the expression.
 */
import { RE2JS } from 're2js'
import { isAscii } from './fold.ts'
import { type Demands, demands, hasRun } from './regex-demands.ts'

export const MAX_SOURCE = 8_192
export const MAX_PROGRAM = 4_000

export interface Regex extends Demands {
  source: string
  flags: string
  /** `folded` is the same text folded, for the literal filter. */
  test(text: string, folded: string): boolean
}

export function compileRegex(source: string, flags: ReadonlySet<'i' | 'm' | 's'>): Regex {
  if (source.length > MAX_SOURCE)
    throw new Error(`The expression has more than ${MAX_SOURCE} characters; use a list of values.`)
  const bits =
    (flags.has('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.has('m') ? RE2JS.MULTILINE : 0) |
    (flags.has('s') ? RE2JS.DOTALL : 0)
  let re2: RE2JS
  try {
    re2 = RE2JS.compile(source, bits)
  } catch (cause) {
    throw new Error(
      `The regular expression cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`.slice(0, 300),
    )
  }
  if (re2.programSize() > MAX_PROGRAM)
    throw new Error('The regular expression is too large; use a list of values, or smaller repetitions.')
  const { literals, minLength, chain, run } = demands(source, flags)
  const anyOfLength = /^\.\{(\d+),\}$/.test(source)
  const mayOccur = (folded: string) => literals === null || literals.some((literal) => folded.includes(literal))
  const slow = (text: string) => re2.test(text)
  return {
    source,
    flags: [...flags].sort().join(''),
    literals,
    minLength,
    chain,
    run,
    test(text, folded) {
      if (text.length < minLength || !mayOccur(folded)) return false
      if (run && !hasRun(text, run)) return false
      if ((chain || anyOfLength) && !text.includes('\n')) {
        if (chain) return inOrder(chain, text)
        if (isAscii(text)) return true
      }
      return slow(text)
    },
  }
}

function inOrder(chain: readonly string[], text: string): boolean {
  let at = 0
  for (const literal of chain) {
    at = text.indexOf(literal, at)
    if (at < 0) return false
    at += literal.length
  }
  return true
}
