/**
 * Compiles loaded rules into a program.
 *
 * Shape   one program for each logsource of events, compiled with the first event of that logsource: few events have
 *         all of them, and compiling costs as much as reading the rules. In each, an index of prefilters selects the
 *         few rules that an event could match; only these are evaluated, each predicate once, cheap ones first.
 */
import { CONTEXT_FIELDS } from './cell.ts'
import type { Expression } from './expression.ts'
import { ANYWHERE, type FieldIndex } from './index-by-field.ts'
import { type LogsourceProgram, programsByLogsource } from './logsource-program.ts'
import { budget } from './memory.ts'
import type { FlatEvent, LoadedRule, Match, Program } from './rule.ts'

/** Characters of values that were seen before, in two generations. */
const MAX_REMEMBERED = 4_194_304

export function compile(rules: readonly LoadedRule[]): Program {
  const programOf = programsByLogsource(rules, budget(MAX_REMEMBERED))
  return {
    rules,
    match(event) {
      const program = programOf(event)
      return program.rules.length === 0 ? [] : matchesOf(event, program)
    },
    reads(category, prefix) {
      const isFor = (rule: LoadedRule) => (rule.logsource.category ?? category) === category
      return rules.some((rule) => isFor(rule) && readsField(rule.condition, prefix))
    },
  }
}

/** In the order of the rules. */
function matchesOf(event: FlatEvent, program: LogsourceProgram): Match[] {
  const { rules, candidates, facts, indexes, sink, cells, trees } = program
  cells.begin(event)
  trees.begin()
  program.begin()
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!
    if (index.slot === ANYWHERE) scanOthers(index, program)
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

function scanOthers(index: FieldIndex, { indexed, sink, cells }: LogsourceProgram): void {
  const texts = cells.otherTexts(indexed)
  if (texts === null || index.mayFind(texts)) cells.forEachOther(indexed, (cell) => index.scan(cell, sink))
}

function readsField(expression: Expression, prefix: string): boolean {
  if (expression.kind === 'not') return readsField(expression.of, prefix)
  if (expression.kind !== 'test') return expression.of.some((each) => readsField(each, prefix))
  const { field, test } = expression
  if (field === null) return !CONTEXT_FIELDS.has(prefix)
  return field.startsWith(prefix) || (test.op === 'reference' && test.other.startsWith(prefix))
}
