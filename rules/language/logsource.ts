/**
 * Logsources: which events a rule is for.
 *
 * Shape   `category`, `product` and `service` in lower case, as Sigma has them; null: not stated. Other keys
 *         (`definition`) are for people.
 * Errors  Refusal where a rule's logsource is missing or states none of them.
 */
import { mappingOf, textIn } from './field.ts'
import type { Mapping } from './node.ts'
import { Refusal } from './refusal.ts'
import type { Logsource } from './rule.ts'

export const LOGSOURCE_KEYS = ['category', 'product', 'service'] as const

const ANY: Logsource = { category: null, product: null, service: null }

/** Of a rule: it must have at least one key. */
export function parseLogsource(map: Mapping): Logsource {
  const entry = map.entries.get('logsource')
  if (!entry) throw new Refusal(map.at, 'The rule has no logsource.', 'State at least category, product or service.')
  const logsource = logsourceIn(map)
  if (LOGSOURCE_KEYS.every((key) => logsource[key] === null))
    throw new Refusal(entry.at, 'The logsource is empty.', 'State at least category, product or service.')
  return logsource
}

/** Of a filter: without a logsource it applies to every rule. */
export function logsourceIn(map: Mapping): Logsource {
  const entry = map.entries.get('logsource')
  if (!entry) return ANY
  const source = mappingOf(entry.value, '`logsource`')
  const [category = null, product = null, service = null] = LOGSOURCE_KEYS.map(
    (key) => textIn(source, key)?.toLowerCase() ?? null,
  )
  return { category, product, service }
}

/** Whether every key in `wanted` equals that of the other logsource: an event's, or a rule's for a filter. */
export function covers(
  wanted: Logsource,
  actual: { readonly category?: unknown; readonly product?: unknown; readonly service?: unknown },
): boolean {
  return LOGSOURCE_KEYS.every((key) => wanted[key] === null || wanted[key] === actual[key])
}

/** 'category tool, product windows' */
export function logsourceInWords(logsource: Logsource): string {
  return LOGSOURCE_KEYS.flatMap((key) => (logsource[key] === null ? [] : [`${key} ${logsource[key]}`])).join(', ')
}
