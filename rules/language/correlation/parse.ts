/**
 * Parses documents with `correlation:` into drafts. Their references are resolved when all documents have been parsed.
 *
 * Units   `timespan` as in Sigma: 90s, 5m, 1h, 7d, 2w, 1M (30.44 days), 1y (365.24 days).
 * Errors  Refusal at the key or value; unknown keys are refused.
 */

import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { keysOf, mappingOf, numberIn, oneOf, textIn, textsIn } from '../field.ts'
import type { Mapping, Node } from '../node.ts'
import { Refusal, type Warn } from '../refusal.ts'
import type { Problem, Rule, TellwireFacts } from '../rule.ts'
import { parseTellwire } from '../tellwire.ts'
import { type Bound, type CorrelationType, OPERATORS, TYPES } from './rule.ts'

export const DEFAULT_LATENESS_MS = 72 * HOUR
const MAX_SPAN_MS = 10 * 31_556_952_000
const MAX_LATENESS_MS = 366 * DAY
const MAX_RULES = 1_000
const MAX_FIELDS = 16
const UNITS: Record<string, number> = {
  s: 1_000,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 604_800_000,
  M: 2_629_746_000,
  y: 31_556_952_000,
}
const KEYS = ['type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate', 'percentile']

export interface Reference {
  text: string
  at: number
}

export interface CorrelationDraft {
  about: Omit<Rule, 'effectiveVersion'> & { name: string | null }
  type: CorrelationType
  references: readonly Reference[]
  groupBy: readonly string[]
  spanMs: number
  latenessMs: number
  /** The condition when it is in words; null when it is numbers. */
  words: Reference | null
  bounds: readonly Bound[]
  valueFields: readonly string[]
  percentile: number
  /** By alias: the rules as written in the file, each with its field. */
  aliases: ReadonlyMap<string, readonly { rule: Reference; field: string }[]>
  generate: boolean
  at: number
  problem(severity: Problem['severity'], at: number, message: string, hint?: string | null): Problem
}

export function parseCorrelation(
  map: Mapping,
  about: CorrelationDraft['about'],
  problem: CorrelationDraft['problem'],
  warn: Warn,
): CorrelationDraft {
  for (const key of ['detection', 'filter', 'logsource'])
    if (map.entries.has(key))
      throw new Refusal(
        map.entries.get(key)!.at,
        `A correlation has no \`${key}\`.`,
        'It counts matches of other rules; put their detection into a document of its own.',
      )
  const entry = map.entries.get('correlation')!
  const body = mappingOf(entry.value, '`correlation`')
  keysOf(body, KEYS, '`correlation`')
  const type = oneOf(body, 'type', TYPES)
  if (type === null) throw new Refusal(entry.at, 'The correlation has no type.', `One of ${TYPES.join(', ')}.`)
  const references = listed(body, 'rules', MAX_RULES)
  if (references.length === 0)
    throw new Refusal(body.entries.get('rules')?.at ?? entry.at, 'The correlation has no rules.', 'List ids or names.')
  const timespan = textIn(body, 'timespan')
  if (timespan === null) throw new Refusal(entry.at, 'The correlation has no timespan.', 'Write one like 5m or 30d.')
  const groupBy = listed(body, 'group-by', MAX_FIELDS).map(({ text }) => text)
  const { words, bounds, valueFields, percentile } = conditionOf(body, type, entry.at)
  const { facts, latenessMs } = ours(map)
  if (facts !== null && facts.groupBy.length > 0)
    warn(map.entries.get('tellwire')!.at, '`groupBy` does nothing on a correlation.', 'Its groups are its `group-by`.')
  return {
    about: { ...about, tellwire: facts },
    ...{ type, references, groupBy, words, bounds, valueFields, percentile, latenessMs },
    spanMs: duration(timespan, body.entries.get('timespan')!.value.at, MAX_SPAN_MS, '`timespan`'),
    aliases: aliasesOf(body),
    generate: flag(body, 'generate') ?? flag(map, 'generate') ?? false,
    at: entry.at,
    problem,
  }
}

function duration(text: string, at: number, most: number, what: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})([smhdwMy])$/.exec(text.trim()) ?? []
  const ms = Number(amount) * (UNITS[unit] ?? 0)
  if (!(ms > 0 && ms <= most))
    throw new Refusal(at, `${what} cannot be '${text}'.`, 'Write a number and one of s m h d w M y: 5m, 30d.')
  return ms
}

/** The distinct texts with their places in the file. */
function listed(map: Mapping, key: string, most: number): Reference[] {
  const node = map.entries.get(key)?.value
  if (!node || (node.kind === 'scalar' && node.value === null)) return []
  const items = node.kind === 'list' ? node.items : [node]
  if (items.length > most) throw new Refusal(node.at, `\`${key}\` has more than ${most} items.`)
  const seen = new Set<string>()
  return items.map((item) => {
    if (item.kind !== 'scalar' || item.text === '') throw new Refusal(item.at, `\`${key}\` is a list of texts.`)
    if (seen.has(item.text)) throw new Refusal(item.at, `\`${key}\` has '${item.text}' twice.`, 'Remove one.')
    seen.add(item.text)
    return { text: item.text, at: item.at }
  })
}

