/**
 * Regular expressions in linear time for every rule and input, with RE2's automata.
 *
 * Shape   an unanchored search, case-sensitive unless `i` or `(?i)`. The syntax is PCRE's: see `regex-dialect.ts`.
 * Units   at most `MAX_SOURCE` characters and `MAX_PROGRAM` instructions: use a list for thousands of alternatives.
 * Errors  a plain Error with the mistake in the expression.
 */
import { RE2JS } from 're2js'
import { isAscii } from './fold.ts'
import type { LongRun } from './pcre/write.ts'
import { type Demands, demands, hasRun } from './regex-demands.ts'
import { translate } from './regex-dialect.ts'

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
  const translated = translate(source, flags)
  const { literals, minLength, chain, run } = demands(translated.read, translated.re2.includes('(?i:'))
  const anyOfLength = /^\.\{\d{1,3},\}$/.test(translated.read)
  const mayOccur = (folded: string) => literals === null || literals.some((literal) => folded.includes(literal))
  // Compiling takes a third of the time to load SigmaHQ's rules, and most expressions are never asked.
  const slow = translated.run ? longRun(translated.run) : search(translated.re2, isPlain(source))
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

function search(re2: string, isLazy: boolean): (text: string) => boolean {
  let compiled = isLazy ? null : compiledRe2(re2)
  return (text) => {
    compiled ??= compiledRe2(re2)
    return compiled.test(text)
  }
}

function compiledRe2(re2: string): RE2JS {
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(re2)
  } catch (cause) {
    throw new Error(
      `The regular expression cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`.slice(0, 300),
    )
  }
  if (compiled.programSize() > MAX_PROGRAM)
    throw new Error('The regular expression is too large; use a list of values, or smaller repetitions.')
  return compiled
}

/** Each run of the set's characters is as long as it can be, so their lengths decide. */
function longRun({ set, least, anchored }: LongRun): (text: string) => boolean {
  const compiled = compiledRe2(`${set}+`)
  return (text) => {
    if (text.length < least) return false
    const matcher = compiled.matcher(text)
    while (matcher.find()) {
      if (anchored && matcher.start() > 0) return false
      const length = matcher.end() - matcher.start()
      // A character beyond U+FFFF is two units of the text, and one that counts.
      if (length >= least && pointsIn(text, matcher.start(), matcher.end()) >= least) return true
    }
    return false
  }
}

function pointsIn(text: string, from: number, to: number): number {
  let points = 0
  for (let at = from; at < to; at += text.codePointAt(at)! > 0xffff ? 2 : 1) points++
  return points
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
