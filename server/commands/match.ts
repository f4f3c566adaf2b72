/**
 * `tellwire match`: Sigma rules over flat events, as a tool of its own.
 *
 * Shape   one line a match: {"event": 0-based line, "rule": id, "title", "level"}, and for rules that are not ours what
 *         their licence wants told: author, license, link. A correlation: {"events": [lines, ten at most], "rule",
 *         "title", "level", "time", "from", "to", "group", "values"}; its rules alone are told only if it says so.
 * Errors  a line that is no event is told with its number, ten of them in full, and costs only itself; exit 1.
 */
import { once } from 'node:events'
import { defineCommand } from 'citty'
import {
  compile,
  type Firing,
  type FlatEvent,
  type LoadedCorrelation,
  load,
  type Problem,
  type Program,
  type Rule,
} from '../../rules/language/index.ts'
import { type Attribution, attribution, readRuleSources } from '../../rules/tooling/sources.ts'
import { Fault } from '../../wire/fault.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { eventLines, MAX_LINE_BYTES } from './event-lines.ts'
import { type Correlating, correlating, lineOf } from './match-correlations.ts'
import { type Costs, costs, sampler } from './match-costs.ts'
import { matchReport } from './match-report.ts'
import { described, printable, repeated } from './terminal.ts'

const TOLD = 10
const MAX_OUTPUT_CHARS = 65_536
/** Other logsources than these many are counted together. */
const MAX_LOGSOURCES = 1_000

export interface MatchStats {
  lines: number
  events: number
  matches: number
  refused: number
  seconds: number
  perRule: Map<Rule, number>
  /** Events for which there is no rule, by their logsource in words. */
  unmatched: Map<string, number>
}

export const matchCommand = defineCommand({
  meta: { name: 'match', description: 'Match Sigma rules against flat events, one JSON object a line' },
  args: {
    events: {
      type: 'positional',
      required: false,
      description: 'Events (NDJSON, .gz as well); "-" or nothing: standard input',
    },
    rules: {
      type: 'string',
      description:
        'A rule file, a folder, or a copy of SigmaHQ (folder or .tar.gz); may be given several times (default: the rules that came along)',
    },
    stats: {
      type: 'boolean',
      description: 'Tell at the end, on standard error, what it took and which rules cost most',
    },
  },
  async run({ args, rawArgs }) {
    if (args._.length > 1)
      throw new Fault('usage', { where: String(args._[1]), todo: 'Name one file of events, or pipe them all in.' })
    const loading = performance.now()
    const { program, correlations, says } = await loaded(repeated(rawArgs, '--rules'))
    const loadSeconds = (performance.now() - loading) / 1_000
    const name = !args.events || args.events === '-' ? 'standard input' : args.events
    const kept = args.stats ? sampler() : null
    let told = 0
    const correlate = correlations.length > 0 ? correlating(correlations) : null
    const stats = await matchEvents(eventLines(args.events || '-'), {
      program,
      correlate,
      says,
      write: async (text) => {
        if (!process.stdout.write(text)) await once(process.stdout, 'drain')
      },
      refuse: (line, why) => {
        if (told++ < TOLD) console.error(`${printable(name)}:${line + 1}: ${why}; the line is left out.`)
      },
      ...(kept && { keep: kept.offer }),
    })
    if (stats.refused > TOLD) console.error(`${printable(name)}: ${stats.refused - TOLD} more lines are left out.`)
    if (stats.refused > 0) process.exitCode = 1
    for (const line of correlate?.left() ?? []) console.error(line)
    if (kept) {
      const cost: Costs = costs(program.rules, kept.samples(), () => performance.now())
      for (const line of matchReport(stats, { program, loadSeconds, cost })) console.error(printable(line))
    }
  },
})

/** Rules that cannot be used are told; the others are in the program. */
async function loaded(
  paths: readonly string[],
): Promise<{ program: Program; correlations: LoadedCorrelation[]; says: (rule: Rule) => Attribution }> {
  const tell = (problem: Problem) => console.error(printable(described(problem)))
  const files = await readRuleSources(paths.length > 0 ? paths : [SHIPPED_RULES], (fault) =>
    console.error(`tellwire: ${printable(fault.message)}`),
  )
  const { rules, correlations, problems } = load(files)
  for (const problem of problems) if (problem.severity === 'error') tell(problem)
  const warnings = problems.filter((it) => it.severity === 'warning').length
  if (warnings > 0) console.error(`${warnings} warnings about rules: \`tellwire rules check\` shows them.`)
  if (rules.length === 0) throw new Fault('rule.invalid', { todo: 'No rule is left to match.' })
  const origins = new Map(files.map(({ path, origin }) => [path, origin]))
  return { program: compile(rules), correlations, says: (rule) => attribution(rule, origins.get(rule.path)) }
}

