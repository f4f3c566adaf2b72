/**
 * Text that somebody else wrote, made safe to print on a terminal: no escape sequence, no second line, no reversed or
 * invisible text.
 *
 * Source  C0, DEL and C1 (ECMA-48); bidirectional controls (UAX #9, UTR #36); zero-width and line separators.
 */
const UNSAFE =
  '[\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]'
const EACH = new RegExp(UNSAFE, 'gu')
const EACH_OR_COLOUR = new RegExp(`\\u001b\\[[0-9;]{1,8}m|${UNSAFE}`, 'gu')

/** Each unsafe character becomes U+FFFD. For a name or a sentence inside a line. */
export function printable(text: string): string {
  return text.replace(EACH, '\ufffd')
}

/**
 * For whole output: unsafe characters become `\u202e`, which JSON reads as the same character. Lines stay lines, and
 * colours stay if `colours`.
 */
export function visible(text: string, colours = false): string {
  return text.replace(EACH_OR_COLOUR, (it) => {
    if (it === '\n' || it === '\t') return it
    if (it.length > 2) return colours ? it : [...it].map((c) => (c === '\u001b' ? escaped(c) : c)).join('')
    return escaped(it)
  })
}

function escaped(character: string): string {
  let text = ''
  for (let at = 0; at < character.length; at++) text += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
  return text
}
