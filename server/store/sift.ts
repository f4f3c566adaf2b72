/**
 * Which lines of a block a scan gives, found in the block's text: parsing a line costs five times as much as everything
 * else that a scan does with it.
 *
 * Shape   works on the text as latin1, one character a byte, so that it costs the same whatever it holds; lines that
 *         are given are decoded as the UTF-8 they are. More may come than was asked for, never fewer.
 */
import { isAscii } from 'node:buffer'
import type { ScanQuery } from './history.ts'
import { recordOf } from './segment.ts'
import type { Stored } from './stream.ts'

/** With more alternatives, finding costs more than parsing. */
const MOST_LITERALS = 24
/** How ingest writes them. What begins in any other way is given, and looked at by whoever asked. */
const EVENT = '{"type":"event"'
const FEED = '{"type":"feed"'
const CONNECTION = '{"type":"connection"'
/** Letters outside ASCII that are another case of one in it: U+017F of s, U+212A of k. */
const FOLDS_TO_ASCII = /\u00c5\u00bf|\u00e2\u0084\u00aa/g

type Next = (from: number) => number

/** Errors  what it makes throws when the block is not as many lines as it should be. */
export function sifting({ categories, after, upTo, literals }: ScanQuery) {
  const marks = categories && [...new Set(categories)].map((it) => `"category":${JSON.stringify(it)}`)
  const wording = literals ? wordingOf(literals) : null
  return (bytes: Buffer, first: number, last: number): Stored[] => {
    const text = bytes.toString('latin1')
    const plain = isAscii(bytes)
    const category = marks ? earliest(marks.map((it) => finder(text, it))) : always
    const words = wording && (plain ? [wording] : [wording, FOLDS_TO_ASCII])
    const literal = words ? earliest(words.map((it) => matcher(text, it))) : always
    const found: Stored[] = []
    let position = first
    for (let start = 0, end = 0; start <= text.length; start = end + 1, position++) {
      end = text.indexOf('\n', start)
      if (end < 0) end = text.length
      if (position > upTo || position <= after || start === end || !mayFit(text, start, end, category, literal))
        continue
      const line = plain ? text.slice(start, end) : bytes.toString('utf8', start, end)
      found.push({ position, record: recordOf(line) })
    }
    if (position !== last + 1) throw new Error(`${position - first} lines instead of ${last - first + 1}`)
    return found
  }
}

function mayFit(text: string, start: number, end: number, category: Next, literal: Next): boolean {
  if (text.startsWith(EVENT, start) || text.startsWith(FEED, start))
    return category(start) < end && literal(start) < end
  if (text.startsWith(CONNECTION, start)) return category === always && literal(start) < end
  return true
}

const always: Next = (from) => from

/** Where the first of them comes next. Asked for ever later places, each goes through the text once. */
function earliest(nexts: readonly Next[]): Next {
  if (nexts.length === 1) return nexts[0]!
  return (from) => nexts.reduce((least, next) => Math.min(least, next(from)), Infinity)
}

function finder(text: string, mark: string): Next {
  let at = -1
  return (from) => {
    if (at < from) {
      at = text.indexOf(mark, from)
      if (at < 0) at = Infinity
    }
    return at
  }
}

function matcher(text: string, pattern: RegExp): Next {
  let at = -1
  return (from) => {
    if (at < from) {
      pattern.lastIndex = from
      at = pattern.exec(text)?.index ?? Infinity
    }
    return at
  }
}

/**
 * Literals as they look in JSON, of each its longest part that is the same in every encoding. Null: they cannot be
 * looked for, or not cheaply.
 */
export function wordingOf(literals: readonly string[]): RegExp | null {
  if (literals.length > MOST_LITERALS) return null
  const parts = new Set<string>()
  for (const it of literals) {
    const runs = JSON.stringify(it)
      .slice(1, -1)
      .split(/[^\x20-\x7e]+/)
    const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
    if (longest === '' || !it.isWellFormed()) return null
    parts.add(longest.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  }
  return new RegExp(parts.size > 0 ? [...parts].join('|') : '(?!)', 'gi')
}
