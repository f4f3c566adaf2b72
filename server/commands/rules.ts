/** `tellwire rules`: what is wrong with rule files, what their tests say, what is in them. */
import { relative } from 'node:path'
import { defineCommand } from 'citty'
import { compile, type LoadedRule, load, type Problem, type Rule } from '../../rules/language/index.ts'
import { readRuleFiles } from '../../rules/load.ts'
import { runRuleTests } from '../../rules/tests.ts'
import { SHIPPED_RULES } from '../detect/program.ts'

const args = {
  path: {
    type: 'positional',
    required: false,
    description:
      'Files or folders with rules (.yml, .yaml), as many as you like; without any, the rules that came along',
  },
  json: { type: 'boolean', description: 'Print JSON' },
} as const

const checkCommand = defineCommand({
  meta: { name: 'check', description: 'Say what is wrong with rules, by file, line and column' },
  args,
  async run({ args }) {
    const { rules, problems } = await read(args._)
    const errors = problems.filter((it) => it.severity === 'error').length
    const warnings = problems.length - errors
    if (args.json) console.log(JSON.stringify({ rules: rules.length, errors, warnings, problems }))
    else {
      for (const problem of problems) print(described(problem))
      print(`${rules.length} rules can be used; ${errors} errors, ${warnings} warnings.`)
    }
    if (errors > 0) process.exitCode = 1
  },
})

const testCommand = defineCommand({
  meta: { name: 'test', description: 'Run the tests that stand in the rules' },
  args,
  async run({ args }) {
    const { rules, problems } = await read(args._)
    const errors = problems.filter((it) => it.severity === 'error')
    const results = runRuleTests(rules, compile)
    const failed = results.filter((it) => !it.passed)
    const untested = rules.filter((it) => it.tellwire && it.tellwire.tests.length === 0)
    if (args.json)
      console.log(
        JSON.stringify({
          passed: results.length - failed.length,
          failed: failed.length,
          failures: failed.map(({ rule, test, fired }) => ({
            ...{ rule: rule.id, title: rule.title, path: rule.path, line: rule.line },
            ...{ test: test.name, expected: test.fires, fired },
          })),
          untested: untested.map((it) => it.id),
          problems,
        }),
      )
    else {
      for (const problem of errors) print(described(problem))
      for (const { rule, test, fired } of failed)
        print(`${at(rule)}: ${rule.title}: "${test.name}" made ${findings(fired)}; it says ${findings(test.fires)}.`)
      for (const rule of untested) print(`${at(rule)}: ${rule.title}: has no tests.`)
      print(`${results.length - failed.length} passed, ${failed.length} failed, in ${rules.length} rules.`)
    }
    if (failed.length + errors.length > 0) process.exitCode = 1
  },
})

const listCommand = defineCommand({
  meta: { name: 'list', description: 'List rules: strength, level, family, title, ATT&CK techniques and signals' },
  args,
  async run({ args }) {
    const { rules, problems } = await read(args._)
    if (args.json) console.log(JSON.stringify(rules.map(summary)))
    else for (const line of table(rules)) print(line)
    // The list is on standard output alone, so that it can be read by a program; what is missing from it is told beside.
    const errors = problems.filter((it) => it.severity === 'error')
    for (const problem of errors) console.error(printable(described(problem)))
    if (errors.length > 0) process.exitCode = 1
  },
})

export const rulesCommand = defineCommand({
  meta: { name: 'rules', description: 'Check, test and list rules' },
  subCommands: { check: checkCommand, test: testCommand, list: listCommand },
})

/** The rules under `paths`, or ours. A file that cannot be read is a problem like any other. */
async function read(paths: readonly string[]): Promise<{ rules: LoadedRule[]; problems: Problem[] }> {
  const unread: Problem[] = []
  const shipped = relative(process.cwd(), SHIPPED_RULES) || '.'
  const files = await readRuleFiles(paths.length > 0 ? paths : [shipped], ({ where, todo }) =>
    unread.push({ severity: 'error', path: where ?? '', line: 1, column: 1, message: todo ?? '', hint: null }),
  )
  const { rules, problems } = load(files)
  return { rules, problems: [...unread, ...problems] }
}

function described({ path, line, column, severity, message, hint }: Problem): string {
  return `${path}:${line}:${column}: ${severity}: ${message}${hint ? ` ${hint}` : ''}`
}

function at(rule: Rule): string {
  return `${rule.path}:${rule.line}:1`
}

function findings(count: number): string {
  return count === 1 ? '1 finding' : `${count} findings`
}

function summary(rule: Rule) {
  const { id, title, level, status, tags, path, tellwire } = rule
  return {
    ...{ id, title, level, status, path },
    family: tellwire?.family ?? null,
    strength: tellwire?.strength ?? null,
    attack: tags.filter((it) => /^attack\.t\d/i.test(it)).map((it) => it.slice('attack.'.length).toUpperCase()),
    signals: tellwire?.signals ?? [],
  }
}

/** Columns as wide as what is in them; the strongest rule first within its family. */
function table(rules: readonly Rule[]): string[] {
  const rows = rules
    .map(summary)
    .sort((a, b) => (a.family ?? '~').localeCompare(b.family ?? '~') || (b.strength ?? 0) - (a.strength ?? 0))
    .map((it) => [
      ...[String(it.strength ?? '-'), it.level ?? '-', it.family ?? '-', it.title],
      ...[it.attack.join(' '), it.signals.join(' ')],
    ])
  const all = [['strength', 'level', 'family', 'title', 'ATT&CK', 'signals'], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? []
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function print(line: string): void {
  console.log(printable(line))
}

/** Rules come from anywhere: no escape sequence of theirs reaches the terminal, nor turns the line round. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}
