/**
 * Selects the lines of a block that a scan returns, by text search: parsing a line costs five times as much as
 * everything else that a scan does with it.
 *
 * Shape   searches the text as latin1, one character per byte, so that the cost is independent of the content; selected
 *         lines are decoded as UTF-8. May select too many lines, never too few.
 */
import { isAscii } from 'node:buffer'
import type { ScanQuery } from './history.ts'
import { recordOf } from './segment.ts'
import type { Stored } from './stream.ts'

/** With more alternatives, searching costs more than parsing. */
const MOST_LITERALS = 24
/** How ingest writes records. A line that begins differently is selected, and the caller checks it. */
const EVENT = '{"type":"event"'
const FEED = '{"type":"feed"'
const CONNECTION = '{"type":"connection"'
/** Non-ASCII letters whose other case is ASCII: U+017F of s, U+212A of k. */
const FOLDS_TO_ASCII = /\u00c5\u00bf|\u00e2\u0084\u00aa/g

type Next = (from: number) => number

/** Errors  the returned function throws when the block has the wrong number of lines. */
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

/** The earliest next match of all. Called with ascending positions, each searches the text only once. */
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
 * The literals as they look in JSON; of each, its longest part that is the same in every encoding. Null: they cannot
 * be searched for, or not cheaply.
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
