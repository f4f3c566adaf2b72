/**
 * Which signal has which rule, and what has none: as a page, as an ATT&CK Navigator layer, for the Insider Threat Matrix.
 *
 * Shape   pure: rules in, texts out, in the order of the signals; the same rules give the same bytes.
 *         A signal is covered by the rules that name it, steps left out. A rule is off by default when it is sensitive,
 *         or cannot fire without a category that is: a correlation, when each of its ways needs such a rule.
 */
import { CATEGORIES } from '../../wire/event.ts'
import type { LoadedCorrelation, LoadedRule, Rule } from '../language/index.ts'
import { LOOK_ALIKES, PATTERNS, RENAMED_IN_V19, SIGNALS, type Signal } from './signals.ts'

export interface Ruleset {
  rules: readonly LoadedRule[]
  correlations: readonly LoadedCorrelation[]
}

export interface Covered {
  id: string
  name: string
  state: 'covered' | 'off by default' | 'not covered'
  /** Of the strongest rule; null where there is none. */
  strength: number | null
  families: string[]
  rules: Rule[]
  because: string | null
}

/** One row for each signal. */
export function coverage({ rules, correlations }: Ruleset): Covered[] {
  const off = offByDefault({ rules, correlations })
  const telling = [...rules, ...correlations].filter((it) => it.tellwire && !it.tellwire.step)
  return SIGNALS.map((signal) => rowOf(signal, byStrength(named(telling, signal.id)), off))
}

/** What stands in the data and in the rules, and does not fit together. Empty when all is well. */
export function contradictions(rows: readonly Covered[]): string[] {
  return rows.flatMap(({ id, rules, because }) => {
    if (rules.length === 0 && because === null)
      return [`${id} has no rule, and rules/tooling/signals.ts does not say why.`]
    if (rules.length > 0 && because !== null)
      return [`${id} has a rule; take its reason out of rules/tooling/signals.ts.`]
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
  // Correlations of correlations: until nothing changes.
  for (let before = -1; before !== off.size; ) {
    before = off.size
    for (const it of correlations) if (isDead(it, off)) off.add(it.id)
  }
  return off
}

/** No way of this correlation does without a rule that is off. */
function isDead({ type, members, anyOf }: LoadedCorrelation, off: ReadonlySet<string>): boolean {
  const missing = members.map(({ id }) => off.has(id))
  if (anyOf) return anyOf.every(({ all }) => missing.some((it, n) => it && (all & (1 << n)) !== 0))
  return type === 'temporal' ? missing.some(Boolean) : missing.every(Boolean)
}

function rowOf({ id, name, because }: Signal, rules: Rule[], off: ReadonlySet<string>): Covered {
  // A pattern shows a signal only beside others; where the signal has rules of its own, they decide.
  const own = rules.filter((it) => !isPattern(it))
  const deciding = own.length > 0 ? own : rules
  const inUse = deciding.filter((it) => !off.has(it.id))
  return {
    ...{ id, name, rules, because },
    state: rules.length === 0 ? 'not covered' : inUse.length === 0 ? 'off by default' : 'covered',
    strength: rules.length === 0 ? null : Math.max(...rules.map((it) => it.tellwire?.strength ?? 0)),
    families: [...new Set(rules.map((it) => it.tellwire?.family ?? ''))].sort(),
  }
}

function isPattern({ path }: Rule): boolean {
  return /[/\\]patterns[/\\]/.test(path)
}

function named<T extends Rule>(rules: readonly T[], id: string): T[] {
  return rules.filter((it) => it.tellwire?.signals.includes(id))
}

/** A rule of its own before a pattern, then the strongest. */
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
  const sensitive = all.filter((it) => off.has(it.id) && !it.tellwire?.step)
  return [
    '# Coverage',
    '',
    'Made by `tellwire rules coverage`; do not edit. What each signal is, how strong, and where its rule is blind stands in the rule; what a signal needs from the laptop, and where it is collected, `tellwire agent show` says.',
    '',
    `${all.length} rules: ${ruleset.rules.length} over single events, ${ruleset.correlations.length} correlations; ${all.flatMap((it) => it.tellwire?.tests ?? []).length} tests stand in them. Of ${rows.length} signals ${count('covered')} are covered, ${count('off by default')} are off by default, ${count('not covered')} are not covered.`,
    '',
    '## Signals',
    '',
    ...table(
      ['signal', 'what', 'state', 'strength', 'family', 'rules'],
      rows.map((it) => [
        it.id,
        cell(it.name),
        it.because === null ? it.state : `not covered: ${cell(it.because)}`,
        it.strength === null ? '' : String(it.strength),
        it.families.join(', '),
        it.rules.map((rule) => link(rule) + (off.has(rule.id) ? ' (off)' : '')).join('<br>'),
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
    '## Everyday scenes that stay quiet',
    '',
    'Quiet tests in the rules that name the scene.',
    '',
    ...table(
      ['scene', 'what', 'quiet tests'],
      LOOK_ALIKES.map(({ id, name }) => [id, name, String(quietTests(all, id))]),
    ),
    '',
    '## Off by default',
    '',
    'A rule that is sensitive itself is switched on by its id in `sensitiveRules` of the configuration; one that reads a sensitive category, by that category in `collection.on`. Ask the works council first.',
    '',
    ...table(
      ['rule', 'signals', 'switch'],
      sensitive.map((it) => [link(it), (it.tellwire?.signals ?? []).join(' '), switchOf(it)]),
    ),
    '',
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/**
 * A layer of MITRE ATT&CK Navigator.
 *
 * Shape   ids as in ATT&CK v18; where v19 renamed one, its new id stands beside it.
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
      'Ids of sections as read on insiderthreatmatrix.org in November 2026. A signal is put beside a section only ' +
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
