/**
 * Translates regular expressions as Sigma's users write them (PCRE2's syntax and meaning) into RE2's.
 *
 * Shape   PCRE2 without UCP: `\d \w \s \b` and POSIX classes are ASCII, a line break is \n. Captures become plain
 *         groups, because only whether the text matches counts.
 *
 *         | construct                      | PCRE2                                  | here                          |
 *         | \s \S                          | also U+000B, unlike RE2                | [\t-\r ]                      |
 *         | $ \Z (not multiline)           | the end, or before a last \n           | \n?\z, where what follows     |
 *         |                                |                                        | cannot tell; else refused     |
 *         | ^ \A \G \z, (?m)^ $            | start, end, line starts and ends       | \A \z (?m:^) (?m:$); see (1)  |
 *         | {n} {n,} {n,m} {,m}            | up to 65,535                           | copies of at most 1,000       |
 *         | X*+ X++ X?+ X{n}+ (?>X)        | gives nothing back                     | X* …, where giving back       |
 *         |                                |                                        | changes nothing; else refused |
 *         | \h \H \v \V \N \R              | blanks, line breaks                    | classes; \R as (?>…)          |
 *         | . (?s).                        | any but \n; any                        | . (?s:.)                      |
 *         | \d \w \b \B [[:alpha:]]        | ASCII                                  | the same                      |
 *         | \p{L} \P{L} \p{^L} \p{L&} Xan… | Unicode classes                        | the same; unions              |
 *         | \Q…\E (?#…) (?x) (?xx)         | literal, comment, layout               | done here                     |
 *         | (?i) (?ims-x:…) (?^) (?n) (?U) | flags from here to the group's end     | (?i:…) around what they cover |
 *         | (?<n>…) (?P<n>…) (?'n'…) (?|…) | captures                               | (?:…)                         |
 *         | \a \e \f \n \r \t \cX \0oo     | one character                          | \x{…}                         |
 *         | \o{…} \xhh \x{…} \N{U+…} \uhhhh | one character (\u: as JavaScript has) | \x{…}                         |
 *         | \K                             | moves the match's start                | nothing                       |
 *         | (?=…) (?<!…) \1 (?R) (?(1)…) … | look-around, references, conditions    | refused, with what to write   |
 *
 *         (1) PCRE2's multiline ^ is false after a last \n; here it is true there, as in Python and JavaScript.
 * Errors  a plain Error whose sentence says what is not understood, and what to write instead.
 * Source  PCRE2's pcre2pattern(3); RE2's syntax page. `test/rules/language/regex-dialect.test.ts` compares with Perl.
 */
import { RE2JS } from 're2js'

/** `m` and `s` decide between nodes; `x` is only needed while reading. */
interface Flags {
  i: boolean
  m: boolean
  s: boolean
  x: 0 | 1 | 2
}

type Node =
  /** One character of a set, as RE2 text; `read` is the same for `regex-demands.ts`. */
  | { kind: 'set'; re2: string; read: string; i: boolean }
  | { kind: 'assert'; re2: string; read: string }
  /** The end, or before a last \n. */
  | { kind: 'end' }
  | { kind: 'sequence'; of: Node[] }
  | { kind: 'choice'; of: Node[] }
  | { kind: 'atomic'; of: Node; written: string }
  | { kind: 'repeat'; of: Node; least: number; most: number; lazy: boolean }

export interface Translated {
  /** RE2's syntax. */
  re2: string
  /** The same for `regex-demands.ts`: shorter, and with the meaning that counts there. */
  read: string
  /** The whole is at least `least` characters of one set (RE2's syntax), from the start on or anywhere. */
  run: { set: string; least: number; anchored: boolean } | null
}

/** PCRE2's own limit. */
const MAX_REPEAT = 65_535
/** RE2's limit for one repetition, and for nested ones multiplied. */
const RE2_REPEAT = 1_000
const MAX_WRITTEN = 262_144
const MAX_DEPTH = 200

