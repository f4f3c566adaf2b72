/**
 * Drafts → correlations: references found, circles and what cannot be decided refused.
 *
 * Shape   in the files' order. A correlation that names one that was refused is refused too, and says so.
 */

import { sha256 } from '../../../wire/sha256.ts'
import { effectiveVersionOfCorrelation } from '../identity.ts'
import { nearest, Refusal } from '../refusal.ts'
import type { LoadedRule, Problem } from '../rule.ts'
import type { CorrelationDraft } from './parse.ts'
import type { Alternative, Bound, LoadedCorrelation } from './rule.ts'
import { atLeast, parseWords } from './words.ts'

/** Correlations of correlations of … */
const MAX_CHAIN = 16
/** One bit each. */
const MAX_TEMPORAL_RULES = 31

type Target = Pick<LoadedRule, 'id' | 'name' | 'title' | 'version'>

export function resolveCorrelations(
  drafts: readonly CorrelationDraft[],
  rules: readonly LoadedRule[],
  report: (problem: Problem) => void,
): LoadedCorrelation[] {
  const known = byReference([...rules, ...drafts.map(({ about }) => about)])
  const draftOf = new Map(drafts.map((draft) => [draft.about.id, draft]))
  const ruleOf = new Map(rules.map((rule) => [rule.id, rule]))
  const lower = new Map(drafts.map((draft) => [draft, lowerOf(draft)]))
  const resolved = new Map<string, LoadedCorrelation>()
  const refused = new Set<string>()
  let waiting = drafts
  // Round by round from the rules upwards: the number of rounds is the length of the chain.
  for (let round = 0; round < MAX_CHAIN && waiting.length > 0; round++) {
    const ready = waiting.filter((draft) => lower.get(draft)!.every((it) => isKnown(it.about.id)))
    for (const draft of ready) attempt(draft)
    const left = new Set(ready)
    waiting = waiting.filter((draft) => !left.has(draft))
  }
  for (const draft of waiting) report(draft.problem('error', draft.at, ...reasonToWait(draft)))
  return drafts.flatMap(({ about }) => resolved.get(about.id) ?? [])

  function isKnown(id: string): boolean {
    return resolved.has(id) || refused.has(id)
  }

  function lowerOf({ references }: CorrelationDraft): CorrelationDraft[] {
    return references.flatMap(({ text }) => (known.get(text) ?? []).flatMap(({ id }) => draftOf.get(id) ?? []))
  }

  function attempt(draft: CorrelationDraft): void {
    try {
      resolved.set(draft.about.id, resolve(draft))
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      refused.add(draft.about.id)
      report(draft.problem('error', cause.at, cause.message, cause.hint))
    }
  }

  function resolve(draft: CorrelationDraft): LoadedCorrelation {
    const { about, type, groupBy, spanMs, generate, percentile } = draft
    const targets = draft.references.map(({ text, at }) => targetOf(text, at))
    const twice = targets.findIndex((target, n) => targets.indexOf(target) !== n)
    if (twice >= 0)
      throw new Refusal(draft.references[twice]!.at, `The rule '${targets[twice]!.title}' is listed twice.`)
    const fieldsOf = aliasReader(draft, targets)
    const below = targets.flatMap(({ id }) => resolved.get(id) ?? [])
    for (const lower of below) needsFields(draft, lower, fieldsOf)
    return {
      ...about,
      version: sha256(JSON.stringify([about.version, ...targets.map(versionOf)])),
      effectiveVersion: effectiveVersionOfCorrelation(about.version, targets.map(effectiveVersionAt)),
      ...{ type, groupBy, spanMs, generate, percentile },
      members: targets.map((target) => ({
        id: target.id,
        groupFields: fieldsOf(target, groupBy),
        valueFields: fieldsOf(target, draft.valueFields),
      })),
      latenessMs: Math.max(draft.latenessMs, ...below.map((it) => it.latenessMs)),
      ...demandOf(draft, targets),
    }
  }

  /** What a correlation tells those above it are its group's values, nothing else. */
  function needsFields(draft: CorrelationDraft, lower: LoadedCorrelation, fieldsOf: FieldsOf): void {
    const missing = fieldsOf(lower, [...draft.groupBy, ...draft.valueFields]).find((it) => !lower.groupBy.includes(it))
    if (missing !== undefined)
      throw new Refusal(
        draft.at,
        `'${lower.name ?? lower.id}' is a correlation that has no '${missing}'.`,
        `It has what it groups by: ${lower.groupBy.join(', ') || 'nothing'}.`,
      )
  }

  function versionOf({ id, version }: Target): string {
    return resolved.get(id)?.version ?? version
  }

  function effectiveVersionAt({ id }: Target): string {
    return (resolved.get(id) ?? ruleOf.get(id))!.effectiveVersion
  }

  function targetOf(text: string, at: number): Target {
    const found = known.get(text) ?? []
    if (found.length === 0) {
      const near = nearest(text, known.keys())
      throw new Refusal(
        at,
        `There is no rule '${text}' that was loaded.`,
        near ? `Did you mean '${near}'?` : 'Name it by its `id` or `name`, and load its file too.',
      )
    }
    if (found.length > 1) throw new Refusal(at, `'${text}' is the name of ${found.length} rules.`, 'Use the id.')
    if (refused.has(found[0]!.id))
      throw new Refusal(at, `The correlation '${text}' cannot be used.`, 'See what is wrong with that one.')
    return found[0]!
  }

  function reasonToWait(draft: CorrelationDraft): [string, string] {
    const path = [draft]
    for (;;) {
      const next = lower.get(path.at(-1)!)!.find((it) => !isKnown(it.about.id))
      if (!next || path.length > drafts.length)
        return [`Correlations of correlations may be ${MAX_CHAIN} deep.`, 'Count the rules themselves.']
      path.push(next)
      if (path.indexOf(next) < path.length - 1) break
    }
    const shown = path.slice(0, 10).map(({ about }) => about.name ?? about.id)
    return [`The correlations refer to each other in a circle: ${shown.join(' → ')}.`, 'Take one reference out.']
  }
}

