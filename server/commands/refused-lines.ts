/**
 * Reports the lines of a recording that are not used: the first ones by number, and when there are more, how many and
 * the commonest reasons.
 *
 * Shape   one per file. `count` counts lines; a reason beyond `MAX_REASONS` different ones is not counted on its own.
 */
import { counted, type Progress } from './progress.ts'
import { printable } from './terminal.ts'

const MAX_SHOWN = 10
const MAX_COMMONEST = 3
/** A reason has a name from the line in it: a hostile file has as many as lines. */
const MAX_REASONS = 1_000

export class RefusedLines {
  count = 0
  readonly #name: string
  readonly #shown: Progress
  readonly #reasons = new Map<string, number>()

  constructor(name: string, shown: Progress) {
    this.#name = name
    this.#shown = shown
  }

  add(line: number, why: string): void {
    const before = this.#reasons.get(why)
    if (before !== undefined || this.#reasons.size < MAX_REASONS) this.#reasons.set(why, (before ?? 0) + 1)
    if (this.count++ >= MAX_SHOWN) return
    this.#shown.clear()
    console.error(printable(`${this.#name}:${line}: ${why} The line is skipped.`))
  }

  /** Call it at the end of the file, when no progress is shown any more. */
  end(): void {
    const more = this.count - MAX_SHOWN
    if (more <= 0) return
    console.error(printable(`${this.#name}: ${counted(more)} more ${more === 1 ? 'line is' : 'lines are'} skipped.`))
    const commonest = [...this.#reasons].sort(([, a], [, b]) => b - a).slice(0, MAX_COMMONEST)
    const isAll = commonest.length === this.#reasons.size
    console.error(isAll ? 'The reasons:' : 'The commonest reasons:')
    for (const [why, lines] of commonest)
      console.error(printable(`  ${counted(lines)} ${lines === 1 ? 'line' : 'lines'}: ${why}`))
  }
}
