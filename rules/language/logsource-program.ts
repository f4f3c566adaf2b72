/**
 * The compiled rules of one logsource, which match its events.
 */
import type { PredicateFacts } from './evaluator.ts'
import { NO_PLACE } from './evaluator.ts'
import { ANYWHERE, type FieldIndex, indexByField, type Prefiltered, type ScanSink } from './index-by-field.ts'
import { covers, LOGSOURCE_KEYS } from './logsource.ts'
import type { Budget } from './memory.ts'
import type { Interning, Predicate, PredicateTree } from './predicates.ts'
import type { IndexTerms, Prefilter } from './prefilter.ts'
import type { FlatEvent, LoadedRule, Logsource } from './rule.ts'

export interface PreparedRule {
  rule: LoadedRule
  /** In the order of all rules. */
  place: number
  tree: PredicateTree
  /** Null: the rule is always evaluated. */
  prefilter: Prefilter | null
}

export interface LogsourceProgram {
  rules: readonly PreparedRule[]
  indexes: readonly FieldIndex[]
  facts: PredicateFacts
  /** Indexes in `rules` of those that the current event could match. */
  candidates: number[]
  /** By slot: 1 when an index reads the field. */
  indexed: Uint8Array
  sink: ScanSink
  /** Starts the next event, without candidates. */
  begin(): void
}

/** Shared by the programs of one compilation. */
export interface Shared {
  interned: Interning
  terms: (predicate: Predicate) => IndexTerms
  markTrue: (predicate: number) => void
  budget: Budget
}

/**
 * The programs by logsource of events. Those of logsources in rules are made at once, others with their first event.
 */
export function programsByLogsource(
  prepared: readonly PreparedRule[],
  shared: Shared,
): (event: FlatEvent) => LogsourceProgram {
  const byLogsource = Map.groupBy(prepared, ({ rule }) => keyOf(rule.logsource))
  const known = statedValues(prepared)
  const programs = new Map<string, LogsourceProgram>()
  /** The same, by the numbers of the logsource's values, to find an event's without making a text. */
  const byNumber = new Map<number, LogsourceProgram>()
  for (const { rule } of prepared) programFor(rule.logsource)

  function programFor(logsource: Logsource): LogsourceProgram {
    const key = keyOf(logsource)
    let program = programs.get(key)
    if (!program) {
      const fitting = [...byLogsource.values()].filter(([first]) => covers(first!.rule.logsource, logsource)).flat()
      fitting.sort((a, b) => a.place - b.place)
      program = compileLogsource(fitting, shared)
      programs.set(key, program)
    }
    return program
  }

  return (event) => {
    let number = 0
    for (let i = 0; i < LOGSOURCE_KEYS.length; i++)
      number = number * (known[i]!.size + 1) + (known[i]!.get(event[LOGSOURCE_KEYS[i]!]) ?? 0)
    let program = byNumber.get(number)
    if (!program) byNumber.set(number, (program = programFor(logsourceOf(event, known))))
    return program
  }
}

function compileLogsource(rules: readonly PreparedRule[], { interned, terms, markTrue, budget }: Shared) {
  const { predicates, fields } = interned
  const prefiltered: Prefiltered[] = []
  const always: number[] = []
  const decidedByIndex = new Uint8Array(predicates.length)
  for (const [place, { prefilter }] of rules.entries()) {
    if (prefilter === null) always.push(place)
    else {
      prefiltered.push({ rule: place, predicates: prefilter.predicates })
      for (const predicate of prefilter.predicates) if (terms(predicate).exact) decidedByIndex[predicate.id] = 1
    }
  }
  const { places, widths } = placesOf(rules, predicates.length)
  const addedIn = new Int32Array(rules.length)
  const candidates: number[] = []
  let turn = 0
  const addCandidate = (place: number): void => {
    if (addedIn[place] === turn) return
    addedIn[place] = turn
    candidates.push(place)
  }
  const indexes = indexByField(prefiltered, terms, (slot) => widths.get(slot) ?? 0, budget)
  const indexed = new Uint8Array(fields.length)
  for (const { slot } of indexes) if (slot !== ANYWHERE) indexed[slot] = 1
  return {
    rules,
    indexes,
    indexed,
    facts: { decidedByIndex, places },
    candidates,
    sink: { markTrue, addCandidate },
    begin() {
      turn = (turn + 1) | 0
      candidates.length = 0
      for (let i = 0; i < always.length; i++) candidates.push(always[i]!)
    },
  }
}

/** Numbers the predicates of each field in these rules. */
function placesOf(
  rules: readonly PreparedRule[],
  predicates: number,
): { places: Uint16Array; widths: Map<number, number> } {
  const places = new Uint16Array(predicates).fill(NO_PLACE)
  const widths = new Map<number, number>()
  for (const { tree } of rules) number(tree)
  return { places, widths }

  function number(tree: PredicateTree): void {
    if (tree.kind === 'not') number(tree.of)
    else if (tree.kind !== 'predicate') tree.of.forEach(number)
    else {
      const { id, slot, byText } = tree.predicate
      const width = widths.get(slot) ?? 0
      if (!byText || places[id] !== NO_PLACE || width === NO_PLACE) return
      places[id] = width
      widths.set(slot, width + 1)
    }
  }
}

function keyOf({ category, product, service }: Logsource): string {
  return `${category ?? ''}\n${product ?? ''}\n${service ?? ''}`
}

/** The values in rules' logsources, numbered from 1. */
function statedValues(rules: readonly PreparedRule[]): ReadonlyMap<unknown, number>[] {
  return LOGSOURCE_KEYS.map((key) => {
    const values = new Set(rules.flatMap(({ rule }) => rule.logsource[key] ?? []))
    return new Map([...values].map((value, i) => [value, i + 1]))
  })
}

/** Values that no rule has are treated alike, so that events cannot cause any number of programs. */
function logsourceOf(event: FlatEvent, known: readonly ReadonlyMap<unknown, number>[]): Logsource {
  const [category, product, service] = [event.category, event.product, event.service].map((value, i) =>
    typeof value === 'string' && known[i]!.has(value) ? value : null,
  )
  return { category: category!, product: product!, service: service! }
}
