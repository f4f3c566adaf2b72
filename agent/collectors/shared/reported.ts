/**
 * What an inventory has already reported, saved across restarts, so that after a restart only changes are reported.
 *
 * Shape   key → the reported version. A full baseline is due if there is none, and then once a week, so that a server
 *         that lost data gets it again; 2,000 packages cost about 50 KB on the wire.
 * Errors  if the saved state is missing or damaged, a new baseline is reported.
 */
import { DAY } from '../../../wire/time.ts'
import type { Host } from '../../host/host.ts'

const BASELINE_EVERY_MS = 7 * DAY

export interface Reported<T> {
  baselineAt: number | null
  items: Map<string, T>
}

export async function loadReported<T>(host: Host, name: string): Promise<Reported<T>> {
  try {
    const saved: unknown = JSON.parse((await host.state.load(name)) ?? 'null')
    if (saved !== null && typeof saved === 'object' && 'baselineAt' in saved && 'things' in saved)
      if (typeof saved.baselineAt === 'number' && Array.isArray(saved.things))
        return { baselineAt: saved.baselineAt, items: new Map(saved.things as [string, T][]) }
  } catch {}
  return { baselineAt: null, items: new Map() }
}

/** Also due if the clock was set back. */
export function baselineIsDue(reported: Reported<unknown>, now: number): boolean {
  return reported.baselineAt === null || now < reported.baselineAt || now - reported.baselineAt >= BASELINE_EVERY_MS
}

/** The field names of the saved form must not change. */
export function saveReported<T>(host: Host, name: string, reported: Reported<T>): Promise<void> {
  return host.state.save(name, JSON.stringify({ baselineAt: reported.baselineAt, things: [...reported.items] }))
}
