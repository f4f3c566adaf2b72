/**
 * The policy in use, and the way back from a new one.
 *
 * Shape   a new policy is applied at once and is on trial: policy.json keeps the one before it until the trial has been
 *         passed, so that whoever reads only that file (an upgrade, the next start after a death) reads one that works.
 *         One that failed is remembered with its number, because the server sends it again with every welcome.
 *         The first policy has nothing to go back to, and one that asks for the same as before has nothing to fail.
 * Errors  nothing is thrown: a policy that cannot be used is `trouble`, and the one in use stays. On a full disk a trial
 *         is not written down: after a death the one before it runs, and the server sends the new one again.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import * as z from 'zod'
import { Fault } from '../wire/fault.ts'
import { type Policy, SignedPolicy } from '../wire/messages.ts'
import { DAY } from '../wire/time.ts'
import { attempt } from './attempt.ts'
import { readJson, writeFileAtomically } from './config.ts'
import { acceptPolicy, lastPolicy, savePolicy } from './policy.ts'

/** A new policy that the agent died with this often is not tried again. */
const DEATHS_MAX = 2
/** A laptop that loses its network during a trial has done nothing wrong: so it is tried again, this often. */
const TRIES_MAX = 3
/** After this, a policy that failed is tried again: what failed may have been the laptop. */
const REFUSED_MS = DAY

/** `runs`: of the agent with it, that did not end by a clean stop. */
const Trial = z.strictObject({ signed: SignedPolicy, runs: z.int() })
const Failed = z.strictObject({ version: z.int(), agent: z.string(), at: z.number(), tries: z.int(), why: z.string() })

export interface PolicyFiles {
  policy: string
  policyTrial: string
  policyFailed: string
}

export interface PolicyHolderOptions {
  serverKey: string
  /** The agent's version: another one may be able to do what this one could not. */
  agent: string
  now(): number
}

export interface PolicyHolder {
  readonly current: Policy | null
  /** Whether `current` still has to show that it works. */
  readonly isOnTrial: boolean
  /** SHA-256 over the text of `current`, lower-case hex. */
  readonly hash: string | null
  /** Why the latest policy was refused or taken back, or the saved one could not be read. */
  readonly trouble: string | null
  /** The new policy; null if it is refused or changes nothing. */
  update(signed: SignedPolicy): Policy | null
  /** The trial was passed. */
  keep(): void
  /** The policy before it, which is in use again. `isFinal`: it is not tried again soon. */
  goBack(why: string, isFinal: boolean): Policy | null
  /** A clean stop: the next start is not one after a death. */
  stopped(): void
}

export function policyHolder(files: PolicyFiles, { serverKey, agent, now }: PolicyHolderOptions): PolicyHolder {
  let good: Policy | null = null
  let goodText: string | null = null
  let trial: { signed: SignedPolicy; policy: Policy } | null = null
  let trouble: string | null = null
  try {
    const signed = readJson(files.policy, SignedPolicy)
    good = signed && acceptPolicy(signed, serverKey)
    goodText = signed?.text ?? null
  } catch (cause) {
    trouble = textOf(cause) // the server sends one with its welcome
  }
  resume()
  return {
    get current() {
      return trial?.policy ?? good
    },
    get hash() {
      const text = trial?.signed.text ?? goodText
      return text === null ? null : createHash('sha256').update(text).digest('hex')
    },
    get isOnTrial() {
      return trial !== null
    },
    get trouble() {
      return trouble
    },
    update,
    keep,
    goBack,
    stopped: () => void (trial && saveTrial(trial.signed, 0)),
  }

  /** Goes on with a trial that a death, or the end of the laptop's day, has interrupted. */
  function resume(): void {
    const found = attempt(() => readJson(files.policyTrial, Trial))
    const policy = found && attempt(() => acceptPolicy(found.signed, serverKey, good?.version))
    if (!found || !policy || good === null) {
      forgetTrial()
      return
    }
    trial = { signed: found.signed, policy }
    if (found.runs >= DEATHS_MAX) goBack(`The agent died ${found.runs} times with it.`, true)
    else saveTrial(found.signed, found.runs + 1)
  }

  function update(signed: SignedPolicy): Policy | null {
    const before = trial?.policy ?? good
    let next: Policy
    try {
      next = acceptPolicy(signed, serverKey, before?.version)
    } catch (cause) {
      trouble = textOf(cause)
      return null
    }
    if (before && JSON.stringify(before) === JSON.stringify(next)) {
      trouble = null
      return null
    }
    const failed = attempt(() => readJson(files.policyFailed, Failed))
    if (failed && isRefused(failed, next)) {
      trouble = textOf(failedFault(next.version, failed.why))
      return null
    }
    trouble = null
    if (good === null || (trial === null && asksTheSame(good, next))) {
      good = next
      goodText = signed.text
      // A full disk: the next welcome contains the policy again.
      attempt(() => savePolicy(files.policy, signed))
      return next
    }
    trial = { signed, policy: next }
    saveTrial(signed, 1)
    return next
  }

  function keep(): void {
    if (trial === null) return
    const { signed, policy } = trial
    good = policy
    goodText = signed.text
    trial = null
    attempt(() => savePolicy(files.policy, signed))
    forgetTrial()
    attempt(() => rmSync(files.policyFailed, { force: true }))
  }

  function goBack(why: string, isFinal: boolean): Policy | null {
    if (trial === null) return null
    const { version } = trial.policy
    const before = attempt(() => readJson(files.policyFailed, Failed))
    const tries = isFinal ? TRIES_MAX : (before?.version === version ? before.tries : 0) + 1
    trial = null
    trouble = textOf(failedFault(version, why))
    attempt(() => writeFileAtomically(files.policyFailed, JSON.stringify({ version, agent, at: now(), tries, why })))
    forgetTrial()
    return good
  }

  function isRefused(failed: z.infer<typeof Failed>, { version }: Policy): boolean {
    // A clock that was set back must not keep a policy away for years.
    const age = Math.abs(now() - failed.at)
    return failed.version === version && failed.agent === agent && failed.tries >= TRIES_MAX && age < REFUSED_MS
  }

  function saveTrial(signed: SignedPolicy, runs: number): void {
    attempt(() => writeFileAtomically(files.policyTrial, JSON.stringify({ signed, runs })))
  }

  function forgetTrial(): void {
    attempt(() => rmSync(files.policyTrial, { force: true }))
  }
}

/** The policy that the running agent uses, for commands beside it. Errors  as `lastPolicy`. */
export function policyInUse(files: PolicyFiles, serverKey: string): Policy | null {
  const found = attempt(() => readJson(files.policyTrial, Trial))
  return (found && attempt(() => acceptPolicy(found.signed, serverKey))) ?? lastPolicy(files.policy, serverKey)
}

function failedFault(version: number, why: string): Fault {
  const todo = 'The policy before it is in use. Change what the server asks for.'
  return new Fault('agent.policy', { where: `version ${version}`, why, todo })
}

function asksTheSame(a: Policy, b: Policy): boolean {
  return JSON.stringify({ ...a, version: 0 }) === JSON.stringify({ ...b, version: 0 })
}

function textOf(cause: unknown): string {
  return cause instanceof Fault ? cause.message : String(cause)
}
