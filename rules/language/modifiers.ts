/**
 * The modifiers that may follow a field name: `Field|modifier|modifier`.
 *
 * Shape   each modifier changes the draft of a test. Their order is free, except that value transformations run in the
 *         order in which they are written (`wide|base64` encodes twice, in that order).
 * Source  Sigma specification 2.1, modifiers; `ignorecase`, `multiline`, `dotall` are pySigma's long forms.
 */
import { asText, type Bytes, base64, base64Offsets, utf8, utf16 } from './encode.ts'
import type { Comparison } from './expression.ts'
import type { Unit } from './moment.ts'
import { DASH, DASHES, type How, literalOf, literalPattern, type Part, type Pattern } from './pattern.ts'

export type Kind = 'text' | 'regex' | 'cidr' | 'reference' | 'exists' | 'compare'

/** A value between transformations: text, or bytes from an encoder. */
export type Value = Pattern | { bytes: Bytes }

export interface Draft {
  kind: Kind
  how: How
  by: Comparison
  unit: Unit | null
  cased: boolean
  all: boolean
  negated: boolean
  expand: boolean
  flags: Set<'i' | 'm' | 's'>
  steps: ((value: Value) => Value[])[]
}

/** Throws an Error with a sentence when the modifier cannot follow those before it. */
export type Modifier = (draft: Draft) => void

export const MODIFIERS: ReadonlyMap<string, Modifier> = new Map<string, Modifier>([
  ['contains', how('contains')],
  ['startswith', how('startswith')],
  ['endswith', how('endswith')],
  ['all', (draft) => void (draft.all = true)],
  ['neq', (draft) => void (draft.negated = true)],
  ['cased', (draft) => void (draft.cased = true)],
  ['exists', kind('exists')],
  ['re', kind('regex')],
  ['i', flag('i')],
  ['ignorecase', flag('i')],
  ['m', flag('m')],
  ['multiline', flag('m')],
  ['s', flag('s')],
  ['dotall', flag('s')],
  ['cidr', kind('cidr')],
  ['fieldref', kind('reference')],
  ['lt', compare('lt')],
  ['lte', compare('lte')],
  ['gt', compare('gt')],
  ['gte', compare('gte')],
  ['minute', unit('minute')],
  ['hour', unit('hour')],
  ['day', unit('day')],
  ['week', unit('week')],
  ['month', unit('month')],
  ['year', unit('year')],
  ['expand', (draft) => void (draft.expand = true)],
  ['windash', step(windash)],
  ['wide', encode((text) => utf16(text, 'le', false))],
  ['utf16le', encode((text) => utf16(text, 'le', false))],
  ['utf16be', encode((text) => utf16(text, 'be', false))],
  ['utf16', step((value) => [{ bytes: utf16('bytes' in value ? asText(value.bytes) : textOf(value), 'le', true) }])],
  ['base64', step((value) => [literalPattern(base64(bytesOf(value)))])],
  ['base64offset', step((value) => base64Offsets(bytesOf(value)).map(literalPattern))],
])

export function draft(): Draft {
  return {
    kind: 'text',
    how: 'equals',
    by: 'eq',
    unit: null,
    cased: false,
    all: false,
    negated: false,
    expand: false,
    flags: new Set(),
    steps: [],
  }
}

/** A sentence about modifiers that cannot be combined; null: there are none. */
export function conflict(draft: Draft): string | null {
  const { kind, how } = draft
  if (draft.flags.size > 0 && kind !== 'regex') return 'i, m and s go with re.'
  if (draft.unit && kind !== 'compare' && kind !== 'text') return `${draft.unit} goes with lt, lte, gt, gte or nothing.`
  // A regular expression is found anywhere in the value already.
  if (how === 'contains' && kind === 'regex') return null
  if (how !== 'equals' && kind !== 'text' && kind !== 'reference') return `${how} does not go with ${NAMES[kind]}.`
  if (how !== 'equals' && draft.unit) return `${how} does not go with ${draft.unit}.`
  if (draft.cased && kind !== 'text' && kind !== 'reference') return `cased does not go with ${NAMES[kind]}.`
  if (draft.steps.length > 0 && (kind !== 'text' || draft.unit))
    return `Encodings and windash do not go with ${draft.unit ?? NAMES[kind]}.`
  if (draft.expand && kind === 'exists') return 'expand does not go with exists.'
  if (draft.all && kind === 'exists') return 'all does not go with exists.'
  return null
}

