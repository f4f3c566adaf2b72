/** The table of `tellwire match --stats`, for people. */
import type { Program, Rule } from '../../rules/language/index.ts'
import type { Costs } from './match-costs.ts'
import type { MatchStats } from './match-events.ts'
import { columns } from './terminal.ts'

const MAX_EXPENSIVE = 10
const MAX_ROWS = 50

/** `memory`: the most that the process had when the last event was matched, in MiB. */
export function matchReport(
  { events, lines, matches, refused, seconds, perRule, unmatched }: MatchStats,
  { program, loadSeconds, memory, cost }: { program: Program; loadSeconds: number; memory: number; cost: Costs },
): string[] {
  const counted = [...perRule].sort((a, b) => b[1] - a[1])
  const expensive = [...cost.total].sort((a, b) => b[1] - a[1]).slice(0, MAX_EXPENSIVE)
  const uncovered = [...unmatched].sort((a, b) => b[1] - a[1])
  const covered = events - uncovered.reduce((sum, [, count]) => sum + count, 0)
  const rate = seconds > 0 ? Math.round(events / seconds) : 0
  const price = (rule: Rule) => cost.perEvent.get(rule)?.toFixed(2) ?? '-'
  return [
    `${number(events)} events in ${number(lines)} lines (${number(refused)} skipped), ${seconds.toFixed(2)} s: ` +
      `${number(rate)} events/s, including reading and parsing; peak memory ${Math.round(memory)} MiB.`,
    `${number(program.rules.length)} rules, loaded in ${loadSeconds.toFixed(2)} s; ` +
      `${number(matches)} matches of ${number(perRule.size)} rules. ` +
      `${number(covered)} events have a logsource that rules cover.`,
    ...section('matches of each rule', ['matches', 'µs', 'level', 'rule', 'title'], counted, ([rule, count]) => [
      ...[number(count), price(rule), rule.level ?? '-', rule.id, rule.title],
    ]),
    ...section(
      `most expensive rules, each alone on a sample of ${number(cost.events)} events (µs it adds to an event of its logsource, share of all)`,
      ['µs', 'share', 'rule', 'title'],
      expensive,
      ([rule, total]) => [price(rule), share(total, cost.total), rule.id, rule.title],
    ),
    ...section('events without a rule for their logsource', ['events', 'logsource'], uncovered, ([name, count]) => [
      number(count),
      name,
    ]),
  ]
}

function section<T>(title: string, head: string[], rows: readonly T[], cells: (row: T) => string[]): string[] {
  if (rows.length === 0) return []
  const more = rows.length > MAX_ROWS ? [`and ${number(rows.length - MAX_ROWS)} more`] : []
  return ['', `${title}:`, ...columns([head, ...rows.slice(0, MAX_ROWS).map(cells)]), ...more]
}

function share(of: number, all: ReadonlyMap<Rule, number>): string {
  const sum = all.values().reduce((total, each) => total + each, 0)
  return sum > 0 ? `${((100 * of) / sum).toFixed(1)} %` : '-'
}

function number(value: number): string {
  return value.toLocaleString('en')
}
