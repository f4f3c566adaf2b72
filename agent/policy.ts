/** What the server asks of this laptop: only what it signed, and the last good one across restarts. */
import { CATEGORIES, type Category } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import { Policy, SignedPolicy, signedText } from '../wire/messages.ts'
import { readJson, writeWhole } from './config.ts'
import { isSigned } from './identity.ts'

/**
 * `atLeast` is the version obeyed now: an older policy, though signed, is somebody playing an old recording.
 *
 * Errors  Fault 'agent.policy' for a wrong signature, a signed text that is no policy, and an older version.
 */
export function acceptPolicy(signed: SignedPolicy, serverKey: string, atLeast = 0): Policy {
  if (!isSigned(serverKey, signedText.policy(signed.text), signed.signature)) throw new Fault('agent.policy')
  let value: unknown
  try {
    value = JSON.parse(signed.text)
  } catch (cause) {
    throw new Fault('agent.policy', { where: 'text', todo: 'It is signed, but no JSON.', cause })
  }
  const parsed = Policy.safeParse(value)
  if (parsed.success && parsed.data.version < atLeast)
    throw new Fault('agent.policy', {
      where: 'version',
      todo: `It is older than version ${atLeast}, which holds here.`,
    })
  if (parsed.success) return parsed.data
  const where = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new Fault('agent.policy', { where, todo: 'It is signed, but not understood; update the agent.' })
}

export function savePolicy(path: string, signed: SignedPolicy): void {
  writeWhole(path, JSON.stringify(signed))
}

/** The last good one. Errors: Fault 'agent.policy' or 'config.invalid'; null when there is none. */
export function lastPolicy(path: string, serverKey: string): Policy | null {
  const signed = readJson(path, SignedPolicy)
  return signed && acceptPolicy(signed, serverKey)
}

/** The policy that holds, and whether the last one that came was refused. */
export interface PolicyHolder {
  readonly current: Policy | null
  /** Why the last one was refused, or the saved one could not be read. */
  readonly trouble: string | null
  /** The policy, when it is another one than before; null when nothing changes. */
  take(signed: SignedPolicy): Policy | null
}

export function policyHolder(path: string, serverKey: string): PolicyHolder {
  let current: Policy | null = null
  let trouble: string | null = null
  try {
    current = lastPolicy(path, serverKey)
  } catch (cause) {
    trouble = textOf(cause) // the server sends one with its welcome
  }
  return {
    get current() {
      return current
    },
    get trouble() {
      return trouble
    },
    take(signed) {
      const before = current
      try {
        current = acceptPolicy(signed, serverKey, before?.version)
        trouble = null
      } catch (cause) {
        trouble = textOf(cause)
        return null
      }
      if (before && JSON.stringify(before) === JSON.stringify(current)) return null
      try {
        savePolicy(path, signed)
      } catch {
        // A full disk: it comes again with the next welcome.
      }
      return current
    },
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Fault ? cause.message : String(cause)
}

/** Everything that is off: what the policy switches off, and the sensitive categories that it does not switch on. */
export function categoriesOff(policy: Policy): string[] {
  const categories = Object.keys(CATEGORIES) as Category[]
  return categories.filter((it) => policy.off.includes(it) || (CATEGORIES[it].sensitive && !policy.on.includes(it)))
}

/** The policy as collectors get it: `off` names everything that is off. */
export function forCollectors(policy: Policy): Policy {
  return { ...policy, off: categoriesOff(policy) }
}

/** Whether the collectors have to start again to follow `next`. */
export function changesCollection(before: Policy, next: Policy): boolean {
  const asked = ({ salt, off, on, watchedRoots }: Policy) => JSON.stringify([salt, off, on, watchedRoots])
  return asked(before) !== asked(next)
}
