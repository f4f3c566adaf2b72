/** The policy: accepted only with the server's signature and within the bounds of the contract. */
import { CATEGORIES, type Category } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import { Policy, SignedPolicy, signedText } from '../wire/messages.ts'
import { readJson, writeFileAtomically } from './config.ts'
import { isSigned } from './identity.ts'

const UPDATE = 'Update the agent.'

/**
 * `atLeast`: the version in use. An older policy is rejected even if it is signed, because it may be a replay.
 *
 * Errors  Fault 'agent.policy' for a wrong signature, a signed text that is not a policy, and an older version.
 */
export function acceptPolicy(signed: SignedPolicy, serverKey: string, atLeast = 0): Policy {
  if (!isSigned(serverKey, signedText.policy(signed.text), signed.signature))
    throw new Fault('agent.policy', {
      where: 'signature',
      why: 'It is not signed by the server this laptop enrolled with.',
      todo: 'Report this to the security team.',
    })
  let value: unknown
  try {
    value = JSON.parse(signed.text)
  } catch (cause) {
    throw new Fault('agent.policy', { where: 'text', why: 'It is signed, but not JSON.', todo: UPDATE, cause })
  }
  const parsed = Policy.safeParse(value)
  if (parsed.success && parsed.data.version < atLeast)
    throw new Fault('agent.policy', {
      where: 'version',
      why: `It is older than version ${atLeast}, which is in use.`,
      todo: `Sign a policy with a version above ${atLeast}.`,
    })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  throw new Fault('agent.policy', {
    where: [...(issue?.path ?? []), ...unknown].map(String).join('.').slice(0, 128),
    why: `It is signed, but ${unknown.length > 0 ? 'this agent does not know this key' : 'this value is not allowed'}.`,
    todo: UPDATE,
  })
}

export function savePolicy(path: string, signed: SignedPolicy): void {
  writeFileAtomically(path, JSON.stringify(signed))
}

/** The saved policy; null if there is none. Errors  Fault 'agent.policy' or 'config.invalid'. */
export function lastPolicy(path: string, serverKey: string): Policy | null {
  const signed = readJson(path, SignedPolicy)
  return signed && acceptPolicy(signed, serverKey)
}

/** Whether the saved policy is not one that this server signed. */
export function isForeignPolicy(path: string, serverKey: string): boolean {
  try {
    const signed = readJson(path, SignedPolicy)
    return signed !== null && !isSigned(serverKey, signedText.policy(signed.text), signed.signature)
  } catch (cause) {
    return (
      cause instanceof Fault &&
      cause.code === 'config.invalid' &&
      !(cause.cause instanceof Error && 'errno' in cause.cause)
    )
  }
}

/** All categories that are off: those in `off`, and the sensitive ones that are not in `on`. */
export function categoriesOff(policy: Policy): string[] {
  const categories = Object.keys(CATEGORIES) as Category[]
  return categories.filter((it) => policy.off.includes(it) || (CATEGORIES[it].sensitive && !policy.on.includes(it)))
}

/** The policy for collectors: `off` lists every category that is off. */
export function forCollectors(policy: Policy): Policy {
  return { ...policy, off: categoriesOff(policy) }
}

/** How many times longer a collector pauses: only as much as the policy asks for each category that it reports. */
export function slownessOf(categories: readonly Category[], { off, slower = {} }: Policy): number {
  const asked = categories
    .filter((it) => !off.includes(it))
    .map((it) => (slower as Partial<Record<Category, number>>)[it])
  return asked.length === 0 ? 1 : Math.min(...asked.map((it) => it ?? 1))
}

/** Whether `next` requires a restart of the collectors. */
export function changesCollection(before: Policy, next: Policy): boolean {
  const relevant = ({ salt, off, on, watchedRoots, slower }: Policy) =>
    JSON.stringify([salt, off, on, watchedRoots, slower])
  return relevant(before) !== relevant(next)
}