const SPACE = '\\t-\\r '
const NOT_SPACE = '\\x00-\\x08\\x0e-\\x1f!-\\x{10FFFF}'
const BLANK = '\\t \\xa0\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}'
const NOT_BLANK =
  '\\x00-\\x08\\x0a-\\x1f!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{180d}\\x{180f}-\\x{1fff}\\x{200b}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10FFFF}'
const BREAK = '\\n-\\r\\x{85}\\x{2028}\\x{2029}'
const NOT_BREAK = '\\x00-\\x09\\x0e-\\x{84}\\x{86}-\\x{2027}\\x{202a}-\\x{10FFFF}'

/** Inside and outside of brackets: the members, and how `regex-demands.ts` reads it (any character). */
const CLASSES: Readonly<Record<string, { members: string; read: string }>> = {
  s: { members: SPACE, read: '\\s' },
  S: { members: NOT_SPACE, read: '\\S' },
  h: { members: BLANK, read: '\\s' },
  H: { members: NOT_BLANK, read: '\\S' },
  v: { members: BREAK, read: '\\s' },
  V: { members: NOT_BREAK, read: '\\S' },
  d: { members: '\\d', read: '\\d' },
  D: { members: '\\D', read: '\\D' },
  w: { members: '\\w', read: '\\w' },
  W: { members: '\\W', read: '\\W' },
  N: { members: '\\x00-\\x09\\x0b-\\x{10FFFF}', read: '\\S' },
}

const UNIONS: Readonly<Record<string, string>> = {
  'L&': '\\p{Lu}\\p{Ll}\\p{Lt}',
  Xan: '\\p{L}\\p{N}',
  Xwd: '\\p{L}\\p{N}_',
  Xsp: `${SPACE}\\x{85}\\p{Z}`,
  Xps: `${SPACE}\\x{85}\\p{Z}`,
}

const CONTROLS: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }

const TWO_SELECTIONS = 'Write two selections, and `selection and not other` in the condition.'

interface Reader {
  readonly source: string
  at: number
  depth: number
}

