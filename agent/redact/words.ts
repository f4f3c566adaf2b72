/**
 * Where a word of a command line ends, as a shell would read it, or Windows.
 *
 * Shape   a word reaches to a blank outside quotes. A quote opens at the beginning of a word or behind a sign; within
 *         letters it is an apostrophe, except in an option or an assignment. `\"` opens what the next `\"` closes, and
 *         `\\\"` what the next `\\\"` does: a shell line in quotes has its own quotes written so.
 * Errors  a quote that is never closed is a letter like others.
 * Units   time is linear: that there is no closing quote any more is found out once for each kind.
 */
export class Quotes {
  #text: string
  #none = new Set<string>()

  constructor(text: string) {
    this.#text = text
  }

  /** Behind the quote that closes the one at `at`, or -1. `at` may point to the backslashes before it. */
  closing(at: number): number {
    const text = this.#text
    let from = at
    while (text[from] === '\\') from++
    const sign = text.slice(at, ++from)
    if (this.#none.has(sign)) return -1
    let end = -1
    if (sign === '"') {
      while (from < text.length && text[from] !== '"') from += text[from] === '\\' ? 2 : 1
      if (from < text.length) end = from
    } else {
      end = text.indexOf(sign, from)
      while (sign.length > 1 && end !== -1 && text[end - 1] === '\\') end = text.indexOf(sign, end + 1)
    }
    if (end === -1) this.#none.add(sign)
    return end === -1 ? -1 : end + sign.length
  }

  endOfWord(from: number): number {
    const text = this.#text
    let at = from
    let hasSign = text[from] === '-' || text[from] === '/'
    while (at < text.length) {
      const code = text.charCodeAt(at)
      if (isBlank(code)) break
      if (code === 61) hasSign = true
      let quote = at
      while (text.charCodeAt(quote) === 92) quote++
      if (isQuote(text.charCodeAt(quote))) {
        const opens = at === from || hasSign || !isLetter(text.charCodeAt(at - 1))
        const end = opens ? this.closing(at) : -1
        at = end === -1 ? quote + 1 : end
      } else if (quote > at) {
        // A blank behind a backslash is of the word, but not in a path of Windows: `C:\dir\ /s`.
        const isWindows = /^[A-Za-z]:|\\./.test(text.slice(from, Math.min(at, from + 64)))
        const blank = text[quote]
        at = !isWindows && (blank === ' ' || blank === '\t') && (quote - at) % 2 === 1 ? quote + 1 : quote
      } else at++
    }
    return Math.min(at, text.length)
  }
}

/** A word without its quotes. */
export function unquoted(word: string): string {
  return /["']/.test(word) ? word.replace(/\\{0,8}["']/g, '') : word
}

/** Where character `index` of the unquoted word is in the word itself. */
export function indexInQuoted(word: string, index: number): number {
  if (!/["']/.test(word)) return index
  let left = index
  let at = 0
  while (at < word.length && left > 0) {
    let quote = at
    while (word.charCodeAt(quote) === 92) quote++
    if (isQuote(word.charCodeAt(quote))) {
      at = quote + 1
      continue
    }
    left -= Math.max(1, quote - at)
    at = Math.max(at + 1, quote)
  }
  return left < 0 ? at + left : at
}

export function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

export function isQuote(code: number): boolean {
  return code === 34 || code === 39
}

function isLetter(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code > 127
}

/**
 * Where the operator in a word begins, or, of a word that begins with one, ends. Signs of a value are none: in options,
 * in quotes, in URLs, and in `A=1;B=2`.
 */
export function operatorIn(line: string, at: number, end: number): number {
  if (line[at] === '-') return end
  for (let it = at; it < end; it++) {
    const sign = line[it]
    if (sign === '"' || sign === "'" || sign === '`' || (sign === ':' && line[it + 1] === '/')) return end
    if (sign === '=') {
      const last = line.lastIndexOf(';', end - 1)
      return last > it && !line.slice(last, end).includes('=') && !/["'`]|:\/\//.test(line.slice(it, end)) ? last : end
    }
    if (sign !== ';' && sign !== '|' && (sign !== '&' || (line[it + 1] !== '&' && it > at))) continue
    if (it > at) return it
    while (it < end && /[;|&]/.test(line[it]!)) it++
    return it
  }
  return end
}

/** A value in quotes or brackets that the word does not close reaches to where they close, or to the end. */
export function valueEnd(text: string, quotes: Quotes, from: number, end: number): number {
  const first = text[from] ?? ''
  const isCall = from > 0 && text[from - 1] === '('
  if (!isCall && (first === '"' || first === "'" || /^\\{1,8}["']/.test(text.slice(from, from + 9)))) {
    const close = quotes.closing(from)
    return close === -1 ? text.length : Math.max(close, end)
  }
  // What a command prints: `$(echo pw)`, in backquotes, too.
  if (first === '`') return Math.max(end, text.indexOf('`', from + 1) + 1)
  if (first === '$' && text[from + 1] === '(') return Math.max(end, text.indexOf(')', from) + 1)
  // Of a call the rest of its arguments, too: `Credential("ann", "pw")`.
  const opening = isCall ? '(' : first
  const bracket = opening === '' ? -1 : '([{'.indexOf(opening)
  return bracket === -1 ? end : Math.max(end, text.indexOf(')]}'[bracket]!, from) + 1)
}

/** What closes a quote that was opened before the value. */
export function closingQuotes(value: string, before = ''): string {
  const last = value.at(-1) ?? ''
  return (last === '"' || last === "'") && value[0] !== last && before.includes(last) ? last : ''
}
