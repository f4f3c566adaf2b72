/**
 * Parses selections (maps, lists and keywords) into expressions.
 *
 * Shape   a map is AND, a list is OR, a field with a list is OR unless `all`; keywords (values without a field) search
 *         the whole event. Numbers and booleans are compared as text.
 * Errors  Refusal at the key or value that cannot be used.
 */
import { parseNetwork } from './cidr.ts'
import { type Condition, parseCondition } from './condition.ts'
import { and, type Expression, not, or, type Test } from './expression.ts'
import { fold } from './fold.ts'
import { conflict, type Draft, draft, MODIFIERS, transformed } from './modifiers.ts'
import type { Mapping, Node, Scalar } from './node.ts'
import { exactNumberOf } from './number.ts'
import { asPlain, literalPattern, type Part, type Pattern, parsePattern, widen } from './pattern.ts'
import { nearest, Refusal, type Warn } from './refusal.ts'
import { compileRegex } from './regex.ts'

const MAX_VALUES = 20_000
const MAX_VALUE_CHARS = 65_536

/** The values of `%name%` under `expand`. */
export type Placeholders = ReadonlyMap<string, readonly string[]>

/** What parsing a document needs in addition to the document. */
export interface DocumentContext {
  path: string
  /** Where the document begins, from 1. */
  line: number
  placeholders: Placeholders
  warn: Warn
  /** Called for each field that a selection names. */
  field?(name: string, at: number): void
}

export function parseDetection(
  detection: Mapping,
  context: Pick<DocumentContext, 'placeholders' | 'warn' | 'field'>,
): Expression {
  const timeframe = detection.entries.get('timeframe')
  if (timeframe)
    throw new Refusal(
      timeframe.at,
      '`timeframe` is no longer part of Sigma.',
      'Write a correlation rule with `timespan`.',
    )
  const condition = detection.entries.get('condition')
  if (!condition) throw new Refusal(detection.at, 'The detection has no condition.', 'Add `condition: selection`.')
  const read = selectionReader(context)
  const named = new Map<string, Expression>()
  for (const [name, { at, value }] of detection.entries) if (name !== 'condition') named.set(name, read(value, at))
  if (named.size === 0) throw new Refusal(detection.at, 'The detection has no selection.')
  const conditions = conditionsOf(condition.value).map((each) => parseCondition(String(each.value), each.at, named))
  warnUnused(conditions, detection, context.warn)
  return or(conditions.map(({ expression }) => expression))
}

function conditionsOf(node: Node): Scalar[] {
  const items = node.kind === 'list' ? node.items : [node]
  if (items.length === 0) throw new Refusal(node.at, 'The condition is empty.')
  return items.map((item) => {
    if (item.kind !== 'scalar' || typeof item.value !== 'string')
      throw new Refusal(item.at, 'A condition is one line of text.')
    return item
  })
}

function warnUnused(conditions: readonly Condition[], detection: Mapping, warn: Warn): void {
  for (const [name, { at }] of detection.entries)
    if (name !== 'condition' && !conditions.some(({ used }) => used.has(name)))
      warn(at, `The condition does not use '${name}'.`)
}

