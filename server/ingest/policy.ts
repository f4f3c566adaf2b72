/** The policy that laptops obey: its version and its signature. */
import { Policy, type SignedPolicy, signedText } from '../../wire/messages.ts'
import type { Values } from '../store/store.ts'
import type { ServerKeys } from './identity.ts'

/** More than a week offline for a busy laptop. */
const SPOOL_BYTES = 64 * 1_048_576
const SPOOL_DAYS = 14
const KEY = 'policy'

export type AskedPolicy = Pick<Policy, 'off' | 'on' | 'watchedRoots' | 'versions' | 'uninstallToken'>

/**
 * The policy in force: what the configuration asks of laptops. Its version increases with every change.
 *
 * Shape   agents refuse a version older than their current one, so versions are stored. A new version is at least the
 *         time in seconds at which it is made, so that a server restored from a backup does not reuse versions that
 *         laptops have seen.
 */
export async function policyInForce(
  values: Pick<Values, 'get' | 'compareAndSet'>,
  keys: ServerKeys,
  asked: AskedPolicy,
  now: number,
): Promise<Policy> {
  const { off, on, watchedRoots, versions, uninstallToken } = asked
  const next = {
    ...{ salt: keys.salt, off, on, watchedRoots, spoolBytes: SPOOL_BYTES, spoolDays: SPOOL_DAYS },
    // Absent when they ask for nothing: agents before these fields refuse a policy that has them.
    ...(versions && { versions }),
    ...(uninstallToken && { uninstallToken }),
  }
  for (;;) {
    const text = await values.get(KEY)
    const before: unknown = JSON.parse(text ?? 'null')
    const { data } = Policy.safeParse(before)
    if (data && content(data) === content(next)) return data
    const policy = { version: Math.max(versionOf(before) + 1, Math.floor(now / 1_000)), ...next }
    // Another process was faster: start again from its policy.
    if (await values.compareAndSet(KEY, text, JSON.stringify(policy))) return policy
  }
}

/** The policy that a server on this store used last; null before the first, or when a later Tellwire wrote it. */
export async function lastPolicy(values: Pick<Values, 'get'>): Promise<Policy | null> {
  const saved = Policy.safeParse(JSON.parse((await values.get(KEY)) ?? 'null'))
  return saved.success ? saved.data : null
}

export function signPolicy(policy: Policy, keys: ServerKeys): SignedPolicy {
  const text = JSON.stringify(policy)
  return { text, signature: keys.sign(signedText.policy(text)) }
}

/** Everything but the version, in a fixed order. */
function content(policy: Omit<Policy, 'version'>): string {
  const fields = Object.entries(policy).filter(([name]) => name !== 'version')
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Also reads a policy with unknown fields, written by a later Tellwire. */
function versionOf(policy: unknown): number {
  const version = (policy as { version?: unknown } | null)?.version
  return Number.isSafeInteger(version) ? (version as number) : 0
}