function conditionOf(body: Mapping, type: CorrelationType, at: number) {
  const temporal = type === 'temporal' || type === 'temporal_ordered'
  const entry = body.entries.get('condition')
  const percentileAt = body.entries.get('percentile')?.at
  const outside = numberIn(body, 'percentile')
  const none = { words: null, bounds: [] as Bound[], valueFields: [] as string[], percentile: 50 }
  if (!entry) {
    if (!temporal) throw new Refusal(at, `A ${type} needs a condition.`, 'Write `condition: { gte: 5 }`.')
    return none
  }
  if (entry.value.kind === 'scalar' && typeof entry.value.value === 'string') {
    if (!temporal)
      throw new Refusal(entry.value.at, `A ${type} takes numbers, not words.`, 'Write `condition: { gte: 5 }`.')
    return { ...none, words: { text: entry.value.value, at: entry.value.at } }
  }
  const map = mappingOf(entry.value, '`condition`')
  keysOf(map, [...OPERATORS, 'field', 'percentile'], '`condition`')
  const valueFields = textsIn(map, 'field')
  const takesField = type.startsWith('value_')
  if (takesField && valueFields.length === 0)
    throw new Refusal(map.at, `A ${type} needs the field whose values it reads.`, 'Add `field: Name` to the condition.')
  if (!takesField && valueFields.length > 0)
    throw new Refusal(map.entries.get('field')!.at, `A ${type} reads no field.`, 'Did you mean value_count?')
  if (valueFields.length > (type === 'value_count' ? MAX_FIELDS : 1))
    throw new Refusal(map.entries.get('field')!.at, `A ${type} cannot read ${valueFields.length} fields.`)
  const percentile = numberIn(map, 'percentile') ?? outside
  const wrongAt = map.entries.get('percentile')?.at ?? percentileAt ?? map.at
  if (percentile !== null && type !== 'value_percentile')
    throw new Refusal(wrongAt, `A ${type} has no percentile.`, 'Use value_percentile.')
  if (percentile !== null && !(percentile >= 0 && percentile <= 100))
    throw new Refusal(wrongAt, '`percentile` is between 0 and 100.')
  return { words: null, bounds: boundsOf(map), valueFields, percentile: percentile ?? 50 }
}

function boundsOf(map: Mapping): Bound[] {
  const bounds = OPERATORS.flatMap((by): Bound[] => {
    const than = numberIn(map, by)
    if (than !== null && !Number.isFinite(than)) throw new Refusal(map.entries.get(by)!.at, `\`${by}\` is a number.`)
    return than === null ? [] : [{ by, than }]
  })
  if (bounds.length === 0)
    throw new Refusal(map.at, 'The condition compares with nothing.', `Add one of ${OPERATORS.join(', ')}.`)
  const low = bounds.filter(({ by }) => by === 'gt' || by === 'gte')
  const high = bounds.filter(({ by }) => by === 'lt' || by === 'lte')
  if (bounds.length > 2 || (bounds.length === 2 && (low.length !== 1 || high.length !== 1)))
    throw new Refusal(
      map.at,
      'These comparisons do not go together.',
      'One alone, or a range: gt or gte with lt or lte.',
    )
  if (low[0] && high[0] && low[0].than > high[0].than)
    throw new Refusal(map.at, 'The range is empty.', 'Swap the two numbers.')
  return bounds
}

function aliasesOf(body: Mapping): CorrelationDraft['aliases'] {
  const node = body.entries.get('aliases')?.value
  if (!node || (node.kind === 'scalar' && node.value === null)) return new Map()
  const map = mappingOf(node, '`aliases`')
  return new Map(
    [...map.entries].map(([alias, { value }]) => [
      alias,
      [...mappingOf(value, `The alias '${alias}'`).entries].map(([rule, entry]) => ({
        rule: { text: rule, at: entry.at },
        field: fieldName(entry.value),
      })),
    ]),
  )
}

function fieldName(node: Node): string {
  if (node.kind !== 'scalar' || node.text === '')
    throw new Refusal(node.at, 'An alias says for each rule which field of it is meant.', 'alias: { rule_name: Field }')
  return node.text
}

function flag(map: Mapping, key: string): boolean | null {
  const value = map.entries.get(key)?.value
  if (!value) return null
  if (value.kind !== 'scalar' || typeof value.value !== 'boolean')
    throw new Refusal(value.at, `\`${key}\` is true or false.`)
  return value.value
}

/** Like a rule, and the lateness bound of a correlation, from `tellwire`. */
function ours(map: Mapping): { facts: TellwireFacts | null; latenessMs: number } {
  const node = map.entries.get('tellwire')?.value
  if (!node) return { facts: null, latenessMs: DEFAULT_LATENESS_MS }
  const all = mappingOf(node, '`tellwire`')
  const text = textIn(all, 'lateness')
  const latenessMs =
    text === null
      ? DEFAULT_LATENESS_MS
      : duration(text, all.entries.get('lateness')!.value.at, MAX_LATENESS_MS, '`lateness`')
  const rest = new Map([...all.entries].filter(([key]) => key !== 'lateness'))
  return { facts: rest.size === 0 ? null : parseTellwire({ ...all, entries: rest }), latenessMs }
}