export interface MatchDeps {
  program: Program
  /** Null: there are no correlations. */
  correlate: Correlating | null
  says(rule: Rule): Attribution
  write(text: string): Promise<void>
  refuse(line: number, why: string): void
  /** Sees each event before it is judged. */
  keep?(event: FlatEvent, chars: number): void
}

/** Lines in, matches out, as fast as `write` takes them. */
export async function matchEvents(
  blocks: AsyncIterable<readonly (string | null)[]>,
  { program, correlate, says, write, refuse, keep }: MatchDeps,
): Promise<MatchStats> {
  const started = performance.now()
  const stats: MatchStats = {
    ...{ lines: 0, events: 0, matches: 0, refused: 0, seconds: 0 },
    perRule: new Map(),
    unmatched: new Map(),
  }
  const tails = new Map<Rule, string>()
  const covered = logsourcesCovered(program.rules)
  let output = ''
  try {
    for await (const block of blocks) {
      for (const line of block) {
        take(line, stats.lines++)
        if (output.length > MAX_OUTPUT_CHARS) await flush()
      }
      // Whoever reads along sees each block's matches at once.
      if (output !== '') await flush()
    }
    for (const firing of correlate?.end() ?? []) tell(firing)
  } finally {
    if (output !== '') await flush()
  }
  stats.seconds = (performance.now() - started) / 1_000
  return stats

  async function flush(): Promise<void> {
    const text = output
    output = ''
    await write(text)
  }

  function take(line: string | null, number: number): void {
    const event = parsed(line)
    if (event === null) return
    if (typeof event === 'string') {
      stats.refused++
      refuse(number, event)
      return
    }
    stats.events++
    keep?.(event, line!.length)
    const matches = program.match(event)
    stats.matches += matches.length
    for (const { rule } of matches) {
      stats.perRule.set(rule, (stats.perRule.get(rule) ?? 0) + 1)
      if (!correlate?.hides(rule.id)) output += `{"event":${number}${tailOf(rule)}\n`
    }
    if (correlate) for (const firing of correlate.take(event, number, matches)) tell(firing)
    if (keep && matches.length === 0 && !covered(event)) count(event)
  }

  function tell({ rule, events, group, time, from, to, values }: Firing): void {
    stats.matches++
    stats.perRule.set(rule, (stats.perRule.get(rule) ?? 0) + 1)
    const about = JSON.stringify({ time, from, to, group, values })
    output += `{"events":${JSON.stringify(events.map(lineOf))}${tailOf(rule).slice(0, -1)},${about.slice(1)}\n`
  }

  function tailOf(rule: Rule): string {
    let tail = tails.get(rule)
    if (tail === undefined) {
      const { id, title, level } = rule
      tail = `,${JSON.stringify({ rule: id, title, level, ...says(rule) }).slice(1)}`
      tails.set(rule, tail)
    }
    return tail
  }

  function count(event: FlatEvent): void {
    const name = logsourceInWords(event)
    const key = stats.unmatched.has(name) || stats.unmatched.size < MAX_LOGSOURCES ? name : 'others'
    stats.unmatched.set(key, (stats.unmatched.get(key) ?? 0) + 1)
  }
}

/** The event; or null for an empty line, or a sentence that says what the line is instead. */
function parsed(line: string | null): FlatEvent | string | null {
  if (line === null) return `longer than ${MAX_LINE_BYTES} bytes`
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return line.trim() === '' ? null : 'not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a JSON object'
  return value as FlatEvent
}

const KEYS = ['category', 'product', 'service'] as const

function logsourcesCovered(rules: readonly Rule[]): (event: FlatEvent) => boolean {
  const distinct = new Map(rules.map(({ logsource }) => [JSON.stringify(logsource), logsource]))
  return (event) =>
    distinct.values().some((wanted) => KEYS.every((key) => wanted[key] === null || wanted[key] === event[key]))
}

function logsourceInWords(event: FlatEvent): string {
  const parts = KEYS.flatMap((key) => (event[key] === undefined ? [] : [`${key} ${String(event[key]).slice(0, 64)}`]))
  return parts.join(', ') || 'without category, product and service'
}
