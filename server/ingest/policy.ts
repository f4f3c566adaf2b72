/** What the server asks of its laptops: which version is in force, and its signature. */
import { Policy, type SignedPolicy, signedText } from '../../wire/messages.ts'
import type { Values } from '../store/store.ts'
import type { ServerKeys } from './identity.ts'

/** A week offline and more, at what a busy laptop writes. */
const SPOOL_BYTES = 64 * 1_048_576
const SPOOL_DAYS = 14
const KEY = 'policy'

export type AskedPolicy = Pick<Policy, 'off' | 'on' | 'watchedRoots'>

/**
 * The policy in force: what the configuration asks of the laptops, with a higher version whenever it asks for something
 * else.
 *
 * Shape   agents refuse an older version than they obey. So versions outlive restarts, and a new one is at least the
 *         second it was made in: a server restored from a backup does not count again through versions that laptops
 *         have seen.
 */
export async function policyInForce(
  values: Pick<Values, 'get' | 'compareAndSet'>,
  keys: ServerKeys,
  asked: AskedPolicy,
  now: number,
): Promise<Policy> {
  const { off, on, watchedRoots } = asked
  const next = { salt: keys.salt, off, on, watchedRoots, spoolBytes: SPOOL_BYTES, spoolDays: SPOOL_DAYS }
  for (;;) {
    const text = await values.get(KEY)
    const before: unknown = JSON.parse(text ?? 'null')
    const { data } = Policy.safeParse(before)
    if (data && content(data) === content(next)) return data
    const policy = { version: Math.max(versionOf(before) + 1, Math.floor(now / 1_000)), ...next }
    // Otherwise another process was quicker, and what it wrote is looked at.
    if (await values.compareAndSet(KEY, text, JSON.stringify(policy))) return policy
  }
}

export function signPolicy(policy: Policy, keys: ServerKeys): SignedPolicy {
  const text = JSON.stringify(policy)
  return { text, signature: keys.sign(signedText.policy(text)) }
}

/** Everything but the version, in one order. */
function content(policy: Omit<Policy, 'version'>): string {
  const fields = Object.entries(policy).filter(([name]) => name !== 'version')
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Also of a policy that a later Tellwire wrote with fields that are not known here. */
function versionOf(policy: unknown): number {
  const version = (policy as { version?: unknown } | null)?.version
  return Number.isSafeInteger(version) ? (version as number) : 0
}
