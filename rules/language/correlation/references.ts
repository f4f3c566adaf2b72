/** The rules and correlations that a correlation refers to, and the names of fields in their events. */
import { nearest, Refusal } from '../refusal.ts'
import type { LoadedRule } from '../rule.ts'
import type { CorrelationDraft } from './parse.ts'

export type Target = Pick<LoadedRule, 'id' | 'name' | 'title' | 'version'>

/** By id and by name; several may have the same name. */
export type Targets = ReadonlyMap<string, readonly Target[]>

export function byReference(targets: readonly Target[]): Targets {
  const known = new Map<string, Target[]>()
  for (const target of targets)
    for (const reference of new Set([target.id, target.name ?? target.id])) {
      const same = known.get(reference)
      if (same) same.push(target)
      else known.set(reference, [target])
    }
  return known
}

/**
 * The targets of a correlation, in its order. `refused`: ids of correlations that were refused.
 *
 * Errors  Refusal for an unknown, ambiguous, repeated or refused one.
 */
export function targetsOf(draft: CorrelationDraft, known: Targets, refused: ReadonlySet<string>): Target[] {
  const targets = draft.references.map(({ text, at }) => targetOf(text, at, known, refused))
  const twice = targets.findIndex((target, n) => targets.indexOf(target) !== n)
  if (twice >= 0) throw new Refusal(draft.references[twice]!.at, `The rule '${targets[twice]!.title}' is listed twice.`)
  return targets
}

function targetOf(text: string, at: number, known: Targets, refused: ReadonlySet<string>): Target {
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

/** Replaces aliases by the names of the fields in the events of one target. */
export type FieldsOf = (target: { id: string }, names: readonly string[]) => string[]

/** Errors  Refusal for an alias that names another rule, or lacks one that needs it. */
export function aliasReader({ aliases, ...draft }: CorrelationDraft, targets: readonly Target[]): FieldsOf {
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
