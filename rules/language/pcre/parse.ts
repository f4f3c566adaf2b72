/** Reads an expression of PCRE2's syntax. Errors say what is not understood, and what to write instead. */
import { BREAK } from './classes.ts'
import { type Flags, type Reader, readPoint } from './reader.ts'
import { hex, readClass, readSet, UNPRINTABLE } from './sets.ts'
import type { Node } from './tree.ts'

/** PCRE2's own limit. */
const MAX_REPEAT = 65_535
const MAX_DEPTH = 200

const TWO_SELECTIONS = 'Write two selections, and `selection and not other` in the condition.'

export function parse(source: string, given: ReadonlySet<'i' | 'm' | 's'>): Node {
  const reader: Reader = { source, at: 0, depth: 0 }
  const flags: Flags = { i: given.has('i'), m: given.has('m'), s: given.has('s'), x: 0 }
  const whole = readChoice(reader, flags)
  if (reader.at < source.length)
    throw new Error('A closing parenthesis has no opening one; write \\) for the character.')
  return whole
}

function readChoice(reader: Reader, flags: Flags): Node {
  if (++reader.depth > MAX_DEPTH) throw new Error(`Groups are nested more than ${MAX_DEPTH} deep.`)
  // A flag that is set in one alternative holds in those after it too.
  const inner = { ...flags }
  const of = [readSequence(reader, inner)]
  while (reader.source[reader.at] === '|') {
    reader.at++
    of.push(readSequence(reader, inner))
  }
  reader.depth--
  return of.length === 1 ? of[0]! : { kind: 'choice', of }
}

function readSequence(reader: Reader, flags: Flags): Node {
  const { source } = reader
  const of: Node[] = []
  while (reader.at < source.length && source[reader.at] !== '|' && source[reader.at] !== ')') {
    if (skipLayout(reader, flags)) continue
    const atoms = readAtoms(reader, flags)
    const last = atoms.pop()
    of.push(...atoms)
    if (last) of.push(readRepeats(reader, flags, last))
  }
  return of.length === 1 ? of[0]! : { kind: 'sequence', of }
}

/** Comments, flags, and with `x` blanks: nothing that can be repeated. */
function skipLayout(reader: Reader, flags: Flags): boolean {
  const { source, at } = reader
  const c = source[at]!
  if (flags.x > 0 && /[\s\u0085\u200e\u200f]/.test(c)) {
    reader.at++
    return true
  }
  if (flags.x > 0 && c === '#') {
    const end = source.indexOf('\n', at)
    reader.at = end < 0 ? source.length : end + 1
    return true
  }
  if (source.startsWith('(?#', at)) {
    const end = source.indexOf(')', at)
    if (end < 0) throw new Error('The comment (?# has no closing parenthesis.')
    reader.at = end + 1
    return true
  }
  if (source.startsWith('\\E', at) || source.startsWith('\\K', at)) {
    reader.at += 2
    return true
  }
  const setting = /^\(\?([a-zA-Z^-]+)\)/.exec(source.slice(at, at + 20))
  if (!setting || /^(R|P)$/.test(setting[1]!)) return false
  Object.assign(flags, changed(flags, setting[1]!))
  reader.at += setting[0].length
  return true
}

function changed(before: Flags, letters: string): Flags {
  const flags: Flags = letters.startsWith('^') ? { i: false, m: false, s: false, x: 0 } : { ...before }
  const [on = '', off = '', more] = letters.replace('^', '').split('-')
  if (more !== undefined) throw new Error(`(?${letters}) has two signs.`)
  const wrong = /[^imsxnJU]/.exec(on + off)
  if (wrong) throw new Error(`There is no flag '${wrong[0]}' in (?${letters}); there are i, m, s, x, n, J, U.`)
  for (const flag of ['i', 'm', 's'] as const) {
    if (on.includes(flag)) flags[flag] = true
    if (off.includes(flag)) flags[flag] = false
  }
  if (on.includes('x')) flags.x = on.includes('xx') ? 2 : 1
  if (off.includes('x')) flags.x = 0
  return flags
}

function readAtoms(reader: Reader, flags: Flags): Node[] {
  const { source } = reader
  const c = source[reader.at]!
  if (c === '\\') return readEscape(reader, flags)
  if (c === '(') return [readGroup(reader, flags)]
  if (c === '[') return [readClass(reader, flags)]
  if (c === '*' || c === '+' || c === '?')
    throw new Error(`There is nothing before '${c}' to repeat; write \\${c} for the character.`)
  if (c === '.') {
    reader.at++
    return [flags.s ? { ...ANY_CHARACTER } : { ...NOT_NEWLINE }]
  }
  if (c === '^') {
    reader.at++
    return [flags.m ? { kind: 'assert', re2: '(?m:^)', read: '^' } : { kind: 'assert', re2: '\\A', read: '^' }]
  }
  if (c === '$') {
    reader.at++
    return [flags.m ? { kind: 'assert', re2: '(?m:$)', read: '$' } : { kind: 'end' }]
  }
  return [character(readPoint(reader), flags)]
}

const NOT_NEWLINE = { kind: 'set', re2: '.', read: '.', i: false } as const
const ANY_CHARACTER = { kind: 'set', re2: '(?s:.)', read: '.', i: false } as const

function character(point: number, { i }: Flags): Node {
  const char = String.fromCodePoint(point)
  const read = /[\\.+*?()|[\]{}^$]/.test(char) ? `\\${char}` : char
  const re2 = char.length === 1 && UNPRINTABLE.test(char) ? hex(point) : read
  return { kind: 'set', re2, read, i: i && char.toLowerCase() + char.toUpperCase() !== char + char }
}

