/**
 * stopped.json: when and why the agent stopped in good order, so that the next start can tell a laptop that was switched
 * off from a service that was stopped while the laptop ran on.
 *
 * Units   ms since boot, including sleep.
 * Errors  what cannot be read or written says nothing.
 */
import { rmSync } from 'node:fs'
import * as z from 'zod'
import { attempt } from './attempt.ts'
import { agentPaths, readJson, writeFileAtomically } from './config.ts'

const Stopped = z.object({
  bootId: z.string(),
  booted: z.number(),
  reason: z.enum(['upgrade', 'uninstall']).nullable(),
})
type StopReason = z.infer<typeof Stopped>['reason']

export function recordStop(folder: string, bootId: string | null, booted: number, reason: StopReason): void {
  const { stopped } = agentPaths(folder)
  if (bootId === null) attempt(() => rmSync(stopped, { force: true }))
  else attempt(() => writeFileAtomically(stopped, JSON.stringify({ bootId, booted, reason })))
}

/** Of the stop before this start, in this boot; null: there was none. It is forgotten. */
export function takeStop(
  folder: string,
  bootId: string | null,
  booted: number,
): { seconds: number; reason: StopReason } | null {
  const { stopped } = agentPaths(folder)
  const found = attempt(() => readJson(stopped, Stopped))
  attempt(() => rmSync(stopped, { force: true }))
  if (!found || bootId === null || found.bootId !== bootId || booted < found.booted) return null
  return { seconds: Math.round((booted - found.booted) / 1_000), reason: found.reason }
}
