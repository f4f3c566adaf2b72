/** The part of COVERAGE.md about fields: who fills them on which system, and which rules cannot fire without them. */
import { type LoadedRule, placeholdersOf, type Rule } from '../language/index.ts'
import { deadOn, missing } from './dead-rules.ts'
import { type FieldRow, fieldTable, SYSTEMS, type System, unread, WITHOUT_MAKER } from './makers.ts'
import type { Ruleset } from './ruleset.ts'
import { cell, table } from './table.ts'
import { TOOLS, unrecognised } from './tool-marks.ts'

export const SYSTEM_NAMES: Readonly<Record<System, string>> = { linux: 'Linux', macos: 'macOS', windows: 'Windows' }

export function fieldsPage(ruleset: Ruleset, link: (rule: Rule) => string): string[] {
  const rows = fieldTable(ruleset)
  return [
    '## Rules that cannot fire',
    '',
    'A rule cannot fire on a system where nothing fills a field that its condition needs. A correlation cannot fire without the rules that it needs.',
    '',
    ...table(['on', 'what is missing', 'rules'], deadRows(ruleset, link)),
    '',
    '## Tools that cannot be recognised',
    '',
    `Tools of the catalogue, ${TOOLS.length} in all, that show themselves only in fields that nothing fills, such as the names of the hosts they talk to; or only by names that other software has, too.`,
    '',
    ...table(
      ['on', 'number', 'tools'],
      SYSTEMS.map((system) => {
        const missed = unrecognised(system)
        const names = missed.length === TOOLS.length ? 'all' : missed.map((it) => cell(it.name)).join(', ')
        return [SYSTEM_NAMES[system], String(missed.length), names]
      }),
    ),
    '',
    '## Fields',
    '',
    'Each field that a rule, a deriver or the catalogue reads, and what fills it on which system: a collector, a deriver, the agent about itself, or a feed that another system sends. Found in the code. In a row without any, nothing does, for the reason given.',
    '',
    ...table(
      ['field', 'read by', ...SYSTEMS.map((it) => SYSTEM_NAMES[it])],
      rows.map((row) => [
        `\`${row.category}.${row.field}\``,
        readersOf(row),
        ...SYSTEMS.map((it) => row.makers[it].join(', ') || '-'),
      ]),
    ),
    '',
    ...table(
      ['without a maker', 'why'],
      Object.entries(WITHOUT_MAKER).map(([name, why]) => [`\`${name}\``, cell(why)]),
    ),
    '',
    'Filled, and read by no rule, sentence, deriver or page of the console:',
    '',
    `${unread(ruleset, fieldsShown)
      .map((it) => `\`${it}\``)
      .join(', ')}.`,
    '',
  ]
}

function readersOf({ rules, readers }: FieldRow): string {
  const many = rules.length === 0 ? [] : [rules.length === 1 ? '1 rule' : `${rules.length} rules`]
  return [...many, ...readers].join(', ')
}

/** The fields that a rule's sentence shows. */
function fieldsShown({ tellwire }: LoadedRule): string[] {
  return placeholdersOf(tellwire?.says ?? '').map((it) => it.field)
}

/** One row for each set of systems and reason. */
function deadRows(ruleset: Ruleset, link: (rule: Rule) => string): string[][] {
  const dead = SYSTEMS.map((system) => ({ system, ids: deadOn(ruleset, system) }))
  const found = new Map<string, { row: [string, string]; rules: Rule[] }>()
  for (const rule of [...ruleset.rules, ...ruleset.correlations]) {
    const systems = dead.filter(({ ids }) => ids.has(rule.id)).map(({ system }) => system)
    if (systems[0] === undefined) continue
    const on = systems.length === SYSTEMS.length ? 'every system' : systems.map((it) => SYSTEM_NAMES[it]).join(', ')
    const needs = 'condition' in rule ? missing(rule as LoadedRule, systems[0]) : []
    const reason = 'condition' in rule ? needs.map((it) => `\`${it}\``).join(', ') : 'rules that it counts'
    const key = `${on}\n${reason}`
    const group = found.get(key) ?? { row: [on, reason], rules: [] }
    found.set(key, group)
    group.rules.push(rule)
  }
  const everywhere = ([on]: [string, string]) => (on === 'every system' ? 0 : 1)
  return [...found.values()]
    .sort((a, b) => everywhere(a.row) - everywhere(b.row))
    .map(({ row, rules }) => [...row, rules.map(link).join('<br>')])
}
