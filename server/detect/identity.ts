/**
 * The identity of an evaluator, as data: two processes with equal identities make the same findings from the same log.
 *
 * Shape   covers the engine, everything that changes what is derived from a record (thresholds, catalogue, derivers),
 *         and each rule and correlation in use with its filters, placeholders, and whether its matches are findings or
 *         only counted by correlations. A correlation's hash covers its members, and their members in turn; so a
 *         member that is added, changed or removed changes the correlation too. Sensitive rules that are switched off
 *         are not in use and not covered. The order of files and rules makes no difference.
 * Units   hashes are 32 hex digits.
 */
import { createHash } from 'node:crypto'
import { ENGINE_VERSION, hiddenBy, type LoadedCorrelation } from '../../rules/language/index.ts'
import { Thresholds } from '../derive/index.ts'
import type { Ruleset } from './program.ts'

/** Increase it when derivers, or the catalogue's code, derive other events from the same records than before. */
export const DERIVATION_VERSION = 14

export interface Identity {
  engine: number
  derivation: string
  /** By id of rule or correlation, in the ids' order. */
  rules: Readonly<Record<string, string>>
}

export interface Derivation {
  /** As configured; missing ones have their shipped values. */
  thresholds?: Thresholds | undefined
  /** `contentHash` of the catalogue. */
  catalogueHash: string
}

export interface Difference {
  /** Other events are derived: everything must be re-evaluated. */
  derivation: boolean
  engine: boolean
  /** Ids of rules and correlations that were added, changed or removed, sorted. All of them after an engine change. */
  changed: readonly string[]
}

export function identityOf(ruleset: Ruleset, { thresholds, catalogueHash }: Derivation): Identity {
  const reported = reportedBy(ruleset)
  const hashes = new Map<string, string>()
  for (const { id, effectiveVersion } of ruleset.program.rules)
    hashes.set(id, hashOf([effectiveVersion, reported.has(id)]))
  const byId = new Map(ruleset.correlations.map((it) => [it.id, it]))
  for (const correlation of ruleset.correlations) hashOfCorrelation(correlation)
  return {
    engine: ENGINE_VERSION,
    derivation: hashOf([DERIVATION_VERSION, catalogueHash, Thresholds.parse(thresholds ?? {})]),
    rules: Object.fromEntries([...hashes].sort(([a], [b]) => (a < b ? -1 : 1))),
  }

  /** Null: the member is not in use, so the correlation never sees a match of it. `load` has refused cycles. */
  function hashOfMember(id: string): string | null {
    const correlation = byId.get(id)
    return hashes.get(id) ?? (correlation ? hashOfCorrelation(correlation) : null)
  }

  function hashOfCorrelation({ id, effectiveVersion, members }: LoadedCorrelation): string {
    const hash = hashOf([effectiveVersion, reported.has(id), members.map((member) => hashOfMember(member.id))])
    hashes.set(id, hash)
    return hash
  }
}

export function differenceOf(before: Identity, after: Identity): Difference {
  const [earlier, later] = [before, after].map(({ rules }) => new Map(Object.entries(rules))) as [
    Map<string, string>,
    Map<string, string>,
  ]
  const ids = new Set([...earlier.keys(), ...later.keys()])
  const engine = before.engine !== after.engine
  return {
    derivation: before.derivation !== after.derivation,
    engine,
    changed: [...ids].filter((id) => engine || earlier.get(id) !== later.get(id)).sort(),
  }
}

/** Ids whose matches or firings become findings; the others only serve correlations. */
export function reportedBy({ program, correlations }: Pick<Ruleset, 'program' | 'correlations'>): ReadonlySet<string> {
  const hidden = hiddenBy(correlations)
  return new Set([
    ...program.rules.filter((it) => !it.tellwire?.step && !hidden.has(it.id)).map((it) => it.id),
    ...correlations.filter((it) => !hidden.has(it.id)).map((it) => it.id),
  ])
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}
