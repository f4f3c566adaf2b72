/**
 * What every text that an expression matches must have, read off the expression: cheap questions before the dear one.
 *
 * Errors  none: syntax that is not understood here demands nothing. RE2 has already accepted it.
 */
import { fold } from './fold.ts'

export interface Demands {
  /** Folded; at least one of them occurs in the folded text. Null: nothing is known. */
  literals: readonly string[] | null
  /** UTF-16 units. */
  minLength: number
  /** For texts of one line: exactly these literals in this order, anything between. Null: not of that form. */
  chain: readonly string[] | null
}

/** A piece of the expression: the one folded text it stands for, if it is only one; and what it demands. */
interface Piece {
  exact: string | null
  minLength: number
  literals: readonly string[] | null
}

const NOTHING: Piece = { exact: null, minLength: 0, literals: null }
const ANYTHING: Piece = { exact: null, minLength: 1, literals: null }
const EMPTY: Piece = { exact: '', minLength: 0, literals: null }
const MAX_ALTERNATIVES = 64

export function demands(source: string, flags: ReadonlySet<string>): Demands {
  try {
    const { literals, minLength } = finished(read(source))
    return { literals, minLength, chain: flags.has('i') ? null : chainOf(source) }
  } catch {
    return { literals: null, minLength: 0, chain: null }
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
    const literals = pieces.map((piece) => finished(piece).literals)
    const all = literals.every((each) => each !== null) ? [...new Set(literals.flat())] : null
    const minLength = Math.min(...pieces.map((piece) => piece.minLength))
    return { exact: null, minLength, literals: all && all.length <= MAX_ALTERNATIVES ? all : null }
  }

  function sequence(): Piece {
    let minLength = 0
    let best: readonly string[] | null = null
    let run = ''
    let onlyRun = true
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const piece = repeated(atom())
      minLength += piece.minLength
      if (piece.exact !== null && run.length + piece.exact.length <= 256) run += piece.exact
      else {
        best = better(better(best, run), piece.exact ?? piece.literals)
        run = ''
        onlyRun = false
      }
    }
    return onlyRun ? { exact: run, minLength, literals: null } : { exact: null, minLength, literals: better(best, run) }
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
    const members = new Set<string>()
    let plain = !negated
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (at >= source.length) throw new Error('unbalanced')
      if (source.startsWith('[:', at)) throw new Error('not read here')
      if (source[at] === '\\') {
        at++
        if (/[A-Za-z0-9]/.test(source[at] ?? '')) {
          plain = false
          if (/[pPxQ]/.test(source[at]!)) throw new Error('not read here')
        }
      } else if (source[at] === '-' && !first && source[at + 1] !== ']') plain = false
      members.add(fold(pointAt(at)))
    }
    at++
    return plain && members.size === 1 ? literal([...members][0]!) : ANYTHING
  }

  function repeated(piece: Piece): Piece {
    for (;;) {
      const sign = source[at]
      const counted = sign === '{' ? /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(source.slice(at, at + 12)) : null
      if (sign === '*' || sign === '?') piece = NOTHING
      else if (sign === '+') piece = { ...finished(piece), exact: null }
      else if (counted) {
        const least = Number(counted[1])
        const fixed = counted[2] === ''
        if (least === 0) piece = NOTHING
        else if (fixed && piece.exact !== null && piece.exact.length * least <= 256)
          piece = literal(piece.exact.repeat(least))
        else piece = { ...finished(piece), exact: null, minLength: piece.minLength * least }
      } else return piece
      at += counted ? counted[0].length : 1
      if (source[at] === '?') at++ // lazy
    }
  }
}

function literal(text: string): Piece {
  const exact = fold(text)
  return { exact, minLength: exact.length, literals: null }
}

function finished(piece: Piece): Piece {
  if (piece.exact === null) return piece
  return { ...piece, literals: piece.exact === '' ? null : [piece.exact] }
}

/** The demand that fewer texts will meet: the longer one, as far as its shortest alternative. */
function better(a: readonly string[] | null, b: readonly string[] | string | null): readonly string[] | null {
  const other = typeof b === 'string' ? (b === '' ? null : [b]) : b
  if (!a || !other) return a ?? other
  const worth = (literals: readonly string[]) =>
    Math.min(...literals.map((literal) => literal.length)) - literals.length / 16
  return worth(other) > worth(a) ? other : a
}