function selectionReader({
  placeholders,
  warn,
  field: named,
}: Parameters<typeof parseDetection>[1]): (node: Node, at: number) => Expression {
  let values = 0
  return selection

  function selection(node: Node, at: number): Expression {
    if (node.kind === 'map') return mapping(node)
    if (node.kind === 'scalar') return keyword(node)
    if (node.items.length === 0) throw new Refusal(at, 'The selection is empty.')
    return or(
      node.items.map((item) => {
        if (item.kind === 'list') throw new Refusal(item.at, 'A list directly inside a list has no meaning in Sigma.')
        return item.kind === 'map' ? mapping(item) : keyword(item)
      }),
    )
  }

  function mapping(node: Mapping): Expression {
    if (node.entries.size === 0) throw new Refusal(node.at, 'The selection is empty.')
    return and([...node.entries].map(([key, { at, value }]) => item(key, at, value)))
  }

  function keyword(node: Scalar): Expression {
    return oneValue(null, draft(), node)
  }

  function item(key: string, at: number, node: Node): Expression {
    const [name = '', ...names] = key.split('|')
    const chain = modified(names, at + name.length + 1)
    const field = name.trim() === '' ? null : name.trim()
    if (field !== null) named?.(field, at)
    if (node.kind === 'map')
      throw new Refusal(
        node.at,
        `'${key}' has a map where values belong.`,
        'Write nested fields with dots: Outer.Inner. Quote a value that begins with { or holds a colon.',
      )
    const given = node.kind === 'list' ? node.items : [node]
    if (given.length === 0) throw new Refusal(node.at, `'${key}' has no values.`)
    if (chain.all && given.length === 1) warn(at, '`all` has no effect on one value.')
    const parts = given.map((each) => {
      if (each.kind !== 'scalar')
        throw new Refusal(
          each.at,
          'A value is text, a number, a boolean or null.',
          'Quote a value that holds a colon and a blank, or begins with - ? [ or {.',
        )
      if (isEmpty(each)) warn(each.at, NO_VALUE, QUOTE_OR_NULL)
      if (each.hasDoubtfulEscape) warn(each.at, CONTROL_CHARACTER, SINGLE_QUOTES)
      return oneValue(field, chain, each)
    })
    const joined = chain.all ? and(parts) : or(parts)
    return chain.negated ? not(joined) : joined
  }

  function oneValue(field: string | null, chain: Draft, node: Scalar): Expression {
    if (++values > MAX_VALUES) throw new Refusal(node.at, `The rule has more than ${MAX_VALUES} values.`, 'Split it.')
    if (node.text.length > MAX_VALUE_CHARS)
      throw new Refusal(node.at, `A value has more than ${MAX_VALUE_CHARS} characters.`)
    if (
      field === null &&
      (chain.kind === 'exists' ||
        chain.kind === 'reference' ||
        chain.kind === 'compare' ||
        chain.unit ||
        node.value === null)
    )
      throw new Refusal(node.at, 'This modifier needs a field: keywords can only be searched for.')
    try {
      return or(
        testsOf(field, chain, node, placeholders).map(
          (test): Expression =>
            'not' in test ? not({ kind: 'test', field, test: test.not }) : { kind: 'test', field, test },
        ),
      )
    } catch (cause) {
      if (cause instanceof Refusal || !(cause instanceof Error)) throw cause
      throw new Refusal(node.at, cause.message, isEmpty(node) ? QUOTE_OR_NULL : null)
    }
  }
}

const NO_VALUE = 'There is no value, which means that the field is absent.'
const QUOTE_OR_NULL = 'Write null if that is meant. Quote a value that begins with # or &.'

const CONTROL_CHARACTER = 'A backslash in double quotes makes a control character here: \\t is a tab.'
const SINGLE_QUOTES = 'Put the value into single quotes if it is a path or an expression.'

function isEmpty({ value, text }: Scalar): boolean {
  return value === null && text === ''
}

function modified(names: readonly string[], at: number): Draft {
  const chain = draft()
  for (const name of names) {
    const modifier = MODIFIERS.get(name.trim())
    if (!modifier) {
      const near = nearest(name, MODIFIERS.keys())
      throw new Refusal(
        at,
        `There is no modifier '${name}'.`,
        near ? `Did you mean '${near}'?` : `There are: ${[...MODIFIERS.keys()].join(', ')}.`,
      )
    }
    try {
      modifier(chain)
    } catch (cause) {
      throw new Refusal(at, cause instanceof Error ? cause.message : String(cause))
    }
    at += name.length + 1
  }
  const wrong = conflict(chain)
  if (wrong) throw new Refusal(at - 1, wrong)
  return chain
}

