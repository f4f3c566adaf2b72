/** The policies that laptops obey, one for each group: their version and their signature. */
import * as z from 'zod'
import { groupName, Policy, type SignedPolicy, signedText } from '../../wire/messages.ts'
import type { Values } from '../store/store.ts'
import type { ServerKeys } from './identity.ts'

/** More than a week offline for a busy laptop. */
const SPOOL_BYTES = 64 * 1_048_576
const SPOOL_DAYS = 14
const KEY = 'policy'

/** What a group asks of its laptops. */
export type AskedPolicy = Omit<Policy, 'version' | 'salt' | 'spoolBytes' | 'spoolDays' | 'group'>
/** `groups`: by name; laptops without a group, or in one that is not there, get the company's. */
export interface AskedPolicies {
  company: AskedPolicy
  groups: Readonly<Record<string, AskedPolicy>>
}

/**
 * The policies in force: the company's, and those of the groups, which have its version.
 *
 * Shape   one version for all, so that a laptop that changes its group is not sent a version below the one it has.
 */
export const Policies = Policy.extend({ groups: z.record(groupName, Policy).optional() })
export type Policies = z.infer<typeof Policies>

/**
 * The policies in force: what the configuration asks of laptops. Their version increases with every change.
 *
 * Shape   agents refuse a version older than their current one, so versions are stored. A new version is at least the
 *         time in seconds at which it is made, so that a server restored from a backup does not reuse versions that
 *         laptops have seen.
 */
export async function policyInForce(
  values: Pick<Values, 'get' | 'compareAndSet'>,
  keys: ServerKeys,
  asked: AskedPolicies,
  now: number,
): Promise<Policies> {
  for (;;) {
    const text = await values.get(KEY)
    const before: unknown = JSON.parse(text ?? 'null')
    const { data } = Policies.safeParse(before)
    if (data && content(data) === content(made(0, asked, keys))) return data
    const policies = made(Math.max(versionOf(before) + 1, Math.floor(now / 1_000)), asked, keys)
    // Another process was faster: start again from its policies.
    if (await values.compareAndSet(KEY, text, JSON.stringify(policies))) return policies
  }
}

function made(version: number, { company, groups }: AskedPolicies, { salt }: ServerKeys): Policies {
  const own = Object.entries(groups).map(([group, it]) => [group, { ...policy(version, it, salt), group }])
  return { ...policy(version, company, salt), ...(own.length > 0 && { groups: Object.fromEntries(own) }) }
}

function policy(version: number, asked: AskedPolicy, salt: string): Policy {
  const { off, on, watchedRoots, ...more } = asked
  const limits = { spoolBytes: SPOOL_BYTES, spoolDays: SPOOL_DAYS }
  // Absent when they ask for nothing: agents before these fields refuse a policy that has them.
  const wanted = Object.fromEntries(Object.entries(more).filter(([, it]) => it !== undefined))
  return { version, salt, off, on, watchedRoots, ...limits, ...wanted }
}

/** The policy of one group; null: of laptops without one. */
export function policyOf({ groups, ...company }: Policies, group: string | null | undefined): Policy {
  return (group != null && groups && Object.hasOwn(groups, group) && groups[group]) || company
}

/** The policies that a server on this store used last; null before the first, or when a later Tellwire wrote them. */
export async function lastPolicies(values: Pick<Values, 'get'>): Promise<Policies | null> {
  const saved = Policies.safeParse(JSON.parse((await values.get(KEY)) ?? 'null'))
  return saved.success ? saved.data : null
}

export function signPolicy(policy: Policy, keys: ServerKeys): SignedPolicy {
  const text = JSON.stringify(policy)
  return { text, signature: keys.sign(signedText.policy(text)) }
}

/** Everything but the versions, in a fixed order. */
function content(value: unknown): string {
  return JSON.stringify(value, (name, it) => {
    if (name === 'version') return undefined
    if (typeof it !== 'object' || it === null || Array.isArray(it)) return it
    return Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** Also reads a policy with unknown fields, written by a later Tellwire. */
function versionOf(policy: unknown): number {
  const version = (policy as { version?: unknown } | null)?.version
  return Number.isSafeInteger(version) ? (version as number) : 0
}
