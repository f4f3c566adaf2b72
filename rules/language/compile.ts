/**
 * Compiles loaded rules into a program.
 *
 * Shape   one program for each logsource of events. In each, an index of prefilters selects the few rules that an event
 *         could match; only these are evaluated, each predicate once, cheap ones first.
 */
import { CONTEXT_FIELDS } from './cell.ts'
import { type Evaluator, evaluator } from './evaluator.ts'
import { type EventCells, eventCells } from './event-cells.ts'
import { ANYWHERE, type FieldIndex } from './index-by-field.ts'
import { type LogsourceProgram, type PreparedRule, programsByLogsource } from './logsource-program.ts'
import { budget } from './memory.ts'
import { interning, type Predicate, type PredicateTree } from './predicates.ts'
import { type IndexTerms, indexTermsOf, prefilterOf } from './prefilter.ts'
import type { LoadedRule, Match, Program } from './rule.ts'

/** Characters of values that were seen before, in two generations. */
const MAX_REMEMBERED = 4_194_304

export function compile(rules: readonly LoadedRule[]): Program {
  const interned = interning()
  const terms = remembered(indexTermsOf)
  const prepared = rules.map((rule, place): PreparedRule => {
    const tree = interned.treeOf(rule.condition)
    return { rule, place, tree, prefilter: prefilterOf(tree, terms) }
  })
  const cells = eventCells(interned.fields)
  const trees = evaluator(interned.predicates.length, cells)
  const programOf = programsByLogsource(prepared, {
    interned,
    terms,
    markTrue: trees.markTrue,
    budget: budget(MAX_REMEMBERED),
  })
  return {
    rules,
    match(event) {
      const program = programOf(event)
      if (program.rules.length === 0) return []
      cells.begin(event)
      trees.begin()
      return matchesOf(program, cells, trees)
    },
    reads(category, prefix) {
      const isFor = (rule: LoadedRule) => (rule.logsource.category ?? category) === category
      return prepared.some(({ rule, tree }) => isFor(rule) && readsField(tree, interned.fields, prefix))
    },
  }
}

/** In the order of the rules. */
function matchesOf(program: LogsourceProgram, cells: EventCells, trees: Evaluator): Match[] {
  const { rules, candidates, facts, indexes, sink } = program
  program.begin()
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!
    if (index.slot === ANYWHERE) scanOthers(index, program, cells)
    else index.scan(cells.cell(index.slot), sink)
  }
  const matching: number[] = []
  for (let i = 0; i < candidates.length; i++) {
    const place = candidates[i]!
    if (trees.evaluateTree(rules[place]!.tree, facts)) matching.push(place)
  }
  if (matching.length > 1) matching.sort((a, b) => a - b)
  return matching.map((place): Match => ({ rule: rules[place]!.rule }))
}

function scanOthers(index: FieldIndex, { indexed, sink }: LogsourceProgram, cells: EventCells): void {
  const texts = cells.otherTexts(indexed)
  if (texts === null || index.mayFind(texts)) cells.forEachOther(indexed, (cell) => index.scan(cell, sink))
}

function readsField(tree: PredicateTree, fields: readonly string[], prefix: string): boolean {
  if (tree.kind === 'not') return readsField(tree.of, fields, prefix)
  if (tree.kind !== 'predicate') return tree.of.some((each) => readsField(each, fields, prefix))
  const { slot, tests } = tree.predicate
  if (slot < 0) return !CONTEXT_FIELDS.has(prefix)
  const names = tests.flatMap((test) => (test.op === 'reference' ? [test.other] : []))
  return [fields[slot]!, ...names].some((field) => field.startsWith(prefix))
}

function remembered(of: (predicate: Predicate) => IndexTerms): (predicate: Predicate) => IndexTerms {
  const known = new Map<Predicate, IndexTerms>()
  return (predicate) => {
    let found = known.get(predicate)
    if (!found) known.set(predicate, (found = of(predicate)))
    return found
  }
}
