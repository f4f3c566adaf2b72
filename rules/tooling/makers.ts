/**
 * What fills each field of an event, by operating system.
 *
 * Shape   makers are collectors, derivers, 'agent' (every agent, about itself), 'feed' (another system that sends it)
 *         and 'server' (context that it adds). An event that a deriver makes needs one of the deriver's inputs; which
 *         of them, the code does not say, so what has no maker here has none, and a little more may have none.
 * Source  `code-facts.json` for collectors and derivers; the schemas of the events.
 */
import { type AgentProduct, envelope } from '../../wire/common.ts'
import { CATEGORIES, type Category, Event, type EventOf } from '../../wire/event.ts'
import { fieldsIn, type LoadedRule } from '../language/index.ts'
import { CODE_FACTS } from './code-facts.ts'
import type { Ruleset } from './ruleset.ts'

export const SYSTEMS = ['linux', 'macos', 'windows'] as const satisfies readonly AgentProduct[]
export type System = (typeof SYSTEMS)[number]

type FieldOf<C extends Category> = Exclude<keyof EventOf<C>, 'category'> & string
/** 'process_creation.Image' */
export type FieldName = { [C in Category]: `${C}.${FieldOf<C>}` }[Category]
/** A field, or the sessions of the agents. */
export type Need = FieldName | 'session'

const SHAPES = new Map<string, Readonly<Record<string, unknown>>>(
  Event.options.map(({ shape }) => [shape.category.value, shape]),
)

export function isCategory(name: string): name is Category {
  return Object.hasOwn(CATEGORIES, name)
}

/** Everything that fills the field on this system; empty: nothing does, so it is null or the event is never made. */
export function makersOf(category: string, field: string, system: System): readonly string[] {
  if (!isCategory(category)) return []
  // What the server adds to every event, and the fields that all events have.
  if (field === 'device' || field === 'worker' || field.startsWith('Contract.')) return ['server']
  if (Object.hasOwn(envelope, field) || field === 'category') return isMade(category, system) ? ['server'] : []
  if (!Object.hasOwn(SHAPES.get(category) ?? {}, field)) return []
  const { origin, on } = CATEGORIES[category]
  const fillers = Object.entries(CODE_FACTS.fills).flatMap(([maker, filled]) =>
    filled[category]?.includes(field) ? [maker] : [],
  )
  if (origin === 'agent')
    return fillers.flatMap((maker) => {
      const [, from, name] = /^(linux|macos|windows|shared)\/(.*)$/.exec(maker) ?? []
      if (maker === 'agent') return on.includes(system) && isKnownToHost(category, field, system) ? [maker] : []
      return on.includes(system) && name && (from === system || CODE_FACTS.shared[system].includes(maker)) ? [name] : []
    })
  const derivers = fillers.filter((it) => /^deriver/.test(it) && hasInput(it, system))
  return origin === 'feed' ? ['feed', ...derivers] : derivers
}

/** What the agent takes from the host, the host must have on this system. */
function isKnownToHost(category: string, field: string, system: System): boolean {
  const has = (host: string) => CODE_FACTS.fills[`host ${host}`]?.[category]?.includes(field) ?? false
  return has(system) || !SYSTEMS.some(has)
}

/** Whether an event of the category can exist on this system, or about a laptop with it. */
export function isMade(category: Category, system: System): boolean {
  const { origin, on } = CATEGORIES[category]
  if (origin === 'agent') return on.includes(system)
  return (
    origin === 'feed' ||
    Object.entries(CODE_FACTS.fills).some(([maker, fills]) => fills[category] && hasInput(maker, system))
  )
}

/** Whether a deriver has any of its inputs. */
function hasInput(maker: string, system: System): boolean {
  const inputs = [...(CODE_FACTS.inputs[maker] ?? []), ...Object.keys(CODE_FACTS.reads[maker] ?? {})]
  // What derivers share has no inputs of its own.
  return inputs.length === 0 || inputs.some((it) => isThere(it, system))
}

function isThere(input: string, system: System): boolean {
  if (input === 'session' || input === 'address databases') return true
  if (isCategory(input)) return CATEGORIES[input].origin !== 'server' && isMade(input, system)
  const read = Object.keys(CODE_FACTS.reads[input] ?? {})
  return read.some((it) => isCategory(it) && isMade(it, system))
}

export function isFilled(need: Need, system: System): boolean {
  if (need === 'session') return true
  const [category = '', field = ''] = need.split('.')
  return makersOf(category, field, system).length > 0
}

