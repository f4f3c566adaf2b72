/**
 * Necessary conditions for a text to match a regular expression: cheap checks before the expensive one.
 *
 * Errors  none: syntax that is not understood here adds no condition. RE2 has already accepted it.
 */
import { commonness } from './commonness.ts'
import { fold } from './fold.ts'

export interface Demands {
  /** Folded; at least one of them occurs in the folded text. Null: nothing is known. */
  literals: readonly string[] | null
  /** UTF-16 units. */
  minLength: number
  /** For texts of one line: these literals in this order, with anything between. Null: not of that form. */
  chain: readonly string[] | null
  /** A run of at least this many characters of one class; non-ASCII characters count as in the class. */
  run: Run | null
}

export interface Run {
  /** By character code below 128: 1 when it is in the class. */
  members: Uint8Array
  length: number
}

/** A part of the expression: the folded texts it can match, if they are few; and its conditions. */
interface Piece {
  exact: readonly string[] | null
  minLength: number
  literals: readonly string[] | null
  /** Of a class: its members. */
  members?: Uint8Array
  run?: Run | null
}

/** Shorter runs occur almost everywhere. */
const MIN_RUN = 8
const NOTHING: Piece = { exact: null, minLength: 0, literals: null }
const ANYTHING: Piece = { exact: null, minLength: 1, literals: null }
const EMPTY: Piece = { exact: [''], minLength: 0, literals: null }
const MAX_ALTERNATIVES = 64

/** `source` as `translate` writes it to be read here. */
export function demands(source: string, ignoresCase: boolean): Demands {
  try {
    const { literals, minLength, run = null } = finished(read(source))
    return { literals, minLength, chain: ignoresCase ? null : chainOf(source), run }
  } catch {
    return { literals: null, minLength: 0, chain: null, run: null }
  }
}

/** `\+.*\+.*\+` and the like. At either end `.*` has no effect in a search. */
function chainOf(source: string): string[] | null {
  const chain: string[] = []
  for (const part of source.split('.*')) {
    let literal = ''
    for (let i = 0; i < part.length; i++) {
      let c = part[i]!
      if (c === '\\') {
        c = part[++i] ?? 'a'
        if (/[A-Za-z0-9]/.test(c)) return null
      } else if ('.^$*+?()[]{}|'.includes(c)) return null
      literal += c
    }
    if (literal !== '') chain.push(literal)
  }
  return chain
}

/** A run of n contains a position divisible by n, so most characters need not be read. */
export function hasRun(text: string, { members, length }: Run): boolean {
  const isMember = (at: number): boolean => {
    const code = text.charCodeAt(at)
    return code > 127 || members[code] === 1
  }
  for (let at = length - 1; at < text.length; at += length) {
    if (!isMember(at)) continue
    let from = at
    while (from > 0 && at - from < length && isMember(from - 1)) from--
    let to = at
    while (to + 1 < text.length && to + 1 - from < length && isMember(to + 1)) to++
    if (to + 1 - from >= length) return true
  }
  return false
}

/** The current offset. */
interface Reader {
  readonly source: string
  at: number
}

function read(source: string): Piece {
  const reader = { source, at: 0 }
  const whole = readAlternatives(reader)
  if (reader.at < source.length) throw new Error('unbalanced')
  return whole
}

function readAlternatives(reader: Reader): Piece {
  const pieces = [readSequence(reader)]
  while (reader.source[reader.at] === '|') {
    reader.at++
    pieces.push(readSequence(reader))
  }
  if (pieces.length === 1) return pieces[0]!
  const minLength = Math.min(...pieces.map((piece) => piece.minLength))
  const exact = pieces.every((piece) => piece.exact) ? [...new Set(pieces.flatMap((piece) => piece.exact!))] : null
  if (exact && exact.length <= MAX_ALTERNATIVES) return { exact, minLength, literals: null }
  const literals = pieces.map((piece) => finished(piece).literals)
  const all = literals.every((each) => each !== null) ? [...new Set(literals.flat())] : null
  return { exact: null, minLength, literals: all && all.length <= MAX_ALTERNATIVES ? all : null }
}

function readSequence(reader: Reader): Piece {
  const { source } = reader
  let minLength = 0
  let best: readonly string[] | null = null
  let text: readonly string[] = ['']
  let run: Run | null = null
  let onlyText = true
  while (reader.at < source.length && source[reader.at] !== '|' && source[reader.at] !== ')') {
    const piece = readRepetitions(reader, readAtom(reader))
    minLength += piece.minLength
    if (piece.run && (run === null || piece.run.length > run.length)) run = piece.run
    const longer = piece.exact && joined(text, piece.exact)
    if (longer) text = longer
    else {
      best = better(better(best, demanded(text)), finished(piece).literals)
      text = ['']
      onlyText = false
    }
  }
  return onlyText
    ? { exact: text, minLength, literals: null, run }
    : { exact: null, minLength, literals: better(best, demanded(text)), run }
}

function readAtom(reader: Reader): Piece {
  const c = reader.source[reader.at++]!
  if (c === '(') return readGroup(reader)
  if (c === '[') return readClass(reader)
  if (c === '.') return ANYTHING
  if (c === '^' || c === '$') return EMPTY
  if (c === '\\') return readEscape(reader)
  reader.at--
  return literal(readPoint(reader))
}

