/**
 * Loads rule files: returns the rules that can be compiled, and the problems of the others.
 *
 * Shape   a file may have several documents. Filters become part of the rules that they name. Rules and correlations
 *         keep the order of the files.
 * Errors  never throws on content: each document that cannot be used is one problem with file, line and column.
 */

import { sha256 } from '../../wire/sha256.ts'
import { type CorrelationDraft, parseCorrelation } from './correlation/parse.ts'
import { resolveCorrelations } from './correlation/resolve.ts'
import type { LoadedCorrelation } from './correlation/rule.ts'
import { type DocumentContext, parseDetection } from './detection.ts'
import { documents } from './document.ts'
import { mappingOf, type PlacedText, textIn, textsIn } from './field.ts'
import { type FilterDraft, filtered, filtersByRule, type LoadedFilter, parseFilter } from './filter.ts'
import { effectiveVersionOf } from './identity.ts'
import { logsourceIn, parseLogsource } from './logsource.ts'
import type { Mapping, Node } from './node.ts'
import { once } from './once.ts'
import { problemIn, Refusal, type Warn } from './refusal.ts'
import type { LoadedRule, Problem, RuleFile } from './rule.ts'
import { parseTellwire } from './tellwire.ts'
import { type Vocabulary, warnOfDoubtfulFacts, warnOfUnknownNames } from './vocabulary.ts'

export interface LoadOptions {
  /** The values of `%name%` under `expand`. */
  placeholders?: Readonly<Record<string, readonly string[]>>
  /** When given, names that are probably misspelt cause warnings. */
  vocabulary?: Vocabulary
  /** Epoch ms. When given, for `rules check`, expired filters and facts of the wrong form cause warnings. */
  now?: number
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
  const rules: RuleDraft[] = []
  const correlations: CorrelationDraft[] = []
  const filters: FilterDraft[] = []
  const problems: Problem[] = []
  const where = new Map<string, string>()
  for (const { path, text } of files) {
    const problem = problemIn(path, text)
    const warn: Warn = (at, message, hint = null) => void problems.push(problem('warning', at, message, hint))
    for (const [place, document] of documents(text).entries()) {
      try {
        if (document instanceof Refusal) throw document
        const map = mappingOf(document, 'A Sigma document')
        const fields: PlacedText[] = []
        const field = (name: string, at: number) => void fields.push({ text: name, at })
        const context = { path, line: problem('error', map.at, '').line, placeholders, warn, field }
        const kind = kindOf(map)
        if (kind === 'filter') filters.push(parseFilter(map, context, options.now ?? null))
        else if (kind === 'correlation') {
          const draft = parseCorrelation(map, aboutCorrelation(map, context), problem, warn)
          claim(draft.about.id, map, `${path}:${context.line}`)
          correlations.push(draft)
        } else {
          // Read again, because keeping the nodes of all rules would double the memory, and few readers need a version.
          const again = () => mappingOf(documents(text)[place] as Node, 'A Sigma document')
          const rule = parseRule(map, context, again)
          claim(rule.id, map, `${path}:${context.line}`)
          rules.push(rule)
        }
        if (options.now !== undefined) warnOfDoubtfulFacts(map, warn)
        if (options.vocabulary && kind !== 'correlation')
          warnOfUnknownNames(options.vocabulary, map, logsourceIn(map), fields, warn)
      } catch (cause) {
        if (!(cause instanceof Refusal)) throw cause
        problems.push(problem('error', cause.at, cause.message, cause.hint))
      }
    }
  }
  const applying = filtersByRule(
    rules,
    filters,
    correlations.map(({ about }) => about),
  )
  const loaded = rules.map((rule) => loadedRule(rule, applying.get(rule) ?? []))
  return {
    rules: loaded,
    correlations: resolveCorrelations(correlations, loaded, (problem) => void problems.push(problem)),
    filters: filters.map(({ filter }) => filter),
    problems,
  }

  function claim(id: string, map: Mapping, place: string): void {
    const before = where.get(id)
    if (before)
      throw new Refusal(
        map.entries.get('id')?.at ?? map.at,
        `The id is already that of ${before}.`,
        'Give this rule another id.',
      )
    where.set(id, place)
  }
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
      'The rule requires a version of Sigma that is not supported.',
      'Supported are 2.0 and 2.1.',
    )
  if (has('correlation')) return 'correlation'
  return has('filter') ? 'filter' : 'rule'
}

/** A rule before filters. */
interface RuleDraft extends Omit<LoadedRule, 'version' | 'effectiveVersion'> {
  version(): string
}

/** `again` returns the same map, read anew. */
function parseRule(map: Mapping, context: DocumentContext, again: () => Mapping): RuleDraft {
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The rule has no title.')
  const detection = map.entries.get('detection')
  if (!detection)
    throw new Refusal(map.at, 'The rule has no detection.', 'A Sigma rule has title, logsource and detection.')
  const condition = parseDetection(mappingOf(detection.value, '`detection`'), context)
  const ours = map.entries.get('tellwire')
  return {
    ...about(map, title, context),
    version: once(() => sha256(canonical(again()))),
    logsource: parseLogsource(map),
    tellwire: ours ? parseTellwire(ours.value) : null,
    condition,
  }
}

/** Both hashes are computed on first use: hashing all rules would take a fifth of the time to load. */
function loadedRule({ version, ...rule }: RuleDraft, filters: readonly LoadedFilter[]): LoadedRule {
  const condition = filtered(rule.condition, filters)
  const effectiveVersion = once(() => effectiveVersionOf(version(), condition))
  return {
    ...rule,
    condition,
    get version() {
      return version()
    },
    get effectiveVersion() {
      return effectiveVersion()
    },
  }
}

function aboutCorrelation(map: Mapping, context: DocumentContext): CorrelationDraft['about'] {
  const title = textIn(map, 'title')
  if (!title) throw new Refusal(map.at, 'The correlation has no title.')
  return {
    ...about(map, title, context),
    version: sha256(canonical(map)),
    logsource: { category: null, product: null, service: null },
    tellwire: null,
  }
}

function about(map: Mapping, title: string, { path, line, warn }: DocumentContext) {
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

/** The document as text without comments, layout and tests, so that the same rule has the same text. */
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
