/**
 * The YAML that rules are in fact written in, read in one pass: block maps and lists, one-line scalars, `|` texts.
 *
 * Shape   the same nodes that `documents` makes of the same text, or null for everything that is not so plain: flow
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

/** Thrown and caught here: not plain enough. */
const UNPLAIN = Symbol('not plain')

export function plainDocument(text: string): Node | null {
  if (!text.endsWith('\n') || UNUSUAL.test(text)) return null
  try {
    return read(text)
  } catch (cause) {
    if (cause === UNPLAIN) return null
    throw cause
  }
}

function read(text: string): Node {
  let at = 0
  let nodes = 0
  skip()
  if (at >= text.length) throw UNPLAIN
  const node = block(column(), 0)
  if (at < text.length) throw UNPLAIN
  return node

  /** To the first character of the next line that has something to say. */
  function skip(): void {
    while (at < text.length) {
      let to = at
      while (text[to] === ' ') to++
      if (text[to] === '#') at = text.indexOf('\n', to) + 1
      else if (text[to] === '\n') at = to + 1
      else {
        at = to
        return
      }
    }
  }

  function column(): number {
    return at - (text.lastIndexOf('\n', at - 1) + 1)
  }

  function block(indent: number, depth: number): Node {
    if (depth > MAX_DEPTH || ++nodes > MAX_NODES) throw UNPLAIN
    return isDash() ? list(indent, depth) : mapping(indent, depth)
  }

  function isDash(): boolean {
    return text[at] === '-' && (text[at + 1] === ' ' || text[at + 1] === '\n')
  }

  function list(indent: number, depth: number): Node {
    const start = at
    const items: Node[] = []
    while (at < text.length && column() === indent && isDash()) {
      at++
      while (text[at] === ' ') at++
      if (isDash()) throw UNPLAIN
      if (text[at] === '\n' || text[at] === '#') {
        skip()
        if (at >= text.length || column() <= indent) throw UNPLAIN
        items.push(block(column(), depth + 1))
      } else if (isKey()) items.push(mapping(column(), depth + 1))
      else items.push(scalar(indent))
    }
    if (at < text.length && column() > indent) throw UNPLAIN
    return { kind: 'list', items, at: start }
  }

  function isKey(): boolean {
    KEY.lastIndex = at
    return KEY.test(text)
  }

  function mapping(indent: number, depth: number): Node {
    const start = at
    const entries = new Map<string, Entry>()
    while (at < text.length && column() === indent && !isDash()) {
      KEY.lastIndex = at
      const match = KEY.exec(text)
      if (!match) throw UNPLAIN
      const key = match[1] ?? match[2]!
      if (entries.has(key)) throw UNPLAIN
      const keyAt = at
      at += match[0].length
      while (text[at] === ' ') at++
      entries.set(key, { at: keyAt, value: entryValue(indent, depth) })
    }
    if (at < text.length && column() > indent) throw UNPLAIN
    return { kind: 'map', entries, at: start }
  }

  function entryValue(indent: number, depth: number): Node {
    if (text[at] !== '\n' && text[at] !== '#') return scalar(indent)
    skip()
    if (at >= text.length) throw UNPLAIN
    // A list may stand as far left as the key it belongs to.
    const inner = column()
    if (inner < indent || (inner === indent && !isDash())) throw UNPLAIN
    return block(inner, depth + 1)
  }

  /** One line, and what follows stands no deeper than `indent`: else it would go on. */
  function scalar(indent: number): Scalar {
    if (++nodes > MAX_NODES) throw UNPLAIN
    const start = at
    const found =
      text[at] === "'"
        ? quoted(QUOTED)
        : text[at] === '"'
          ? quoted(DOUBLE)
          : text[at] === '|'
            ? literal(indent)
            : plain()
    skip()
    if (at < text.length && column() > indent) throw UNPLAIN
    return { ...found, at: start }
  }

  function quoted(form: RegExp): Scalar {
    form.lastIndex = at
    const match = form.exec(text)
    if (!match) throw UNPLAIN
    at += match[0].length
    const value = form === QUOTED ? match[1]!.replaceAll("''", "'") : match[1]!
    return { kind: 'scalar', value, text: value, at }
  }

  function plain(): Scalar {
    PLAIN.lastIndex = at
    const line = PLAIN.exec(text)![0]
    const comment = line.indexOf(' #')
    const word = (comment < 0 ? line : line.slice(0, comment)).trimEnd()
    at += line.length + 1
    return { kind: 'scalar', value: meaning(word), text: word, at }
  }

  function literal(indent: number): Scalar {
    BLOCK.lastIndex = at
    const match = BLOCK.exec(text)
    if (!match) throw UNPLAIN
    at += match[0].length
    const lines: string[] = []
    let margin = -1
    while (at < text.length) {
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
      at = end + 1
    }
    while (lines.at(-1) === '') lines.pop()
    if (lines.length === 0 || /^ +$/.test(lines.at(-1)!)) throw UNPLAIN
    const value = lines.join('\n') + (match[1] === '-' ? '' : '\n')
    return { kind: 'scalar', value, text: value, at }
  }
}

/** A word without quotes: only what is beyond doubt. */
function meaning(word: string): string | number | boolean | null {
  if (/^[1-9]\d{0,14}$|^0$/.test(word)) return Number(word)
  if (/^(true|false)$/.test(word)) return word === 'true'
  if (word === 'null') return null
  // A date is text here, as it stands; a UUID may begin like a number.
  if (/^\d{4}-\d\d-\d\d$|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(word)) return word
  if (word === '' || /^[\s,[\]{}#&*!|>'"%@`~<=?-]|^:|: |:$/.test(word)) throw UNPLAIN
  if (
    /^(y|n|yes|no|on|off|true|false|null)$/i.test(word) ||
    /^[-+.\d][-+.\d_,:xXa-fA-FeEoO]*$|^[-+]?\.(inf|nan)$|^\d{4}-/i.test(word)
  )
    throw UNPLAIN
  return word
}