export function translate(source: string, given: ReadonlySet<'i' | 'm' | 's'>): Translated {
  const reader: Reader = { source, at: 0, depth: 0 }
  const flags: Flags = { i: given.has('i'), m: given.has('m'), s: given.has('s'), x: 0 }
  const whole = readChoice(reader, flags)
  if (reader.at < source.length)
    throw new Error('A closing parenthesis has no opening one; write \\) for the character.')
  check(whole, null)
  return { re2: written(whole, 're2'), read: written(whole, 'read'), run: runOf(whole) }
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

function readPoint(reader: Reader): number {
  const point = reader.source.codePointAt(reader.at)!
  reader.at += point > 0xffff ? 2 : 1
  return point
}

function character(point: number, { i }: Flags): Node {
  const char = String.fromCodePoint(point)
  const read = /[\\.+*?()|[\]{}^$]/.test(char) ? `\\${char}` : char
  const re2 = char.length === 1 && UNPRINTABLE.test(char) ? hex(point) : read
  return { kind: 'set', re2, read, i: i && char.toLowerCase() + char.toUpperCase() !== char + char }
}

const UNPRINTABLE = /[\x00-\x1f\x7f\ud800-\udfff]/

function hex(point: number): string {
  return `\\x{${point.toString(16)}}`
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

/** An escape that may also occur in brackets: a character, or a set of them. */
function readSet(reader: Reader, i = false): number | { members: string; read: string } {
  const { source } = reader
  const letter = source[reader.at + 1]!
  const rest = source.slice(reader.at + 1, reader.at + 64)
  const take = (length: number): void => void (reader.at += 1 + length)
  const named = /^N\{U\+([\da-fA-F]{1,6})\}/.exec(rest)
  if (named) {
    take(named[0].length)
    return pointOf(named[1]!, 16)
  }
  const known = CLASSES[letter]
  if (known) {
    take(1)
    return known
  }
  const property = /^[pP](?:\{(\^?)([^}]*)\}|([A-Za-z]))/.exec(rest)
  if (property) {
    take(property[0].length)
    return propertyOf(property[2] ?? property[3]!, (letter === 'P') !== (property[1] === '^'), i)
  }
  const coded = /^x\{([\da-fA-F]+)\}/.exec(rest) ?? /^x([\da-fA-F]{0,2})/.exec(rest) ?? /^u([\da-fA-F]{4})/.exec(rest)
  if (coded) {
    take(coded[0].length)
    return pointOf(coded[1] || '0', 16)
  }
  const octal = /^o\{([0-7]+)\}/.exec(rest) ?? /^(0[0-7]{0,2})/.exec(rest)
  if (octal) {
    take(octal[0].length)
    return pointOf(octal[1]!, 8)
  }
  const control = /^c([\x20-\x7e])/.exec(rest)
  if (control) {
    take(2)
    return control[1]!.toUpperCase().charCodeAt(0) ^ 0x40
  }
  if (letter in CONTROLS) {
    take(1)
    return CONTROLS[letter]!
  }
  if (/[1-9gk]/.test(letter))
    throw new Error(
      `\\${letter} refers back to a group, which cannot be searched in linear time. Compare two fields with fieldref, or list the values.`,
    )
  if (/[A-Za-z]/.test(letter))
    throw new Error(
      `\\${letter} has no meaning here; write ${letter} for the character, or \\\\${letter} after a backslash.`,
    )
  reader.at++
  return readPoint(reader)
}

function pointOf(digits: string, base: number): number {
  const point = Number.parseInt(digits, base)
  if (point > 0x10ffff) throw new Error(`There is no character ${digits}; the last is 10FFFF (hexadecimal).`)
  return point
}

function propertyOf(name: string, negated: boolean, i: boolean): { members: string; read: string } {
  const trimmed = name.replace(/[\s_-]/g, '')
  const union = UNIONS[trimmed]
  if (union) {
    if (negated) throw new Error(`\\P{${name}} is not understood; write [^\\p{${name}}].`)
    return { members: union, read: '\\S' }
  }
  // PCRE2: without regard to case, `Lu`, `Ll` and `Lt` are the same.
  if (i && /^L[ult]$/.test(trimmed)) return propertyOf('L&', negated, false)
  const spelt = [name, trimmed, trimmed.charAt(0).toUpperCase() + trimmed.slice(1).toLowerCase()].find(isProperty)
  if (spelt === undefined)
    throw new Error(`There is no Unicode class \\p{${name}}; there are \\p{L}, \\p{Lu}, \\p{Nd}, \\p{Greek} and so on.`)
  return { members: `\\${negated ? 'P' : 'p'}{${spelt}}`, read: '\\S' }
}

function isProperty(name: string): boolean {
  try {
    RE2JS.compile(`\\p{${name}}`)
    return /^\w+$/.test(name)
  } catch {
    return false
  }
}

function readClass(reader: Reader, flags: Flags): Node {
  const { source } = reader
  const start = reader.at++
  const negated = source[reader.at] === '^'
  if (negated) reader.at++
  let members = ''
  let named = ''
  let read = ''
  const putNamed = (text: string, asRead: string): void => {
    named += text
    read += asRead
  }
  const putPoint = (point: number): void => {
    const char = String.fromCodePoint(point)
    members += escapedInClass(char)
    read += bareInClass(char)
  }
  for (let first = true; ; first = false) {
    const c = source[reader.at]
    if (c === undefined) throw new Error('A bracket [ is never closed; write \\[ for the character.')
    if (c === ']' && !first) break
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(source.slice(reader.at, reader.at + 20))
    if (posix) {
      if (!POSIX.test(posix[2]!)) throw new Error(`There is no class [:${posix[2]}:].`)
      putNamed(posix[0], '\\w')
      reader.at += posix[0].length
      continue
    }
    if (flags.x === 2 && (c === ' ' || c === '\t')) {
      reader.at++
      continue
    }
    if (source.startsWith('\\E', reader.at)) {
      reader.at += 2
      continue
    }
    if (source.startsWith('\\Q', reader.at)) {
      const end = source.indexOf('\\E', reader.at)
      for (const char of source.slice(reader.at + 2, end < 0 ? undefined : end)) putPoint(char.codePointAt(0)!)
      reader.at = end < 0 ? source.length : end + 2
      continue
    }
    const from = readMember(reader, flags.i)
    if (typeof from !== 'number') {
      putNamed(from.members, from.read)
      continue
    }
    putPoint(from)
    const next = source[reader.at + 1]
    if (source[reader.at] !== '-' || next === ']' || next === undefined || startsSet(source, reader.at + 1)) continue
    reader.at++
    const to = readMember(reader) as number
    if (to < from) throw new Error(`The range ${String.fromCodePoint(from)}-${String.fromCodePoint(to)} is backwards.`)
    members += '-'
    read += '-'
    putPoint(to)
  }
  reader.at++
  const sign = negated ? '^' : ''
  if (members + named === '') throw new Error(`${source.slice(start, reader.at)} has no members.`)
  read = `[${sign}${read}]`
  // Only single characters are compared without regard to case: [[:alpha:]] stays ASCII.
  if (!flags.i || members === '') return { kind: 'set', re2: `[${sign}${members}${named}]`, read, i: false }
  if (named === '' || negated) return { kind: 'set', re2: `[${sign}${members}${named}]`, read, i: true }
  return { kind: 'set', re2: `(?:(?i:[${members}])|[${named}])`, read, i: false }
}

const POSIX = /^(alpha|digit|alnum|upper|lower|space|blank|punct|print|graph|cntrl|xdigit|word|ascii)$/

/** `[a-\d]` is a, - and the digits. */
function startsSet(source: string, at: number): boolean {
  return /^(\\(?:[sShHvVdDwWpPQE]|N(?!\{U))|\[:\^?[a-z]+:\])/.test(source.slice(at, at + 20))
}

function readMember(reader: Reader, i = false): number | { members: string; read: string } {
  const { source } = reader
  if (source[reader.at] !== '\\') return readPoint(reader)
  const letter = source[reader.at + 1]
  if (letter === undefined) throw new Error('A bracket [ is never closed; write \\[ for the character.')
  if (letter === 'b') {
    reader.at += 2
    return 8
  }
  if (letter === 'N' && !source.startsWith('\\N{U', reader.at)) throw new Error('\\N goes outside of brackets only.')
  const octal = /^\\([0-7]{1,3})/.exec(source.slice(reader.at, reader.at + 4))
  if (octal) {
    reader.at += octal[0].length
    return Number.parseInt(octal[1]!, 8)
  }
  return readSet(reader, i)
}

function escapedInClass(char: string): string {
  return char.length === 1 && UNPRINTABLE.test(char) ? hex(char.charCodeAt(0)) : bareInClass(char)
}

function bareInClass(char: string): string {
  return /[\\[\]^-]/.test(char) ? `\\${char}` : char
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

/** What follows a node until the end of the expression. */
type Rest = { node: Node; rest: Rest } | null

/** Refuses what RE2 would decide differently, and puts assertions before an `end` that they follow. */
function check(node: Node, rest: Rest): void {
  switch (node.kind) {
    case 'sequence':
      commute(node.of)
      for (let i = node.of.length - 1, after = rest; i >= 0; i--) {
        check(node.of[i]!, after)
        after = { node: node.of[i]!, rest: after }
      }
      return
    case 'choice':
      for (const each of node.of) check(each, rest)
      return
    case 'repeat': {
      const { of, least, most } = node
      const again: Node = { kind: 'repeat', of, least: Math.max(0, least - 1), most, lazy: false }
      check(of, most > 1 ? { node: again, rest } : rest)
      return
    }
    case 'atomic':
      check(node.of, rest)
      if (!givesNothingBack(node.of, rest))
        throw new Error(
          `${node.written} gives nothing back, and what follows here may need it. ` +
            'Write the expression without it, or exclude the next character: [^x]*x.',
        )
      return
    case 'end':
      if (!endIsLast(rest))
        throw new Error(
          '`$` stands before a last line break, and what follows it here may match that. End the expression with `$`, or write \\z for the very end.',
        )
  }
}

/** `$\b` is `\b$`: both look at one place. */
function commute(of: Node[]): void {
  for (let i = of.length - 2; i >= 0; i--)
    for (let at = i; of[at]!.kind === 'end' && of[at + 1]?.kind === 'assert'; at++)
      [of[at], of[at + 1]] = [of[at + 1]!, of[at]!]
}

/** After `\n?\z` the rest must have the result that it has before a last line break. */
function endIsLast(rest: Rest): boolean {
  for (let at = rest; at; at = at.rest) {
    if (asserts(at.node)) return false
    // Nothing but a line break is left there, so what must match something else never matches.
    if (!canBeEmpty(at.node)) return !canMatchNewline(at.node)
  }
  return true
}

function asserts(node: Node): boolean {
  if (node.kind === 'assert') return node.re2 !== '(?m:$)'
  if (node.kind === 'sequence' || node.kind === 'choice') return node.of.some(asserts)
  return node.kind === 'repeat' || node.kind === 'atomic' ? asserts(node.of) : false
}

function canBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false
    case 'sequence':
      return node.of.every(canBeEmpty)
    case 'choice':
      return node.of.some(canBeEmpty)
    case 'atomic':
      return canBeEmpty(node.of)
    case 'repeat':
      return node.least === 0 || canBeEmpty(node.of)
    default:
      return true
  }
}

function canMatchNewline(node: Node): boolean {
  if (node.kind === 'set') return matchesSet(node, '\n')
  if (node.kind === 'sequence' || node.kind === 'choice') return node.of.some(canMatchNewline)
  return node.kind === 'repeat' || node.kind === 'atomic' ? canMatchNewline(node.of) : false
}

function matchesSet(set: Node & { kind: 'set' }, char: string): boolean {
  return RE2JS.compile(set.i ? `(?i:${set.re2})` : set.re2).test(char)
}

/**
 * At the end of the expression nothing is needed back. What has one length has nothing to give back. A repeated set
 * gives nothing back if the next character is certain and not of the set.
 */
function givesNothingBack(node: Node, rest: Rest): boolean {
  if (rest === null || lengthOf(node) !== null) return true
  const repeated = node.kind === 'sequence' && node.of.length === 1 ? node.of[0]! : node
  const next = literalOf(rest.node)
  if (next === null) return false
  if (repeated.kind === 'repeat' && repeated.of.kind === 'set') return !matchesSet(repeated.of, next)
  // \R: only \r before \n could be given back.
  return repeated.kind === 'choice' && next !== '\n' && next !== '\r' && repeated.of.every(isBreak)
}

/** In characters; null when it varies. */
function lengthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1
    case 'sequence':
      return node.of.map(lengthOf).reduce((sum, each) => (sum === null || each === null ? null : sum + each), 0)
    case 'choice': {
      const lengths = new Set(node.of.map(lengthOf))
      return lengths.size === 1 ? [...lengths][0]! : null
    }
    case 'atomic':
      return lengthOf(node.of)
    case 'repeat': {
      const length = lengthOf(node.of)
      return length !== null && node.least === node.most ? length * node.least : null
    }
    case 'assert':
      return 0
    case 'end':
      return null
  }
}

