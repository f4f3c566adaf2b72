/** Limits how often something may fail: a count per key and time window, bounded in memory. */

export interface Attempts {
  /** Milliseconds until this key may try again; 0: now. */
  waitMs(key: string): number
  failed(key: string): void
  /** Takes one failure back: the attempt succeeded after all. */
  refund(key: string): void
  /** Clears the failures of a key, after a success. */
  forget(key: string): void
}

const KEYS_MAX = 10_000

export function attempts(options: { max: number; windowMs: number; now: () => number }): Attempts {
  const { max, windowMs, now } = options
  // Insertion order is age: a key moves to the end when a new window begins for it.
  const seen = new Map<string, { count: number; since: number }>()

  return {
    waitMs(key) {
      const entry = fresh(key)
      return entry && entry.count >= max ? entry.since + windowMs - now() : 0
    },
    failed(key) {
      const entry = fresh(key)
      if (entry) {
        entry.count++
        return
      }
      seen.delete(key)
      seen.set(key, { count: 1, since: now() })
      if (seen.size > KEYS_MAX) for (const oldest of seen.keys()) return void seen.delete(oldest)
    },
    refund(key) {
      const entry = fresh(key)
      if (entry && entry.count > 0) entry.count--
    },
    forget: (key) => void seen.delete(key),
  }

  function fresh(key: string) {
    const entry = seen.get(key)
    return entry && now() - entry.since < windowMs ? entry : null
  }
}