const NAMES: Record<Kind, string> = {
  text: 'text',
  regex: 're (which already searches everywhere; anchor with ^ and $)',
  cidr: 'cidr',
  reference: 'fieldref',
  exists: 'exists',
  compare: 'lt, lte, gt, gte',
}

/** The resulting texts. */
export function transformed(draft: Draft, pattern: Pattern): Pattern[] {
  let values: Value[] = [pattern]
  for (const each of draft.steps) {
    values = values.flatMap(each)
    if (values.length > 4_096) throw new Error('The transformations make more than 4,096 values of one.')
  }
  return values.map((value) => ('bytes' in value ? literalPattern(asText(value.bytes)) : value))
}

function how(to: How): Modifier {
  return (draft) => {
    if (draft.how !== 'equals' && draft.how !== to) throw new Error(`${draft.how} and ${to} exclude each other.`)
    draft.how = to
  }
}

function kind(to: Kind): Modifier {
  return (draft) => {
    if (draft.kind !== 'text')
      throw new Error(`Two kinds of comparison exclude each other: ${NAMES[draft.kind]}, ${NAMES[to]}.`)
    draft.kind = to
  }
}

function compare(by: Comparison): Modifier {
  return (draft) => {
    kind('compare')(draft)
    draft.by = by
  }
}

function unit(to: Unit): Modifier {
  return (draft) => {
    if (draft.unit) throw new Error(`${draft.unit} and ${to} exclude each other.`)
    draft.unit = to
  }
}

function flag(to: 'i' | 'm' | 's'): Modifier {
  return (draft) => void draft.flags.add(to)
}

function step(change: (value: Value) => Value[]): Modifier {
  return (draft) => void draft.steps.push(change)
}

/** Wildcards stay where they are, as in pySigma, if the result is not encoded again. */
function encode(change: (text: string) => Bytes): Modifier {
  return step((value) => {
    if ('bytes' in value) return [{ bytes: change(asText(value.bytes)) }]
    const text = literalOf(value)
    if (text !== null) return [{ bytes: change(text) }]
    return [value.map((part) => (typeof part === 'string' ? asText(change(part)) : part))]
  })
}

function bytesOf(value: Value): Bytes {
  return 'bytes' in value ? value.bytes : utf8(textOf(value))
}

function textOf(pattern: Pattern): string {
  const text = literalOf(pattern)
  if (text === null) throw new Error('An encoded value cannot have wildcards; escape them (\\*) or split the value.')
  return text
}

/**
 * Every dash or slash (of all five kinds) that begins an option (nothing word-like before it, a word after it) stands for any of the
 * dashes. Two such places make up to 25 plain texts; with more the places stay open in one pattern.
 */
function windash(value: Value): Value[] {
  if ('bytes' in value) throw new Error('windash comes before an encoding, not after it.')
  const open: Part[] = value.flatMap((part): Part[] => {
    if (typeof part !== 'string') return [part]
    const pieces = part.split(OPTION_DASH)
    return pieces.flatMap((piece, i): Part[] => [...(i > 0 ? [DASH] : []), ...(piece === '' ? [] : [piece])] as Part[])
  })
  const places = open.filter((part) => part === DASH).length
  if (places === 0) return [value]
  if (places > 2) return [open]
  let texts: Part[][] = [[]]
  for (const part of open)
    texts =
      part === DASH
        ? texts.flatMap((text) => [...DASHES].map((dash) => joined(text, dash)))
        : texts.map((text) => joined(text, part))
  return texts
}

/** Before a word, and not after one. */
const OPTION_DASH = new RegExp(`(?<![\\p{L}\\p{N}_])[${DASHES}](?=[\\p{L}\\p{N}_])`, 'u')

function joined(parts: readonly Part[], part: Part): Part[] {
  const last = parts.at(-1)
  return typeof last === 'string' && typeof part === 'string' ? [...parts.slice(0, -1), last + part] : [...parts, part]
}
