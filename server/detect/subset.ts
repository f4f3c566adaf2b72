/**
 * The part of a ruleset that is needed to re-evaluate some of its rules after an edit.
 *
 * Shape   the named rules and correlations, the correlations that count them, and everything that these count in turn.
 *         Rules included only to be counted make no findings: those of the whole ruleset still hold.
 *         For the replaced ids the subset makes exactly the findings that the whole ruleset makes.
 */
import { compile, type LoadedCorrelation, type LoadedRule, literalsOf } from '../../rules/language/index.ts'
import { reportedBy } from './identity.ts'
import type { Ruleset } from './program.ts'

export interface Subset extends Ruleset {
  /** Ids whose earlier findings no longer hold: the named ones, even if they were removed, and correlations over them. */
  replaced: ReadonlySet<string>
  /** Ids whose matches and firings become findings: those of `replaced` that do so in the whole ruleset. */
  reported: ReadonlySet<string>
  reads: Reads
}

/** Which events the rules of a subset can match; others need not be read. */
export interface Reads {
  /** The event's `category` is one of these. Null: any. */
  categories: ReadonlySet<string> | null
  /**
   * One of these occurs in the JSON text of the event's record, after folding: see `literalScan`. Null: nothing is
   * known. Empty: no event matches.
   */
  literals: readonly string[] | null
}

/** Fields that the server adds to an event; the recorded event lacks them. */
const CONTEXT = /^(Contract|device|worker|Worker)(\.|$)/

export function subsetOf(ruleset: Ruleset, ids: Iterable<string>): Subset {
  const { program, correlations, credit } = ruleset
  const replaced = withThoseAbove(new Set(ids), correlations)
  const needed = withThoseBelow(replaced, correlations)
  const rules = program.rules.filter(({ id }) => needed.has(id))
  const reported = reportedBy(ruleset)
  return {
    program: compile(rules),
    correlations: correlations.filter(({ id }) => needed.has(id)),
    credit,
    replaced,
    reported: new Set([...replaced].filter((id) => reported.has(id))),
    reads: readsOf(rules),
  }
}

export function readsOf(rules: readonly LoadedRule[]): Reads {
  const categories = rules.map(({ logsource }) => logsource.category)
  const literals = rules.map(({ condition }) => literalsOf(condition, isContext))
  return {
    categories: categories.every((it) => it !== null) ? new Set(categories) : null,
    literals: literals.every((it) => it !== null) ? [...new Set(literals.flat())].sort() : null,
  }
}

/** A keyword search of the whole event also covers device and worker. */
function isContext(field: string | null): boolean {
  return field === null || CONTEXT.test(field)
}

function withThoseAbove(ids: ReadonlySet<string>, correlations: readonly LoadedCorrelation[]): ReadonlySet<string> {
  const above = Map.groupBy(
    correlations.flatMap(({ id, members }) => members.map((member) => ({ member: member.id, id }))),
    ({ member }) => member,
  )
  return closure(ids, (id) => above.get(id)?.map((it) => it.id) ?? [])
}

function withThoseBelow(ids: ReadonlySet<string>, correlations: readonly LoadedCorrelation[]): ReadonlySet<string> {
  const below = new Map(correlations.map(({ id, members }) => [id, members.map((member) => member.id)]))
  return closure(ids, (id) => below.get(id) ?? [])
}

function closure(ids: ReadonlySet<string>, next: (id: string) => readonly string[]): ReadonlySet<string> {
  const all = new Set(ids)
  // A set's iterator also visits members that are added while it runs.
  for (const id of all) for (const other of next(id)) all.add(other)
  return all
}
