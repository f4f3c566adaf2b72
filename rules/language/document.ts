/**
 * Reads YAML text into plain nodes with their positions.
 *
 * Shape   YAML 1.1, as Sigma's own tools read it: `yes` is true, 010 is 8. Bare dates stay text. Anchors and merge keys
 *         are resolved; explicit tags are refused.
 * Units   `at` is an offset into the text. At most `maxChars` per file, `maxDepth` levels, and `maxNodes` nodes, where
 *         every use of an alias counts, so that an alias bomb reaches the limit.
 * Errors  a `Refusal` per document that cannot be read.
 */
import * as YAML from 'yaml'
import type { Entry, Mapping, Node, Scalar } from './node.ts'
import { plainDocument } from './plain-yaml.ts'
import { Refusal } from './refusal.ts'

export const LIMITS = { maxChars: 1_048_576, maxNodes: 100_000, maxDepth: 48 } as const

/** Each document of a file, or the reason why it cannot be read. Empty documents are omitted. */
export function documents(text: string): (Node | Refusal)[] {
  if (text.length > LIMITS.maxChars)
    return [new Refusal(0, `The file has ${text.length} characters; at most ${LIMITS.maxChars} are read.`, 'Split it.')]
  const simple = plainDocument(text)
  if (simple) return [simple]
  return anyDocuments(text)
}

/** Read with the yaml package. */
export function anyDocuments(text: string): (Node | Refusal)[] {
  const deep = tooDeep(text)
  if (deep !== null) return [deep]
  let parsed: YAML.Document.Parsed[]
  try {
    const all = YAML.parseAllDocuments(text, { version: '1.1', intAsBigInt: true, logLevel: 'silent' })
    parsed = 'empty' in all ? [] : all
  } catch (cause) {
    return [new Refusal(0, `This is not YAML that can be read: ${String(cause).slice(0, 200)}`)]
  }
  return parsed.flatMap((document): (Node | Refusal)[] => {
    try {
      const error = document.errors[0]
      if (error)
        return [
          new Refusal(
            error.pos[0],
            `YAML: ${error.message
              .split('\n')[0]
              ?.replace(/ at line .*/, '')
              .replace(/\.?$/, '.')}`,
            hintFor(error, text),
          ),
        ]
      if (document.contents === null) return []
      return [reader(document, text)(document.contents, 0)]
    } catch (cause) {
      if (cause instanceof Refusal) return [cause]
      return [new Refusal(0, `This is not YAML that can be read: ${String(cause).slice(0, 200)}`)]
    }
  })
}

function hintFor({ code, message, pos }: YAML.YAMLError, text: string): string | null {
  if (code === 'DUPLICATE_KEY')
    return 'The second would hide the first: put the values into one list, or name the second differently.'
  if (code === 'TAB_AS_INDENT') return 'Indent with spaces.'
  if (code === 'BAD_DQ_ESCAPE')
    return 'In double quotes a backslash begins an escape. Put the value into single quotes, where it is itself.'
  if (/^Missing closing ['"]/.test(message) || /['"]$/.test(text.slice(0, pos[0]).trimEnd()))
    return "A quote ends the value that began with it. Put the whole value into single quotes, and write each ' in it twice."
  return 'Quote values that hold : # { } [ ] , & * ? | > or begin with % @ or `.'
}

/** Deeply nested flow brackets are refused before the parser recurses into them. */
function tooDeep(text: string): Refusal | null {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x0a && /[^\s[{]/.test(text[i + 1] ?? '')) depth = 0
    if (c === 0x5b || c === 0x7b) {
      // Brackets inside quoted values count too: no rule has five hundred unclosed ones.
      if (++depth > 500) return new Refusal(i, 'The document is nested too deeply.')
    } else if ((c === 0x5d || c === 0x7d) && depth > 0) depth--
  }
  return null
}

function reader(document: YAML.Document.Parsed, source: string) {
  let nodes = 0
  return read

  function read(node: unknown, depth: number): Node {
    const at = (YAML.isNode(node) && node.range?.[0]) || 0
    if (++nodes > LIMITS.maxNodes)
      throw new Refusal(at, `The document has more than ${LIMITS.maxNodes} values, aliases counted.`, 'Split the rule.')
    if (depth > LIMITS.maxDepth)
      throw new Refusal(at, `The document is nested more than ${LIMITS.maxDepth} levels deep.`)
    if (YAML.isAlias(node)) {
      const target = node.resolve(document)
      if (!target)
        throw new Refusal(
          at,
          `The alias *${node.source} has no anchor.`,
          `Without quotes a leading * is an alias. Quote the value: '*${node.source}'.`,
        )
      return read(target, depth + 1)
    }
    if (YAML.isNode(node) && node.tag)
      throw new Refusal(at, `The YAML tag ${node.tag} is not used in Sigma.`, 'Remove it, or quote the value.')
    if (YAML.isScalar(node)) return { ...scalar(node, at), ...doubtfulEscape(node, source) }
    if (YAML.isSeq(node)) return { kind: 'list', items: node.items.map((item) => read(item, depth + 1)), at }
    if (YAML.isMap(node)) return mapping(node, at, depth)
    return { kind: 'scalar', value: null, text: '', at }
  }

  function mapping(node: YAML.YAMLMap, at: number, depth: number): Mapping {
    const entries = new Map<string, Entry>()
    const merged: Mapping[] = []
    for (const pair of node.items) {
      const key = read(pair.key, depth + 1)
      if (key.kind !== 'scalar') throw new Refusal(key.at, 'A key must be a plain word.')
      const value = read(pair.value, depth + 1)
      if (key.text === '<<')
        for (const from of value.kind === 'list' ? value.items : [value]) if (from.kind === 'map') merged.push(from)
      if (key.text !== '<<') entries.set(key.text, { at: key.at, value })
    }
    for (const from of merged) for (const [key, entry] of from.entries) if (!entries.has(key)) entries.set(key, entry)
    return { kind: 'map', entries, at }
  }
}

function doubtfulEscape({ type, range }: YAML.Scalar, source: string): Pick<Scalar, 'hasDoubtfulEscape'> {
  if (type !== 'QUOTE_DOUBLE' || !range) return {}
  const unescaped = source.slice(range[0], range[1]).replaceAll('\\\\', '%')
  const isDoubtful = /[\w:%)]\\[0abefnrtv]\w/.test(unescaped)
  return isDoubtful ? { hasDoubtfulEscape: true } : {}
}

function scalar(node: YAML.Scalar, at: number): Scalar {
  const { value } = node
  const text = typeof value === 'string' ? value : (node.source ?? String(value ?? ''))
  // The yaml package reads single letters as booleans; Sigma's own tools do not.
  if (typeof value === 'boolean' && /^[yn]$/i.test(text)) return { kind: 'scalar', value: text, text, at }
  if (value === null || value === undefined) return { kind: 'scalar', value: null, text, at }
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value)))
    return { kind: 'scalar', value: Number(value), text, at }
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value))
    return { kind: 'scalar', value: value as string, text, at }
  return { kind: 'scalar', value: text, text, at }
}
