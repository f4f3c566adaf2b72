/** Field values as text: the keys of groups, and the values that `value_count` compares. */

import { sha256 } from '../../../wire/sha256.ts'
import { lookUp } from '../cell.ts'
import type { FlatEvent } from '../rule.ts'

/** Longer values are kept as their beginning and a hash, so that an event cannot make a group expensive. */
const MAX_CHARS = 512

/** One text for the values of `fields`; null when one is missing. */
export function keyOf(event: FlatEvent, fields: readonly string[]): string | null {
  if (fields.length === 0) return ''
  if (fields.length === 1) return textOf(lookUp(event, fields[0]!))
  let key = ''
  for (let i = 0; i < fields.length; i++) {
    const text = textOf(lookUp(event, fields[i]!))
    if (text === null) return null
    key += `${text.length}:${text}`
  }
  return key
}

/** The texts that `keyOf` combined. */
export function textsOf(key: string, count: number): string[] {
  if (count === 0) return []
  if (count === 1) return [key]
  const texts: string[] = []
  for (let at = 0; at < key.length; ) {
    const colon = key.indexOf(':', at)
    const end = colon + 1 + Number(key.slice(at, colon))
    texts.push(key.slice(colon + 1, end))
    at = end
  }
  return texts
}

/** Strings, numbers and booleans as text, lists as JSON; null for missing values, null and maps. */
function textOf(value: unknown): string | null {
  const text =
    typeof value === 'string'
      ? value
      : typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
        ? String(value)
        : Array.isArray(value) && value.every((member) => typeof member !== 'object' && typeof member !== 'bigint')
          ? JSON.stringify(value)
          : null
  if (text === null || text.length <= MAX_CHARS) return text
  return `${text.slice(0, MAX_CHARS - 65)}…${sha256(text)}`
}
