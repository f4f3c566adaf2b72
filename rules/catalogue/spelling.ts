/**
 * One spelling for names that may be dressed up: full-width letters, accents, letters of other scripts that look Latin,
 * what takes no room at all.
 *
 * Shape   plain ASCII comes back as it is, the very same string: that is nearly always so, and costs one look. The
 *         rest comes back in lower case.
 * Units   at most MAX_CHARS are looked at.
 * Source  Unicode NFKD and Default_Ignorable_Code_Point; the look-alikes are those of UTS #39 that one meets in names.
 */

/** What the contract of `wire/` allows a path. */
const MAX_CHARS = 4_096

const ASCII = /^[\x20-\x7e]*$/
const INVISIBLE = /[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu
/** Cyrillic and Greek, lower case; where the capital looks Latin, that decides. The dashes are all one. */
const LOOKS_LIKE = new Map<string, string>(
  [
    ...['aаα', 'bвβ', 'cсϲ', 'dԁ', 'eеε', 'gɡ', 'hһнη', 'iіιı', 'jј', 'kкκ', 'lӏ', 'mмμ', 'nν', 'oоο', 'pрρ', 'qԛ'],
    ...['sѕ', 'tтτ', 'uυ', 'vѵ', 'wԝω', 'xхχ', 'yуγ', 'zζ', '-‐‒–—−', '/∕⁄'],
  ].flatMap((it) => [...it.slice(1)].map((letter): [string, string] => [letter, it[0]!])),
)
const LOOK_ALIKE = new RegExp(`[${[...LOOKS_LIKE.keys()].join('')}]`, 'gu')

export function plain(text: string): string {
  return ASCII.test(text) ? text : undressed(text)
}

/** True: it takes more than lower case to make a plain name of it. */
export function isDressed(name: string): boolean {
  return !ASCII.test(name) && undressed(name) !== name.toLowerCase()
}

function undressed(text: string): string {
  return text
    .slice(0, MAX_CHARS)
    .normalize('NFKD')
    .replace(INVISIBLE, '')
    .toLowerCase()
    .replace(LOOK_ALIKE, (letter) => LOOKS_LIKE.get(letter) ?? letter)
}