function readEscape(reader: Reader, flags: Flags): Node[] {
  const { source } = reader
  const letter = source[reader.at + 1]
  if (letter === undefined) throw new Error('It ends in a backslash; write \\\\ for the character.')
  if (letter === 'Q') {
    const end = source.indexOf('\\E', reader.at + 2)
    const text = source.slice(reader.at + 2, end < 0 ? undefined : end)
    reader.at = end < 0 ? source.length : end + 2
    return [...text].map((char) => character(char.codePointAt(0)!, flags))
  }
  const assertion = ASSERTIONS[letter]
  if (assertion) {
    reader.at += 2
    return [{ ...assertion }]
  }
  if (letter === 'R') {
    reader.at += 2
    const set = (members: string): Node => ({ kind: 'set', re2: `[${members}]`, read: '\\s', i: false })
    const pair: Node = { kind: 'sequence', of: [set('\\r'), set('\\n')] }
    return [{ kind: 'atomic', of: { kind: 'choice', of: [pair, set(BREAK)] }, written: '\\R' }]
  }
  const set = readSet(reader, flags.i)
  if (typeof set === 'number') return [character(set, flags)]
  return [{ kind: 'set', re2: `[${set.members}]`, read: set.read, i: false }]
}

const ASSERTIONS: Readonly<Record<string, Node>> = {
  A: { kind: 'assert', re2: '\\A', read: '^' },
  G: { kind: 'assert', re2: '\\A', read: '^' },
  b: { kind: 'assert', re2: '\\b', read: '\\b' },
  B: { kind: 'assert', re2: '\\B', read: '\\B' },
  z: { kind: 'assert', re2: '\\z', read: '$' },
  Z: { kind: 'end' },
}

function readGroup(reader: Reader, flags: Flags): Node {
  const { source, at } = reader
  const rest = source.slice(at, at + 80)
  refuseSpecial(rest)
  const atomic = /^\(\?>/.exec(rest)
  const flagged = /^\(\?([a-zA-Z^-]*):/.exec(rest)
  const head = atomic ?? flagged ?? /^\(\?(?:P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*'|\|)/.exec(rest) ?? /^\((?!\?)/.exec(rest)
  if (!head) throw new Error(`'${rest.slice(0, 4)}' begins no group that is known; write \\( for the character.`)
  reader.at += head[0].length
  const inner = readChoice(reader, flagged ? changed(flags, flagged[1]!) : flags)
  if (source[reader.at] !== ')') throw new Error('A parenthesis ( is never closed; write \\( for the character.')
  reader.at++
  return atomic ? { kind: 'atomic', of: inner, written: '(?>' } : { kind: 'sequence', of: [inner] }
}

function refuseSpecial(head: string): void {
  const looks = /^\(\?(<?[=!])|^\(\*(n?[pn]l[ab]|(positive|negative)_look)/.exec(head)
  if (looks) throw new Error(`Look-around ${looks[0]}…) cannot be searched in linear time. ${TWO_SELECTIONS}`)
  if (/^\(\?(R|[+-]?\d|&|P[>=])/.test(head))
    throw new Error('References to groups and recursion cannot be searched in linear time. List the values.')
  if (/^\(\?\(/.test(head)) throw new Error(`Conditions (?(…) cannot be searched in linear time. ${TWO_SELECTIONS}`)
  if (/^\(\*|^\(\?C/.test(head))
    throw new Error(`'${head.slice(0, 6)}…' is an instruction to PCRE that is not understood; leave it out.`)
}

function readRepeats(reader: Reader, flags: Flags, atom: Node): Node {
  const { source } = reader
  let node = atom
  for (;;) {
    while (flags.x > 0 && /\s/.test(source[reader.at] ?? '')) reader.at++
    const counted = /^\{(\d{1,9})?(,)?(\d{1,9})?\}/.exec(source.slice(reader.at, reader.at + 24))
    const bounds = counted ? countsOf(counted) : (SIGNS[source[reader.at] ?? ''] ?? null)
    if (!bounds) return node
    const start = reader.at
    reader.at += counted ? counted[0].length : 1
    const { least, most } = bounds
    if (Math.max(least, Number.isFinite(most) ? most : 0) > MAX_REPEAT)
      throw new Error(`${source.slice(start, reader.at)} repeats more than ${MAX_REPEAT} times.`)
    if (most < least) throw new Error(`In ${source.slice(start, reader.at)} the larger number comes first.`)
    const sign = source[reader.at]
    if (sign === '?' || sign === '+') reader.at++
    node = { kind: 'repeat', of: node, least, most, lazy: sign === '?' }
    if (sign === '+') node = { kind: 'atomic', of: node, written: source.slice(start, reader.at) }
  }
}

const SIGNS: Readonly<Record<string, { least: number; most: number }>> = {
  '*': { least: 0, most: Number.POSITIVE_INFINITY },
  '+': { least: 1, most: Number.POSITIVE_INFINITY },
  '?': { least: 0, most: 1 },
}

/** Null: the brace is a character. */
function countsOf([, least, comma, most]: RegExpExecArray): { least: number; most: number } | null {
  if (least === undefined && most === undefined) return null
  const from = Number(least ?? 0)
  if (!comma) return { least: from, most: from }
  return { least: from, most: most === undefined ? Number.POSITIVE_INFINITY : Number(most) }
}