function byReference(targets: readonly Target[]): Map<string, Target[]> {
  const known = new Map<string, Target[]>()
  for (const target of targets)
    for (const reference of new Set([target.id, target.name ?? target.id])) {
      const same = known.get(reference)
      if (same) same.push(target)
      else known.set(reference, [target])
    }
  return known
}

/** Names of fields as one rule has them. */
type FieldsOf = (target: { id: string }, names: readonly string[]) => string[]

function aliasReader({ aliases, ...draft }: CorrelationDraft, targets: readonly Target[]): FieldsOf {
  const meant = new Map<string, Map<string, string>>()
  for (const [alias, each] of aliases) {
    const fields = new Map<string, string>()
    for (const { rule, field } of each) {
      const target = targets.find(({ id, name }) => id === rule.text || name === rule.text)
      if (!target)
        throw new Refusal(
          rule.at,
          `The alias '${alias}' names '${rule.text}', which is not among the rules.`,
          `There are: ${targets.map(({ id, name }) => name ?? id).join(', ')}.`,
        )
      fields.set(target.id, field)
    }
    meant.set(alias, fields)
  }
  for (const [alias, fields] of meant) {
    const without = targets.find((target) => !fields.has(target.id))
    if (without && [...draft.groupBy, ...draft.valueFields].includes(alias))
      throw new Refusal(
        draft.at,
        `The alias '${alias}' does not say which field of '${without.name ?? without.id}' is meant.`,
        'Add that rule to the alias.',
      )
  }
  return ({ id }, names) => names.map((name) => meant.get(name)?.get(id) ?? name)
}

function demandOf(
  { type, words, bounds, at }: CorrelationDraft,
  targets: readonly Target[],
): { bounds: readonly Bound[]; anyOf: readonly Alternative[] | null; atEnd: boolean } {
  const temporal = type === 'temporal' || type === 'temporal_ordered'
  if (temporal && targets.length > MAX_TEMPORAL_RULES)
    throw new Refusal(at, `A ${type} has at most ${MAX_TEMPORAL_RULES} rules.`)
  if (words) {
    const names = targets.map(({ id, name }) => name ?? id)
    const anyOf = parseWords(words.text, words.at, names)
    return { bounds: [], anyOf, atEnd: anyOf.some(({ none }) => none !== 0) }
  }
  const wanted: readonly Bound[] = bounds.length > 0 ? bounds : [{ by: 'gte', than: targets.length }]
  const atEnd = wanted.some(({ by }) => by !== 'gt' && by !== 'gte')
  if (!temporal) return { bounds: wanted, anyOf: null, atEnd }
  const [{ by, than }] = wanted as [Bound]
  const least = by === 'gt' ? Math.floor(than) + 1 : Math.ceil(than)
  if (!atEnd && least > targets.length)
    throw new Refusal(at, `${targets.length} rules can never be ${least}.`, 'Lower the number, or add rules.')
  if (type === 'temporal') return { bounds: wanted, anyOf: null, atEnd }
  if (atEnd || least < 1)
    throw new Refusal(at, 'A temporal_ordered takes gt or gte of at least one rule, or a condition in words.')
  return { bounds: wanted, anyOf: atLeast(least, targets.length, at), atEnd }
}
