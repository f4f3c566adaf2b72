/**
 * State that is saved by subject (a laptop, a worker, a network), so that a save writes only what changed.
 *
 * Shape   a `Kept` is one part of the state. `changed` returns the subjects that changed since the last call, as plain
 *         JSON, and regards them as saved from then on: the caller holds them until they are. The values may be part of
 *         the live state: serialise them before the next record is taken. `restore` adds one saved subject to an
 *         empty part; the order of subjects makes no difference. Indexes and sums over subjects are not saved: they are
 *         rebuilt as subjects are restored, or by `restored`.
 * Errors  none: what is restored was saved in the same form (`STATE_FORM`).
 */
export interface Kept {
  /** In no particular order; undefined: the subject was deleted. */
  changed(): Iterable<readonly [subject: string, state: unknown]>
  restore(subject: string, state: unknown): void
}

export interface Part extends Kept {
  /** Every subject, changed or not. */
  all(): Iterable<readonly [subject: string, state: unknown]>
}

export type Parts = Readonly<Record<string, Part>>

/** Something with saved state. */
export interface Keeper {
  readonly kept: Parts
  /** Called once, when all parts of all keepers have been restored. */
  restored?(): void
}

/** Converts a value to plain JSON and back. */
export interface Codec<T> {
  save(value: T): unknown
  load(state: unknown): T
}

/**
 * A map that tracks which of its entries changed.
 *
 * Shape   `set` and `delete` are tracked; code that edits a value in place calls `touch`.
 */
export class Subjects<T> extends Map<string, T> implements Part {
  readonly #codec: Codec<T>
  readonly #onRestore: ((name: string, value: T) => void) | undefined
  #dirty = new Set<string>()
  /** The last name marked: a laptop's events arrive in batches, so the next name is usually the same. */
  #last: string | undefined

  /** Without a codec, values must be plain JSON. `onRestore` may index restored values. */
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

  /** The value, made by `make` and added when it is missing. */
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
 * A set of names that are added and removed often, such as the subjects to judge next.
 *
 * Shape   compared with the saved set when changes are asked for: a name added and removed between two saves costs
 *         nothing.
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

/** For values that are maps. */
export function mapCodec<K, V>(): Codec<Map<K, V>> {
  return { save: (map) => [...map], load: (state) => new Map(state as [K, V][]) }
}

/** One small value without a subject; saved when its JSON text differs. */
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

/** The parts with `prefix` before their names, so that those of several keepers can be combined. */
export function prefixed(prefix: string, parts: Parts): Parts {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${prefix}.${name}`, part]))
}

/** One subject of one part, ready to be saved. */
export interface Row {
  part: string
  subject: string
  /** JSON; null: the subject was deleted. */
  state: string | null
}

/** The rows that changed since the last call. Read all of them before the next record is taken. */
export function changedRows(parts: Parts): Row[] {
  return Object.entries(parts).flatMap(([part, kept]) => Array.from(kept.changed(), (it) => rowOf(part, it)))
}

/** All rows. */
export function allRows(parts: Parts): Row[] {
  return Object.entries(parts).flatMap(([part, kept]) => Array.from(kept.all(), (it) => rowOf(part, it)))
}

function rowOf(part: string, [subject, state]: readonly [string, unknown]): Row {
  return { part, subject, state: state === undefined ? null : JSON.stringify(state) }
}

/** Restores rows, in any order. The caller then calls `restored` of the keepers. */
export function restoreRows(parts: Parts, rows: Iterable<Row>): void {
  for (const { part, subject, state } of rows) if (state !== null) parts[part]?.restore(subject, JSON.parse(state))
}
