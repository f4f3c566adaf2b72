/**
 * What a slow inventory has already reported, across restarts, so that a restart reports only what changed while the
 * agent was away.
 *
 * Shape   key → the version that was reported. A full baseline is due when there is none, and then once a week, so that
 *         a server which lost something heals; 2,000 packages cost about 50 KB on the wire.
 * Errors  a memory that is gone or damaged means a new baseline, never a failure.
 */
import type { Host } from '../../host/host.ts'

const BASELINE_EVERY_MS = 7 * 86_400_000

export interface Reported<T> {
  baselineAt: number | null
  things: Map<string, T>
}

export async function recall<T>(host: Host, name: string): Promise<Reported<T>> {
  try {
    const saved: unknown = JSON.parse((await host.state.load(name)) ?? 'null')
    if (saved !== null && typeof saved === 'object' && 'baselineAt' in saved && 'things' in saved)
      if (typeof saved.baselineAt === 'number' && Array.isArray(saved.things))
        return { baselineAt: saved.baselineAt, things: new Map(saved.things as [string, T][]) }
  } catch {}
  return { baselineAt: null, things: new Map() }
}

/** A clock that was set back makes a baseline due, too. */
export function baselineIsDue(reported: Reported<unknown>, now: number): boolean {
  return reported.baselineAt === null || now < reported.baselineAt || now - reported.baselineAt >= BASELINE_EVERY_MS
}

export function remember<T>(host: Host, name: string, reported: Reported<T>): Promise<void> {
  return host.state.save(name, JSON.stringify({ baselineAt: reported.baselineAt, things: [...reported.things] }))
}
