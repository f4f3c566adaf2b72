/**
 * `tellwire match`: matches Sigma rules against flat events, without a server.
 *
 * Shape   one line per match: {"event": 0-based line, "rule": id, "title", "level"}, and for third-party rules what
 *         their licence requires: author, license, link. A correlation: {"events": [lines, ten at most], "rule",
 *         "title", "level", "time", "from", "to", "group", "values"}; its rules' own matches only with `generate`.
 * Errors  a line that is not an event is skipped and reported with its number (the first ten); exit 1.
 */
import { once } from 'node:events'
import { defineCommand } from 'citty'
import { compile, type LoadedCorrelation, load, nearest, type Program, type Rule } from '../../rules/language/index.ts'
import { SHIPPED_RULES } from '../../rules/tooling/shipped.ts'
import { type Attribution, attribution, readRuleSources } from '../../rules/tooling/sources.ts'
import { VOCABULARY } from '../../rules/tooling/vocabulary.ts'
import { Fault } from '../../wire/fault.ts'
import { visible } from '../../wire/printable.ts'
import { eventLines } from '../recordings/lines.ts'
import { correlating } from './match-correlations.ts'
import { costs, sampler } from './match-costs.ts'
import { matchEvents } from './match-events.ts'
import { matchReport } from './match-report.ts'
import { placeholderArg, placeholdersFrom } from './placeholders.ts'
import { counted, type Progress, progress } from './progress.ts'
import { described, printable, repeated } from './terminal.ts'

const MAX_REPORTED = 10

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
        'A rule file, a folder, or a copy of SigmaHQ (folder or .tar.gz); may be given several times (default: the shipped rules)',
    },
    ...placeholderArg,
    stats: {
      type: 'boolean',
      description: 'Report at the end, on standard error, the time and memory used and the most expensive rules',
    },
  },
  async run({ args, rawArgs }) {
    const shown = progress()
    const loading = performance.now()
    shown.show('loading the rules')
    const paths = repeated(rawArgs, '--rules')
    const { program, correlations, attribute } = await loaded(paths, placeholdersFrom(rawArgs), shown)
    const loadSeconds = (performance.now() - loading) / 1_000
    const name = !args.events || args.events === '-' ? 'standard input' : args.events
    const sampling = args.stats ? sampler() : null
    let reported = 0
    const correlate = correlations.length > 0 ? correlating(correlations) : null
    const stats = await matchEvents(eventLines(args.events || '-'), {
      program,
      correlate,
      attribute,
      categories: VOCABULARY.categories,
      write: async (text) => {
        if (process.stdout.isTTY) shown.clear()
        if (!process.stdout.write(visible(text))) await once(process.stdout, 'drain')
      },
      refuse: (line, reason) => {
        if (reported++ >= MAX_REPORTED) return
        shown.clear()
        console.error(`${printable(name)}:${line + 1}: ${reason}; line skipped.`)
      },
      onProgress: (lines) => shown.show(`matching, ${counted(lines)} lines`),
      ...(sampling && { sample: sampling.offer }),
    }).finally(() => shown.end())
    if (stats.refused > MAX_REPORTED)
      console.error(`${printable(name)}: ${stats.refused - MAX_REPORTED} more lines skipped.`)
    if (stats.refused > 0) process.exitCode = 1
    for (const line of strangersInWords(stats.strangers, program)) console.error(printable(line))
    for (const line of correlate?.uncounted() ?? []) console.error(printable(line))
    if (sampling) {
      // Before the costs are measured, which takes memory too.
      const memory = process.resourceUsage().maxRSS / 1_024
      const cost = costs(program.rules, sampling.samples(), () => performance.now())
      for (const line of matchReport(stats, { program, loadSeconds, memory, cost })) console.error(printable(line))
    }
  },
})

/** No rule for a category sees these events. */
function strangersInWords(strangers: ReadonlyMap<string, number>, { rules }: Program): string[] {
  const known = [...VOCABULARY.categories, ...rules.flatMap((it) => it.logsource.category ?? [])]
  return [...strangers].slice(0, MAX_REPORTED).map(([category, count]) => {
    const near = nearest(category, known)
    const events = count === 1 ? '1 event has' : `${count} events have`
    return `${events} the category '${category}', which no rule has.${near ? ` Did you mean '${near}'?` : ''}`
  })
}

/** Unusable rules are reported; the others are in the program. */
async function loaded(
  paths: readonly string[],
  placeholders: Readonly<Record<string, readonly string[]>>,
  shown: Progress,
): Promise<{ program: Program; correlations: LoadedCorrelation[]; attribute: (rule: Rule) => Attribution }> {
  const print = (line: string) => {
    shown.clear()
    console.error(printable(line))
  }
  const files = await readRuleSources(paths.length > 0 ? paths : [SHIPPED_RULES], (fault) =>
    print(`tellwire: ${fault.message}`),
  )
  const { rules, correlations, problems } = load(files, { placeholders })
  for (const problem of problems) if (problem.severity === 'error') print(described(problem))
  const warnings = problems.filter((it) => it.severity === 'warning').length
  if (warnings > 0)
    print(`${warnings === 1 ? '1 warning' : `${warnings} warnings`} about rules; see \`tellwire rules check\`.`)
  if (rules.length === 0) throw new Fault('rule.invalid', { why: 'There is no usable rule.' })
  const origins = new Map(files.map(({ path, origin }) => [path, origin]))
  return { program: compile(rules), correlations, attribute: (rule) => attribution(rule, origins.get(rule.path)) }
}
