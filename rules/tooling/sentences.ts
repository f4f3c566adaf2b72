/**
 * Checks the sentences of rules: what people will read when a rule fires.
 *
 * Shape   one problem for each: a placeholder that the event does not have; a number without a unit or a noun; a noun
 *         in the plural, which reads '1 days'; a yes or no without words; an identifier such as 'sync_bytes'; doubled
 *         punctuation; a sentence without its end. All are warnings: the rule works.
 * Source  the schemas of our events; a field of an unknown category is only checked for its form.
 */
import * as z from 'zod'
import { Event } from '../../wire/event.ts'
import { FORMATS, type Placeholder, type Problem, placeholdersOf, type Rule, readsAsWords } from '../language/index.ts'

/** What a placeholder may become. */
export type FieldKind =
  | { kind: 'number' | 'boolean' | 'text'; nullable: boolean }
  | { kind: 'words'; values: readonly string[]; nullable: boolean }

const SCHEMAS = new Map(Event.options.map((schema) => [schema.shape.category.value as string, schema]))
const TEXT: FieldKind = { kind: 'text', nullable: true }
/** What the firing of a correlation has. */
const OF_CORRELATIONS: Readonly<Record<string, FieldKind>> = Object.fromEntries(
  ['count', 'values', 'sum', 'average', 'percentile', 'rules'].map((it) => [it, { kind: 'number', nullable: false }]),
)

/** Null: the rule's events have no such field. Of events that are not ours, every field is a text. */
export function fieldKind(rule: Rule & { groupBy?: readonly string[] }, field: string): FieldKind | null {
  const { category } = rule.logsource
  if (rule.groupBy) return OF_CORRELATIONS[field] ?? (rule.groupBy.includes(field) ? TEXT : null)
  if (category === null || !SCHEMAS.has(category)) return TEXT
  const shape = SCHEMAS.get(category)?.shape as Readonly<Record<string, z.ZodType>> | undefined
  const schema = shape && Object.hasOwn(shape, field) ? shape[field] : undefined
  return schema ? kindOf(schema, false) : null
}

function kindOf(schema: unknown, nullable: boolean): FieldKind {
  if (schema instanceof z.ZodNullable) return kindOf(schema.unwrap(), true)
  if (schema instanceof z.ZodOptional) return kindOf(schema.unwrap(), nullable)
  if (schema instanceof z.ZodNumber) return { kind: 'number', nullable }
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean', nullable }
  if (schema instanceof z.ZodEnum) return { kind: 'words', values: schema.options.map(String), nullable }
  return { kind: 'text', nullable }
}

/** `textOf` gives the text of the rule's file, to find the line. */
export function checkSentences(rules: readonly Rule[], textOf: (path: string) => string): Problem[] {
  return rules.flatMap((rule) => {
    const { tellwire } = rule
    if (!tellwire) return []
    const { says, blindTo, response } = tellwire
    const problems = (key: string, found: Complaint[]) =>
      found.map(
        ({ message, hint }): Problem => ({
          ...{ severity: 'warning', path: rule.path, ...placeOf(rule, key, textOf(rule.path)) },
          ...{ message: `\`${key}\`: ${message}`, hint },
        }),
      )
    return [
      ...problems('says', says === null ? [] : [...placeholdersIn(says, rule), ...form(says)]),
      ...problems('blindTo', blindTo === null ? [] : form(blindTo)),
      ...problems('response', response === null ? [] : form(response)),
    ]
  })
}

interface Complaint {
  message: string
  hint: string | null
}

function placeholdersIn(says: string, rule: Rule): Complaint[] {
  return placeholdersOf(says).flatMap((placeholder): Complaint[] => {
    const { field } = placeholder
    const known = fieldKind(rule, field)
    return known ? complaintsOf(placeholder, known) : [{ message: `the event has no field '${field}'.`, hint: null }]
  })
}

function complaintsOf({ field, words: [first, second] }: Placeholder, known: FieldKind): Complaint[] {
  const complain = (message: string, hint: string) => [{ message, hint }]
  switch (known.kind) {
    case 'number':
      if (!first)
        return complain(
          `the number {${field}} has no unit and no noun.`,
          `Write {${field}|day}, or one of ${FORMATS.join(', ')} after the bar.`,
        )
      // 'process', 'address' are singular.
      if (!FORMATS.includes(first) && /[^su]s$/.test(first) && second === undefined)
        return complain(`'${first}' is a plural, so that one would read '1 ${first}'.`, 'Write the singular.')
      return []
    case 'boolean':
      return second === undefined
        ? complain(`{${field}} is true or false.`, `Write {${field}|words for yes|words for no}.`)
        : []
    case 'words': {
      const raw = known.values.find((it) => !readsAsWords(field, it))
      return raw === undefined ? [] : complain(`{${field}} can be '${raw}', which is no word.`, 'Leave it out.')
    }
    case 'text':
      return []
  }
}

const DOUBLED = /[.,;:!?]\s*[.,;:!?]/

function form(text: string): Complaint[] {
  // A placeholder is text: what follows it counts.
  const plain = text.replace(/\{[^{}]*\}/g, 'X').replaceAll('...', '…')
  const doubled = DOUBLED.exec(plain)
  const open = /\{[^{}]*$|^[^{}]*\}/.test(plain)
  return [
    ...(doubled ? [{ message: `'${doubled[0]}' is doubled punctuation.`, hint: null }] : []),
    ...(open ? [{ message: 'a brace is not closed.', hint: null }] : []),
    ...(/[.!?]['")]?$/.test(plain) ? [] : [{ message: 'the sentence has no end.', hint: 'End it with a full stop.' }]),
    ...(/^\p{Ll}/u.test(plain) ? [{ message: 'the sentence begins with a small letter.', hint: null }] : []),
    ...(/ {2}/.test(plain) ? [{ message: 'two blanks in a row.', hint: null }] : []),
  ]
}

/** The line of the key in the rule's document. */
function placeOf({ line }: Rule, key: string, text: string): { line: number; column: number } {
  const lines = text.split('\n')
  const at = lines.findIndex((it, index) => index >= line - 1 && it.trimStart().startsWith(`${key}:`))
  return at < 0 ? { line, column: 1 } : { line: at + 1, column: lines[at]!.search(/\S/) + 1 }
}
