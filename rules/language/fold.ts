/**
 * Unicode simple case folding: one code point to one code point, so that offsets do not change.
 *
 * Source  Unicode CaseFolding.txt, statuses C and S, through the engine's own upper and lower case: folding is the
 *         lower case of the upper case wherever both are single code points, with the exceptions below.
 */

/** The folded forms of non-ASCII code points seen so far. */
const FOLDED = new Map<number, string>([
  [0x131, 'ı'], // dotless i folds to itself, though its upper case is I
  [0x1fd3, '\u0390'], // the two spellings of iota and upsilon with dialytika and tonos, and of the st ligature
  [0x1fe3, '\u03b0'],
  [0xfb05, '\ufb06'],
])

export function fold(text: string): string {
  // Latin-1 folds as it lower-cases, but for the micro sign, which folds to Greek mu.
  return /[^\x00-\xb4\xb6-\xff]/.test(text) ? foldSlowly(text) : text.toLowerCase()
}

export function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text)
}

function foldSlowly(text: string): string {
  let folded = ''
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!
    folded += foldPoint(point)
    i += point > 0xffff ? 2 : 1
  }
  return folded
}

function foldPoint(point: number): string {
  const known = FOLDED.get(point)
  if (known !== undefined) return known
  const self = String.fromCodePoint(point)
  const folded = single(single(self, self.toUpperCase()), undefined)
  FOLDED.set(point, folded)
  return folded

  function single(from: string, upper: string | undefined): string {
    const to = upper ?? from.toLowerCase()
    return [...to].length === 1 && to.length === from.length ? to : from
  }
}