export interface FieldRow {
  category: string
  field: string
  /** Rules and correlations whose condition reads it. */
  rules: readonly string[]
  /** Derivers and the catalogue. */
  readers: readonly string[]
  makers: Readonly<Record<System, readonly string[]>>
}

/** Every field that a condition, a correlation, a deriver or the catalogue reads; not those that all events have. */
export function fieldTable(
  ruleset: Ruleset & { filters?: readonly { logsource: LoadedRule['logsource'] }[] },
): FieldRow[] {
  const rows = new Map<string, { category: string; field: string; rules: Set<string>; readers: Set<string> }>()
  const row = (category: string, field: string) => {
    const key = `${category}.${field}`
    const found = rows.get(key) ?? { category, field, rules: new Set<string>(), readers: new Set<string>() }
    rows.set(key, found)
    return found
  }
  const isOwn = (field: string) =>
    !Object.hasOwn(envelope, field) && !/^(category|device|worker|service)$|^Contract\./.test(field)
  const categoryOf = new Map(ruleset.rules.map((it) => [it.id, it.logsource.category]))
  // A rule's condition has its filters in it.
  for (const { id, logsource, condition } of ruleset.rules)
    for (const field of fieldsIn(condition))
      if (logsource.category !== null && isOwn(field)) row(logsource.category, field).rules.add(id)
  for (const { id, members } of ruleset.correlations)
    for (const member of members) {
      const category = categoryOf.get(member.id)
      for (const field of [...member.groupFields, ...member.valueFields])
        if (category && isOwn(field)) row(category, field).rules.add(id)
    }
  for (const [reader, categories] of Object.entries(CODE_FACTS.reads))
    if (reader !== 'console')
      for (const [category, fields] of Object.entries(categories))
        for (const field of fields) if (isOwn(field)) row(category, field).readers.add(reader)
  return [...rows.values()]
    .map(({ category, field, rules, readers }) => ({
      ...{ category, field, rules: [...rules].sort(), readers: [...readers].sort() },
      makers: bySystem((system) => makersOf(category, field, system)),
    }))
    .sort((a, b) => order(a) - order(b) || (a.field < b.field ? -1 : 1))
}

const ORDER = Object.keys(CATEGORIES)

function order({ category }: FieldRow): number {
  return ORDER.indexOf(category)
}

export function bySystem<T>(of: (system: System) => T): Record<System, T> {
  return { linux: of('linux'), macos: of('macos'), windows: of('windows') }
}

/** Fields that a collector or deriver fills, and that no condition, sentence, deriver, catalogue or page reads. */
export function unread(ruleset: Ruleset, placeholders: (rule: LoadedRule) => readonly string[]): string[] {
  const read = new Set(fieldTable(ruleset).map((it) => `${it.category}.${it.field}`))
  for (const rule of ruleset.rules)
    for (const field of [...placeholders(rule), ...(rule.tellwire?.groupBy ?? [])])
      read.add(`${rule.logsource.category}.${field}`)
  for (const [category, fields] of Object.entries(CODE_FACTS.reads.console ?? {}))
    for (const field of fields) read.add(`${category}.${field}`)
  const filled = new Set(
    Object.values(CODE_FACTS.fills).flatMap((it) =>
      Object.entries(it).flatMap(([category, fields]) => fields.map((field) => `${category}.${field}`)),
    ),
  )
  return [...filled].filter((it) => !read.has(it)).sort()
}

/**
 * Fields that our rules or derivers read and nothing fills on any system, with the reason. A category stands for all of
 * its fields. Each entry is work to be done; a test fails for a field that is missing here, and for an entry that is no
 * longer true.
 */
export const WITHOUT_MAKER: Readonly<Partial<Record<FieldName | Category, string>>> = {
  'network_connection.DestinationHostname': 'the socket table has no names',
  'egress.DestinationHostname': 'the kernel counts by address, and names are not resolved',
  'repository.InsideOrganisation': 'the server decides it: see code_destination.Inside',
  input_pattern: 'no collector yet; off until the policy switches it on',
  presence: 'no collector yet; off until the policy switches it on',
}

/** The rows that nothing fills on any system, but for events that are derived from such fields. */
export function withoutMaker(table: readonly FieldRow[]): FieldRow[] {
  return table.filter(({ category, makers }) => {
    const isDerived = isCategory(category) && CATEGORIES[category].origin === 'server'
    const follows = isDerived && !SYSTEMS.some((it) => isMade(category, it))
    return !follows && SYSTEMS.every((it) => makers[it].length === 0)
  })
}
