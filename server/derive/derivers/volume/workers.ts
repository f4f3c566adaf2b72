/**
 * What is known of each worker, and how it is kept: a small row for where they stand, one for the days that are over,
 * and one for each recent day, so that an addition writes a day and not nine.
 */
import type { Part, Parts } from '../../kit/kept.ts'
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
  /** Names of what was edited since it was asked for. */
  readonly #heads = new Set<string>()
  readonly #days = new Set<string>()
  readonly #recent = new Set<string>()
  readonly #edits: Edits = {
    slotsOf: ({ worker }, day) => {
      this.#heads.add(worker)
      this.#recent.add(pieceOf(worker, day))
    },
    days: ({ worker }) => {
      this.#heads.add(worker)
      this.#days.add(worker)
    },
  }
  readonly kept: Parts = {
    workers: {
      changed: () => taken(this.#heads, (name) => headOf(this.get(name))),
      all: () => named(this.keys(), (name) => headOf(this.get(name))),
      restore: (name, state) => {
        const { reached, ...rest } = state as NonNullable<ReturnType<typeof headOf>>
        Object.assign(this.ensure(name), rest).book.reached = reached
      },
    },
    days: {
      changed: () => taken(this.#days, (name) => someOf(this.get(name)?.book.days)),
      all: () => named(this.keys(), (name) => someOf(this.get(name)?.book.days)),
      restore: (name, state) => {
        this.ensure(name).book.days = state as number[]
      },
    },
    recent: this.#recentPart(),
  }

  ensure(name: string): Worker {
    const known = this.get(name)
    if (known) return known
    const book = emptyBook(name)
    const worker: Worker = { book, role: null, roleDay: Number.MIN_SAFE_INTEGER, since: null, askedAt: -1 }
    this.set(name, worker)
    return worker
  }

  /** Something of where the worker stands was edited. */
  touch(name: string): void {
    this.#heads.add(name)
  }

  add({ book }: Worker, time: number, count: Count, value: number): boolean {
    return add(book, time, count, value, this.#edits)
  }

  markActive({ book }: Worker, time: number): boolean {
    return markActive(book, time, this.#edits)
  }

  forget(name: string): void {
    const book = this.get(name)?.book
    if (!book) return
    this.#edits.days(book)
    for (const day of daysOf(book)) this.#edits.slotsOf(book, day)
    this.delete(name)
  }

  #recentPart(): Part {
    const read = (piece: string) => {
      const [name, day] = partsOf(piece)
      const book = this.get(name)?.book
      return someOf(book && rowsOf(book, day))
    }
    const pieces = () => [...this].flatMap(([name, { book }]) => Array.from(daysOf(book), (day) => pieceOf(name, day)))
    return {
      changed: () => taken(this.#recent, read),
      all: () => named(pieces(), read),
      restore: (piece, state) => {
        this.ensure(partsOf(piece)[0]).book.recent.push(...(state as number[]))
      },
    }
  }
}

type Read = (name: string) => unknown

function* taken(edited: Set<string>, read: Read): Iterable<readonly [string, unknown]> {
  const names = [...edited]
  edited.clear()
  for (const name of names) yield [name, read(name)]
}

function* named(names: Iterable<string>, read: Read): Iterable<readonly [string, unknown]> {
  for (const name of names) {
    const state = read(name)
    if (state !== undefined) yield [name, state]
  }
}

function headOf(worker: Worker | undefined) {
  if (!worker) return undefined
  const { role, roleDay, since, book } = worker
  return { role, roleDay, since, reached: book.reached }
}

function someOf(rows: number[] | undefined): number[] | undefined {
  return rows && rows.length > 0 ? rows : undefined
}

/** A worker's recent day. */
function pieceOf(name: string, day: number): string {
  return `${day} ${name}`
}

function partsOf(piece: string): [name: string, day: number] {
  const blank = piece.indexOf(' ')
  return [piece.slice(blank + 1), Number(piece.slice(0, blank))]
}
