/**
 * The rules of each signal, as a page, as an ATT&CK Navigator layer, and for the Insider Threat Matrix.
 *
 * Shape   pure: a function of the rules, in the order of the signals; the same rules give the same bytes.
 *         A signal is covered by the rules that name it, except steps. A rule is off by default when it is sensitive,
 *         or cannot fire without a category that is: a correlation, when each of its ways needs such a rule.
 */
import { CATEGORIES } from '../../wire/event.ts'
import type { Rule } from '../language/index.ts'
import { deadOn } from './dead-rules.ts'
import { fieldsPage, SYSTEM_NAMES } from './fields-page.ts'
import { SYSTEMS, type System } from './makers.ts'
import { cannotFire, type Ruleset } from './ruleset.ts'
import { LOOK_ALIKES, PATTERNS, RENAMED_IN_V19, SIGNALS, type Signal } from './signals.ts'
import { cell, table } from './table.ts'

export interface Covered {
  id: string
  name: string
  state: 'covered' | 'off by default' | 'cannot fire' | 'not covered'
  /** On which a rule that is in use can fire. */
  systems: readonly System[]
  /** Of the strongest rule; null: there is none. */
  strength: number | null
  families: string[]
  rules: Rule[]
  because: string | null
}

/** One row for each signal. */
export function coverage({ rules, correlations }: Ruleset): Covered[] {
  const off = offByDefault({ rules, correlations })
  const dead = new Map(SYSTEMS.map((it) => [it, deadOn({ rules, correlations }, it)]))
  const reporting = [...rules, ...correlations].filter((it) => it.tellwire && !it.tellwire.step)
  return SIGNALS.map((signal) => rowOf(signal, byStrength(named(reporting, signal.id)), off, dead))
}

/** The contradictions between signals and rules; empty: there are none. */
export function contradictions(rows: readonly Covered[]): string[] {
  return rows.flatMap(({ id, rules, because }) => {
    if (rules.length === 0 && because === null)
      return [`${id} has no rule, and rules/tooling/signals.ts gives no reason.`]
    if (rules.length > 0 && because !== null)
      return [`${id} has a rule; remove its reason from rules/tooling/signals.ts.`]
    return []
  })
}

export function offByDefault({ rules, correlations }: Ruleset): Set<string> {
  const isSensitive = (category: string | null) =>
    category !== null &&
    Object.hasOwn(CATEGORIES, category) &&
    CATEGORIES[category as keyof typeof CATEGORIES].sensitive
  const off = new Set(
    [...rules, ...correlations]
      .filter((it) => it.tellwire?.sensitive || isSensitive(it.logsource.category))
      .map(({ id }) => id),
  )
  return cannotFire(correlations, off)
}

function rowOf(
  { id, name, because }: Signal,
  rules: Rule[],
  off: ReadonlySet<string>,
  dead: ReadonlyMap<System, ReadonlySet<string>>,
): Covered {
  // A pattern shows a signal only together with others; where the signal has its own rules, they decide.
  const own = rules.filter((it) => !isPattern(it))
  const deciding = own.length > 0 ? own : rules
  const inUse = deciding.filter((it) => !off.has(it.id))
  const systems = SYSTEMS.filter((system) => inUse.some((it) => !dead.get(system)?.has(it.id)))
  return {
    ...{ id, name, rules, because, systems },
    state: stateOf(rules, inUse, systems),
    strength: rules.length === 0 ? null : Math.max(...rules.map((it) => it.tellwire?.strength ?? 0)),
    families: [...new Set(rules.map((it) => it.tellwire?.family ?? ''))].sort(),
  }
}

function stateOf(rules: readonly Rule[], inUse: readonly Rule[], systems: readonly System[]): Covered['state'] {
  if (rules.length === 0) return 'not covered'
  if (inUse.length === 0) return 'off by default'
  return systems.length === 0 ? 'cannot fire' : 'covered'
}

function isPattern({ path }: Rule): boolean {
  return /[/\\]patterns[/\\]/.test(path)
}

function named<T extends Rule>(rules: readonly T[], id: string): T[] {
  return rules.filter((it) => it.tellwire?.signals.includes(id))
}

/** Its own rules before patterns, then the strongest. */
function byStrength(rules: readonly Rule[]): Rule[] {
  const rank = (it: Rule) => (isPattern(it) ? 10 : 0) - (it.tellwire?.strength ?? 0)
  return [...rules].sort((a, b) => rank(a) - rank(b) || (a.title < b.title ? -1 : 1))
}

