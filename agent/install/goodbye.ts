/** Why the agent is about to be stopped. Whoever stops it writes it down; the agent says it with its last event. */
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
