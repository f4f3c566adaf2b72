/** Runs the tests in rule files: each has events and the number of findings that they must make. */
import { DAY, HOUR, MINUTE } from '../../wire/time.ts'
import {
  correlator,
  type LoadedCorrelation,
  type LoadedRule,
  type Program,
  type Rule,
  type RuleTest,
} from '../language/index.ts'

/** The start of every test: midnight UTC, so that 'at: 5h' and 'at: 23h' are one day. A Monday. */
export const TEST_START = Date.UTC(2026, 5, 1)
const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: MINUTE, h: HOUR, d: DAY }

export interface RuleTestResult {
  rule: Rule
  test: RuleTest
  /**
   * Findings made: one per group (the rule's `groupBy`) and UTC day, as the server counts them; or a correlation's
   * firings.
   */
  fired: number
  passed: boolean
}

/**
 * Tests each rule alone, and each correlation with the rules that it counts, so that other rules have no influence.
 * Rules without tests have no result.
 */
export function runRuleTests(
  rules: readonly LoadedRule[],
  compile: (rules: readonly LoadedRule[]) => Program,
  correlations: readonly LoadedCorrelation[] = [],
): RuleTestResult[] {
  return [
    ...rules.flatMap((rule) =>
      results(rule, () => {
        const program = compile([rule])
        return (test) => findings(program, rule.tellwire?.groupBy ?? [], test)
      }),
    ),
    ...correlations.flatMap((correlation) =>
      results(correlation, () => {
        const needed = withMembers(correlation, correlations)
        const ids = new Set(needed.flatMap(({ members }) => members.map(({ id }) => id)))
        const program = compile(rules.filter(({ id }) => ids.has(id)))
        return (test) => firings(correlation, needed, program, test)
      }),
    ),
  ]
}

function results(rule: Rule, prepare: () => (test: RuleTest) => number): RuleTestResult[] {
  const tests = rule.tellwire?.tests ?? []
  if (tests.length === 0) return []
  const run = prepare()
  return tests.map((test) => {
    const fired = run(test)
    return { rule, test, fired, passed: fired === test.fires }
  })
}

function findings(program: Program, groupBy: readonly string[], test: RuleTest): number {
  const groups = new Set<string>()
  for (const [order, { at, ...fields }] of test.events.entries()) {
    const time = TEST_START + offset(at)
    const event: Record<string, unknown> = { ...fields, id: `test-${order}`, time }
    if (program.match(event).length === 0) continue
    groups.add(JSON.stringify([Math.floor(time / DAY), ...groupBy.map((field) => event[field] ?? null)]))
  }
  return groups.size
}

/** The correlation and those that it counts, at any depth. */
function withMembers(correlation: LoadedCorrelation, all: readonly LoadedCorrelation[]): LoadedCorrelation[] {
  const needed = new Set([correlation])
  for (const { members } of needed)
    for (const { id } of members) for (const lower of all) if (lower.id === id) needed.add(lower)
  return [...needed]
}

/** The firings in force once the log's clock has passed the end of every window. */
function firings(
  { id }: LoadedCorrelation,
  needed: readonly LoadedCorrelation[],
  program: Program,
  test: RuleTest,
): number {
  const engine = correlator(needed)
  const inForce = new Set<string>()
  const follow = ({ fired, retracted }: ReturnType<typeof engine.advance>): void => {
    for (const gone of retracted) inForce.delete(gone)
    for (const { rule, id: firing } of fired) if (rule.id === id) inForce.add(firing)
  }
  let end = TEST_START
  for (const [order, { at, ...fields }] of test.events.entries()) {
    const time = TEST_START + offset(at)
    end = Math.max(end, time)
    // Ids in the events' order: of two at the same time, the first in the list comes first.
    const event = { ...fields, id: `test-${String(order).padStart(6, '0')}`, time }
    follow(engine.take({ event, time, id: event.id, matches: program.match(event) }))
  }
  for (const { spanMs } of needed) end += spanMs
  follow(engine.advance(end))
  return inForce.size
}

/** '90s' → 90,000 ms. The loader has validated the form. */
function offset(at: string): number {
  const [, amount = '0', unit = 'ms'] = /^([\d.]+)(ms|s|m|h|d)$/.exec(at) ?? []
  return Number(amount) * (UNITS[unit] ?? 1)
}
