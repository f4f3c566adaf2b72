/** Rules and correlations as loaded, and which of the correlations need others. */
import type { LoadedCorrelation, LoadedRule } from '../language/index.ts'

export interface Ruleset {
  rules: readonly LoadedRule[]
  correlations: readonly LoadedCorrelation[]
}

/** Adds to `off` the correlations that need a rule in it, or that `isOff` says so of. */
export function cannotFire(
  correlations: readonly LoadedCorrelation[],
  off: Set<string>,
  isOff: (correlation: LoadedCorrelation) => boolean = () => false,
): Set<string> {
  // Correlations of correlations: until nothing changes.
  for (let before = -1; before !== off.size; ) {
    before = off.size
    for (const it of correlations) if (isDead(it, off) || isOff(it)) off.add(it.id)
  }
  return off
}

/** Every alternative of this correlation needs a rule that is off. */
function isDead({ type, members, anyOf }: LoadedCorrelation, off: ReadonlySet<string>): boolean {
  const missing = members.map(({ id }) => off.has(id))
  if (anyOf) return anyOf.every(({ all }) => missing.some((it, n) => it && (all & (1 << n)) !== 0))
  return type === 'temporal' ? missing.some(Boolean) : missing.every(Boolean)
}
