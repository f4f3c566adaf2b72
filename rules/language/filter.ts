/**
 * Sigma filters: exceptions from rules, without editing them.
 *
 * Shape   a filtered rule is `(rule) and (filter condition)`, so the condition is usually `not selection`.
 *         `reason`, `owner`, `expires` and `ticket` are keys of `tellwire:`. A filter has no effect on events
 *         from its day of expiry on, whenever they are evaluated, so that a replay gives the same findings.
 * Errors  Refusal as for rules; warnings for a reference to an unknown rule, and for a condition without a negation.
 */
import { type DocumentContext, parseDetection } from './detection.ts'
import { and, type Expression, or } from './expression.ts'
import { keysOf, mappingOf, type PlacedText, placedTextsIn, textIn } from './field.ts'
import { covers, logsourceIn, logsourceInWords } from './logsource.ts'
import type { Mapping } from './node.ts'
import { nearest, Refusal, type Warn } from './refusal.ts'
import type { Logsource } from './rule.ts'

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
  /** Epoch ms UTC from which it has no effect. */
  expires: number | null
}

/** A filter whose rules are resolved when all documents have been parsed. */
export interface FilterDraft {
  filter: LoadedFilter
  /** Empty for `any`. */
  references: readonly PlacedText[]
  logsourceAt: number
  warn: Warn
}

/** The facts about a rule that decide whether a filter applies. */
interface Filterable {
  id: string
  name: string | null
  logsource: Logsource
}

export function parseFilter(map: Mapping, context: DocumentContext, now: number | null): FilterDraft {
  const { path, line, warn } = context
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The filter has no title.')
  const entry = map.entries.get('filter')!
  const body = mappingOf(entry.value, '`filter`')
  const named = body.entries.get('rules')
  if (!named)
    throw new Refusal(
      entry.at,
      'The filter does not name its rules.',
      'List their ids under `rules`, or write `rules: any`.',
    )
  const isForAny = named.value.kind === 'scalar' && named.value.text === 'any'
  const references = isForAny ? [] : placedTextsIn(body, 'rules')
  if (!isForAny && references.length === 0)
    warn(named.at, 'The filter names no rule, so it hides nothing.', 'List ids or names, or write `rules: any`.')
  const selections = new Map([...body.entries].filter(([key]) => key !== 'rules'))
  const condition = parseDetection({ kind: 'map', at: body.at, entries: selections }, context)
  if (!negates(condition))
    warn(
      selections.get('condition')?.at ?? body.at,
      'The condition keeps only what it describes, and hides everything else.',
      'To exclude what the selection describes, write `condition: not selection`.',
    )
  const rules = isForAny ? 'any' : references.map(({ text }) => text)
  const facts = factsIn(map)
  if (facts.expires !== null && now !== null && facts.expires <= now)
    warn(
      map.entries.get('tellwire')!.at,
      `The filter expired on ${dayOf(facts.expires)}: it hides nothing of what happened since.`,
      'Set a later day, or remove the filter once events from before no longer matter.',
    )
  return {
    filter: { id: textIn(map, 'id'), title, path, line, logsource: logsourceIn(map), rules, condition, ...facts },
    references,
    logsourceAt: map.entries.get('logsource')?.at ?? map.at,
    warn,
  }
}

function factsIn(map: Mapping): Pick<LoadedFilter, 'reason' | 'owner' | 'ticket' | 'expires'> {
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

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function negates(condition: Expression): boolean {
  if (condition.kind === 'not') return true
  return condition.kind === 'test' ? false : condition.of.some(negates)
}

/** The filters that apply to each rule, in the filters' order. `correlations` are for hints only. */
export function filtersByRule<T extends Filterable>(
  rules: readonly T[],
  drafts: readonly FilterDraft[],
  correlations: readonly Pick<Filterable, 'id' | 'name'>[],
): Map<T, LoadedFilter[]> {
  const byReference = new Map<string, Set<T>>()
  for (const rule of rules)
    for (const reference of [rule.id, ...(rule.name === null ? [] : [rule.name])])
      byReference.set(reference, (byReference.get(reference) ?? new Set()).add(rule))
  const isCorrelation = (reference: string) =>
    correlations.some(({ id, name }) => reference === id || reference === name)
  const applying = new Map<T, LoadedFilter[]>()
  for (const draft of drafts)
    for (const rule of rulesOf(draft, rules, byReference, isCorrelation))
      applying.set(rule, [...(applying.get(rule) ?? []), draft.filter])
  return applying
}

/** The rules that a filter names and its logsource covers. Warns of unknown names, and when no rule is left. */
function rulesOf<T extends Filterable>(
  { filter, references, logsourceAt, warn }: FilterDraft,
  all: readonly T[],
  byReference: ReadonlyMap<string, ReadonlySet<T>>,
  isCorrelation: (reference: string) => boolean,
): T[] {
  const named = new Set<T>(filter.rules === 'any' ? all : [])
  for (const { text, at } of references) {
    const found = byReference.get(text)
    for (const rule of found ?? []) named.add(rule)
    if (!found) warn(at, `The filter names '${text}', and no rule of that name or id was loaded.`, hintFor(text))
  }
  const covered = [...named].filter((rule) => covers(filter.logsource, rule.logsource))
  if (covered.length === 0 && named.size > 0) {
    const [first] = named
    warn(
      logsourceAt,
      "The filter's logsource covers none of its rules, so it hides nothing.",
      `'${first!.name ?? first!.id}' is for ${logsourceInWords(first!.logsource)}. Write the same, or leave the logsource out.`,
    )
  }
  return covered

  function hintFor(reference: string): string {
    if (isCorrelation(reference)) return 'It is a correlation: name the rules that it counts.'
    const near = nearest(reference, byReference.keys())
    return near ? `Did you mean '${near}'?` : 'Name it by its `id` or `name`, and load its file too.'
  }
}

/** The rule's expression with the filter, which has an effect on events before its day of expiry only. */
export function filtered(condition: Expression, filters: readonly LoadedFilter[]): Expression {
  return filters.length === 0 ? condition : and([condition, ...filters.map(whileItHolds)])
}

function whileItHolds({ condition, expires }: LoadedFilter): Expression {
  if (expires === null) return condition
  return or([condition, { kind: 'test', field: 'time', test: { op: 'compare', by: 'gte', than: expires } }])
}
