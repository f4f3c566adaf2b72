/**
 * Resolves the references of drafts: finds the rules they count, and refuses cycles and what cannot be decided.
 *
 * Shape   in the order of the files. A correlation that refers to a refused one is refused too.
 */
import { sha256 } from '../../../wire/sha256.ts'
import { effectiveVersionOfCorrelation } from '../identity.ts'
import { once } from '../once.ts'
import { Refusal } from '../refusal.ts'
import type { LoadedRule, Problem } from '../rule.ts'
import { demandOf } from './demand.ts'
import type { CorrelationDraft } from './parse.ts'
import { aliasReader, byReference, type FieldsOf, type Target, type Targets, targetsOf } from './references.ts'
import type { LoadedCorrelation } from './rule.ts'

/** How deep correlations of correlations may be nested. */
const MAX_CHAIN = 16

/** What is known while drafts are resolved. */
interface Known {
  targets: Targets
  rules: ReadonlyMap<string, LoadedRule>
  resolved: Map<string, LoadedCorrelation>
  refused: Set<string>
}

export function resolveCorrelations(
  drafts: readonly CorrelationDraft[],
  rules: readonly LoadedRule[],
  report: (problem: Problem) => void,
): LoadedCorrelation[] {
  const known: Known = {
    targets: byReference([...rules, ...drafts.map(({ about }) => about)]),
    rules: new Map(rules.map((rule) => [rule.id, rule])),
    resolved: new Map(),
    refused: new Set(),
  }
  const { resolved, refused } = known
  const below = draftsBelow(drafts, known.targets)
  const isDone = ({ about: { id } }: CorrelationDraft) => resolved.has(id) || refused.has(id)
  let waiting = drafts
  // From the rules upwards: each round resolves one level of nesting.
  for (let round = 0; round < MAX_CHAIN && waiting.length > 0; round++) {
    const ready = waiting.filter((draft) => below.get(draft)!.every(isDone))
    for (const draft of ready) {
      try {
        resolved.set(draft.about.id, resolve(draft, known))
      } catch (cause) {
        if (!(cause instanceof Refusal)) throw cause
        refused.add(draft.about.id)
        report(draft.problem('error', cause.at, cause.message, cause.hint))
      }
    }
    const done = new Set(ready)
    waiting = waiting.filter((draft) => !done.has(draft))
  }
  for (const draft of waiting) report(draft.problem('error', draft.at, ...whyUnresolved(draft, below, isDone)))
  return drafts.flatMap(({ about }) => resolved.get(about.id) ?? [])
}

type DraftsBelow = ReadonlyMap<CorrelationDraft, readonly CorrelationDraft[]>

/** For each draft, the drafts that it refers to. */
function draftsBelow(drafts: readonly CorrelationDraft[], targets: Targets): DraftsBelow {
  const byId = new Map(drafts.map((draft) => [draft.about.id, draft]))
  return new Map(
    drafts.map((draft) => [
      draft,
      draft.references.flatMap(({ text }) => (targets.get(text) ?? []).flatMap(({ id }) => byId.get(id) ?? [])),
    ]),
  )
}

function resolve(draft: CorrelationDraft, { targets: known, rules, resolved, refused }: Known): LoadedCorrelation {
  const { about, type, groupBy, spanMs, generate, percentile } = draft
  const targets = targetsOf(draft, known, refused)
  const fieldsOf = aliasReader(draft, targets)
  const below = targets.flatMap(({ id }) => resolved.get(id) ?? [])
  for (const lower of below) checkFields(draft, lower, fieldsOf)
  const versionOf = ({ id, version }: Target) => resolved.get(id)?.version ?? version
  const effectiveVersionOf = ({ id }: Target) => (resolved.get(id) ?? rules.get(id))!.effectiveVersion
  // On first use, as those of rules: each member's means reading its document again.
  const version = once(() => sha256(JSON.stringify([about.version, ...targets.map(versionOf)])))
  const effectiveVersion = once(() => effectiveVersionOfCorrelation(about.version, targets.map(effectiveVersionOf)))
  return {
    ...about,
    get version() {
      return version()
    },
    get effectiveVersion() {
      return effectiveVersion()
    },
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

/** A firing has only the values of its group, so those are the only fields for correlations above it. */
function checkFields(draft: CorrelationDraft, lower: LoadedCorrelation, fieldsOf: FieldsOf): void {
  const missing = fieldsOf(lower, [...draft.groupBy, ...draft.valueFields]).find((it) => !lower.groupBy.includes(it))
  if (missing !== undefined)
    throw new Refusal(
      draft.at,
      `'${lower.name ?? lower.id}' is a correlation that has no '${missing}'.`,
      `It has what it groups by: ${lower.groupBy.join(', ') || 'nothing'}.`,
    )
}

/** Message and hint for a draft that is part of a cycle, or nested too deeply. */
function whyUnresolved(
  draft: CorrelationDraft,
  below: DraftsBelow,
  isDone: (draft: CorrelationDraft) => boolean,
): [string, string] {
  const path = [draft]
  for (;;) {
    const next = below.get(path.at(-1)!)!.find((it) => !isDone(it))
    if (!next || path.length > below.size)
      return [`Correlations of correlations may be ${MAX_CHAIN} deep.`, 'Count the rules themselves.']
    path.push(next)
    if (path.indexOf(next) < path.length - 1) break
  }
  const shown = path.slice(0, 10).map(({ about }) => about.name ?? about.id)
  return [`The correlations refer to each other in a circle: ${shown.join(' → ')}.`, 'Take one reference out.']
}
