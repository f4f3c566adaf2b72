/**
 * Sigma filters: what a SOC takes out of rules without editing them.
 *
 * Shape   a filtered rule is `(rule) and (filter condition)`, so the condition says what may remain: `not selection`.
 *         `reason`, `owner`, `expires`, `ticket` stand under `tellwire:`. An expired filter stops hiding: from events
 *         of that day on, whatever the clock says when they are judged, so that a replay gives what was given live.
 * Errors  Refusal as for rules; a reference to no rule, and a condition without a negation, are warnings.
 */
import { parseDetection } from './detection.ts'
import type { Mapping } from './document.ts'
import { and, type Expression, or } from './expression.ts'
import { keysOf, mappingOf, textIn, textsIn } from './field.ts'
import type { DocumentContext } from './load.ts'
import { Refusal } from './refusal.ts'
import type { LoadedRule, Logsource, Problem } from './rule.ts'

export interface LoadedFilter {
  id: string | null
  title: string
  path: string
  line: number
  logsource: Logsource
  /** Ids or names, or every rule of the logsource. */
  rules: readonly string[] | 'any'
  condition: Expression
  reason: string | null
  owner: string | null
  ticket: string | null
  /** Epoch ms UTC of the first moment it no longer holds. */
  expires: number | null
}

export function parseFilter(map: Mapping, { path, line, placeholders, warn }: DocumentContext): LoadedFilter {
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The filter has no title.')
  const entry = map.entries.get('filter')!
  const body = mappingOf(entry.value, '`filter`')
  const named = body.entries.get('rules')
  if (!named)
    throw new Refusal(
      entry.at,
      'The filter does not say for which rules it is.',
      'List their ids under `rules`, or write `rules: any`.',
    )
  const rules = named.value.kind === 'scalar' && named.value.text === 'any' ? 'any' : textsIn(body, 'rules')
  const selections = new Map([...body.entries].filter(([key]) => key !== 'rules'))
  const condition = parseDetection({ kind: 'map', at: body.at, entries: selections }, placeholders, warn)
  if (!negates(condition))
    warn(
      selections.get('condition')?.at ?? body.at,
      'The condition keeps only what it describes.',
      'A filter that takes something out says `condition: not selection`.',
    )
  return { id: textIn(map, 'id'), title, path, line, logsource: logsourceOf(map), rules, condition, ...ours(map) }
}

function logsourceOf(map: Mapping): Logsource {
  const source = map.entries.get('logsource')
  if (!source) return { category: null, product: null, service: null }
  const fields = mappingOf(source.value, '`logsource`')
  const [category = null, product = null, service = null] = ['category', 'product', 'service'].map(
    (key) => textIn(fields, key)?.toLowerCase() ?? null,
  )
  return { category, product, service }
}

function ours(map: Mapping): Pick<LoadedFilter, 'reason' | 'owner' | 'ticket' | 'expires'> {
  const node = map.entries.get('tellwire')?.value
  if (!node) return { reason: null, owner: null, ticket: null, expires: null }
  const facts = mappingOf(node, '`tellwire`')
  keysOf(facts, ['reason', 'owner', 'expires', 'ticket'], 'the `tellwire` of a filter')
  const date = textIn(facts, 'expires')
  const expires = date === null ? null : Date.parse(`${date}T00:00:00Z`)
  if (date !== null && (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(expires)))
    throw new Refusal(facts.entries.get('expires')!.at, '`expires` is a day: 2027-01-31.')
  return { reason: textIn(facts, 'reason'), owner: textIn(facts, 'owner'), ticket: textIn(facts, 'ticket'), expires }
}

function negates(condition: Expression): boolean {
  if (condition.kind === 'not') return true
  return condition.kind === 'test' ? false : condition.of.some(negates)
}

export function applyFilters(
  rules: readonly LoadedRule[],
  filters: readonly LoadedFilter[],
  report: (problem: Problem) => void,
): LoadedRule[] {
  const byReference = new Map<string, Set<LoadedRule>>()
  for (const rule of rules)
    for (const reference of [rule.id, ...(rule.name === null ? [] : [rule.name])])
      byReference.set(reference, (byReference.get(reference) ?? new Set()).add(rule))
  const wanted = new Map<LoadedRule, LoadedFilter[]>()
  for (const filter of filters) {
    const meant = new Set<LoadedRule>(filter.rules === 'any' ? rules : [])
    for (const reference of filter.rules === 'any' ? [] : filter.rules) {
      const found = byReference.get(reference)
      for (const rule of found ?? []) meant.add(rule)
      if (!found)
        report({
          severity: 'warning',
          path: filter.path,
          line: filter.line,
          column: 1,
          message: `The filter names '${reference}', which is no rule that was loaded.`,
          hint: null,
        })
    }
    for (const rule of meant)
      if (covers(filter.logsource, rule.logsource)) wanted.set(rule, [...(wanted.get(rule) ?? []), filter])
  }
  return rules.map((rule) => {
    const its = wanted.get(rule)
    return its ? { ...rule, condition: and([rule.condition, ...its.map(whileItHolds)]) } : rule
  })
}

/** What the filter omits matches any rule. */
function covers(filter: Logsource, rule: Logsource): boolean {
  return (['category', 'product', 'service'] as const).every((key) => filter[key] === null || filter[key] === rule[key])
}

function whileItHolds({ condition, expires }: LoadedFilter): Expression {
  if (expires === null) return condition
  return or([condition, { kind: 'test', field: 'time', test: { op: 'compare', by: 'gte', than: expires } }])
}
