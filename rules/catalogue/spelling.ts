/**
 * Normalises names that may be disguised: full-width letters, accents, look-alikes of other scripts, invisible
 * characters.
 *
 * Shape   printable ASCII, which nearly all names are, is returned as the same string. Everything else is returned in
 *         lower case.
 * Units   at most MAX_CHARS are read.
 * Source  Unicode NFKD and Default_Ignorable_Code_Point; the look-alikes are those of UTS #39 that occur in names.
 */

/** The longest path in `wire/`. */
const MAX_CHARS = 4_096

const ASCII = /^[\x20-\x7e]*$/
const INVISIBLE = /[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu
/** Cyrillic and Greek, lower case; where the capital looks Latin, it decides. All dashes count as one. */
const LOOKS_LIKE = new Map<string, string>(
  [
    ...['aаα', 'bвβ', 'cсϲ', 'dԁ', 'eеε', 'gɡ', 'hһнη', 'iіιı', 'jј', 'kкκ', 'lӏ', 'mмμ', 'nν', 'oоο', 'pрρ', 'qԛ'],
    ...['sѕ', 'tтτ', 'uυ', 'vѵ', 'wԝω', 'xхχ', 'yуγ', 'zζ', '-‐‒–—−', '/∕⁄'],
  ].flatMap((it) => [...it.slice(1)].map((letter): [string, string] => [letter, it[0]!])),
)
const LOOK_ALIKE = new RegExp(`[${[...LOOKS_LIKE.keys()].join('')}]`, 'gu')

export function normalized(text: string): string {
  return ASCII.test(text) ? text : withoutDisguise(text)
}

/** True: normalizing the name changes more than its case. */
export function isDisguised(name: string): boolean {
  return !ASCII.test(name) && withoutDisguise(name) !== name.toLowerCase()
}

function withoutDisguise(text: string): string {
  return text
    .slice(0, MAX_CHARS)
    .normalize('NFKD')
    .replace(INVISIBLE, '')
    .toLowerCase()
    .replace(LOOK_ALIKE, (letter) => LOOKS_LIKE.get(letter) ?? letter)
}
