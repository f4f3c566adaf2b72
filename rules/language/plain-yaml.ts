/**
 * A fast reader for the subset of YAML that rules use: block maps and lists, one-line scalars, `|` texts.
 *
 * Shape   the same nodes that `documents` makes of the text, or null for everything outside the subset: flow
 *         collections, anchors, folded or multi-line scalars, escapes, several documents, and every error. A test
 *         compares the two over all of SigmaHQ and over damaged rules.
 */
import type { Entry, Node, Scalar } from './node.ts'

const UNUSUAL = /[\t\r\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ufeff]|(?:^|\n)(?:---|\.\.\.)/
const KEY = /(?:([A-Za-z_][A-Za-z0-9_.|@-]*)|'([^'\n]*)'):(?= |\n)/y
const QUOTED = /'((?:[^'\n]|'')*)' *(?:\n| #.*\n)/y
const DOUBLE = /"([^"\\\n]*)" *(?:\n| #.*\n)/y
const PLAIN = /[^\n]+/y
const BLOCK = /\|(-?) *\n/y
const MAX_DEPTH = 16
const MAX_NODES = 50_000

/** Thrown and caught here: outside the subset. */
const UNPLAIN = Symbol('not plain')

/** The current offset. */
interface Reader {
  readonly text: string
  at: number
  nodes: number
}

export function plainDocument(text: string): Node | null {
  if (!text.endsWith('\n') || UNUSUAL.test(text)) return null
  try {
    return readDocument({ text, at: 0, nodes: 0 })
  } catch (cause) {
    if (cause === UNPLAIN) return null
    throw cause
  }
}

function readDocument(reader: Reader): Node {
  skipToContent(reader)
  if (isAtEnd(reader)) throw UNPLAIN
  const node = readBlock(reader, columnOf(reader), 0)
  if (!isAtEnd(reader)) throw UNPLAIN
  return node
}

/** To the first character of the next line that is neither blank nor a comment. */
function skipToContent(reader: Reader): void {
  const { text } = reader
  while (reader.at < text.length) {
    let to = reader.at
    while (text[to] === ' ') to++
    if (text[to] === '#') reader.at = text.indexOf('\n', to) + 1
    else if (text[to] === '\n') reader.at = to + 1
    else {
      reader.at = to
      return
    }
  }
}

function skipBlanks(reader: Reader): void {
  while (reader.text[reader.at] === ' ') reader.at++
}

function isAtEnd({ text, at }: Reader): boolean {
  return at >= text.length
}

function columnOf({ text, at }: Reader): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1)
}

function isDash({ text, at }: Reader): boolean {
  return text[at] === '-' && (text[at + 1] === ' ' || text[at + 1] === '\n')
}

function isKey({ text, at }: Reader): boolean {
  KEY.lastIndex = at
  return KEY.test(text)
}

function isLineEnd({ text, at }: Reader): boolean {
  return text[at] === '\n' || text[at] === '#'
}

function readBlock(reader: Reader, indent: number, depth: number): Node {
  if (depth > MAX_DEPTH || ++reader.nodes > MAX_NODES) throw UNPLAIN
  return isDash(reader) ? readList(reader, indent, depth) : readMapping(reader, indent, depth)
}

function readList(reader: Reader, indent: number, depth: number): Node {
  const start = reader.at
  const items: Node[] = []
  while (!isAtEnd(reader) && columnOf(reader) === indent && isDash(reader)) {
    reader.at++
    skipBlanks(reader)
    if (isDash(reader)) throw UNPLAIN
    if (isLineEnd(reader)) {
      skipToContent(reader)
      if (isAtEnd(reader) || columnOf(reader) <= indent) throw UNPLAIN
      items.push(readBlock(reader, columnOf(reader), depth + 1))
    } else if (isKey(reader)) items.push(readMapping(reader, columnOf(reader), depth + 1))
    else items.push(readScalar(reader, indent))
  }
  if (!isAtEnd(reader) && columnOf(reader) > indent) throw UNPLAIN
  return { kind: 'list', items, at: start }
}

