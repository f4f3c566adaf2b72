/** How much of something is allowed, and when more will be. */
export interface Bucket {
  /** True, and takes it, when there is enough. */
  take(amount: number): boolean
  /** Takes it in any case, going into debt. */
  charge(amount: number): void
  /** What could be taken now; negative in debt. */
  left(): number
  /** Milliseconds until the debt is paid; 0 without debt. */
  debtMs(): number
}

/** A token bucket: `burst` at once, `perSecond` for ever. `now` in ms. */
export function bucket(now: () => number, perSecond: number, burst: number): Bucket {
  let tokens = burst
  let at = now()
  const refill = () => {
    const time = now()
    // A clock that steps back gives nothing, and takes nothing.
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
 * One bucket a key, for keys that strangers choose (addresses).
 * At most `maxKeys`: the oldest is forgotten, which forgives it; a stranger who can afford 10,000 addresses can anyway.
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
