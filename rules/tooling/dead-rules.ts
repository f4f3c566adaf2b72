/**
 * Which rules cannot fire about a laptop with a certain operating system, and what they lack there.
 *
 * Shape   a rule that is listed cannot fire; a few more may not, because the tests of a condition are taken apart.
 * Source  the makers of fields; VALUES for what only some values of a field need; the catalogue for tools.
 */

import { CATEGORIES, type Category, type EventOf } from '../../wire/event.ts'
import type { ToolEntry } from '../catalogue/entry.ts'
import { canHold, fieldsIn, type LoadedCorrelation, type LoadedRule } from '../language/index.ts'
import { type FieldName, isCategory, isFilled, isMade, makersOf, type Need, type System } from './makers.ts'
import { cannotFire, type Ruleset } from './ruleset.ts'
import { fieldsShowing, TOOLS } from './tool-marks.ts'

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
    remote_session_days: ['remote_session.StartedAt'],
    screen_share_hours: ['egress.BytesSent'],
  },
  'slow_evidence.Metric': {
    repositories: ['repository.Action', 'repo_audit.Action'],
    other_teams: ['repo_audit.OutsideTeam'],
    sync_bytes: ['file_burst.RootKind'],
    share_bytes: ['file_burst.RootKind', 'egress.DestinationHostname', 'egress.DestinationIp', 'egress.Image'],
    removable_bytes: ['file_burst.RootKind'],
    locked_archives: ['archive_created.Parts'],
    outside_pushes: ['repository.Action', 'repo_audit.InsideOrganisation'],
    remote_hours: ['remote_session.StartedAt'],
    approved_remote_hours: ['remote_session.StartedAt'],
    round_trip_ms: ['session'],
    unseen_device_hours: ['idp_login.DeviceId'],
  },
  'shared_key.KeyKind': {
    uplink: ['session'],
    gateway: ['network_place.GatewayHash'],
    bssid: ['network_place.BssidHash'],
    edid: ['display.SerialText'],
    usb_serial: ['usb_device.SerialNumber'],
    controller: ['remote_session.PeerIdHash'],
    mfa_device: ['idp_login.MfaDeviceHash'],
    login_address: ['idp_login.Ip'],
  },
  'hardware.MatchedBy': {
    usb_id: ['usb_device.VendorId'],
    inquiry: ['usb_device.ScsiInquiry'],
    edid: ['display.MakerId'],
    shape: ['usb_device.HasKeyboard'],
    claim: ['usb_device.HasKeyboard'],
    clone: ['display.EdidHash'],
    volume: ['volume_mounted.VirtualMedia'],
    twin: ['usb_device.HasKeyboard'],
    cadence: ['input_pattern.IntervalHistogramMs'],
  },
  'place_mismatch.Reason': {
    contract: ['session'],
    first_boot: ['session'],
    never_converged: ['session'],
    reappeared_abroad: ['session'],
    operator_address: ['remote_session.PeerIp'],
    databases_disagree: ['session'],
  },
  'identity_conflict.Reason': {
    two_fingerprints: ['session', 'agent_state.Fingerprint'],
    sequence_replay: ['session'],
    two_machines_at_once: ['agent_state.BootId'],
    two_boots_at_once: ['agent_state.BootId'],
    fingerprint_changed: ['session', 'agent_state.Fingerprint'],
    virtual_after_hardware: ['agent_state.Virtual'],
    virtual_though_listed: ['agent_state.Virtual'],
    two_places: ['idp_login.Ip'],
    code_host_only: ['repository.Action'],
    two_lines: ['idp_login.ManagedDevice', 'idp_login.Mobile'],
  },
  'login_place.Reason': {
    country: ['idp_login.Ip', 'repo_audit.Ip', 'repo_audit.Country'],
    exit: ['idp_login.Ip', 'repo_audit.Ip'],
    unknown_device: ['idp_login.DeviceId', 'idp_login.ManagedDevice'],
    own_device: ['idp_login.DeviceId'],
    approval: ['idp_login.MfaIp', 'idp_login.MfaCountry'],
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

function valuesOf(name: string): Readonly<Record<string, readonly Need[]>> | null {
  return Object.hasOwn(VALUES, name) ? VALUES[name as keyof typeof VALUES] : (TOOL_VALUES[name] ?? null)
}

/** The same of the fields that come from the catalogue's entry of a tool. */
const TOOL_VALUES: Readonly<Record<string, Readonly<Record<string, readonly Need[]>>>> = {
  'tool.Tool': needsBy((it) => it.name),
  'tool.ToolId': needsBy((it) => it.id),
  'tool.ToolCategory': needsBy((it) => it.category),
}

function needsBy(of: (tool: ToolEntry) => string): Record<string, readonly Need[]> {
  const found = new Map<string, Set<Need>>()
  for (const tool of TOOLS) {
    const needs = found.get(of(tool)) ?? new Set()
    found.set(of(tool), needs)
    for (const need of fieldsShowing(tool)) needs.add(need)
  }
  return Object.fromEntries([...found].map(([value, needs]) => [value, [...needs]]))
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
    const canHoldWith = (value: unknown) => canHold(condition, (it) => (it === field ? [value] : null))
    // Without any value it holds as well: the condition only excludes some.
    if (canHoldWith(null)) return []
    return Object.entries(valuesOf(name) ?? {})
      .filter(([value]) => canHoldWith(value))
      .flatMap(([, needs]) => (needs.some((it) => isFilled(it, system)) ? [] : needs))
  })
  return [...new Set(found)]
}
