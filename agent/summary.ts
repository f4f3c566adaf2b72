/** The agent's resource usage since the previous summary. */
import type { ObservationOf } from '../wire/event.ts'
import type { StartCounters } from './collect.ts'

type State = ObservationOf<'agent_state'>
export type Costs = Pick<
  State,
  'CpuMs' | 'ResidentBytes' | 'SpoolBytes' | 'WireBytes' | 'ForksSeen' | 'ForksTotal' | 'StartsBy'
>

export const NO_COSTS: Costs = {
  CpuMs: null,
  ResidentBytes: null,
  SpoolBytes: null,
  WireBytes: null,
  ForksSeen: null,
  ForksTotal: null,
  StartsBy: null,
}

/** Totals since the agent started; null: not known on this system. */
export interface Meters {
  cpuMs(): number
  residentBytes(): number
  spoolBytes(): number
  wireBytes(): number
  starts(): StartCounters | null
}

/** Returns a function that gives the growth of the totals since its previous call, and the current values. */
export function summary(meters: Meters): () => Costs {
  let before: { cpuMs: number; wireBytes: number; starts: StartCounters } = {
    cpuMs: 0,
    wireBytes: 0,
    starts: { seen: 0, total: 0 },
  }
  return () => {
    const now = { cpuMs: meters.cpuMs(), wireBytes: meters.wireBytes(), starts: meters.starts() }
    const costs: Costs = {
      CpuMs: grown(now.cpuMs, before.cpuMs),
      ResidentBytes: meters.residentBytes(),
      SpoolBytes: meters.spoolBytes(),
      WireBytes: grown(now.wireBytes, before.wireBytes),
      ForksSeen: now.starts && grown(now.starts.seen, before.starts.seen),
      ForksTotal: now.starts && grown(now.starts.total, before.starts.total),
      StartsBy: now.starts?.by ?? null,
    }
    before = { ...now, starts: { ...(now.starts ?? before.starts) } }
    return costs
  }
}

const grown = (now: number, before: number) => Math.max(0, Math.round(now - before))
