/** Keys by which rows are looked up: the same in every engine of `Store`. */
import { createHash } from 'node:crypto'

/**
 * The key of a text. PostgreSQL allows neither NUL nor lone surrogates, and at most 2.7 KB in an index; SQLite cuts
 * or replaces the first two. A text that is long or has such characters becomes a hash.
 */
export function keyOf(text: string): string {
  if (text.length <= KEY_CHARACTERS && text.isWellFormed() && !ESCAPED.test(text)) return text
  return `\x1b${createHash('sha256').update(JSON.stringify(text)).digest('hex')}`
}
const ESCAPED = /[\0\x1b]/
/** The longest index entry has three keys, with up to three bytes a character. */
const KEY_CHARACTERS = 256

/** Compares in the order of the keys. */
export function byKey(a: string, b: string): number {
  const [left, right] = [keyOf(a), keyOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** The first text after all texts that begin with `prefix`. */
export function behind(prefix: string): string {
  return `${prefix}\u{10ffff}`
}
