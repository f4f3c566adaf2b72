/** The policy: accepted only with the server's signature, and saved across restarts. */
import { createHash } from 'node:crypto'
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
  if (!isSigned(serverKey, signedText.policy(signed.text), signed.signature)) throw new Fault('agent.policy')
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
  const where = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new Fault('agent.policy', {
    where,
    why: 'It is signed, but this agent does not know its format.',
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

/** The policy in use, and why the latest one was rejected. */
export interface PolicyHolder {
  readonly current: Policy | null
  /** SHA-256 over its text, lower-case hex. */
  readonly hash: string | null
  /** Why the latest policy was rejected, or the saved one could not be read. */
  readonly trouble: string | null
  /** The new policy; null if it is rejected or changes nothing. */
  update(signed: SignedPolicy): Policy | null
}

export function policyHolder(path: string, serverKey: string): PolicyHolder {
  let current: Policy | null = null
  let hash: string | null = null
  let trouble: string | null = null
  try {
    const signed = readJson(path, SignedPolicy)
    current = signed && acceptPolicy(signed, serverKey)
    hash = signed && hashOf(signed)
  } catch (cause) {
    trouble = textOf(cause) // the server sends one with its welcome
  }
  return {
    get current() {
      return current
    },
    get hash() {
      return hash
    },
    get trouble() {
      return trouble
    },
    update(signed) {
      const before = current
      try {
        current = acceptPolicy(signed, serverKey, before?.version)
        hash = hashOf(signed)
        trouble = null
      } catch (cause) {
        trouble = textOf(cause)
        return null
      }
      if (before && JSON.stringify(before) === JSON.stringify(current)) return null
      try {
        savePolicy(path, signed)
      } catch {
        // A full disk: the next welcome contains the policy again.
      }
      return current
    },
  }
}

function hashOf({ text }: SignedPolicy): string {
  return createHash('sha256').update(text).digest('hex')
}

function textOf(cause: unknown): string {
  return cause instanceof Fault ? cause.message : String(cause)
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

/** Whether `next` requires a restart of the collectors. */
export function changesCollection(before: Policy, next: Policy): boolean {
  const relevant = ({ salt, off, on, watchedRoots }: Policy) => JSON.stringify([salt, off, on, watchedRoots])
  return relevant(before) !== relevant(next)
}
