/**
 * Known names, and warnings of names that are probably misspelt: such a rule loads, and never matches.
 *
 * Shape   the caller of `load` passes the names. Only clear cases are reported: a category that is similar to a known
 *         one, a field that a closed category does not have, a field in the wrong case.
 */
import type { PlacedText } from './field.ts'
import type { Mapping } from './node.ts'
import { nearest, type Warn } from './refusal.ts'
import type { Logsource } from './rule.ts'

export interface Vocabulary {
  /** Values of `category`. Events of others may exist. */
  categories: ReadonlySet<string>
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
  { category }: Logsource,
  fields: readonly PlacedText[],
  warn: Warn,
): void {
  if (category === null) return
  const { categories } = vocabulary
  const near = categories.has(category) ? null : nearest(category, categories)
  if (near) warn(categoryAt(map), `No events have the category '${category}'.`, `Did you mean '${near}'?`)
  const known = vocabulary.fieldsOf(category)
  if (!known) return
  for (const { text, at } of fields) {
    const [name = ''] = text.split('.')
    if (known.names.has(text) || known.names.has(name)) continue
    const folded = text.toLowerCase()
    const meant =
      [...known.names].find((it) => it.toLowerCase() === folded) ?? (known.closed ? nearest(text, known.names) : null)
    if (meant) warn(at, `Events of category ${category} have no field '${text}'.`, `Did you mean '${meant}'?`)
    else if (known.closed)
      warn(at, `Events of category ${category} have no field '${text}'.`, `There are: ${[...known.names].join(', ')}.`)
  }
}

function categoryAt(map: Mapping): number {
  const logsource = map.entries.get('logsource')!
  return logsource.value.kind === 'map'
    ? (logsource.value.entries.get('category')?.value.at ?? logsource.at)
    : logsource.at
}
