/**
 * Limits failed sign-ins, so that guessing is slow and an attacker cannot lock anybody out.
 *
 * Shape   counted by network (see `networkOf`), and by name within a network. While a name is under attack, networks
 *         from which it never signed in get one attempt instead of six. There is no limit for a name over all networks,
 *         so attackers cannot lock out the right password. In an open session, wrong passwords are counted by session.
 * Errors  Fault 'rate.exceeded' with `retryAfterMs` among its facts.
 */
import { Fault } from '../../wire/fault.ts'
import { type Attempts, attempts } from './rate.ts'

const WINDOW_MS = 15 * 60_000
const NETWORK_TRIES = 30
const NAME_TRIES = 6
const NAME_TRIES_UNDER_ATTACK = 1
/** Failures of one name over all networks, in a time window, from which it counts as under attack. */
const ATTACK = 50
const SESSION_TRIES = 6
const KNOWN_MAX = 10_000

export interface SignInLimits {
  /**
   * Counts an attempt as failed before it runs, so that parallel guesses are counted too. The returned function takes
   * that back after a success. `name` is null for a sign-in by link.
   */
  attempt(network: string, name: string | null): () => void
  /** The same, for the current password within an open session. */
  inSession(secret: string): () => void
}

export function signInLimits(now: () => number): SignInLimits {
  const limit = (max: number) => attempts({ max, windowMs: WINDOW_MS, now })
  const network = limit(NETWORK_TRIES)
  const atNetwork = limit(NAME_TRIES)
  const atNetworkUnderAttack = limit(NAME_TRIES_UNDER_ATTACK)
  const everywhere = limit(ATTACK)
  const session = limit(SESSION_TRIES)
  /** Networks from which a name signed in, oldest first. */
  const known = new Set<string>()

  return {
    attempt(from, name) {
      if (name === null) return count([[network, from]], () => network.refund(from))
      const who = name.toLowerCase()
      const key = `${from} ${who}`
      const isAttacked = everywhere.waitMs(who) > 0 && !known.has(key)
      const counted: Counted[] = [
        [network, from],
        [atNetwork, key],
      ]
      if (isAttacked) counted.push([atNetworkUnderAttack, key])
      const succeeded = count(counted, () => {
        // Refunded but not cleared for the network: signing in to one account must not allow more guesses at another.
        network.refund(from)
        everywhere.refund(who)
        atNetwork.forget(key)
        atNetworkUnderAttack.forget(key)
        known.delete(key)
        known.add(key)
        if (known.size > KNOWN_MAX) known.delete(known.values().next().value!)
      })
      everywhere.failed(who)
      return succeeded
    },
    inSession: (secret) => count([[session, secret]], () => session.forget(secret)),
  }
}

type Counted = readonly [limit: Attempts, key: string]

function count(counted: readonly Counted[], succeeded: () => void): () => void {
  const retryAfterMs = Math.max(...counted.map(([limit, key]) => limit.waitMs(key)))
  if (retryAfterMs > 0) {
    const minutes = Math.ceil(retryAfterMs / 60_000)
    const todo = `Try again in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}.`
    throw new Fault('rate.exceeded', { todo, facts: { retryAfterMs } })
  }
  for (const [limit, key] of counted) limit.failed(key)
  return succeeded
}
