/**
 * Rule files → rules that can be compiled, and everything that is wrong with the others.
 *
 * Shape   several documents a file. Filters are worked into the rules that they name. Rules and correlations keep
 *         the files' order.
 * Errors  never throws on content: each document that cannot be used is one problem with file, line and column.
 */

import { sha256 } from '../../wire/sha256.ts'
import { type CorrelationDraft, parseCorrelation } from './correlation/parse.ts'
import { resolveCorrelations } from './correlation/resolve.ts'
import type { LoadedCorrelation } from './correlation/rule.ts'
import { type Placeholders, parseDetection } from './detection.ts'
import { documents, type Mapping, type Node } from './document.ts'
import { mappingOf, textIn, textsIn } from './field.ts'
import { applyFilters, type LoadedFilter, parseFilter } from './filter.ts'
import { problemIn, Refusal, type Warn } from './refusal.ts'
import type { LoadedRule, Logsource, Problem, RuleFile } from './rule.ts'
import { parseTellwire } from './tellwire.ts'

export interface LoadOptions {
  /** What `%name%` stands for under `expand`. */
  placeholders?: Readonly<Record<string, readonly string[]>>
}

export interface Loaded {
  rules: LoadedRule[]
  correlations: LoadedCorrelation[]
  filters: LoadedFilter[]
  problems: Problem[]
}

const LEVELS = ['informational', 'low', 'medium', 'high', 'critical']

export function load(files: readonly RuleFile[], options: LoadOptions = {}): Loaded {
  const placeholders = new Map(Object.entries(options.placeholders ?? {}))
  const rules: LoadedRule[] = []
  const drafts: CorrelationDraft[] = []
  const filters: LoadedFilter[] = []
  const problems: Problem[] = []
  const where = new Map<string, string>()
  for (const { path, text } of files) {
    const problem = problemIn(path, text)
    const warn: Warn = (at, message, hint = null) => void problems.push(problem('warning', at, message, hint))
    for (const document of documents(text)) {
      try {
        if (document instanceof Refusal) throw document
        const map = mappingOf(document, 'A Sigma document')
        const line = problem('error', map.at, '').line
        const kind = kindOf(map)
        if (kind === 'filter') filters.push(parseFilter(map, { path, line, placeholders, warn }))
        else if (kind === 'correlation') {
          const draft = parseCorrelation(map, aboutCorrelation(map, { path, line, warn }), problem, warn)
          claim(draft.about.id, map, `${path}:${line}`)
          drafts.push(draft)
        } else {
          const rule = parseRule(map, { path, line, placeholders, warn })
          claim(rule.id, map, `${path}:${line}`)
          rules.push(rule)
        }
      } catch (cause) {
        if (!(cause instanceof Refusal)) throw cause
        problems.push(problem('error', cause.at, cause.message, cause.hint))
      }
    }
  }
  const report = (problem: Problem): void => void problems.push(problem)
  const filtered = applyFilters(rules, filters, report)
  return { rules: filtered, correlations: resolveCorrelations(drafts, filtered, report), filters, problems }

  function claim(id: string, map: Mapping, place: string): void {
    const before = where.get(id)
    if (before)
      throw new Refusal(
        map.entries.get('id')?.at ?? map.at,
        `The id is already that of ${before}.`,
        'Give this rule an id of its own.',
      )
    where.set(id, place)
  }
}

export interface DocumentContext {
  path: string
  line: number
  placeholders: Placeholders
  warn: Warn
}

function kindOf(map: Mapping): 'rule' | 'correlation' | 'filter' {
  const has = (key: string) => map.entries.get(key)
  const action = has('action')
  if (action)
    throw new Refusal(
      action.at,
      '`action` collections are no longer part of Sigma.',
      'Write each rule out, separated by ---.',
    )
  const version = has('sigma-version')
  if (version && !/^2(\.[01](\.\d+)?)?$/.test(textIn(map, 'sigma-version') ?? ''))
    throw new Refusal(
      version.at,
      'The rule asks for a version of Sigma that is not known here.',
      'Known are 2.0 and 2.1.',
    )
  if (has('correlation')) return 'correlation'
  return has('filter') ? 'filter' : 'rule'
}

function parseRule(map: Mapping, { path, line, placeholders, warn }: DocumentContext): LoadedRule {
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The rule has no title.')
  const detection = map.entries.get('detection')
  if (!detection)
    throw new Refusal(map.at, 'The rule has no detection.', 'A Sigma rule has title, logsource and detection.')
  const condition = parseDetection(mappingOf(detection.value, '`detection`'), placeholders, warn)
  const ours = map.entries.get('tellwire')
  let version: string | null = null
  return {
    ...about(map, title, { path, line, warn }),
    // Hashed when first asked for: only rules that fire need it, and hashing all is a fifth of the loading.
    get version() {
      return (version ??= sha256(canonical(map)))
    },
    logsource: parseLogsource(map),
    tellwire: ours ? parseTellwire(ours.value) : null,
    condition,
  }
}

function aboutCorrelation(map: Mapping, context: Omit<DocumentContext, 'placeholders'>): CorrelationDraft['about'] {
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The correlation has no title.')
  return {
    ...about(map, title, context),
    version: sha256(canonical(map)),
    logsource: { category: null, product: null, service: null },
    tellwire: null,
  }
}

function about(map: Mapping, title: string, { path, line, warn }: Omit<DocumentContext, 'placeholders'>) {
  const level = textIn(map, 'level')
  if (level !== null && !LEVELS.includes(level))
    warn(map.entries.get('level')!.at, `'${level}' is not a level.`, `One of ${LEVELS.join(', ')}.`)
  return {
    id: textIn(map, 'id') ?? `content-${sha256(canonical(map)).slice(0, 32)}`,
    name: textIn(map, 'name'),
    title,
    description: textIn(map, 'description'),
    author:
      map.entries.get('author')?.value.kind === 'list' ? textsIn(map, 'author').join(', ') : textIn(map, 'author'),
    license: textIn(map, 'license'),
    references: textsIn(map, 'references'),
    level,
    status: textIn(map, 'status'),
    tags: textsIn(map, 'tags'),
    falsepositives: textsIn(map, 'falsepositives'),
    path,
    line,
  }
}

/** Lower case, as Sigma has them. Keys other than the three (`definition`) are for people. */
export function parseLogsource(map: Mapping): Logsource {
  const entry = map.entries.get('logsource')
  if (!entry) throw new Refusal(map.at, 'The rule has no logsource.', 'Say at least category, product or service.')
  const source = mappingOf(entry.value, '`logsource`')
  const [category = null, product = null, service = null] = ['category', 'product', 'service'].map(
    (key) => textIn(source, key)?.toLowerCase() ?? null,
  )
  if (category === null && product === null && service === null)
    throw new Refusal(entry.at, 'The logsource says nothing.', 'Say at least category, product or service.')
  return { category, product, service }
}

/** The document as one text without comments, layout and tests: the same rule, the same text. */
function canonical(map: Mapping): string {
  return JSON.stringify(bare(map, ''))
}

function bare(node: Node, within: string): unknown {
  if (node.kind === 'scalar') return typeof node.value === 'bigint' ? `${node.value}n` : node.value
  if (node.kind === 'list') return node.items.map((item) => bare(item, ''))
  return [...node.entries]
    .filter(([key]) => !(within === 'tellwire' && key === 'tests'))
    .map(([key, { value }]) => [key, bare(value, key)])
}
