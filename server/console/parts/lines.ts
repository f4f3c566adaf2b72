/**
 * How many lines a text takes, without drawing it: a list that draws only its visible rows must know the height of all.
 *
 * Shape   lines are filled word by word, as browsers do; a word that is wider than a line goes on in the next.
 * Memory  the width of each word that was measured, up to 20,000.
 */

const WORDS_MAX = 20_000

const context = document.createElement('canvas').getContext('2d')
let font = ''
const widths = new Map<string, number>()

/** In the font of the page. */
export function linesOf(text: string, fontPx: number, widthPx: number): number {
  if (!context || widthPx <= 0) return 1
  const wanted = `${fontPx}px ${getComputedStyle(document.body).fontFamily}`
  if (wanted !== font) {
    widths.clear()
    font = context.font = wanted
  }
  const spacePx = widthOf(context, ' ')
  let lines = 1
  let usedPx = 0
  for (const word of text.split(' ')) {
    let px = widthOf(context, word)
    if (usedPx > 0 && usedPx + spacePx + px > widthPx) {
      lines++
      usedPx = 0
    }
    for (; px > widthPx; px -= widthPx) lines++
    usedPx += px + (usedPx > 0 ? spacePx : 0)
  }
  return lines
}

function widthOf(context: CanvasRenderingContext2D, word: string): number {
  let px = widths.get(word)
  if (px === undefined) {
    if (widths.size >= WORDS_MAX) widths.clear()
    px = context.measureText(word).width
    widths.set(word, px)
  }
  return px
}
