/**
 * One at a time for each key: nobody else gets between a look at the store and the write that follows from it.
 *
 * Shape   within this process. Work that fails lets the next one in all the same.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const done = before ? before.then(work) : work()
    const settled = done.catch(() => {})
    this.#last.set(key, settled)
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key)
    })
    return done
  }
}
