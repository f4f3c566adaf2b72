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
  // Compiling takes a third of the time to load SigmaHQ's rules, and most expressions are never asked.
  let compiled: RE2JS | null = isPlain(source) ? null : compiledRe2(source, bits)
  const { literals, minLength, chain, run } = demands(source, flags)
  const anyOfLength = /^\.\{(\d+),\}$/.test(source)
  const mayOccur = (folded: string) => literals === null || literals.some((literal) => folded.includes(literal))
  const slow = (text: string) => {
    compiled ??= compiledRe2(source, bits)
    return compiled.test(text)
  }
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

function compiledRe2(source: string, bits: number): RE2JS {
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
  return re2
}

/** The parts of an expression that every dialect reads alike: escapes, sets, groups, repetitions, characters. */
const PARTS = [
  /\\[wWdDsSbBnrt!-/:-@[-`{-~]/,
  /\[\^?-?(?:\\[wWdDsS!-/:-@[-`{-~]|[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.,:;=+*?/<>@#%&!'"$(){}|~`])+-?\]/,
  /\((?:\?i?:|(?!\?))|\)/,
  /[*+?]|\{\d{1,3}(?:,\d{0,3})?\}/,
  /[A-Za-z0-9 _!"#%&',/:;<=>@~`^$.|-]/,
]
const PLAIN = new RegExp(`^(?:${PARTS.map(({ source }) => source).join('|')})+$`)

/** Whether RE2 surely accepts the expression and makes fewer than MAX_PROGRAM instructions of it. */
function isPlain(source: string): boolean {
  const rest = source.startsWith('(?i)') ? source.slice(4) : source
  if (!PLAIN.test(rest)) return false
  const counts = [...rest.matchAll(/\{(\d+),?(\d*)\}/g)].map(([, least, most]) => Math.max(Number(least), Number(most)))
  // Repeated groups may be nested, and then their counts multiply.
  const copies = /\)\??\{/.test(rest) ? counts.reduce((all, each) => all * Math.max(1, each), 1) : 1
  const single = copies > 1 ? 0 : counts.reduce((all, each) => all + each, 0)
  if (rest.length * copies + 2 * single > MAX_PROGRAM / 4) return false
  try {
    // Finds unbalanced parentheses and repetitions of nothing; V8 compiles an expression only when it is used.
    new RegExp(rest)
    return true
  } catch {
    return false
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
