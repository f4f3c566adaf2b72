/**
 * Limits failed sign-ins by address, by name and by both together, so that guessing is slow and one attacker cannot
 * lock out the whole team.
 *
 * Errors  Fault 'rate.exceeded' with `retryAfterMs` among its facts.
 */
import { Fault } from '../../wire/fault.ts'
import { attempts } from './rate.ts'

const WINDOW_MS = 15 * 60_000
const TRIES = { address: 30, name: 100, nameAtAddress: 6 }

export interface SignInLimits {
  /**
   * Counts an attempt as failed before it runs, so that parallel guesses are counted too. The returned function takes
   * that back after a success. `name` is null for a sign-in by link.
   */
  attempt(address: string, name: string | null): () => void
}

export function signInLimits(now: () => number): SignInLimits {
  const limit = (max: number) => attempts({ max, windowMs: WINDOW_MS, now })
  const limits = { address: limit(TRIES.address), name: limit(TRIES.name), nameAtAddress: limit(TRIES.nameAtAddress) }
  return {
    attempt(address, name) {
      const ofName =
        name === null
          ? []
          : [
              { limit: limits.name, key: name.toLowerCase() },
              { limit: limits.nameAtAddress, key: `${address} ${name.toLowerCase()}` },
            ]
      const counted = [{ limit: limits.address, key: address }, ...ofName]
      const retryAfterMs = Math.max(...counted.map(({ limit, key }) => limit.waitMs(key)))
      if (retryAfterMs > 0) {
        const minutes = Math.ceil(retryAfterMs / 60_000)
        const todo = `Try again in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}.`
        throw new Fault('rate.exceeded', { todo, facts: { retryAfterMs } })
      }
      for (const { limit, key } of counted) limit.failed(key)
      return () => {
        // Refunded but not cleared for the address: signing in to one account must not allow more guesses at another.
        limits.address.refund(address)
        for (const { limit, key } of ofName) limit.forget(key)
      }
    },
  }
}
