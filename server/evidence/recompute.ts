/**
 * What follows from the rules, contracts and events of an evidence pack: which rules match which event, and the
 * findings. By the same code that judges the log; a pack is made and verified with it.
 */
import { compile, type LoadedCorrelation, load, type Program, type RuleFile } from '../../rules/language/index.ts'
import type { Contract } from '../../wire/contract.ts'
import { Detector } from '../detect/detector.ts'
import type { Finding } from '../model/finding.ts'
import type { EventLine } from './pack.ts'

export interface PackRules {
  program: Program
  correlations: readonly LoadedCorrelation[]
  /** By id of rule or correlation: what its matches depend on. */
  versions: ReadonlyMap<string, string>
  /** The rules that a correlation counts, and those that they count; of a rule, the rule. */
  membersOf(id: string): ReadonlySet<string>
}

/** What cannot be loaded is missing. */
export function packRules(
  files: readonly RuleFile[],
  placeholders: Readonly<Record<string, readonly string[]>>,
): PackRules {
  const { rules, correlations } = load(files, { placeholders })
  return {
    program: compile(rules),
    correlations,
    versions: new Map([...rules, ...correlations].map((it) => [it.id, it.effectiveVersion])),
    membersOf: membersIn(correlations),
  }
}

/** By id, as `PackRules.membersOf`. */
export function membersIn(correlations: readonly LoadedCorrelation[]): PackRules['membersOf'] {
  const byId = new Map(correlations.map((it) => [it.id, it]))
  const add = (id: string, found: Set<string>): Set<string> => {
    if (found.has(id)) return found
    found.add(id)
    for (const member of byId.get(id)?.members ?? []) add(member.id, found)
    return found
  }
  return (id) => add(id, new Set())
}

/** Ids of the rules that match, in order; of those in `among`. */
export function matchesOf(
  { program }: PackRules,
  { event, device, worker }: Pick<EventLine, 'event' | 'device' | 'worker'>,
  contract: Contract | null,
  among: ReadonlySet<string>,
): string[] {
  const flat = { Worker: worker, ...event, device, worker, ...(contract && { Contract: contract }) }
  const matches = program.match(flat as Parameters<Program['match']>[0])
  return matches.map((it) => it.rule.id).filter((it) => among.has(it))
}

/** By id. `now`: when the verdict was. */
export function findingsAgain(
  { program, correlations }: PackRules,
  events: readonly EventLine[],
  contracts: readonly Contract[],
  now: number,
): Map<string, Finding> {
  const detector = new Detector(program, correlations)
  for (const { event, device, worker, contract } of events)
    detector.take(
      event,
      { device, worker },
      contract === null ? null : contracts[contract],
      event.product === 'tellwire',
    )
  detector.advance(now)
  return new Map([...detector.findings.all()].map((it) => [it.id, it]))
}