function isBreak(node: Node): boolean {
  return node.kind === 'set' ? node.re2 === `[${BREAK}]` : node.kind === 'sequence' && node.of.length === 2
}

/** The one character that comes first, if it is certain. */
function literalOf(node: Node): string | null {
  if (node.kind === 'sequence') return node.of.length > 0 ? literalOf(node.of[0]!) : null
  if (node.kind === 'repeat') return node.least > 0 ? literalOf(node.of) : null
  if (node.kind !== 'set' || node.i || /^[[(.]/.test(node.re2)) return null
  const coded = /^\\x\{(.*)\}$/.exec(node.re2)
  return coded ? String.fromCodePoint(Number.parseInt(coded[1]!, 16)) : node.re2.replace(/^\\/, '')
}

type Form = 're2' | 'read'

function written(node: Node, form: Form): string {
  const text = writtenIn(node, form)
  if (text.length > MAX_WRITTEN) throw new Error('The regular expression repeats too much; use smaller repetitions.')
  return text
}

function writtenIn(node: Node, form: Form): string {
  switch (node.kind) {
    case 'set':
      return node.i && form === 're2' ? `(?i:${node.re2})` : node[form]
    case 'assert':
      return node[form]
    case 'end':
      return form === 're2' ? '(?:\\n?\\z)' : '$'
    case 'sequence':
      return joined(node.of, form)
    case 'choice':
      return `(?:${node.of.map((each) => written(each, form)).join('|')})`
    case 'atomic':
      return written(node.of, form)
    case 'repeat':
      return repeated(node, form)
  }
}

/** Neighbours that ignore case share one group. */
function joined(of: readonly Node[], form: Form): string {
  let text = ''
  for (let i = 0; i < of.length; i++) {
    const node = of[i]!
    if (node.kind !== 'set' || !node.i || form === 'read') {
      text += written(node, form)
      continue
    }
    let run = ''
    for (; of[i]?.kind === 'set' && (of[i] as typeof node).i; i++) run += (of[i] as typeof node).re2
    i--
    text += `(?i:${run})`
  }
  return text
}

/** In copies where RE2 would refuse the number. */
function repeated({ of, least, most, lazy }: Node & { kind: 'repeat' }, form: Form): string {
  const inner = written(of, form)
  const one = of.kind === 'set' && (form === 'read' || !of.i) ? inner : `(?:${inner})`
  const sign = lazy && form === 're2' ? '?' : ''
  const short = SHORT[`${least},${most}`]
  if (short) return one + short + sign
  if (form === 'read') return `${one}{${Math.min(9_999, least)}${least === most && least <= 9_999 ? '' : ','}}`
  const limit = Math.max(1, Math.floor(RE2_REPEAT / nestedCount(of)))
  const parts: string[] = []
  const add = (text: string): void => {
    parts.push(text)
    if (parts.length * text.length > MAX_WRITTEN)
      throw new Error('The regular expression repeats too much; use smaller repetitions.')
  }
  for (let left = least; left > 0; left -= limit) add(`${one}{${Math.min(left, limit)}}`)
  if (most === Number.POSITIVE_INFINITY) add(`${one}*${sign}`)
  else for (let left = most - least; left > 0; left -= limit) add(`${one}{0,${Math.min(left, limit)}}${sign}`)
  return parts.length === 1 ? parts[0]! : `(?:${parts.join('')})`
}

const SHORT: Readonly<Record<string, string>> = { '0,Infinity': '*', '1,Infinity': '+', '0,1': '?', '1,1': '' }

/** How often the innermost part of it is repeated, which RE2 limits. */
function nestedCount(node: Node): number {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return Math.max(1, ...node.of.map(nestedCount))
    case 'atomic':
      return nestedCount(node.of)
    case 'repeat': {
      const count = Math.max(1, node.least, Number.isFinite(node.most) ? node.most : 1)
      return Math.min(RE2_REPEAT, count) * nestedCount(node.of)
    }
    default:
      return 1
  }
}

/** `.{5000,}`: counted by the caller, because an automaton would need thousands of states. */
function runOf(whole: Node): Translated['run'] {
  const of = whole.kind === 'sequence' ? whole.of : [whole]
  const anchored = of[0]?.kind === 'assert' && of[0].re2 === '\\A'
  const [only, more] = anchored ? of.slice(1) : of
  if (more || only?.kind !== 'repeat' || only.of.kind !== 'set' || only.least <= RE2_REPEAT) return null
  const set = only.of.i ? `(?i:${only.of.re2})` : only.of.re2
  return { set, least: only.least, anchored }
}
