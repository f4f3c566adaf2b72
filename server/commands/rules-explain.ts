/** `tellwire rules explain RULE EVENT`: which parts of a rule match an event, and which do not. */
import { stat } from 'node:fs/promises'
import { defineCommand } from 'citty'
import {
  type FlatEvent,
  type LoadedFilter,
  type LoadedRule,
  load,
  parseExactly,
  writeExactly,
} from '../../rules/language/index.ts'
import { type Explanation, explain, type Item, type Selection } from '../../rules/tooling/explain.ts'
import { readRuleSources } from '../../rules/tooling/sources.ts'
import { Fault } from '../../wire/fault.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { eventLines, MAX_LINE_BYTES } from '../recordings/lines.ts'
import { placeholderArg, placeholdersFrom } from './placeholders.ts'
import { described, printable, repeated } from './terminal.ts'

const MAX_SHOWN_CHARS = 200
/** Failing values shown; all matching ones are shown. */
const MAX_FAILING = 5

export const explainCommand = defineCommand({
  meta: { name: 'explain', description: 'Explain which parts of a rule match an event, and which do not' },
  args: {
    rule: { type: 'positional', required: true, description: 'A rule file, or the id of a rule among --rules' },
    event: {
      type: 'positional',
      required: true,
      description: 'One event (JSON), or many (NDJSON, .gz as well); "-": standard input',
    },
    line: { type: 'string', description: 'Which line of many, counted from 1' },
    number: { type: 'string', description: 'Which event of many, counted from 0 as `tellwire match` does' },
    rules: {
      type: 'string',
      description: 'Where to look for the id and for filters; may be given several times (default: the shipped rules)',
    },
    ...placeholderArg,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args, rawArgs }) {
    const placeholders = placeholdersFrom(rawArgs)
    const { rules, filters, textOf } = await rulesNamed(args.rule, repeated(rawArgs, '--rules'), placeholders)
    const event = await readEvent(args.event, placeOf(args.line, args.number))
    const explained = rules.map((rule) => ({
      rule,
      explanation: explain(rule, textOf(rule), event, { filters, placeholders }),
    }))
    if (args.json) {
      const explanations = explained.map(({ rule, explanation }) => ({
        ...{ rule: rule.id, title: rule.title, path: rule.path, line: rule.line },
        ...explanation,
      }))
      console.log(writeExactly(explanations.length === 1 ? explanations[0] : explanations))
    } else
      for (const { rule, explanation } of explained)
        for (const line of inWords(rule, explanation)) console.log(printable(line))
  },
})

async function rulesNamed(
  rule: string,
  paths: readonly string[],
  placeholders: Readonly<Record<string, readonly string[]>>,
): Promise<{ rules: LoadedRule[]; filters: LoadedFilter[]; textOf: (rule: LoadedRule) => string }> {
  const facts = await stat(rule).catch(() => null)
  if (facts?.isDirectory())
    throw new Fault('usage', {
      where: rule,
      why: 'This is a folder.',
      todo: 'Name one rule: its file, or its id and --rules.',
    })
  const isFile = facts?.isFile() ?? false
  // The file comes first: it wins over another rule with the same id.
  const sources = isFile ? [rule, ...paths] : paths.length > 0 ? paths : [SHIPPED_RULES]
  const files = await readRuleSources(sources, (fault) => console.error(`tellwire: ${printable(fault.message)}`))
  const loaded = load(files, { placeholders })
  const rules = loaded.rules.filter((it) => (isFile ? it.path === rule : it.id === rule || it.name === rule))
  if (rules.length === 0) {
    const isCorrelation = loaded.correlations.some((it) =>
      isFile ? it.path === rule : it.id === rule || it.name === rule,
    )
    if (isCorrelation)
      throw new Fault('usage', {
        where: rule,
        why: 'A correlation counts matches of rules.',
        todo: 'Explain one of those rules.',
      })
    const errors = loaded.problems.filter((it) => it.severity === 'error' && (!isFile || it.path === rule))
    for (const problem of isFile ? errors : []) console.error(printable(described(problem)))
    throw new Fault('rule.invalid', {
      where: rule,
      why: isFile ? 'It contains no usable rule.' : 'There is no such file, and no rule with this id.',
      todo: isFile ? 'See `tellwire rules check`.' : 'Give the whole id, and name the folder of the rule with --rules.',
    })
  }
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  return { rules, filters: loaded.filters, textOf: (it) => texts.get(it.path) ?? '' }
}

/** Counted from 0; null: the input is one event. */
function placeOf(line: string | undefined, number: string | undefined): number | null {
  const given = line ?? number
  if (given === undefined) return null
  const least = line === undefined ? 0 : 1
  if (!/^\d{1,15}$/.test(given) || Number(given) < least)
    throw new Fault('usage', {
      where: line === undefined ? '--number' : '--line',
      todo: `Give a number of at least ${least}.`,
    })
  return Number(given) - least
}

type Refuse = (why: string, todo?: string) => Fault

