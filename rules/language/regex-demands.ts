/**
 * What every text that an expression matches must have, read off the expression: cheap questions before the dear one.
 *
 * Errors  none: syntax that is not understood here demands nothing. RE2 has already accepted it.
 */
import { commonness } from './commonness.ts'
import { fold } from './fold.ts'

export interface Demands {
  /** Folded; at least one of them occurs in the folded text. Null: nothing is known. */
  literals: readonly string[] | null
  /** UTF-16 units. */
  minLength: number
  /** For texts of one line: exactly these literals in this order, anything between. Null: not of that form. */
  chain: readonly string[] | null
  /** Somewhere so many ASCII characters of one class stand in a row, or any others beyond ASCII. */
  run: Run | null
}

export interface Run {
  /** By character code below 128: 1 when it is in the class. What is beyond ASCII always counts as in it. */
  members: Uint8Array
  length: number
}

/** A piece of the expression: the few folded texts it stands for, if they are few; and what it demands. */
interface Piece {
  exact: readonly string[] | null
  minLength: number
  literals: readonly string[] | null
  /** Of a class: its members. */
  members?: Uint8Array
  run?: Run | null
}

/** Shorter runs are everywhere. */
const MIN_RUN = 8
const NOTHING: Piece = { exact: null, minLength: 0, literals: null }
const ANYTHING: Piece = { exact: null, minLength: 1, literals: null }
const EMPTY: Piece = { exact: [''], minLength: 0, literals: null }
const MAX_ALTERNATIVES = 64

export function demands(source: string, flags: ReadonlySet<string>): Demands {
  try {
    const { literals, minLength, run = null } = finished(read(source))
    return { literals, minLength, chain: flags.has('i') ? null : chainOf(source), run }
  } catch {
    return { literals: null, minLength: 0, chain: null, run: null }
  }
}

/** `\+.*\+.*\+` and the like. At either end `.*` says nothing in a search. */
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

/** A run of n covers every n-th place somewhere, so most characters need no look. */
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

