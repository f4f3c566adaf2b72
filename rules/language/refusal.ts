import type { Problem } from './rule.ts'

/** The reason why a document cannot be used. Thrown where it is found; `load` adds file, line and column. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** Offset into the file's text. */
  readonly at: number
  readonly hint: string | null

  constructor(at: number, message: string, hint: string | null = null) {
    super(message)
    this.at = at
    this.hint = hint
  }
}

export type Warn = (at: number, message: string, hint?: string | null) => void

/** Turns offsets into lines and columns of one file. */
export function problemIn(path: string, text: string) {
  return (severity: Problem['severity'], at: number, message: string, hint: string | null = null): Problem => {
    const before = text.slice(0, Math.max(0, at))
    const lineStart = before.lastIndexOf('\n') + 1
    let line = 1
    for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++
    return { severity, path, line, column: before.length - lineStart + 1, message, hint }
  }
}

/** The name that was probably meant, at most `edits` letters away, or null. */
export function nearest(name: string, known: Iterable<string>, edits = 2): string | null {
  let best: string | null = null
  let least = Math.min(edits + 1, Math.ceil(name.length / 2))
  for (const candidate of known) {
    const away = distance(name.toLowerCase(), candidate.toLowerCase())
    if (away < least) [best, least] = [candidate, away]
  }
  return best
}

function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3 || a.length > 64) return 99
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
