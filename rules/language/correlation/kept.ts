/**
 * State by subject, as whoever runs correlations keeps it.
 *
 * Shape   `changed` hands over what is different since it was last asked, and from then on counts that as written;
 *         undefined: the subject is gone. `restore` puts one subject back; the order makes no difference. States are
 *         plain JSON. The server's own parts have the same shape: rules know nothing of the server.
 */
export interface KeptPart {
  changed(): Iterable<readonly [subject: string, state: unknown]>
  restore(subject: string, state: unknown): void
  /** Every subject, changed or not. */
  all(): Iterable<readonly [subject: string, state: unknown]>
}

/** One small value, told when its text is another one. */
export function kept(read: () => unknown, write: (state: unknown) => void): KeptPart {
  let told: string | undefined
  return {
    *changed() {
      const now = JSON.stringify(read())
      if (now === told) return
      told = now
      yield ['', JSON.parse(now)]
    },
    restore(_, state) {
      told = JSON.stringify(state)
      write(state)
    },
    *all() {
      yield ['', read()]
    },
  }
}
