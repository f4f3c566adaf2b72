/**
 * Explains why a rule matches an event or not: each part of its detection, with the event's value and the result.
 *
 * Shape   follows the rule's document, where the parts have their names; every part is parsed and evaluated by the
 *         engine's own code, one test at a time. A field that the event lacks is `found: undefined`.
 */

import { everyText, lookUp } from '../language/cell.ts'
import { parseCondition } from '../language/condition.ts'
import { parseDetection } from '../language/detection.ts'
import { documents } from '../language/document.ts'
import { cellOf, holds } from '../language/evaluate.ts'
import type { Expression } from '../language/expression.ts'
import type { FlatEvent, LoadedFilter, LoadedRule } from '../language/index.ts'
import { covers, LOGSOURCE_KEYS } from '../language/logsource.ts'
import type { Entry, List, Mapping, Node, Scalar } from '../language/node.ts'

export interface Explanation {
  matches: boolean
  logsource: { holds: boolean; parts: { key: string; wanted: string; found: unknown; holds: boolean }[] }
  selections: Selection[]
  /** Any of them makes the detection match. */
  conditions: { text: string; holds: boolean; terms: { text: string; holds: boolean }[] }[]
  /** Filters for this rule. One that `hides` excludes the event, whatever the detection's result. */
  filters: { title: string; path: string; line: number; reason: string | null; hides: boolean }[]
}

export interface Selection {
  name: string
  holds: boolean
  /** It holds when all items of any group hold. */
  groups: { holds: boolean; items: Item[] }[]
}

export interface Item {
  /** As written: `CommandLine|contains|all`; '' for keywords. */
  key: string
  field: string | null
  holds: boolean
  found: unknown
  /** For `fieldref`: the value of the other field. */
  values: { text: string; holds: boolean; other?: unknown }[]
  /** How many values must hold. */
  needs: 'any' | 'all' | 'none'
}

/** What parsing a part needs. */
type Context = Parameters<typeof parseDetection>[1]

/** `text` is the file that `rule` was loaded from. Errors: none for rules that were loaded from this text. */
export function explain(
  rule: LoadedRule,
  text: string,
  event: FlatEvent,
  {
    filters = [],
    placeholders = {},
  }: { filters?: readonly LoadedFilter[]; placeholders?: Readonly<Record<string, readonly string[]>> } = {},
): Explanation {
  const context: Context = { placeholders: new Map(Object.entries(placeholders)), warn: () => {} }
  const detection = detectionOf(rule, text)
  const selections = [...detection.entries].filter(([name]) => name !== 'condition')
  const named = new Map(selections.map(([name, { value }]) => [name, read(value, context)]))
  const parts = LOGSOURCE_KEYS.flatMap((key) => {
    const wanted = rule.logsource[key]
    return wanted === null ? [] : [{ key, wanted, found: event[key], holds: event[key] === wanted }]
  })
  const isCovered = parts.every((part) => part.holds)
  return {
    matches: isCovered && evaluate(rule.condition, event),
    logsource: { holds: isCovered, parts },
    selections: selections.map(([name, { value }]) => ({
      name,
      holds: evaluate(named.get(name)!, event),
      groups: groupsOf(value, event, context),
    })),
    conditions: conditionsOf(detection).map((text) => ({
      text,
      holds: evaluate(parseCondition(text, 0, named).expression, event),
      terms: termsOf(text, named).map((term) => ({
        text: term,
        holds: evaluate(parseCondition(term, 0, named).expression, event),
      })),
    })),
    filters: filters
      .filter((filter) => isFor(filter, rule))
      .map((filter) => {
        const { title, path, line, reason, expires, condition } = filter
        const expired = expires !== null && typeof event.time === 'number' && event.time >= expires
        return { title, path, line, reason, hides: !expired && !evaluate(condition, event) }
      }),
  }
}

/** The document among those of the file that begins where the rule does. */
function detectionOf(rule: LoadedRule, text: string): Mapping {
  for (const document of documents(text)) {
    if (!('kind' in document) || document.kind !== 'map') continue
    const line = text.slice(0, document.at).split('\n').length
    const detection = document.entries.get('detection')?.value
    if (line === rule.line && detection?.kind === 'map') return detection
  }
  throw new Error(`${rule.path} has no rule in line ${rule.line}`)
}

