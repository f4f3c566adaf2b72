/**
 * Known names, and warnings of names that are probably misspelt: such a rule loads, and never matches.
 *
 * Shape   the caller of `load` passes the names. Reported are categories that are not known, products and services
 *         that are similar to a known one, fields that a closed category does not have, fields in the wrong case or one
 *         letter from a known one, and facts about the rule of the wrong form: id, dates, status, tags.
 */
import { type PlacedText, placedTextsIn, textIn } from './field.ts'
import type { Mapping } from './node.ts'
import { nearest, type Warn } from './refusal.ts'
import type { Logsource } from './rule.ts'

export interface Vocabulary {
  /** Values of `category`. Events of others may exist. */
  categories: ReadonlySet<string>
  /** Values of `product` and `service`. Others exist, so only similar ones are taken for mistakes. */
  products: ReadonlySet<string>
  services: ReadonlySet<string>
  /** Null: the category's fields are not known. */
  fieldsOf(category: string): FieldNames | null
}

export interface FieldNames {
  names: ReadonlySet<string>
  /** Events of the category have no other fields. */
  closed: boolean
}

/** `fields` as the document names them; a path is known by its first part. */
export function warnOfUnknownNames(
  vocabulary: Vocabulary,
  map: Mapping,
  { category, product, service }: Logsource,
  fields: readonly PlacedText[],
  warn: Warn,
): void {
  warnOfLookalike('product', product, vocabulary.products)
  warnOfLookalike('service', service, vocabulary.services)
  if (category === null) return
  const { categories } = vocabulary
  if (!categories.has(category)) {
    const near = nearest(category, categories)
    warn(
      placeOf(map, 'category'),
      `No known events have the category '${category}'.`,
      near ? `Did you mean '${near}'?` : 'If yours have it, ignore this; `tellwire match` tells which categories come.',
    )
  }
  const known = vocabulary.fieldsOf(category)
  if (!known) return
  for (const { text, at } of fields) {
    const [name = ''] = text.split('.')
    if (known.names.has(text) || known.names.has(name)) continue
    const folded = text.toLowerCase()
    const meant =
      [...known.names].find((it) => it.toLowerCase() === folded) ??
      nearest(text, known.names, known.closed ? undefined : 1)
    if (meant) warn(at, `Events of category ${category} have no field '${text}'.`, `Did you mean '${meant}'?`)
    else if (known.closed)
      warn(at, `Events of category ${category} have no field '${text}'.`, `There are: ${[...known.names].join(', ')}.`)
  }

  function warnOfLookalike(key: 'product' | 'service', value: string | null, values: ReadonlySet<string>): void {
    if (value === null || values.has(value)) return
    const near = nearest(value, values)
    if (near) warn(placeOf(map, key), `No known events have the ${key} '${value}'.`, `Did you mean '${near}'?`)
  }
}

const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported']
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** Facts of the wrong form, which other tools refuse. Source: Sigma specification 2.1, its JSON schemas. */
export function warnOfDoubtfulFacts(map: Mapping, warn: Warn): void {
  const id = textIn(map, 'id')
  if (id !== null && !UUID.test(id))
    warn(placeOf(map, 'id'), `'${id}' is not a UUID.`, 'Sigma identifies rules by UUIDs: `uuidgen` makes one.')
  for (const key of ['date', 'modified']) {
    const day = textIn(map, key)
    if (day !== null && !isDay(day)) warn(placeOf(map, key), `'${day}' is not a day.`, 'Write 2026-01-31.')
  }
  const status = textIn(map, 'status')
  if (status !== null && !STATUSES.includes(status))
    warn(placeOf(map, 'status'), `'${status}' is not a status.`, `One of ${STATUSES.join(', ')}.`)
  for (const { text, at } of placedTextsIn(map, 'tags'))
    if (!/^[a-z0-9_-]+\.[a-z0-9._-]+$/.test(text))
      warn(at, `'${text}' is not a tag.`, 'Tags have a namespace, in lower case: attack.t1219.')
}

function isDay(text: string): boolean {
  if (!/^\d{4}[-/]\d\d[-/]\d\d$/.test(text)) return false
  const iso = text.replaceAll('/', '-')
  const time = Date.parse(`${iso}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(iso)
}

/** Of the value, or of the key in the document's logsource. */
function placeOf(map: Mapping, key: string): number {
  const logsource = map.entries.get('logsource')
  const inner = logsource?.value.kind === 'map' ? logsource.value.entries.get(key) : undefined
  return inner?.value.at ?? map.entries.get(key)?.value.at ?? logsource?.at ?? map.at
}