function readMapping(reader: Reader, indent: number, depth: number): Node {
  const start = reader.at
  const entries = new Map<string, Entry>()
  while (!isAtEnd(reader) && columnOf(reader) === indent && !isDash(reader)) {
    KEY.lastIndex = reader.at
    const match = KEY.exec(reader.text)
    if (!match) throw UNPLAIN
    const key = match[1] ?? match[2]!
    if (entries.has(key)) throw UNPLAIN
    const { at } = reader
    reader.at += match[0].length
    skipBlanks(reader)
    entries.set(key, { at, value: readValue(reader, indent, depth) })
  }
  if (!isAtEnd(reader) && columnOf(reader) > indent) throw UNPLAIN
  return { kind: 'map', entries, at: start }
}

function readValue(reader: Reader, indent: number, depth: number): Node {
  if (!isLineEnd(reader)) return readScalar(reader, indent)
  skipToContent(reader)
  if (isAtEnd(reader)) throw UNPLAIN
  // A list may be indented no deeper than the key it belongs to.
  const inner = columnOf(reader)
  if (inner < indent || (inner === indent && !isDash(reader))) throw UNPLAIN
  return readBlock(reader, inner, depth + 1)
}

/** One line; what follows must not be indented deeper than `indent`, or the scalar would go on. */
function readScalar(reader: Reader, indent: number): Scalar {
  if (++reader.nodes > MAX_NODES) throw UNPLAIN
  const start = reader.at
  const found = scalarAt(reader, indent)
  skipToContent(reader)
  if (!isAtEnd(reader) && columnOf(reader) > indent) throw UNPLAIN
  return { ...found, at: start }
}

function scalarAt(reader: Reader, indent: number): Scalar {
  const first = reader.text[reader.at]
  if (first === "'") return readQuoted(reader, QUOTED)
  if (first === '"') return readQuoted(reader, DOUBLE)
  return first === '|' ? readLiteral(reader, indent) : readPlain(reader)
}

function readQuoted(reader: Reader, form: RegExp): Scalar {
  form.lastIndex = reader.at
  const match = form.exec(reader.text)
  if (!match) throw UNPLAIN
  reader.at += match[0].length
  const value = form === QUOTED ? match[1]!.replaceAll("''", "'") : match[1]!
  return { kind: 'scalar', value, text: value, at: reader.at }
}

function readPlain(reader: Reader): Scalar {
  PLAIN.lastIndex = reader.at
  const line = PLAIN.exec(reader.text)![0]
  const comment = line.indexOf(' #')
  const word = (comment < 0 ? line : line.slice(0, comment)).trimEnd()
  reader.at += line.length + 1
  return { kind: 'scalar', value: wordValue(word), text: word, at: reader.at }
}

/** A text after `|`, with its line breaks. */
function readLiteral(reader: Reader, indent: number): Scalar {
  const { text } = reader
  BLOCK.lastIndex = reader.at
  const match = BLOCK.exec(text)
  if (!match) throw UNPLAIN
  reader.at += match[0].length
  const lines: string[] = []
  let margin = -1
  while (!isAtEnd(reader)) {
    const { at } = reader
    const end = text.indexOf('\n', at)
    let first = at
    while (text[first] === ' ') first++
    if (first === end) {
      if (margin < 0) throw UNPLAIN
      lines.push(first - at > margin ? text.slice(at + margin, end) : '')
    } else {
      if (first - at <= indent) break
      if (margin < 0) margin = first - at
      if (first - at < margin) throw UNPLAIN
      lines.push(text.slice(at + margin, end))
    }
    reader.at = end + 1
  }
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0 || /^ +$/.test(lines.at(-1)!)) throw UNPLAIN
  const value = lines.join('\n') + (match[1] === '-' ? '' : '\n')
  return { kind: 'scalar', value, text: value, at: reader.at }
}

/** A scalar without quotes: only unambiguous ones. */
function wordValue(word: string): string | number | boolean | null {
  if (/^[1-9]\d{0,14}$|^0$/.test(word)) return Number(word)
  if (/^(true|false)$/.test(word)) return word === 'true'
  if (word === 'null') return null
  // A date stays text; a UUID may begin like a number.
  if (/^\d{4}-\d\d-\d\d$|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(word)) return word
  if (word === '' || /^[\s,[\]{}#&*!|>'"%@`~<=?-]|^:|: |:$/.test(word)) throw UNPLAIN
  if (
    /^(y|n|yes|no|on|off|true|false|null)$/i.test(word) ||
    /^[-+.\d][-+.\d_,:xXa-fA-FeEoO]*$|^[-+]?\.(inf|nan)$|^\d{4}-/i.test(word)
  )
    throw UNPLAIN
  return word
}
