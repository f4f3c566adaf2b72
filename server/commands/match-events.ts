/**
 * Matches lines of events and returns lines of matches: the core of `tellwire match`, without reading and printing.
 *
 * Shape   the output lines are those of `match.ts`; events are numbered by input line, from 0.
 * Errors  a line that is not an event is reported with its number, and does not affect the others.
 */
import {
  covers,
  type Firing,
  type FlatEvent,
  LOGSOURCE_KEYS,
  type Match,
  type Program,
  parseExactly,
  type Rule,
} from '../../rules/language/index.ts'
import type { Attribution } from '../../rules/tooling/sources.ts'
import { MAX_LINE_BYTES } from '../recordings/lines.ts'
import { type Correlating, lineOf } from './match-correlations.ts'

const MAX_OUTPUT_CHARS = 65_536
/** Beyond this number, logsources are counted together. */
const MAX_LOGSOURCES = 1_000

export interface MatchStats {
  lines: number
  events: number
  matches: number
  refused: number
  seconds: number
  perRule: Map<Rule, number>
  /** Events with a category that neither rules nor known events have, by category. */
  strangers: Map<string, number>
  /** Events without a rule for their logsource, by logsource in words. */
  unmatched: Map<string, number>
}

export interface MatchDeps {
  program: Program
  /** Null: there are no correlations. */
  correlate: Correlating | null
  attribute(rule: Rule): Attribution
  /** Known values of `category`, besides those of the rules. */
  categories: ReadonlySet<string>
  write(text: string): Promise<void>
  refuse(line: number, reason: string): void
  /** The number of lines read so far. */
  onProgress?(lines: number): void
  /** Called with each event before it is matched. */
  sample?(event: FlatEvent, chars: number): void
}

/** As fast as `write` accepts the matches. */
export async function matchEvents(
  blocks: AsyncIterable<readonly (string | null)[]>,
  { program, correlate, attribute, categories, write, refuse, onProgress, sample }: MatchDeps,
): Promise<MatchStats> {
  const started = performance.now()
  const stats: MatchStats = {
    ...{ lines: 0, events: 0, matches: 0, refused: 0, seconds: 0 },
    perRule: new Map(),
    strangers: new Map(),
    unmatched: new Map(),
  }
  const lines = outputLines(attribute)
  const isCovered = logsourcesCovered(program.rules)
  const known = new Set<unknown>([undefined, null, ...categories, ...program.rules.map((it) => it.logsource.category)])
  let output = ''
  try {
    for await (const block of blocks) {
      for (const line of block) {
        matchLine(line, stats.lines++)
        if (output.length > MAX_OUTPUT_CHARS) await flush()
      }
      // So that a reader of the pipe gets each block's matches at once.
      if (output !== '') await flush()
      onProgress?.(stats.lines)
    }
    addFirings(correlate?.end() ?? [])
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

  function matchLine(line: string | null, number: number): void {
    const event = parsed(line)
    if (event === null) return
    if (typeof event === 'string') {
      stats.refused++
      refuse(number, event)
      return
    }
    stats.events++
    sample?.(event, line!.length)
    if (!known.has(event.category)) countIn(stats.strangers, String(event.category).slice(0, 64))
    const matches = program.match(event)
    addMatches(number, matches)
    if (correlate) addFirings(correlate.take(event, number, matches))
    if (sample && matches.length === 0 && !isCovered(event)) countUnmatched(stats.unmatched, event)
  }

  function addMatches(number: number, matches: readonly Match[]): void {
    for (const { rule } of matches) {
      count(rule)
      if (!correlate?.hides(rule.id)) output += lines.ofMatch(number, rule)
    }
  }

  function addFirings(firings: readonly Firing[]): void {
    for (const firing of firings) {
      count(firing.rule)
      output += lines.ofFiring(firing)
    }
  }

  function count(rule: Rule): void {
    stats.matches++
    stats.perRule.set(rule, (stats.perRule.get(rule) ?? 0) + 1)
  }
}

/** What all matches of a rule have in common is serialised once. */
function outputLines(attribute: MatchDeps['attribute']) {
  const tails = new Map<Rule, string>()
  return { ofMatch, ofFiring }

  function ofMatch(number: number, rule: Rule): string {
    return `{"event":${number}${tailOf(rule)}\n`
  }

  function ofFiring({ rule, events, group, time, from, to, values }: Firing): string {
    const about = jsonOf({ time, from, to, group, values })
    return `{"events":${JSON.stringify(events.map(lineOf))}${tailOf(rule).slice(0, -1)},${about.slice(1)}\n`
  }

  function tailOf(rule: Rule): string {
    let tail = tails.get(rule)
    if (tail === undefined) {
      const { id, title, level } = rule
      tail = `,${jsonOf({ rule: id, title, level, ...attribute(rule) }).slice(1)}`
      tails.set(rule, tail)
    }
    return tail
  }
}

/** JSON with those characters escaped by which rules and events could control a terminal or reverse a line. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The event; null for an empty line; otherwise, in words, why the line is not an event. */
function parsed(line: string | null): FlatEvent | string | null {
  if (line === null) return `longer than ${MAX_LINE_BYTES} bytes`
  let value: unknown
  try {
    value = parseExactly(line)
  } catch {
    return line.trim() === '' ? null : 'not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a JSON object'
  return value as FlatEvent
}

function logsourcesCovered(rules: readonly Rule[]): (event: FlatEvent) => boolean {
  const distinct = new Map(rules.map(({ logsource }) => [JSON.stringify(logsource), logsource]))
  return (event) => distinct.values().some((wanted) => covers(wanted, event))
}

function countUnmatched(unmatched: MatchStats['unmatched'], event: FlatEvent): void {
  countIn(unmatched, logsourceInWords(event))
}

function countIn(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < MAX_LOGSOURCES ? name : 'others'
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function logsourceInWords(event: FlatEvent): string {
  const parts = LOGSOURCE_KEYS.flatMap((key) =>
    event[key] === undefined ? [] : [`${key} ${String(event[key]).slice(0, 64)}`],
  )
  return parts.join(', ') || 'without category, product and service'
}
