/**
 * What an upgrade or a removal tells the agent, which tells the server: why it is about to be stopped, with its last
 * event; and that a new version did not stay.
 */
import { rmSync } from 'node:fs'
import * as z from 'zod'
import { attempt } from '../attempt.ts'
import { agentPaths, readJson, writeFileAtomically } from '../config.ts'

const Goodbye = z.object({ reason: z.enum(['upgrade', 'uninstall']) })
export type GoodbyeReason = z.infer<typeof Goodbye>['reason']

export function sayGoodbye(folder: string, reason: GoodbyeReason): void {
  try {
    writeFileAtomically(agentPaths(folder).goodbye, JSON.stringify({ reason }))
  } catch {
    // A full disk: the agent stops without a reason.
  }
}

/** At a start: what was said of an older stop does not hold for the next one. */
export function forgetGoodbye(folder: string): void {
  rmSync(agentPaths(folder).goodbye, { force: true })
}

/** Null: nobody said. */
export function goodbyeReason(folder: string): GoodbyeReason | null {
  return attempt(() => readJson(agentPaths(folder).goodbye, Goodbye))?.reason ?? null
}

const FailedUpgrade = z.object({ version: z.string().max(64), why: z.string() })
export type FailedUpgrade = z.infer<typeof FailedUpgrade>

export function sayUpgradeFailed(folder: string, failed: FailedUpgrade): void {
  attempt(() => writeFileAtomically(agentPaths(folder).upgradeFailed, JSON.stringify(failed)))
}

/** Null: none that was not reported yet. */
export function failedUpgrade(folder: string): FailedUpgrade | null {
  return attempt(() => readJson(agentPaths(folder).upgradeFailed, FailedUpgrade))
}

export function forgetFailedUpgrade(folder: string): void {
  rmSync(agentPaths(folder).upgradeFailed, { force: true })
}
