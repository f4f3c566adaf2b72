/**
 * The state of each worker, and how it is saved: a small row for the current state, one for the days that are over, and
 * one for each recent day, so that an addition writes one day and not nine.
 */
import type { Part, Parts } from '../../kit/kept.ts'
import { add, type Book, type Count, type Edits, emptyBook, markActive } from './book.ts'

export interface Worker {
  book: Book
  /** The contract's first role at the end of `roleDay`, the latest UTC day with an event. */
  role: string | null
  roleDay: number
  /** The first day that changed since the last judgement; null: none did. */
  since: number | null
  /** The revision of contracts from which `role` was read. Not saved: it is read again. */
  roleRevision: number
}

export class Workers extends Map<string, Worker> {
  /** The names of rows that changed since the last save. */
  readonly #heads = new Set<string>()
  readonly #days = new Set<string>()
  readonly #recent = new Set<string>()
  readonly #edits: Edits = {
    slotsOf: ({ worker }, day) => {
      this.#heads.add(worker)
      this.#recent.add(rowNameOf(worker, day))
    },
    days: ({ worker }) => {
      this.#heads.add(worker)
      this.#days.add(worker)
    },
  }
  readonly kept: Parts = {
    workers: {
      changed: () => changedRows(this.#heads, (name) => headOf(this.get(name))),
      all: () => existingRows(this.keys(), (name) => headOf(this.get(name))),
      restore: (name, state) => {
        const { reached, ...rest } = state as NonNullable<ReturnType<typeof headOf>>
        Object.assign(this.ensure(name), rest).book.reached = reached
      },
    },
    days: {
      changed: () => changedRows(this.#days, (name) => notEmpty(this.get(name)?.book.days)),
      all: () => existingRows(this.keys(), (name) => notEmpty(this.get(name)?.book.days)),
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
    const worker: Worker = { book, role: null, roleDay: Number.MIN_SAFE_INTEGER, since: null, roleRevision: -1 }
    this.set(name, worker)
    return worker
  }

  /** The worker's current state was changed in place. */
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
    for (const day of book.recent.keys()) this.#edits.slotsOf(book, day)
    this.delete(name)
  }

  #recentPart(): Part {
    const read = (rowName: string) => {
      const [name, day] = partsOfRowName(rowName)
      return this.get(name)?.book.recent.get(day)
    }
    const rowNames = () =>
      [...this].flatMap(([name, { book }]) => Array.from(book.recent.keys(), (day) => rowNameOf(name, day)))
    return {
      changed: () => changedRows(this.#recent, read),
      all: () => existingRows(rowNames(), read),
      restore: (rowName, state) => {
        const [name, day] = partsOfRowName(rowName)
        this.ensure(name).book.recent.set(day, state as number[])
      },
    }
  }
}

type Read = (name: string) => unknown

function* changedRows(edited: Set<string>, read: Read): Iterable<readonly [string, unknown]> {
  const names = [...edited]
  edited.clear()
  for (const name of names) yield [name, read(name)]
}

function* existingRows(names: Iterable<string>, read: Read): Iterable<readonly [string, unknown]> {
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

function notEmpty(rows: number[] | undefined): number[] | undefined {
  return rows && rows.length > 0 ? rows : undefined
}

/** The name of the row of a worker's recent day. */
function rowNameOf(name: string, day: number): string {
  return `${day} ${name}`
}

function partsOfRowName(rowName: string): [name: string, day: number] {
  const blank = rowName.indexOf(' ')
  return [rowName.slice(blank + 1), Number(rowName.slice(0, blank))]
}
