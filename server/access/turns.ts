/**
 * Runs work for one key strictly one after another, so that nothing comes between a read and the write based on it.
 *
 * Shape   within this process. Failed work does not block the next.
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
