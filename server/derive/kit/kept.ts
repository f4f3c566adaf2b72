/**
 * State that is kept by subject, so that what is written down is what changed and nothing else.
 *
 * Shape   a part of judgement is one or more `Kept`. `changed` hands over what is different since it was last asked,
 *         as plain JSON, and from then on counts that as written: whoever asks looks after it until it is. `restore`
 *         puts one subject back into an empty part. What follows from the subjects (indexes, sums) is not kept.
 * Errors  none: what is restored was written by the same form of state (`STATE_FORM`).
 */
export interface Kept {
  /** Undefined: the subject is gone. In no particular order. */
  changed(): Iterable<readonly [subject: string, state: unknown]>
  restore(subject: string, state: unknown): void
}

interface Codec<T> {
  /** Plain JSON. */
  save(value: T): unknown
  load(state: unknown): T
}

/**
 * A map that remembers which of its entries changed.
 *
 * Shape   `set` and `delete` are remembered by themselves; who edits a value in place says so with `touch`.
 */
export class Subjects<T> extends Map<string, T> implements Kept {
  readonly #codec: Codec<T>
  #dirty = new Set<string>()

  /** Without a codec the values are plain JSON themselves. */
  constructor(codec: Codec<T> = { save: (value) => value, load: (state) => state as T }) {
    super()
    this.#codec = codec
  }

  override set(name: string, value: T): this {
    this.#dirty.add(name)
    return super.set(name, value)
  }

  override delete(name: string): boolean {
    const had = super.delete(name)
    if (had) this.#dirty.add(name)
    return had
  }

  override clear(): void {
    for (const name of this.keys()) this.#dirty.add(name)
    super.clear()
  }

  touch(name: string): void {
    this.#dirty.add(name)
  }

  *changed(): Iterable<readonly [string, unknown]> {
    const names = this.#dirty
    this.#dirty = new Set()
    for (const name of names) {
      const value = this.get(name)
      yield [name, value === undefined ? undefined : this.#codec.save(value)]
    }
  }

  restore(name: string, state: unknown): void {
    super.set(name, this.#codec.load(state))
  }
}

/** One small value that belongs to no subject: compared with what it was. */
export function single<T>(read: () => T, write: (value: T) => void): Kept {
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
  }
}
