/**
 * What fills each field of an event, by operating system, and which rules therefore cannot fire there.
 *
 * Shape   makers are collectors, derivers, 'agent' (every agent, about itself), 'feed' (another system that sends it)
 *         and 'server' (context that it adds). An event that a deriver makes needs one of the deriver's inputs; which
 *         of them, the code does not say, so a rule that is listed as unable to fire is, and a few more may be.
 * Source  `code-facts.json` for collectors and derivers; the schemas of the events; VALUES below for what only some
 *         values of a field need.
 */
import { type AgentProduct, envelope } from '../../wire/common.ts'
import { CATEGORIES, type Category, Event, type EventOf } from '../../wire/event.ts'
import { canHold, fieldsIn, type LoadedCorrelation, type LoadedRule } from '../language/index.ts'
import { CODE_FACTS } from './code-facts.ts'
import { cannotFire, type Ruleset } from './ruleset.ts'

export const SYSTEMS = ['linux', 'macos', 'windows'] as const satisfies readonly AgentProduct[]
export type System = (typeof SYSTEMS)[number]

type FieldOf<C extends Category> = Exclude<keyof EventOf<C>, 'category'> & string
/** 'process_creation.Image' */
export type FieldName = { [C in Category]: `${C}.${FieldOf<C>}` }[Category]
/** A field, or the sessions of the agents. */
type Need = FieldName | 'session'

/**
 * For values of a derived field, the fields that a deriver makes them from: any one of them suffices. The compiler asks
 * for a row for each value.
 */
const VALUES = {
  'volume_anomaly.Metric': {
    repositories: ['repository.Action', 'repo_audit.Action'],
    egress_bytes: ['egress.BytesSent'],
    // The sum of an interface says nothing about where it went.
    file_share_bytes: ['egress.DestinationHostname', 'egress.DestinationIp', 'egress.Image'],
    removable_bytes: ['file_burst.RootKind'],
    removable_files: ['file_burst.RootKind'],
    sync_bytes: ['file_burst.RootKind'],
    sync_files: ['file_burst.RootKind'],
    archive_bytes: ['archive_created.Bytes'],
    archive_then_upload_bytes: ['archive_created.Bytes'],
    drip: ['repository.Action', 'repo_audit.Action', 'egress.BytesSent', 'file_burst.Bytes'],
    remote_session_hours: ['remote_session.StartedAt'],
    screen_share_hours: ['egress.BytesSent'],
  },
  'shared_key.KeyKind': {
    uplink: ['session'],
    gateway: ['network_place.GatewayHash'],
    bssid: ['network_place.BssidHash'],
    edid: ['display.SerialText'],
    usb_serial: ['usb_device.SerialNumber'],
    controller: ['remote_session.PeerIdHash'],
    mfa_device: ['idp_login.MfaDeviceHash'],
  },
  'hardware.MatchedBy': {
    usb_id: ['usb_device.VendorId'],
    edid: ['display.MakerId'],
    shape: ['usb_device.HasAbsolutePointer'],
    twin: ['usb_device.HasKeyboard'],
    cadence: ['input_pattern.IntervalHistogramMs'],
  },
  'place_mismatch.Reason': {
    contract: ['session'],
    first_boot: ['session'],
    never_converged: ['session'],
    reappeared_abroad: ['session'],
    operator_address: ['remote_session.PeerIp'],
  },
  'identity_conflict.Reason': {
    two_fingerprints: ['session'],
    sequence_replay: ['session'],
    two_places: ['idp_login.Ip'],
  },
  'silence.Evidence': {
    this_laptop: ['idp_login.DeviceId'],
    repository: ['repo_audit.Action'],
    account: ['idp_login.Result'],
  },
} as const satisfies {
  [F in FieldName]?: F extends `${infer C extends Category}.${infer K}`
    ? Readonly<Record<NonNullable<EventOf<C>[K & keyof EventOf<C>]> & string, readonly Need[]>>
    : never
}

const SHAPES = new Map<string, Readonly<Record<string, unknown>>>(
  Event.options.map(({ shape }) => [shape.category.value, shape]),
)

