/**
 * What is known of each worker, and how it is kept: a small row for where they stand, one for the days that are over,
 * and one for each recent day, so that an addition writes a day and not nine.
 */
import { type Parts, Pieces } from '../../kit/kept.ts'
import { add, type Book, type Count, daysOf, type Edits, emptyBook, markActive, rowsOf } from './book.ts'

export interface Worker {
  book: Book
  /** The contract's first role, as of the end of `roleDay`, the latest UTC day of which anything came. */
  role: string | null
  roleDay: number
  /** The first day on which something changed since the last judgement; null: nothing did. */
  since: number | null
  /** The contracts' revision by which `role` was asked for. Not kept: it is asked for again. */
  askedAt: number
}

export class Workers extends Map<string, Worker> {
  readonly #heads = new Pieces(
    (name) => headOf(this.get(name)),
    (name, state) => {
      const { reached, ...rest } = state as NonNullable<ReturnType<typeof headOf>>
      const worker = Object.assign(this.ensure(name), rest)
      worker.book.reached = reached
    },
    () => this.keys(),
  )
  readonly #days = new Pieces(
    (name) => someOf(this.get(name)?.book.days),
    (name, state) => {
      this.ensure(name).book.days = state as number[]
    },
    () => [...this].flatMap(([name, { book }]) => (book.days.length > 0 ? [name] : [])),
  )
  readonly #recent = new Pieces(
    (piece) => {
      const [name, day] = JSON.parse(piece) as [string, number]
      const book = this.get(name)?.book
      return someOf(book && rowsOf(book, day))
    },
    (piece, state) => {
      const [name] = JSON.parse(piece) as [string, number]
      this.ensure(name).book.recent.push(...(state as number[]))
    },
    () => [...this].flatMap(([name, { book }]) => [...daysOf(book)].map((day) => pieceOf(name, day))),
  )
  readonly #edits: Edits = {
    slotsOf: ({ worker }, day) => {
      this.#heads.touch(worker)
      this.#recent.touch(pieceOf(worker, day))
    },
    days: ({ worker }) => {
      this.#heads.touch(worker)
      this.#days.touch(worker)
    },
  }
  readonly kept: Parts = { workers: this.#heads, days: this.#days, recent: this.#recent }

  ensure(name: string): Worker {
    const known = this.get(name)
    if (known) return known
    const book = emptyBook(name)
    const worker: Worker = { book, role: null, roleDay: Number.MIN_SAFE_INTEGER, since: null, askedAt: -1 }
    this.set(name, worker)
    return worker
  }

  /** Something of where they stand was edited. */
  touch(name: string): void {
    this.#heads.touch(name)
  }

  add(name: string, time: number, count: Count, value: number): boolean {
    return add(this.ensure(name).book, time, count, value, this.#edits)
  }

  markActive(name: string, time: number): boolean {
    return markActive(this.ensure(name).book, time, this.#edits)
  }

  forget(name: string): void {
    const book = this.get(name)?.book
    if (!book) return
    this.#edits.days(book)
    for (const day of daysOf(book)) this.#edits.slotsOf(book, day)
    this.delete(name)
  }
}

function someOf(rows: number[] | undefined): number[] | undefined {
  return rows && rows.length > 0 ? rows : undefined
}

function pieceOf(name: string, day: number): string {
  return JSON.stringify([name, day])
}

function headOf(worker: Worker | undefined) {
  if (!worker) return undefined
  const { role, roleDay, since, book } = worker
  return { role, roleDay, since, reached: book.reached }
}