function readPoint(reader: Reader): string {
  const char = String.fromCodePoint(reader.source.codePointAt(reader.at)!)
  reader.at += char.length
  return char
}

function readGroup(reader: Reader): Piece {
  const { source, at } = reader
  if (source[at] === '?') {
    const head = /^\?(?::|P?<[A-Za-z0-9_]+>|([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)]))/.exec(source.slice(at, at + 80))
    if (!head) throw new Error('unknown group')
    reader.at += head[0].length
    if (head[2] === ')') return EMPTY
  }
  const inner = readAlternatives(reader)
  if (source[reader.at] !== ')') throw new Error('unbalanced')
  reader.at++
  return inner
}

function readEscape(reader: Reader): Piece {
  const c = reader.source[reader.at]
  if (c === undefined) throw new Error('ends in a backslash')
  reader.at++
  if ('wWdDsS'.includes(c)) return ANYTHING
  if ('bBAz'.includes(c)) return EMPTY
  const control = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07' }[c]
  if (control) return literal(control)
  if (/[A-Za-z0-9]/.test(c)) throw new Error('not read here')
  reader.at--
  return literal(readPoint(reader))
}

function readClass(reader: Reader): Piece {
  const { source } = reader
  const negated = source[reader.at] === '^'
  if (negated) reader.at++
  const chars = new Set<string>()
  const members = new Uint8Array(128)
  let plain = !negated
  let ranged = false
  for (let first = true; first || source[reader.at] !== ']'; first = false) {
    if (reader.at >= source.length) throw new Error('unbalanced')
    if (source.startsWith('[:', reader.at)) throw new Error('not read here')
    if (source[reader.at] === '\\' && /[A-Za-z0-9]/.test(source[++reader.at] ?? '')) {
      plain = false
      if (/[pPxQ]/.test(source[reader.at]!)) throw new Error('not read here')
    }
    const from = readPoint(reader)
    let to = from
    if (source[reader.at] === '-' && source[reader.at + 1] !== ']' && reader.at + 1 < source.length) {
      ranged = true
      reader.at++
      if (source[reader.at] === '\\') throw new Error('not read here')
      to = readPoint(reader)
    }
    chars.add(fold(from))
    addMembers(members, from, to)
  }
  reader.at++
  if (!plain) return ANYTHING
  return !ranged && chars.size <= 4
    ? { exact: [...chars], minLength: 1, literals: null, members }
    : { ...ANYTHING, members }
}

/** In either case: the class may be compared without regard to it. */
function addMembers(members: Uint8Array, from: string, to: string): void {
  for (let code = from.codePointAt(0)!; code <= Math.min(127, to.codePointAt(0)!); code++)
    for (const each of [String.fromCharCode(code).toLowerCase(), String.fromCharCode(code).toUpperCase()])
      members[each.charCodeAt(0)] = 1
}

function readRepetitions(reader: Reader, piece: Piece): Piece {
  const { source } = reader
  for (;;) {
    const sign = source[reader.at]
    const counted = sign === '{' ? /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(source.slice(reader.at, reader.at + 12)) : null
    if (sign === '*' || (sign === '?' && piece.exact === null)) piece = NOTHING
    else if (sign === '?') piece = { exact: [...new Set([...piece.exact!, ''])], minLength: 0, literals: null }
    else if (sign === '+') piece = { ...finished(piece), exact: null }
    else if (counted) piece = repeated(piece, Number(counted[1]), counted[2] === '')
    else return piece
    reader.at += counted ? counted[0].length : 1
    if (source[reader.at] === '?') reader.at++ // lazy
  }
}

/** At least `least` times; with `fixed` exactly. */
function repeated(piece: Piece, least: number, fixed: boolean): Piece {
  if (least === 0) return NOTHING
  if (least === 1 && fixed) return { ...piece }
  if (fixed && piece.exact?.length === 1 && piece.exact[0]!.length * least <= 256)
    return literal(piece.exact[0]!.repeat(least))
  const run = piece.members && least >= MIN_RUN ? { members: piece.members, length: least } : (piece.run ?? null)
  return { exact: null, minLength: piece.minLength * least, literals: finished(piece).literals, run }
}

function literal(text: string): Piece {
  const exact = fold(text)
  return { exact: [exact], minLength: exact.length, literals: null }
}

function finished(piece: Piece): Piece {
  return piece.exact === null ? piece : { ...piece, literals: demanded(piece.exact) }
}

/** An empty alternative has no condition. */
function demanded(exact: readonly string[]): readonly string[] | null {
  return exact.includes('') ? null : exact
}

function joined(a: readonly string[], b: readonly string[]): string[] | null {
  if (a.length * b.length > MAX_ALTERNATIVES || a[0]!.length + b[0]!.length > 256) return null
  return [...new Set(a.flatMap((head) => b.map((tail) => head + tail)))]
}

/** The condition that fewer texts satisfy. */
function better(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (!a || !b) return a ?? b
  return shareOf(b) < shareOf(a) ? b : a
}

function shareOf(literals: readonly string[]): number {
  return literals.reduce((sum, literal) => sum + commonness(literal), 0)
}