function testsOf(
  field: string | null,
  chain: Draft,
  node: Scalar,
  placeholders: Placeholders,
): (Test | { not: Test })[] {
  const { kind, cased } = chain
  if (kind === 'exists') return [existence(node)]
  if (node.value === null) {
    if (kind !== 'text' || chain.how !== 'equals' || chain.unit || chain.steps.length > 0 || cased)
      throw new Error('null goes without modifiers, except neq and all.')
    return [{ not: { op: 'present' } }]
  }
  if (kind === 'compare' || chain.unit) return [comparison(chain, node)]
  const text = typeof node.value === 'string' ? node.value : String(node.value)
  const texts = chain.expand ? expanded(text, placeholders) : [text]
  if (kind === 'regex') return texts.map((each) => ({ op: 'regex', regex: compileRegex(each, chain.flags) }))
  if (kind === 'reference')
    return texts.map((other) => ({ op: 'reference', how: chain.how, other: other.trim(), cased }))
  if (kind === 'cidr') return texts.map((each) => ({ op: 'cidr', network: network(each) }))
  // A keyword is searched for anywhere in every value.
  const anywhere = field === null && chain.how === 'equals'
  const front = chain.how === 'contains' || chain.how === 'endswith' || anywhere
  const back = chain.how === 'contains' || chain.how === 'startswith' || anywhere
  return texts.flatMap((each) => {
    // Nearly all values have nothing to unescape or expand.
    if (chain.steps.length === 0 && each !== '' && !/[*?]|\\\\/.test(each)) {
      const how = front ? (back ? 'contains' : 'endswith') : back ? 'startswith' : 'equals'
      return [{ op: 'text', how, text: cased ? each : fold(each), cased }]
    }
    const pattern = typeof node.value === 'string' ? parsePattern(each) : literalPattern(each)
    return transformed(chain, pattern).map((made) => textTest(widen(made, front, back), cased))
  })
}

function textTest(pattern: Pattern, cased: boolean): Test {
  const folded = cased ? pattern : pattern.map((part): Part => (typeof part === 'string' ? fold(part) : part))
  const plain = asPlain(folded)
  return plain ? { op: 'text', ...plain, cased } : { op: 'pattern', pattern: folded, cased }
}

function existence(node: Scalar): Test | { not: Test } {
  const wanted = typeof node.value === 'string' ? node.value.toLowerCase() : node.value
  if (wanted === true || wanted === 'true') return { op: 'exists' }
  if (wanted === false || wanted === 'false') return { not: { op: 'exists' } }
  throw new Error('exists takes true or false.')
}

function comparison(chain: Draft, node: Scalar): Test {
  const number = exactNumberOf(node.value)
  if (number === null) throw new Error(`${chain.unit ?? chain.by} takes a number.`)
  return chain.unit
    ? { op: 'time', unit: chain.unit, by: chain.by, than: Number(number) }
    : { op: 'compare', by: chain.by, than: number }
}

function network(text: string) {
  const found = parseNetwork(text)
  if (found === null) throw new Error(`'${text}' is not a network such as 10.0.0.0/8 or fe80::/10.`)
  if (found === 'host bits')
    throw new Error(`'${text}' has bits set beyond its prefix: write the network's own address.`)
  return found
}

/** `%name%` replaced by each of its values. `\%` is a percent sign. */
function expanded(text: string, placeholders: Placeholders): string[] {
  let texts = ['']
  for (const part of text.split(/(\\%|%[^%\\]+%)/)) {
    const name = /^%([^%]+)%$/.exec(part)?.[1]
    const values = name === undefined ? [part === '\\%' ? '%' : part] : placeholders.get(name)
    if (!values) throw new Error(`The placeholder %${name}% has no values here.`)
    texts = texts.flatMap((before) => values.map((value) => before + value))
    if (texts.length > 1_000) throw new Error('The placeholders make more than 1,000 values of one.')
  }
  return texts
}
