/**
 * The compiled rules of one logsource, which match its events.
 */

import { type Evaluator, evaluator, NO_PLACE, type PredicateFacts } from './evaluator.ts'
import { type EventCells, eventCells } from './event-cells.ts'
import { ANYWHERE, type FieldIndex, indexByField, type Prefiltered, type ScanSink } from './index-by-field.ts'
import { covers, LOGSOURCE_KEYS } from './logsource.ts'
import type { Budget } from './memory.ts'
import { interning, type Predicate, type PredicateTree } from './predicates.ts'
import { type IndexTerms, indexTermsOf, type Prefilter, prefilterOf } from './prefilter.ts'
import type { FlatEvent, LoadedRule, Logsource } from './rule.ts'

export interface PreparedRule {
  rule: LoadedRule
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
  cells: EventCells
  trees: Evaluator
  /** Starts the next event, without candidates. */
  begin(): void
}

/** The programs by logsource of events, each made with the first event. They share `budget`. */
export function programsByLogsource(
  rules: readonly LoadedRule[],
  budget: Budget,
): (event: FlatEvent) => LogsourceProgram {
  const placeOf = new Map(rules.map((rule, place) => [rule, place]))
  const byLogsource = Map.groupBy(rules, (rule) => keyOf(rule.logsource))
  const known = statedValues(rules)
  const programs = new Map<string, LogsourceProgram>()
  /** The same, by the numbers of the logsource's values, to find an event's without making a text. */
  const byNumber = new Map<number, LogsourceProgram>()

  function programFor(logsource: Logsource): LogsourceProgram {
    const key = keyOf(logsource)
    let program = programs.get(key)
    if (!program) {
      const fitting = [...byLogsource.values()].filter(([first]) => covers(first!.logsource, logsource)).flat()
      fitting.sort((a, b) => placeOf.get(a)! - placeOf.get(b)!)
      program = compileLogsource(fitting, budget)
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

function compileLogsource(loaded: readonly LoadedRule[], budget: Budget): LogsourceProgram {
  const { predicates, fields, treeOf } = interning()
  const terms = remembered(indexTermsOf)
  const rules = loaded.map((rule): PreparedRule => {
    const tree = treeOf(rule.condition)
    return { rule, tree, prefilter: prefilterOf(tree, terms) }
  })
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
  const cells = eventCells(fields)
  const trees = evaluator(predicates.length, cells)
  return {
    rules,
    indexes,
    indexed,
    facts: { decidedByIndex, places },
    candidates,
    sink: { markTrue: trees.markTrue, addCandidate },
    cells,
    trees,
    begin() {
      turn = (turn + 1) | 0
      candidates.length = 0
      for (let i = 0; i < always.length; i++) candidates.push(always[i]!)
    },
  }
}

function remembered(of: (predicate: Predicate) => IndexTerms): (predicate: Predicate) => IndexTerms {
  const known: (IndexTerms | undefined)[] = []
  return (predicate) => (known[predicate.id] ??= of(predicate))
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
function statedValues(rules: readonly LoadedRule[]): ReadonlyMap<unknown, number>[] {
  return LOGSOURCE_KEYS.map((key) => {
    const values = new Set(rules.flatMap(({ logsource }) => logsource[key] ?? []))
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
