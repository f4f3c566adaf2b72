/** The rules in use: the shipped ones, and those of the configured folders. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  compile,
  type LoadedCorrelation,
  load,
  type Problem,
  type Program,
  type Rule,
} from '../../rules/language/index.ts'
import { SHIPPED_RULES } from '../../rules/tooling/shipped.ts'
import { type Attribution, attribution, readRuleSources } from '../../rules/tooling/sources.ts'
import { VOCABULARY } from '../../rules/tooling/vocabulary.ts'

export { SHIPPED_RULES }

export interface Ruleset {
  program: Program
  correlations: readonly LoadedCorrelation[]
  /** The attribution to show with findings of a third-party rule. */
  credit(rule: Rule): Attribution
}

/**
 * Loads `folders`, or the shipped rules when none is given.
 *
 * Shape   rules marked `sensitive` are omitted unless `sensitiveRules` has their id; correlations over an omitted rule
 *         never see a match of it.
 * Errors  a bad rule is reported to `onProblem`, and so is an id in `sensitiveRules` that no sensitive rule has; the
 *         other rules load.
 */
export async function loadRules(
  folders: readonly string[],
  onProblem: (problem: Problem) => void,
  sensitiveRules: readonly string[] = [],
  placeholders: Readonly<Record<string, readonly string[]>> = {},
): Promise<Ruleset> {
  const files = await readRuleSources(folders.length > 0 ? folders : [SHIPPED_RULES], (fault) =>
    onProblem({
      severity: 'error',
      path: fault.where ?? '',
      line: 1,
      column: 1,
      message: fault.message,
      hint: fault.todo,
    }),
  )
  const { rules, correlations, problems } = load(files, { vocabulary: VOCABULARY, placeholders })
  for (const problem of problems) onProblem(problem)
  const sensitive = new Set([...rules, ...correlations].filter((it) => it.tellwire?.sensitive).map((it) => it.id))
  for (const id of sensitiveRules) if (!sensitive.has(id)) onProblem(notSensitive(id))
  const inUse = ({ id }: Rule) => !sensitive.has(id) || sensitiveRules.includes(id)
  const origins = new Map(files.map((it) => [it.path, it.origin]))
  return {
    program: compile(rules.filter(inUse)),
    correlations: correlations.filter(inUse),
    credit: (rule) => attribution(rule, origins.get(rule.path)),
  }
}

export interface ExpiringFilter {
  title: string
  /** Path and line. */
  where: string
  /** Epoch ms UTC from which it has no effect. */
  expires: number
}

/** What cannot be read is reported where the rules are loaded. */
export async function expiringFilters(paths: readonly string[]): Promise<ExpiringFilter[]> {
  const files = await readRuleSources([...paths], () => {})
  return load(files).filters.flatMap(({ title, path, line, expires }) =>
    expires === null ? [] : { title, where: `${path}:${line}`, expires },
  )
}

function notSensitive(id: string): Problem {
  return {
    severity: 'warning',
    path: 'sensitiveRules',
    line: 1,
    column: 1,
    message: `No sensitive rule has the id '${id}'.`,
    hint: '`tellwire rules coverage` lists the sensitive ones.',
  }
}

/** A text that changes when a file at or under these paths changes: cheap enough to compute every few seconds. */
export async function stamp(paths: readonly string[]): Promise<string> {
  const facts = await Promise.all(
    paths.map(async (path) => {
      const under = await readdir(path, { recursive: true }).catch(() => [])
      return Promise.all([path, ...under.map((name) => join(path, name))].map(stampOf))
    }),
  )
  return facts.flat().sort().join('\n')
}

async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  return `${path} ${found?.isFile() ? `${found.size} ${found.mtimeMs}` : found !== null}`
}