/** COVERAGE.md. `within` gives a rule's path as the page links to it. */
export function coveragePage(ruleset: Ruleset, within: (rule: Rule) => string): string {
  const rows = coverage(ruleset)
  const off = offByDefault(ruleset)
  const all: Rule[] = [...ruleset.rules, ...ruleset.correlations]
  const link = (rule: Rule) => `[${cell(rule.title)}](${within(rule)})`
  const count = (state: Covered['state']) => rows.filter((it) => it.state === state).length
  const dead = SYSTEMS.map((it) => deadOn(ruleset, it))
  const noteOf = ({ id }: Rule) =>
    `${off.has(id) ? ' (off)' : ''}${dead.every((it) => it.has(id)) ? ' (cannot fire)' : ''}`
  const sensitive = all.filter((it) => off.has(it.id) && !it.tellwire?.step)
  return [
    '# Coverage',
    '',
    'Generated by `tellwire rules coverage --write`; do not edit. Each rule says how strong its signal is and where it is blind; `tellwire agent show` lists what is collected on which system.',
    '',
    `${all.length} rules: ${ruleset.rules.length} over single events, ${ruleset.correlations.length} correlations; ${all.flatMap((it) => it.tellwire?.tests ?? []).length} tests inside them. Of ${rows.length} signals ${count('covered')} are covered, ${count('off by default')} are off by default, ${count('cannot fire')} have rules that cannot fire yet, ${count('not covered')} are not covered.`,
    '',
    '## Signals',
    '',
    ...table(
      ['signal', 'what', 'state', 'on', 'strength', 'family', 'rules'],
      rows.map((it) => [
        it.id,
        cell(it.name),
        it.because === null ? it.state : `not covered: ${cell(it.because)}`,
        it.systems.map((system) => SYSTEM_NAMES[system]).join(', '),
        it.strength === null ? '' : String(it.strength),
        it.families.join(', '),
        it.rules.map((rule) => link(rule) + noteOf(rule)).join('<br>'),
      ]),
    ),
    '',
    '## Patterns',
    '',
    ...table(
      ['pattern', 'what', 'within', 'band', 'rules'],
      PATTERNS.map(({ id, name, within: span, severity }) => {
        const own = named(all, id).filter((it) => isPattern(it) || it.tellwire?.pattern)
        return [id, name, span, severity, own.map(link).join('<br>')]
      }),
    ),
    '',
    '## Ordinary situations that stay quiet',
    '',
    'Tests inside the rules that name the situation and expect no finding.',
    '',
    ...table(
      ['situation', 'what', 'quiet tests'],
      LOOK_ALIKES.map(({ id, name }) => [id, name, String(quietTests(all, id))]),
    ),
    '',
    '## Off by default',
    '',
    'A rule that is sensitive itself is switched on by its id in `sensitiveRules` of the configuration; one that reads a sensitive category, by that category in `collection.on`. Consult the works council first.',
    '',
    ...table(
      ['rule', 'signals', 'switch'],
      sensitive.map((it) => [link(it), (it.tellwire?.signals ?? []).join(' '), switchOf(it)]),
    ),
    '',
    ...fieldsPage(ruleset, link),
  ].join('\n')
}

function quietTests(rules: readonly Rule[], id: string): number {
  const word = new RegExp(`\\b${id}\\b`)
  return rules.flatMap((it) => it.tellwire?.tests ?? []).filter((it) => it.fires === 0 && word.test(it.name)).length
}

function switchOf({ id, tellwire, logsource }: Rule): string {
  if (tellwire?.sensitive) return `\`sensitiveRules: [${id}]\``
  return logsource.category === null ? 'with the rules it counts' : `collection of \`${logsource.category}\``
}

/**
 * A layer of MITRE ATT&CK Navigator.
 *
 * Shape   ids as in ATT&CK v18; where v19 renamed one, its new id is in the metadata.
 * Units   `score` the strength of the strongest rule, 1 to 4.
 * Source  Navigator layer format 4.5.
 */
export function navigatorLayer({ rules, correlations }: Ruleset): Record<string, unknown> {
  const byTechnique = new Map<string, Rule[]>()
  for (const rule of [...rules, ...correlations])
    for (const id of rule.tellwire?.step ? [] : techniquesOf(rule))
      byTechnique.set(id, [...(byTechnique.get(id) ?? []), rule])
  const techniques = [...byTechnique]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([techniqueID, of]) => ({
      techniqueID,
      score: Math.max(...of.map((it) => it.tellwire?.strength ?? 0)),
      comment: byStrength(of)
        .map((it) => it.title)
        .join('\n'),
      enabled: true,
      metadata: RENAMED_IN_V19[techniqueID] ? [{ name: 'ATT&CK v19', value: RENAMED_IN_V19[techniqueID] }] : [],
      showSubtechniques: false,
    }))
  return {
    name: 'Tellwire',
    versions: { attack: '18', navigator: '5.1.0', layer: '4.5' },
    domain: 'enterprise-attack',
    description: 'What the rules that come with Tellwire look for; the score is the strength of the strongest, 1 to 4.',
    sorting: 3,
    hideDisabled: false,
    techniques,
    gradient: { colors: ['#e8f1fa', '#1f5fa8'], minValue: 1, maxValue: 4 },
    legendItems: [],
    metadata: [],
    showTacticRowBackground: false,
  }
}

function techniquesOf({ tags }: Rule): string[] {
  return tags.filter((it) => /^attack\.t\d/i.test(it)).map((it) => it.slice('attack.'.length).toUpperCase())
}

const ARTICLES: Readonly<Record<string, string>> = { MT: 'AR1', ME: 'AR2', PR: 'AR3', IF: 'AR4', AF: 'AR5' }

/** For the Insider Threat Matrix: its sections with our rules, and the signals that no section was found for. */
export function insiderThreatMatrix(ruleset: Ruleset): Record<string, unknown> {
  const rows = coverage(ruleset)
  const sections = [...new Set(SIGNALS.flatMap((it) => it.itm))].sort()
  return {
    name: 'Tellwire',
    note:
      'Ids of sections as read on insiderthreatmatrix.org in November 2026. A signal is mapped to a section only ' +
      'where the two certainly mean the same; the others are listed as unmapped, not guessed.',
    sections: sections.map((id) => {
      const signals = SIGNALS.filter((it) => it.itm.includes(id)).map((it) => it.id)
      const rules = new Map(
        rows.filter((it) => signals.includes(it.id)).flatMap((it) => it.rules.map((r) => [r.id, r])),
      )
      return {
        id,
        article: ARTICLES[id.slice(0, 2)],
        signals,
        rules: [...rules.values()].map((it) => ({ id: it.id, title: it.title, strength: it.tellwire?.strength })),
      }
    }),
    unmapped: rows
      .filter((_, n) => SIGNALS[n]!.itm.length === 0)
      .map(({ id, name, rules }) => ({ id, name, rules: rules.map((it) => it.id) })),
  }
}
