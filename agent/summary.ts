/** What the agent costs, since the last time it was asked. */
import type { ObservationOf } from '../wire/event.ts'
import type { StartCounters } from './collect.ts'

type State = ObservationOf<'agent_state'>
export type Costs = Pick<State, 'CpuMs' | 'ResidentBytes' | 'SpoolBytes' | 'WireBytes' | 'ForksSeen' | 'ForksTotal'>

export const NO_COSTS: Costs = {
  CpuMs: null,
  ResidentBytes: null,
  SpoolBytes: null,
  WireBytes: null,
  ForksSeen: null,
  ForksTotal: null,
}

/** Counted since the agent began; null: cannot be known here. */
export interface Meters {
  cpuMs(): number
  residentBytes(): number
  spoolBytes(): number
  wireBytes(): number
  starts(): StartCounters | null
}

/** Gives back what grew since the last call, and what is now. */
export function summary(meters: Meters): () => Costs {
  let before = { cpuMs: 0, wireBytes: 0, starts: { seen: 0, total: 0 } }
  return () => {
    const now = { cpuMs: meters.cpuMs(), wireBytes: meters.wireBytes(), starts: meters.starts() }
    const costs: Costs = {
      CpuMs: grown(now.cpuMs, before.cpuMs),
      ResidentBytes: meters.residentBytes(),
      SpoolBytes: meters.spoolBytes(),
      WireBytes: grown(now.wireBytes, before.wireBytes),
      ForksSeen: now.starts && grown(now.starts.seen, before.starts.seen),
      ForksTotal: now.starts && grown(now.starts.total, before.starts.total),
    }
    before = { ...now, starts: now.starts ?? before.starts }
    return costs
  }
}

const grown = (now: number, before: number) => Math.max(0, Math.round(now - before))
