/** Runs the tests that stand in the rules themselves: the events of each, and how many findings they must make. */
import type { LoadedRule, Program, Rule, RuleTest } from './language/index.ts'

const DAY = 86_400_000
/** The start of every test: midnight UTC, so that 'at: 5h' and 'at: 23h' are one day. A Monday. */
export const TEST_START = Date.UTC(2026, 5, 1)
const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY }

export interface RuleTestResult {
  rule: Rule
  test: RuleTest
  /** Findings made: one per group (the rule's `groupBy`) and UTC day, as the server counts them. */
  fired: number
  passed: boolean
}

/** Each rule alone, so that a neighbour can neither help nor hide. Rules without tests give no result. */
export function runRuleTests(
  rules: readonly LoadedRule[],
  compile: (rules: readonly LoadedRule[]) => Program,
): RuleTestResult[] {
  return rules.flatMap((rule) => {
    if (!rule.tellwire || rule.tellwire.tests.length === 0) return []
    const program = compile([rule])
    return rule.tellwire.tests.map((test) => {
      const fired = findings(program, rule.tellwire?.groupBy ?? [], test)
      return { rule, test, fired, passed: fired === test.fires }
    })
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

/** '90s' → 90,000 ms. The loader let nothing else through. */
function offset(at: string): number {
  const [, amount = '0', unit = 'ms'] = /^([\d.]+)(ms|s|m|h|d)$/.exec(at) ?? []
  return Number(amount) * (UNITS[unit] ?? 1)
}