async function readEvent(file: string, place: number | null): Promise<FlatEvent> {
  const where = file === '-' ? 'standard input' : file
  const refuse: Refuse = (why, todo) => new Fault('events.invalid', { where, why, todo: todo ?? null })
  const text = place === null ? await whole(file, refuse) : await lineAt(file, place, refuse)
  let value: unknown
  try {
    value = parseExactly(text)
  } catch {
    throw place === null
      ? refuse('This is not one JSON object.', 'Choose a line with --line N.')
      : refuse('The line is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('This is not a JSON object.')
  return value as FlatEvent
}

async function lineAt(file: string, place: number, refuse: Refuse): Promise<string> {
  let before = 0
  for await (const block of eventLines(file)) {
    const line = block[place - before]
    if (line === null) throw refuse(`The line is longer than ${MAX_LINE_BYTES} bytes.`)
    if (line !== undefined) return line
    before += block.length
  }
  throw refuse(`It has ${before} lines.`)
}

async function whole(file: string, refuse: Refuse): Promise<string> {
  const lines: string[] = []
  let chars = 0
  for await (const block of eventLines(file))
    for (const line of block) {
      chars += line?.length ?? MAX_LINE_BYTES
      if (line === null || chars > MAX_LINE_BYTES)
        throw refuse('This is too large for one event.', 'Choose a line with --line N.')
      lines.push(line)
    }
  return lines.join('\n')
}

function inWords(rule: LoadedRule, { matches, logsource, selections, conditions, filters }: Explanation): string[] {
  const lines = [`${matches ? 'MATCHES' : 'DOES NOT MATCH'}: ${rule.title} (${rule.id}, ${rule.path}:${rule.line})`, '']
  lines.push(`logsource: ${yes(logsource.holds)}`)
  for (const { key, wanted, found, holds } of logsource.parts)
    lines.push(`  ${mark(holds)} ${key} is ${wanted}${holds ? '' : `; the event has ${shown(found)}`}`)
  for (const { name, holds, groups } of selections) {
    lines.push(`${name}: ${yes(holds)}`)
    for (const group of groups) lines.push(...groupInWords(group, groups.length > 1))
  }
  for (const { text, holds, terms } of conditions) {
    lines.push(`condition '${text}': ${yes(holds)}`)
    for (const term of terms) lines.push(`  ${mark(term.holds)} ${term.text}`)
  }
  for (const { title, path, line, reason, hides } of filters)
    lines.push(
      `filter '${title}' (${path}:${line})${reason ? `, ${reason}` : ''}: ${hides ? 'hides the event' : 'lets the event through'}`,
    )
  return lines
}

function groupInWords({ holds, items }: Selection['groups'][number], oneOfMany: boolean): string[] {
  const indent = oneOfMany ? '    ' : '  '
  const head = oneOfMany ? [`  ${mark(holds)} ${items.length > 1 ? 'all of this:' : 'this:'}`] : []
  return [...head, ...items.flatMap((item) => itemInWords(item).map((line) => indent + line))]
}

function itemInWords(item: Item): string[] {
  const { field, holds, found, values, needs } = item
  const how = phrase(item.key)
  const has = field === null ? '' : found === undefined ? `; the event has no ${field}` : `; it is ${shown(found)}`
  const only = values.length === 1 ? values[0]! : null
  const value = (it: Item['values'][number]) => `'${shortened(it.text)}'${'other' in it ? ` (${shown(it.other)})` : ''}`
  if (only)
    return [`${mark(holds)} ${field ?? 'some field'} ${needs === 'none' ? 'not: ' : ''}${how} ${value(only)}${has}`]
  const wants = needs === 'any' ? 'one' : needs
  const failing = values.filter((it) => !it.holds)
  const listed = [...values.filter((it) => it.holds), ...failing.slice(0, MAX_FAILING)]
  return [
    `${mark(holds)} ${field ?? 'some field'} ${how} ${wants} of ${values.length} values${has}`,
    ...listed.map((it) => `     ${mark(it.holds)} ${value(it)}`),
    ...(failing.length > MAX_FAILING ? [`     no   and ${failing.length - MAX_FAILING} more`] : []),
  ]
}

const PHRASES: Record<string, string> = {
  contains: 'contains',
  startswith: 'begins with',
  endswith: 'ends with',
  re: 'matches',
  cidr: 'is in',
  exists: 'exists:',
  fieldref: 'like the field',
  lt: 'is less than',
  lte: 'is at most',
  gt: 'is more than',
  gte: 'is at least',
}

/** `|wide|base64offset|contains` → 'contains (wide, base64offset)'. */
function phrase(key: string): string {
  const [name, ...modifiers] = key.split('|').map((it) => it.trim())
  const verbs = modifiers.flatMap((it) => PHRASES[it] ?? [])
  const others = modifiers.filter((it) => !PHRASES[it] && it !== 'all' && it !== 'neq')
  const verb = verbs.length > 0 ? verbs.join(', ') : name === '' ? 'contains' : 'is'
  return others.length > 0 ? `${verb} (${others.join(', ')})` : verb
}

function mark(holds: boolean): string {
  return holds ? 'yes ' : 'no  '
}
function yes(holds: boolean): string {
  return holds ? 'yes' : 'no'
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : shortened(typeof value === 'string' ? `'${value}'` : writeExactly(value))
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}… (${text.length} characters)` : text
}
