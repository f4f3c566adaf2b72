/**
 * State that is kept by subject (a laptop, a worker, a network), so that what is written is what changed.
 *
 * Shape   a part of the state is one `Kept`. `changed` hands over what is different since it was last asked, as plain
 *         JSON, and from then on counts that as written: the caller keeps it until it is. The values may belong to the
 *         live state: turn them into text before the next record is taken. `restore` puts one subject back into an
 *         empty part; the order of the subjects makes no difference. What follows from the subjects (indexes, sums) is
 *         not kept: it is made again as they are put back, or by `restored`.
 * Errors  none: what is restored was written by the same form of state (`STATE_FORM`).
 */
export interface Kept {
  /** In no particular order; undefined: the subject is gone. */
  changed(): Iterable<readonly [subject: string, state: unknown]>
  restore(subject: string, state: unknown): void
}

export interface Part extends Kept {
  /** Every subject, changed or not. */
  all(): Iterable<readonly [subject: string, state: unknown]>
}

export type Parts = Readonly<Record<string, Part>>

/** Whatever has state. */
export interface Keeper {
  readonly kept: Parts
  /** Called once, when every part of every keeper was put back. */
  restored?(): void
}

/** How a value is turned into plain JSON and back. */
export interface Codec<T> {
  save(value: T): unknown
  load(state: unknown): T
}

/**
 * A map that remembers which of its entries changed.
 *
 * Shape   `set` and `delete` are remembered; whoever edits a value in place calls `touch`.
 */
export class Subjects<T> extends Map<string, T> implements Part {
  readonly #codec: Codec<T>
  readonly #onRestore: ((name: string, value: T) => void) | undefined
  #dirty = new Set<string>()
  /** What one laptop sends comes in batches, so the name is mostly the one before. */
  #last: string | undefined

  /** Without a codec the values are plain JSON themselves. `onRestore` may index what is put back. */
  constructor(
    codec: Codec<T> = { save: (value) => value, load: (state) => state as T },
    onRestore?: (name: string, value: T) => void,
  ) {
    super()
    this.#codec = codec
    this.#onRestore = onRestore
  }

  override set(name: string, value: T): this {
    this.touch(name)
    return super.set(name, value)
  }

  override delete(name: string): boolean {
    const had = super.delete(name)
    if (had) this.touch(name)
    return had
  }

  /** What is there, or what `make` makes and is there from now on. */
  ensure(name: string, make: () => T): T {
    const known = this.get(name)
    if (known !== undefined) return known
    const made = make()
    this.set(name, made)
    return made
  }

  touch(name: string): void {
    if (name === this.#last) return
    this.#last = name
    this.#dirty.add(name)
  }

  *changed(): Iterable<readonly [string, unknown]> {
    const names = this.#dirty
    this.#dirty = new Set()
    this.#last = undefined
    for (const name of names) {
      const value = this.get(name)
      yield [name, value === undefined ? undefined : this.#codec.save(value)]
    }
  }

  *all(): Iterable<readonly [string, unknown]> {
    for (const [name, value] of this) yield [name, this.#codec.save(value)]
  }

  restore(name: string, state: unknown): void {
    const value = this.#codec.load(state)
    super.set(name, value)
    this.#onRestore?.(name, value)
  }
}

/**
 * A few names that come and go: whom to judge next, and the like.
 *
 * Shape   compared with what was written when it is asked for, so that a name that comes and goes between costs nothing.
 */
export class Names extends Set<string> implements Part {
  #written = new Set<string>();

  *changed(): Iterable<readonly [string, unknown]> {
    const before = this.#written
    this.#written = new Set(this)
    for (const name of this) if (!before.has(name)) yield [name, 1]
    for (const name of before) if (!this.has(name)) yield [name, undefined]
  }

  *all(): Iterable<readonly [string, unknown]> {
    for (const name of this) yield [name, 1]
  }

  restore(name: string): void {
    this.#written.add(name)
    this.add(name)
  }
}

/** For values that are maps themselves. */
export function mapCodec<K, V>(): Codec<Map<K, V>> {
  return { save: (map) => [...map], load: (state) => new Map(state as [K, V][]) }
}

/** One small value that belongs to no subject: compared with what it was. */
export function single<T>(read: () => T, write: (value: T) => void): Part {
  let before: string | undefined
  return {
    *changed() {
      const now = JSON.stringify(read())
      if (now === before) return
      before = now
      yield ['', JSON.parse(now)]
    },
    restore(_, state) {
      before = JSON.stringify(state)
      write(state as T)
    },
    *all() {
      yield ['', read()]
    },
  }
}

/** The same parts under longer names, so that those of several keepers can stand side by side. */
export function prefixed(prefix: string, parts: Parts): Parts {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${prefix}.${name}`, part]))
}

/** One subject of one part, ready to be written. */
export interface Row {
  part: string
  subject: string
  /** JSON; null: the subject is gone. */
  state: string | null
}

/** What changed since it was last asked for. Taken as a whole, before the next record. */
export function changedRows(parts: Parts): Row[] {
  return Object.entries(parts).flatMap(([part, kept]) => Array.from(kept.changed(), (it) => rowOf(part, it)))
}

/** Everything. */
export function allRows(parts: Parts): Row[] {
  return Object.entries(parts).flatMap(([part, kept]) => Array.from(kept.all(), (it) => rowOf(part, it)))
}

function rowOf(part: string, [subject, state]: readonly [string, unknown]): Row {
  return { part, subject, state: state === undefined ? null : JSON.stringify(state) }
}

/** Puts rows back, in whatever order they come; `restored` of the keepers is the caller's. */
export function restoreRows(parts: Parts, rows: Iterable<Row>): void {
  for (const { part, subject, state } of rows) if (state !== null) parts[part]?.restore(subject, JSON.parse(state))
}
