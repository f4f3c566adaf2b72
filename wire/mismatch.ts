/** Why a value does not match a schema, for the person who wrote it. */
import type * as z from 'zod'
import { Event } from './event.ts'
import { nearest } from './nearest.ts'

const MAX_PATH = 256
const MAX_WHY = 256
const MAX_OPTIONS = 8

export interface Mismatch {
  /** 'event.Result'; '' for the value itself. */
  path: string
  /** A sentence: what is wrong, and what was probably meant. */
  why: string
}

const FIELDS: ReadonlyMap<unknown, readonly string[]> = new Map(
  Event.options.map(({ shape }) => [shape.category.value, Object.keys(shape)]),
)

/**
 * The most telling of the issues. `within`: the path of the value itself, with a dot at its end.
 *
 * Shape   a field that does not exist comes before one that is missing, which it was probably meant to be. `value` is
 *         what was parsed.
 */
export function mismatch(issues: readonly z.core.$ZodIssue[], value: unknown, within = ''): Mismatch {
  const unknown = issues.find((it) => it.code === 'unrecognized_keys')
  const issue = unknown ?? issues[0]
  if (issue === undefined) return { path: '', why: 'It does not match.' }
  const key = unknown?.keys[0]
  const names = [...issue.path, ...(key === undefined ? [] : [key])]
  const path = (within + names.map(String).join('.')).slice(0, MAX_PATH)
  return { path, why: (key === undefined ? whyNot(issue, at(value, issue.path)) : strange(key)).slice(0, MAX_WHY) }

  function strange(key: string): string {
    const parent = at(value, issue!.path) as { category?: unknown } | undefined
    const missing = issues.flatMap((it) =>
      it.path.length === issue!.path.length + 1 && at(value, it.path) === undefined ? [String(it.path.at(-1))] : [],
    )
    const near = meant(key, [...missing, ...(FIELDS.get(parent?.category) ?? [])])
    const instead = missing.length > 0 ? ` Missing: ${missing.slice(0, MAX_OPTIONS).join(', ')}.` : ''
    return `There is no such field.${near || instead}`
  }
}

function whyNot(issue: z.core.$ZodIssue, value: unknown): string {
  const options = 'options' in issue ? issue.options : issue.code === 'invalid_value' ? issue.values : null
  if (value === undefined) return 'It is missing.'
  if (Array.isArray(options)) {
    const known = options.map(String)
    const near = typeof value === 'string' ? meant(value, known).trim() : ''
    if (near) return near
    const more = known.length - MAX_OPTIONS
    return `Write one of ${known.slice(0, MAX_OPTIONS).join(', ')}${more > 0 ? ` (and ${more} more)` : ''}.`
  }
  if (issue.code === 'invalid_type') return `Write ${one(issue.expected)}, not ${kindOf(value)}.`
  // Text, or null or another kind of value: what was given says which is meant.
  if (issue.code === 'invalid_union') {
    const [meant] = issue.errors.flat().filter(({ code }) => code !== 'invalid_type')
    return meant === undefined ? 'It has another form.' : whyNot(meant, value)
  }
  return `${issue.message.slice(0, 1).toUpperCase()}${issue.message.slice(1)}.`
}

function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === null ? '' : ` Did you mean '${near}'?`
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return one(typeof value)
}

function one(noun: string): string {
  return `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<PropertyKey, unknown>)[key]
  }
  return found
}