function conditionsOf(detection: Mapping): string[] {
  const condition = detection.entries.get('condition')!.value
  const lines = condition.kind === 'list' ? condition.items : [condition]
  return lines.flatMap((line) => (line.kind === 'scalar' ? [String(line.value)] : []))
}

/** Names and patterns (`1 of x*`) of the condition, in order. */
function termsOf(condition: string, named: ReadonlyMap<string, Expression>): string[] {
  const words = condition.match(/[()]|[^\s()]+/g) ?? []
  const terms: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (/^(\d+|any|all)$/i.test(word) && words[i + 1]?.toLowerCase() === 'of') {
      terms.push(words.slice(i, i + 3).join(' '))
      i += 2
    } else if (named.has(word)) terms.push(word)
  }
  return [...new Set(terms)]
}

function groupsOf(node: Node, event: FlatEvent, context: Context): Selection['groups'] {
  if (node.kind !== 'list') return [group(node, event, context)]
  // Keywords in one list are one item, as the values of a field are.
  const words = node.items.filter((item): item is Scalar => item.kind === 'scalar')
  const maps = node.items.filter((item): item is Mapping => item.kind === 'map')
  const keywords = words.length > 0 ? [group({ kind: 'list', items: words, at: node.at }, event, context)] : []
  return [...maps.map((map) => group(map, event, context)), ...keywords]
}

function group(node: Node, event: FlatEvent, context: Context): Selection['groups'][number] {
  const items =
    node.kind === 'map'
      ? [...node.entries].map(([key, entry]) => item(key, entry, event, context))
      : [words(node, event, context)]
  return { holds: items.every((it) => it.holds), items }
}

function words(node: Scalar | List, event: FlatEvent, context: Context): Item {
  return { ...item('', { at: node.at, value: node }, event, context), holds: evaluate(read(node, context), event) }
}

function item(key: string, entry: Entry, event: FlatEvent, context: Context): Item {
  const [name = '', ...modifiers] = key.split('|').map((part) => part.trim())
  const field = name === '' ? null : name
  const one = [name, ...modifiers.filter((it) => it !== 'all' && it !== 'neq')].join('|')
  const nodes = entry.value.kind === 'list' ? entry.value.items : [entry.value]
  const isReference = modifiers.includes('fieldref')
  return {
    key,
    field,
    holds: evaluate(read(mapped(key, entry), context), event),
    found: field === null ? undefined : lookUp(event, field),
    values: nodes.map((value) => ({
      text: value.kind === 'scalar' ? (value.value === null ? 'null' : value.text) : '',
      holds: evaluate(read(mapped(one, { at: value.at, value }), context), event),
      ...(isReference && value.kind === 'scalar' ? { other: lookUp(event, value.text.trim()) } : {}),
    })),
    needs: modifiers.includes('neq') ? 'none' : modifiers.includes('all') ? 'all' : 'any',
  }
}

function mapped(key: string, entry: Entry): Node {
  // A key without a field is for keywords.
  return key === '' ? entry.value : { kind: 'map', at: entry.at, entries: new Map([[key, entry]]) }
}

/** One selection as the engine parses it. */
function read(selection: Node, context: Context): Expression {
  const { at } = selection
  const condition: Scalar = { kind: 'scalar', value: 'it', text: 'it', at }
  const entries = new Map<string, Entry>([
    ['it', { at, value: selection }],
    ['condition', { at, value: condition }],
  ])
  return parseDetection({ kind: 'map', at, entries }, context)
}

function evaluate(expression: Expression, event: FlatEvent): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.of.every((each) => evaluate(each, event))
    case 'or':
      return expression.of.some((each) => evaluate(each, event))
    case 'not':
      return !evaluate(expression.of, event)
    case 'test': {
      const { field, test } = expression
      const other = (name: string) => cellOf(lookUp(event, name))
      if (field !== null) return holds(test, cellOf(lookUp(event, field)), other)
      return everyText(event).some((cell) => holds(test, cell, other))
    }
  }
}

function isFor(filter: LoadedFilter, rule: LoadedRule): boolean {
  const named = filter.rules === 'any' || filter.rules.some((it) => it === rule.id || it === rule.name)
  return named && covers(filter.logsource, rule.logsource)
}
