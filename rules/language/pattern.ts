/**
 * Sigma strings: literals with `*` (any length), `?` (exactly one character) and backslash escapes.
 *
 * Shape   a pattern is a list of parts: a non-empty literal, ANY, ONE, or DASH (from `windash`).
 * Source  Sigma specification 2.1, "Escaping": `\*` and `\?` are literal, `\\` is one backslash, a backslash before any
 *         other character is itself.
 */
export const ANY = Symbol('*')
export const ONE = Symbol('?')
export const DASH = Symbol('-')
export type Part = string | typeof ANY | typeof ONE | typeof DASH
export type Pattern = readonly Part[]

/** The dashes that Windows programs accept for options. */
export const DASHES = '-/–—―'

export function parsePattern(text: string): Pattern {
  const parts: Part[] = []
  let literal = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    const next = text[i + 1]
    if (c === '\\' && (next === '*' || next === '?' || next === '\\')) literal += text[++i]
    else if (c === '*' || c === '?') {
      if (literal !== '') parts.push(literal)
      literal = ''
      // Two stars in a row are the same as one.
      if (c === '?') parts.push(ONE)
      else if (parts.at(-1) !== ANY) parts.push(ANY)
    } else literal += c
  }
  if (literal !== '') parts.push(literal)
  return parts
}

export function literalPattern(text: string): Pattern {
  return text === '' ? [] : [text]
}

/** The text of a pattern without wildcards, or null. */
export function literalOf(pattern: Pattern): string | null {
  if (pattern.length === 0) return ''
  return pattern.length === 1 && typeof pattern[0] === 'string' ? pattern[0] : null
}

/** Adds stars at the ends, for `contains` and similar modifiers. */
export function widen(pattern: Pattern, front: boolean, back: boolean): Pattern {
  const parts = [...pattern]
  if (front && parts[0] !== ANY) parts.unshift(ANY)
  if (back && parts.at(-1) !== ANY) parts.push(ANY)
  return parts
}

export type How = 'equals' | 'startswith' | 'endswith' | 'contains'

/** The pattern as one plain string operation, if possible. */
export function asPlain(pattern: Pattern): { how: How; text: string } | null {
  const front = pattern[0] === ANY
  const back = pattern.at(-1) === ANY
  const text = literalOf(pattern.slice(front ? 1 : 0, back ? -1 : undefined))
  if (text === null) return null
  return { how: front ? (back ? 'contains' : 'endswith') : back ? 'startswith' : 'equals', text }
}

/**
 * Whether the pattern matches the whole of `value`. Runs of parts between stars are placed one after another, each at
 * the first place where it matches: a later place never leaves more for what follows, so nothing is tried twice.
 */
export function matches(pattern: Pattern, value: string): boolean {
  let from = 0
  let at = 0
  let floating = false
  for (;;) {
    let to = from
    while (to < pattern.length && pattern[to] !== ANY) to++
    const last = to === pattern.length
    if (!floating) {
      at = fits(pattern, from, to, value, at)
      if (at < 0) return false
      if (last) return at === value.length
    } else if (last) {
      return from === to || endsWith(pattern, from, to, value, at)
    } else {
      at = find(pattern, from, to, value, at)
      if (at < 0) return false
    }
    floating = true
    from = to + 1
  }
}

/** Where the run ends when it begins exactly at `at`, or -1. */
function fits(pattern: Pattern, from: number, to: number, value: string, at: number): number {
  for (let i = from; i < to; i++) {
    const part = pattern[i]!
    if (typeof part === 'string') {
      if (!value.startsWith(part, at)) return -1
      at += part.length
    } else if (at >= value.length) return -1
    else if (part === ONE) at += isPair(value, at) ? 2 : 1
    else if (DASHES.includes(value[at]!)) at++
    else return -1
  }
  return at
}

function find(pattern: Pattern, from: number, to: number, value: string, at: number): number {
  const first = pattern[from]
  for (; at <= value.length; at++) {
    if (typeof first === 'string') {
      at = value.indexOf(first, at)
      if (at < 0) return -1
    } else if (at > 0 && isPair(value, at - 1)) continue
    const end = fits(pattern, from, to, value, at)
    if (end >= 0) return end
  }
  return -1
}

function endsWith(pattern: Pattern, from: number, to: number, value: string, floor: number): boolean {
  let at = value.length
  for (let i = to - 1; i >= from; i--) {
    const part = pattern[i]!
    if (typeof part === 'string') at -= part.length
    else at -= part === ONE && at >= 2 && isPair(value, at - 2) ? 2 : 1
    if (at < floor) return false
  }
  return fits(pattern, from, to, value, at) === value.length
}

function isPair(value: string, at: number): boolean {
  return (value.charCodeAt(at) & 0xfc00) === 0xd800 && (value.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
