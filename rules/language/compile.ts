import { type Cell, everyText, lookUp } from './cell.ts'
import { cellOf, holds } from './evaluate.ts'
import type { Expression } from './expression.ts'
import type { FlatEvent, LoadedRule, Logsource, Match, Program } from './rule.ts'

export function compile(rules: readonly LoadedRule[]): Program {
  return {
    rules,
    match(event) {
      const cells = new Map<string | null, Cell>()
      const cell = (field: string | null): Cell => {
        let found = cells.get(field)
        if (!found) {
          found =
            field === null
              ? { value: [], text: null, folded: null, members: everyText(event) }
              : cellOf(lookUp(event, field))
          cells.set(field, found)
        }
        return found
      }
      return rules
        .filter((rule) => applies(rule.logsource, event) && isTrue(rule.condition, cell))
        .map((rule): Match => ({ rule }))
    },
    reads: (category, prefix) =>
      rules.some(
        (rule) =>
          (rule.logsource.category ?? category) === category &&
          fieldsOf(rule.condition).some((field) => field.startsWith(prefix)),
      ),
  }
}

function applies(logsource: Logsource, event: FlatEvent): boolean {
  return (['category', 'product', 'service'] as const).every(
    (key) => logsource[key] === null || logsource[key] === event[key],
  )
}

function isTrue(expression: Expression, cell: (field: string | null) => Cell): boolean {
  if (expression.kind === 'not') return !isTrue(expression.of, cell)
  if (expression.kind === 'test') return holds(expression.test, cell(expression.field), cell)
  if (expression.kind === 'and') return expression.of.every((each) => isTrue(each, cell))
  return expression.of.some((each) => isTrue(each, cell))
}

function fieldsOf(expression: Expression): string[] {
  if (expression.kind === 'test')
    return expression.field === null
      ? []
      : expression.test.op === 'reference'
        ? [expression.field, expression.test.other]
        : [expression.field]
  return expression.kind === 'not' ? fieldsOf(expression.of) : expression.of.flatMap(fieldsOf)
}