function read(source: string): Piece {
  let at = 0
  const whole = alternatives()
  if (at < source.length) throw new Error('unbalanced')
  return whole

  function alternatives(): Piece {
    const pieces = [sequence()]
    while (source[at] === '|') {
      at++
      pieces.push(sequence())
    }
    if (pieces.length === 1) return pieces[0]!
    const minLength = Math.min(...pieces.map((piece) => piece.minLength))
    const exact = pieces.every((piece) => piece.exact) ? [...new Set(pieces.flatMap((piece) => piece.exact!))] : null
    if (exact && exact.length <= MAX_ALTERNATIVES) return { exact, minLength, literals: null }
    const literals = pieces.map((piece) => finished(piece).literals)
    const all = literals.every((each) => each !== null) ? [...new Set(literals.flat())] : null
    return { exact: null, minLength, literals: all && all.length <= MAX_ALTERNATIVES ? all : null }
  }

  function sequence(): Piece {
    let minLength = 0
    let best: readonly string[] | null = null
    let text: readonly string[] = ['']
    let run: Run | null = null
    let onlyText = true
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const piece = repeated(atom())
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

  function atom(): Piece {
    const c = source[at++]!
    if (c === '(') return group()
    if (c === '[') return charClass()
    if (c === '.') return ANYTHING
    if (c === '^' || c === '$') return EMPTY
    if (c === '\\') return escaped()
    return literal(pointAt(at - 1))
  }

  function pointAt(index: number): string {
    const char = String.fromCodePoint(source.codePointAt(index)!)
    at = index + char.length
    return char
  }

  function group(): Piece {
    if (source[at] === '?') {
      const head = /^\?(?::|P?<[A-Za-z0-9_]+>|([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)]))/.exec(source.slice(at, at + 80))
      if (!head) throw new Error('unknown group')
      at += head[0].length
      if (head[2] === ')') return EMPTY
    }
    const inner = alternatives()
    if (source[at] !== ')') throw new Error('unbalanced')
    at++
    return inner
  }

  function escaped(): Piece {
    const c = source[at]
    if (c === undefined) throw new Error('ends in a backslash')
    at++
    if ('wWdDsS'.includes(c)) return ANYTHING
    if ('bBAz'.includes(c)) return EMPTY
    const control = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07' }[c]
    if (control) return literal(control)
    if (/[A-Za-z0-9]/.test(c)) throw new Error('not read here')
    return literal(pointAt(at - 1))
  }

  function charClass(): Piece {
    const negated = source[at] === '^'
    if (negated) at++
    const chars = new Set<string>()
    const members = new Uint8Array(128)
    let plain = !negated
    let ranged = false
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (at >= source.length) throw new Error('unbalanced')
      if (source.startsWith('[:', at)) throw new Error('not read here')
      if (source[at] === '\\' && /[A-Za-z0-9]/.test(source[++at] ?? '')) {
        plain = false
        if (/[pPxQ]/.test(source[at]!)) throw new Error('not read here')
      }
      const from = pointAt(at)
      let to = from
      if (source[at] === '-' && source[at + 1] !== ']' && at + 1 < source.length) {
        ranged = true
        at++
        if (source[at] === '\\') throw new Error('not read here')
        to = pointAt(at)
      }
      chars.add(fold(from))
      for (let code = from.codePointAt(0)!; code <= Math.min(127, to.codePointAt(0)!); code++)
        for (const each of [String.fromCharCode(code).toLowerCase(), String.fromCharCode(code).toUpperCase()])
          members[each.charCodeAt(0)] = 1
    }
    at++
    if (!plain) return ANYTHING
    return !ranged && chars.size <= 4
      ? { exact: [...chars], minLength: 1, literals: null, members }
      : { ...ANYTHING, members }
  }

  function repeated(piece: Piece): Piece {
    for (;;) {
      const sign = source[at]
      const counted = sign === '{' ? /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(source.slice(at, at + 12)) : null
      if (sign === '*' || (sign === '?' && piece.exact === null)) piece = NOTHING
      else if (sign === '?') piece = { exact: [...new Set([...piece.exact!, ''])], minLength: 0, literals: null }
      else if (sign === '+') piece = { ...finished(piece), exact: null }
      else if (counted) {
        const least = Number(counted[1])
        const fixed = counted[2] === ''
        const run = piece.members && least >= MIN_RUN ? { members: piece.members, length: least } : (piece.run ?? null)
        if (least === 0) piece = NOTHING
        else if (least === 1 && fixed) piece = { ...piece }
        else if (fixed && piece.exact?.length === 1 && piece.exact[0]!.length * least <= 256)
          piece = literal(piece.exact[0]!.repeat(least))
        else piece = { exact: null, minLength: piece.minLength * least, literals: finished(piece).literals, run }
      } else return piece
      at += counted ? counted[0].length : 1
      if (source[at] === '?') at++ // lazy
    }
  }
}

function literal(text: string): Piece {
  const exact = fold(text)
  return { exact: [exact], minLength: exact.length, literals: null }
}

function finished(piece: Piece): Piece {
  return piece.exact === null ? piece : { ...piece, literals: demanded(piece.exact) }
}

/** An empty alternative demands nothing. */
function demanded(exact: readonly string[]): readonly string[] | null {
  return exact.includes('') ? null : exact
}

function joined(a: readonly string[], b: readonly string[]): string[] | null {
  if (a.length * b.length > MAX_ALTERNATIVES || a[0]!.length + b[0]!.length > 256) return null
  return [...new Set(a.flatMap((head) => b.map((tail) => head + tail)))]
}

/** The demand that fewer texts will meet. */
function better(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (!a || !b) return a ?? b
  return shareOf(b) < shareOf(a) ? b : a
}

function shareOf(literals: readonly string[]): number {
  return literals.reduce((sum, literal) => sum + commonness(literal), 0)
}
