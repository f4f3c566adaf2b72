/** PCRE2's classes of characters, without UCP, as members of a set in RE2's syntax. */

export const SPACE = '\\t-\\r '
const NOT_SPACE = '\\x00-\\x08\\x0e-\\x1f!-\\x{10FFFF}'
const BLANK = '\\t \\xa0\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}'
const NOT_BLANK =
  '\\x00-\\x08\\x0a-\\x1f!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{180d}\\x{180f}-\\x{1fff}\\x{200b}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10FFFF}'
export const BREAK = '\\n-\\r\\x{85}\\x{2028}\\x{2029}'
const NOT_BREAK = '\\x00-\\x09\\x0e-\\x{84}\\x{86}-\\x{2027}\\x{202a}-\\x{10FFFF}'

/** Inside and outside of brackets: the members, and how `regex-demands.ts` reads it (any character). */
export const CLASSES: Readonly<Record<string, { members: string; read: string }>> = {
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

export const UNIONS: Readonly<Record<string, string>> = {
  'L&': '\\p{Lu}\\p{Ll}\\p{Lt}',
  Xan: '\\p{L}\\p{N}',
  Xwd: '\\p{L}\\p{N}_',
  Xsp: `${SPACE}\\x{85}\\p{Z}`,
  Xps: `${SPACE}\\x{85}\\p{Z}`,
}

export const CONTROLS: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }

/** The names within `[:…:]`, which RE2 reads alike. */
export const POSIX = /^(alpha|digit|alnum|upper|lower|space|blank|punct|print|graph|cntrl|xdigit|word|ascii)$/