function isCategory(name: string): name is Category {
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
      return on.includes(system) && name && (from === system || from === 'shared') ? [name] : []
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

function isFilled(need: Need, system: System): boolean {
  if (need === 'session') return true
  const [category = '', field = ''] = need.split('.')
  return makersOf(category, field, system).length > 0
}

function valuesOf(name: string): Readonly<Record<string, readonly Need[]>> | null {
  return Object.hasOwn(VALUES, name) ? VALUES[name as keyof typeof VALUES] : null
}

/** The values that a field can have; null: any. */
function possibleValues(category: Category, system: System): (field: string) => readonly unknown[] | null {
  return (field) => {
    if (field === 'category') return [category]
    if (field === 'product') return CATEGORIES[category].origin === 'agent' ? [system] : ['tellwire']
    if (makersOf(category, field, system).length === 0) return [null]
    const values = valuesOf(`${category}.${field}`)
    if (values === null) return null
    const can = Object.entries(values)
      .filter(([, needs]) => needs.some((it) => isFilled(it, system)))
      .map(([value]) => value)
    return [...can, null]
  }
}

/** The ids of the rules and correlations that cannot fire about a laptop with this system. */
export function deadOn({ rules, correlations }: Ruleset, system: System): ReadonlySet<string> {
  const dead = new Set(rules.filter((it) => !canFire(it, system)).map(({ id }) => id))
  return cannotFire(correlations, dead, (it) => countsNothing(it, rules, system))
}

function canFire({ logsource, condition }: LoadedRule, system: System): boolean {
  const { category, product } = logsource
  // Without a category of ours, it is for events of another product.
  if (category === null || !isCategory(category)) return false
  if (product !== null && product !== system) return false
  return isMade(category, system) && canHold(condition, possibleValues(category, system))
}

/** It counts values of a field that its rules' events never have. */
function countsNothing({ members }: LoadedCorrelation, rules: readonly LoadedRule[], system: System): boolean {
  const counted = members.flatMap(({ id, valueFields }) => {
    const category = rules.find((it) => it.id === id)?.logsource.category
    return category ? valueFields.map((field) => makersOf(category, field, system).length > 0) : []
  })
  return counted.length > 0 && !counted.includes(true)
}

/**
 * What the condition of a rule reads and nothing fills on this system: its category, if no such event is made; else
 * fields, of its own events or, where a value of a field cannot be made, those that a deriver would make it from.
 */
export function missing({ logsource: { category }, condition }: LoadedRule, system: System): readonly string[] {
  if (category === null || !isCategory(category) || !isMade(category, system)) return [category ?? 'no category']
  const found = fieldsIn(condition).flatMap((field) => {
    const name = `${category}.${field}`
    if (makersOf(category, field, system).length === 0) return [name]
    return Object.entries(valuesOf(name) ?? {})
      .filter(([value]) => canHold(condition, (it) => (it === field ? [value] : null)))
      .flatMap(([, needs]) => (needs.some((it) => isFilled(it, system)) ? [] : needs))
  })
  return [...new Set(found)]
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

function bySystem<T>(of: (system: System) => T): Record<System, T> {
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

/** A field that rules or derivers read and that is always null on a system, though its events are made there. */
export interface BlankField {
  field: string
  /** The rules that read it, by title, and whether they can fire without it. */
  rules: readonly { title: string; family: string; canFire: boolean }[]
  /** Derivers and the catalogue. */
  readers: readonly string[]
}

/** In the order of the table. */
export function blankFields(ruleset: Ruleset, system: System): BlankField[] {
  const dead = deadOn(ruleset, system)
  const needing = ruleset.rules.map((rule) => ({ rule, fields: missing(rule, system) }))
  return fieldTable(ruleset).flatMap(({ category, field, readers, makers }): BlankField[] => {
    if (makers[system].length > 0 || !isCategory(category) || !isMade(category, system)) return []
    const name = `${category}.${field}`
    const rules = needing
      .filter(({ fields }) => fields.includes(name))
      .map(({ rule: { id, title, tellwire } }) => ({
        ...{ title, family: tellwire?.family ?? '', canFire: !dead.has(id) },
      }))
    return [{ field: name, rules, readers }]
  })
}

/** As rules/content/fields.json has it. */
export function blankFieldsBySystem(ruleset: Ruleset): Record<System, BlankField[]> {
  return bySystem((system) => blankFields(ruleset, system))
}

/**
 * Fields that our rules or derivers read and nothing fills on any system, with the reason. A category stands for all of
 * its fields. Each entry is work to be done; a test fails for a field that is missing here, and for an entry that is no
 * longer true.
 */
export const WITHOUT_MAKER: Readonly<Partial<Record<FieldName | Category, string>>> = {
  'process_creation.OriginalFileName': 'programs for Linux have no such field; for the Windows collector',
  'process_creation.Product': 'programs for Linux have no such field; for the Windows collector',
  'process_creation.Company': 'programs for Linux have no such field; for the Windows collector',
  'process_creation.Signer': 'programs for Linux are not signed; for the macOS and Windows collectors',
  'network_connection.DestinationHostname': 'the socket table has no names',
  'egress.DestinationHostname': 'only the sums of the interfaces are read',
  'egress.DestinationIp': 'only the sums of the interfaces are read',
  'egress.Image': 'only the sums of the interfaces are read',
  'repository.InsideOrganisation': 'the server does not yet know the hosts and namespaces of the organisation',
  'network_place.BssidHash': 'wireless networks are known through nl80211, a socket that Node cannot open',
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
