/** Reads what matches one character: escapes, and sets in brackets. */
import { RE2JS } from 're2js'
import { CLASSES, CONTROLS, POSIX, UNIONS } from './classes.ts'
import { type Flags, type Reader, readPoint } from './reader.ts'
import type { Node } from './tree.ts'

/** An escape that may also occur in brackets: a character, or a set of them. */
export function readSet(reader: Reader, i = false): number | { members: string; read: string } {
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

export function readClass(reader: Reader, flags: Flags): Node {
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

export const UNPRINTABLE = /[\x00-\x1f\x7f\ud800-\udfff]/

export function hex(point: number): string {
  return `\\x{${point.toString(16)}}`
}
