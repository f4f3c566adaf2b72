/** A rate limit: how much is allowed now, and when more will be. */
export interface Bucket {
  /** Takes `amount` when there is enough, and returns whether it did. */
  take(amount: number): boolean
  /** Takes `amount` in any case, if necessary on credit. */
  charge(amount: number): void
  /** What could be taken now; negative when in debt. */
  left(): number
  /** Milliseconds until the debt is paid; 0 without debt. */
  debtMs(): number
}

/** A token bucket: `burst` at once, `perSecond` sustained. `now` in ms. */
export function bucket(now: () => number, perSecond: number, burst: number): Bucket {
  let tokens = burst
  let at = now()
  const refill = () => {
    const time = now()
    // A clock that is set back neither adds nor removes tokens.
    tokens = Math.min(burst, tokens + (Math.max(0, time - at) / 1_000) * perSecond)
    at = time
  }
  return {
    take: (amount) => {
      refill()
      if (tokens < amount) return false
      tokens -= amount
      return true
    },
    charge: (amount) => {
      refill()
      tokens -= amount
    },
    left: () => {
      refill()
      return tokens
    },
    debtMs: () => {
      refill()
      return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1_000)
    },
  }
}

/**
 * One bucket per key, for keys that a client chooses (its address).
 * At most `maxKeys` are kept. Dropping the oldest resets its limit, but only an attacker with 10,000 addresses gains.
 */
export function bucketPerKey(now: () => number, perSecond: number, burst: number, maxKeys = 10_000) {
  const buckets = new Map<string, Bucket>()
  return (key: string): Bucket => {
    const found = buckets.get(key) ?? bucket(now, perSecond, burst)
    buckets.delete(key)
    buckets.set(key, found)
    if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value!)
    return found
  }
}
