/** `tellwire rules`: checks, tests and lists rule files. */
import { relative, resolve, sep } from 'node:path'
import { defineCommand } from 'citty'
import {
  compile,
  type LoadedCorrelation,
  type LoadedRule,
  load,
  type Problem,
  type Rule,
} from '../../rules/language/index.ts'
import { checkSentences } from '../../rules/tooling/sentences.ts'
import { readRuleSources } from '../../rules/tooling/sources.ts'
import { runRuleTests } from '../../rules/tooling/tests.ts'
import { VOCABULARY } from '../../rules/tooling/vocabulary.ts'
import { Fault } from '../../wire/fault.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { placeholderArg, placeholdersFrom } from './placeholders.ts'
import { columns, described, printable } from './terminal.ts'

const args = {
  path: {
    type: 'positional',
    required: false,
    several: true,
    description:
      'Files or folders with rules (.yml, .yaml), a copy of SigmaHQ or its .tar.gz (default: the shipped rules)',
  },
  ...placeholderArg,
  json: { type: 'boolean', description: 'Print JSON' },
} as const

const checkCommand = defineCommand({
  meta: { name: 'check', description: 'Report errors and doubtful names in rules, by file, line and column' },
  args,
  async run({ args, rawArgs }) {
    const { rules: single, correlations, problems: found, textOf } = await read(args._, rawArgs)
    const rules = [...single, ...correlations]
    const problems = [...found, ...checkSentences(rules, textOf).map(strictForOurs)]
    const errors = problems.filter((it) => it.severity === 'error').length
    const warnings = problems.length - errors
    if (args.json) console.log(JSON.stringify({ rules: rules.length, errors, warnings, problems }))
    else {
      for (const problem of problems) print(described(problem))
      print(`${counted(rules.length, 'usable rule')}; ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`)
    }
    if (errors > 0) process.exitCode = 1
  },
})

const testCommand = defineCommand({
  meta: { name: 'test', description: 'Run the tests inside the rules' },
  args,
  async run({ args, rawArgs }) {
    const { rules, correlations, problems } = await read(args._, rawArgs)
    const errors = problems.filter((it) => it.severity === 'error')
    const results = runRuleTests(rules, compile, correlations)
    const failed = results.filter((it) => !it.passed)
    const all = [...rules, ...correlations]
    const untested = all.filter((it) => it.tellwire && it.tellwire.tests.length === 0)
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
        print(`${at(rule)}: ${rule.title}: "${test.name}" made ${counted(fired, 'finding')}, expected ${test.fires}.`)
      for (const rule of untested) print(`${at(rule)}: ${rule.title}: has no tests.`)
      print(`${results.length - failed.length} passed, ${failed.length} failed, in ${counted(all.length, 'rule')}.`)
    }
    if (failed.length + errors.length > 0) process.exitCode = 1
  },
})

const listCommand = defineCommand({
  meta: { name: 'list', description: 'List rules: strength, level, family, title, ATT&CK techniques and signals' },
  args: {
    ...args,
    technique: { type: 'string', description: 'Only rules for this ATT&CK technique and those under it: T1219' },
  },
  async run({ args, rawArgs }) {
    const technique = techniqueOf(args.technique)
    const { rules: single, correlations, problems } = await read(args._, rawArgs)
    const all: Rule[] = [...single, ...correlations]
    const rules = all.filter((rule) => technique === null || attackOf(rule).some((it) => isUnder(it, technique)))
    if (args.json) console.log(JSON.stringify(rules.map(summary)))
    else for (const line of table(rules)) print(line)
    // Standard output has only the list, so that a program can read it; errors go to standard error.
    const errors = problems.filter((it) => it.severity === 'error')
    for (const problem of errors) console.error(printable(described(problem)))
    if (errors.length > 0) process.exitCode = 1
  },
})

