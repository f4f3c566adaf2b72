/**
 * State by subject, in the form in which the server saves it.
 *
 * Shape   `changed` returns the subjects that changed since the last call, and regards them as saved from then on;
 *         undefined: the subject was deleted. `restore` adds one saved subject, in any order. States are plain JSON.
 *         The server has an interface of the same shape, because rules must not import from the server.
 */
export interface KeptPart {
  changed(): Iterable<readonly [subject: string, state: unknown]>
  restore(subject: string, state: unknown): void
  /** Every subject, changed or not. */
  all(): Iterable<readonly [subject: string, state: unknown]>
}

/** One small value; changed when its JSON text differs. */
export function kept(read: () => unknown, write: (state: unknown) => void): KeptPart {
  let saved: string | undefined
  return {
    *changed() {
      const now = JSON.stringify(read())
      if (now === saved) return
      saved = now
      yield ['', JSON.parse(now)]
    },
    restore(_, state) {
      saved = JSON.stringify(state)
      write(state)
    },
    *all() {
      yield ['', read()]
    },
  }
}
