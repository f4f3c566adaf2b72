/** What rows are found by: the same in every engine of `Store`. */
import { createHash } from 'node:crypto'

/**
 * What a text is found by. PostgreSQL takes neither NUL nor half a surrogate pair, and 2.7 KB in an index; SQLite cuts
 * or replaces the first two. What is no plain text of some length goes as a hash.
 */
export function keyOf(text: string): string {
  if (text.length <= KEY_CHARACTERS && text.isWellFormed() && !ESCAPED.test(text)) return text
  return `\x1b${createHash('sha256').update(JSON.stringify(text)).digest('hex')}`
}
const ESCAPED = /[\0\x1b]/
/** Three of them, at up to three bytes a character, make the longest key there is. */
const KEY_CHARACTERS = 256

/** In order of the keys. */
export function byKey(a: string, b: string): number {
  const [left, right] = [keyOf(a), keyOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** The first text behind all that begin with `prefix`. */
export function behind(prefix: string): string {
  return `${prefix}\u{10ffff}`
}