export const rulesCommand = defineCommand({
  meta: { name: 'rules', description: 'Check, test, list, explain and import rules' },
  subCommands: {
    check: checkCommand,
    test: testCommand,
    list: listCommand,
    explain: () => import('./rules-explain.ts').then((it) => it.explainCommand),
    coverage: () => import('./rules-coverage.ts').then((it) => it.coverageCommand),
    import: () => import('./rules-import.ts').then((it) => it.importCommand),
    schema: () => import('./rules-schema.ts').then((it) => it.schemaCommand),
  },
})

/** The rules under `paths`, or the shipped ones. An unreadable file is a problem like any other. */
async function read(
  paths: readonly string[],
  rawArgs: readonly string[],
): Promise<{
  rules: LoadedRule[]
  correlations: LoadedCorrelation[]
  problems: Problem[]
  textOf(path: string): string
}> {
  const unread: Problem[] = []
  const shipped = relative(process.cwd(), SHIPPED_RULES) || '.'
  const files = await readRuleSources(paths.length > 0 ? paths : [shipped], ({ where, detail }) =>
    unread.push({ severity: 'error', path: where ?? '', line: 1, column: 1, message: detail ?? '', hint: null }),
  )
  const given = new Set(files.map((it) => it.path))
  const isGiven = ({ path }: { path: string }) => given.has(path)
  const others = files.some(({ text }) => /filter["']?\s*:/.test(text)) ? await shippedBeside(files) : []
  const { rules, correlations, problems } = load([...files, ...others], {
    vocabulary: VOCABULARY,
    now: Date.now(),
    placeholders: placeholdersFrom(rawArgs),
  })
  return {
    rules: rules.filter(isGiven),
    correlations: correlations.filter(isGiven),
    problems: [...unread, ...problems.filter(isGiven).map(strictForOurs)],
    textOf: (path) => files.find((it) => it.path === path)?.text ?? '',
  }
}

/** A filter names rules that are loaded beside it: ours too, unless they are among the given files. */
async function shippedBeside(files: readonly { path: string }[]): Promise<{ path: string; text: string }[]> {
  const given = new Set(files.map(({ path }) => resolve(path)))
  const shipped = await readRuleSources([SHIPPED_RULES], () => {})
  return shipped.filter(({ path }) => !given.has(resolve(path)))
}

/** Ours must be right in every respect. */
function strictForOurs(problem: Problem): Problem {
  const isOurs = resolve(problem.path).startsWith(SHIPPED_RULES + sep)
  return isOurs ? { ...problem, severity: 'error' } : problem
}

function at(rule: Rule): string {
  return `${rule.path}:${rule.line}:1`
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}

function summary(rule: Rule) {
  const { id, title, level, status, author, license, path, tellwire } = rule
  return {
    ...{ id, title, level, status, author, license, path },
    family: tellwire?.family ?? null,
    strength: tellwire?.strength ?? null,
    attack: attackOf(rule),
    signals: tellwire?.signals ?? [],
  }
}

function attackOf({ tags }: Rule): string[] {
  return tags.filter((it) => /^attack\.t\d/i.test(it)).map((it) => it.slice('attack.'.length).toUpperCase())
}

function techniqueOf(given: string | undefined): string | null {
  if (given !== undefined && !/^T\d{4}(\.\d{3})?$/i.test(given))
    throw new Fault('usage', { where: '--technique', todo: 'Name one as ATT&CK does: T1219 or T1219.002.' })
  return given?.toUpperCase() ?? null
}

function isUnder(technique: string, of: string): boolean {
  return technique === of || technique.startsWith(`${of}.`)
}

/** The strongest rule first within its family. */
function table(rules: readonly Rule[]): string[] {
  const rows = rules
    .map(summary)
    .sort((a, b) => (a.family ?? '~').localeCompare(b.family ?? '~') || (b.strength ?? 0) - (a.strength ?? 0))
    .map((it) => [
      ...[String(it.strength ?? '-'), it.level ?? '-', it.family ?? '-', it.title],
      ...[it.attack.join(' '), it.signals.join(' ')],
    ])
  return columns([['strength', 'level', 'family', 'title', 'ATT&CK', 'signals'], ...rows])
}

function print(line: string): void {
  console.log(printable(line))
}
