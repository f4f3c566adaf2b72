/**
 * Remote-control tools, VPN clients and similar programs that the catalogue recognised (#13-#24, #30, #44).
 *
 * Shape   one `tool` per device, tool, way of recognition and UTC day: the first sighting of the day. Another one on
 *         the same day when it is unattended, renamed, shows another tenant, or is new where it was only present before.
 *         An event is emitted again when the company approves the tool, its tenant becomes known, or most of the fleet
 *         turns out to have it, later.
 *         Only removing a package or application is a removal; services and autostarts are removed by every update. A
 *         tool that still runs within an hour of its removal has not returned, and one that the same publisher
 *         installs again within that hour was updated.
 * Memory  per device with such a tool: the last day of each remote-control tool (64 at most), the events of the day,
 *         and within the lateness bound one note per day and kind of sighting. Per new device one logon, for 16 days.
 */

import * as z from 'zod'
import { isRemoteControl } from '../../../rules/catalogue/categories.ts'
import type { Contract } from '../../../wire/contract.ts'
import { CATEGORIES } from '../../../wire/event.ts'
import type { CatalogueFacts } from '../../../wire/recording.ts'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { type Draft, deriverKind, LATENESS_MS, type Seen } from '../deriver.ts'
import { appraised } from '../kit/appraised.ts'
import { inOrder, type Note } from '../kit/in-order.ts'
import { mapCodec, prefixed, Subjects } from '../kit/kept.ts'
import { tenantsIn } from '../kit/tenant.ts'

const MAX_TOOLS = 64
const MAX_REMOVALS = 16
const MAX_REPORTED = 512
const MAX_NOTES = 1_000

const thresholds = z.strictObject({
  /** Days in which remote-control tools count together: 'within 7-30 days, not minutes' (threat model #15). */
  vendorDays: z.int().min(1).max(90).default(30),
  /** Days after its removal in which a remote-control tool that is seen again has returned (#30, P14). */
  returnDays: z.number().min(0).max(30).default(7),
  /** Minutes within which a removal and an installation by the same publisher are an update (#30). Our judgement. */
  updateMinutes: z.number().min(0).max(1_440).default(60),
  /** Hours after the first boot in which a laptop may be set up before anybody logs on (N3). Our judgement. */
  provisioningHours: z.number().min(0).max(168).default(24),
})

type FoundTool = NonNullable<CatalogueFacts['tools']>[number]
/** Who started it, if that was seen: the fleet's management, a system account, or a person. */
type StartedBy = 'management' | 'system' | 'person' | null

interface ToolSighting extends Note {
  what: 'sighting'
  found: FoundTool
  /** Those that the event shows. */
  tenants: readonly string[]
  baseline: boolean
  started: StartedBy
  installed: boolean
  publisher: string | null
  sinceFirstBoot: number | null
}
interface ToolRemoval extends Note {
  what: 'removal'
  tool: string
  publisher: string | null
}
interface Logon extends Note {
  what: 'logon'
}

type ToolDraft = Extract<Draft, { category: 'tool' }>
/** A tool event without what the contract says. */
interface Observed {
  draft: Omit<ToolDraft, 'Approved' | 'CommonHere' | 'DaysSinceFirstBoot' | 'DaysSinceStart'>
  tenants: readonly string[]
}

type ToolNote = ToolSighting | ToolRemoval | Logon

interface DeviceTools {
  /** In order of last sighting. `since` null: it was there before the agent. */
  tools: { id: string; day: number; since: number | null; installed: number | null; publisher: string | null }[]
  removals: { tool: string; time: number; publisher: string | null }[]
  loggedOn: boolean
  /** Tools that the fleet's management installed before anybody had logged on. */
  provisioned: string[]
  day: number
  /** Kinds of sighting on `day`, and the keys of the events reported for it. */
  kinds: string[]
  reported: string[]
}

export const tool = deriverKind('tool', thresholds, (limits, world) => {
  const devices = inOrder<DeviceTools, ToolNote>(
    {
      begin: () => ({ tools: [], removals: [], loggedOn: false, provisioned: [], day: 0, kinds: [], reported: [] }),
      step(memory, note, report) {
        if (note.what === 'logon') memory.loggedOn = true
        else if (note.what === 'removal') addRemoval(memory, note)
        else {
          const { time, found, tenants, baseline } = note
          const day = Math.floor(time / DAY)
          if (memory.day !== day) Object.assign(memory, { day, kinds: [], reported: [] })
          const kind = kindOf(note)
          if (memory.kinds.includes(kind) && !note.installed) return
          if (memory.kinds.length < MAX_REPORTED) memory.kinds.push(kind)
          if (isRemoteControl(found.category)) addTool(memory, note, day)
          const sinceRemoval = daysSinceRemoval(memory, note)
          const byProvisioning = isProvisioned(memory, note)
          const { id, by, renamed } = found
          const unattended = found.unattended === true
          const returned = sinceRemoval !== null
          const key = JSON.stringify([id, by, unattended, renamed, baseline, byProvisioning, returned, ...tenants])
          if (memory.reported.includes(key) || memory.reported.length >= MAX_REPORTED) return
          memory.reported.push(key)
          report(time, key, {
            category: 'tool',
            Tool: found.name,
            ToolId: found.id,
            ToolCategory: found.category,
            MatchedBy: found.by,
            ...UNJUDGED,
            VendorsLast30d: memory.tools.filter((it) => it.day > day - limits.vendorDays).length,
            Renamed: found.renamed,
            Unattended: found.unattended,
            Baseline: baseline,
            DaysSinceRemoval: sinceRemoval,
            ByProvisioning: byProvisioning,
          })
        }
      },
    },
    MAX_NOTES,
  )
  const events = appraised<Observed>(world, (device, worker, time, { draft, tenants }) => {
    const contract = world.contractAt(worker, time)
    const found = { id: draft.ToolId, category: draft.ToolCategory }
    const judged = {
      Approved: world.approvesTool({ contract, device, time }, { id: draft.ToolId, name: draft.Tool }, tenants),
      CommonHere: world.isCommonHere(device, time, found, tenants),
      DaysSinceFirstBoot: daysSince(world.firstBoot(device), time),
      DaysSinceStart: daysSince(contract?.start, time),
    }
    return { draft: { ...draft, ...judged }, mark: JSON.stringify([worker, ...Object.values(judged)]) }
  })
  /**
   * By device, the first time of each kind of sighting on each day, so that a tool with ten thousand connections a day
   * costs one note. An earlier sighting that arrives late makes another note; `step` then ignores the later one.
   */
  const firsts = new Subjects<Map<string, number>>(mapCodec())
  /** By device, the first logon within its first hours. */
  const logons = new Subjects<number>()

  return {
    take(seen, emit) {
      const { event, facts, device, conflict, time, firstBoot } = seen
      if (!event || device === null || conflict || !(facts?.tools || event.category === 'logon')) return
      const put = (note: ToolNote) =>
        devices.take(device, note, (at, key, draft) => events.put(device, at, key, observedIn(key, draft), emit))
      if (isLogon(seen) && firstBoot !== null && time - firstBoot <= limits.provisioningHours * HOUR) {
        if (time >= (logons.get(device) ?? Number.POSITIVE_INFINITY)) return
        logons.set(device, time)
        if (firsts.has(device)) put({ what: 'logon', time, id: '0' })
      }
      if (!facts?.tools) return
      const isNew = !firsts.has(device)
      const known = firsts.ensure(device, () => new Map())
      if (isNew) {
        const logon = logons.get(device)
        if (logon !== undefined) put({ what: 'logon', time: logon, id: '0' })
      }
      const software = event.category === 'software' ? event : null
      const shown = tenantsIn(event)
      const publisher = software?.Publisher?.trim().toLowerCase() ?? null
      for (const found of facts.tools) {
        // Ids sort a removal before an installation at the same time: the software collector reports both at once.
        const id = `${event.id} ${found.id} ${found.by}`
        if (software?.Action === 'removed') {
          const isWhole = software.Kind === 'package' || software.Kind === 'application'
          if (isWhole && isRemoteControl(found.category))
            put({ what: 'removal', time, id: `1 ${id}`, tool: found.id, publisher })
          continue
        }
        const note: ToolSighting = {
          what: 'sighting',
          time,
          id: `2 ${id}`,
          found,
          tenants: shown,
          baseline: isBaseline(seen),
          started: startedBy(seen),
          installed: software?.Action === 'installed',
          publisher,
          sinceFirstBoot: daysSince(firstBoot, time),
        }
        if (!note.installed && !addFirst(known, note)) continue
        if (!note.installed) firsts.touch(device)
        put(note)
      }
    },
    changed: events.changed,
    commonChanged: () => events.changed({ worker: null, device: null }),
    advance(now, emit) {
      events.advance(emit)
      for (const [device, time] of logons) if (time < now - 2 * LATENESS_MS) logons.delete(device)
    },
    kept: { ...prefixed('devices', devices.kept), ...prefixed('events', events.kept), firsts, logons },
  }

  /** The removal of an update may follow the installation: then it is not a removal. */
  function addRemoval(memory: DeviceTools, { tool: id, time, publisher }: ToolRemoval): void {
    const now = memory.tools.find((it) => it.id === id)
    if (now?.installed != null && time - now.installed <= limits.updateMinutes * MINUTE && now.publisher === publisher)
      return
    const kept = memory.removals.filter((it) => it.tool !== id && time - it.time <= limits.returnDays * DAY)
    memory.removals = [...kept, { tool: id, time, publisher }].slice(-MAX_REMOVALS)
  }

  function addTool(memory: DeviceTools, note: ToolSighting, day: number): void {
    const { found, time } = note
    const before = memory.tools.find((it) => it.id === found.id)
    const known = before !== undefined && before.day > day - limits.vendorDays
    const removal = memory.removals.find((it) => it.tool === found.id)
    const updating = removal !== undefined && time - removal.time <= limits.updateMinutes * MINUTE
    const isSamePublisher = removal?.publisher === note.publisher
    if (removal && updating && note.installed && isSamePublisher)
      memory.removals = memory.removals.filter((it) => it !== removal)
    let since = known ? before.since : note.baseline ? null : time
    const returned = removal && (!updating || (note.installed && !isSamePublisher))
    if (returned && (since === null || since <= removal.time)) since = time
    const others = memory.tools.filter((it) => it.id !== found.id && it.day > day - limits.vendorDays)
    const install = note.installed ? { installed: time, publisher: note.publisher } : null
    const last = install ?? { installed: before?.installed ?? null, publisher: before?.publisher ?? null }
    memory.tools = [...others, { id: found.id, day, since, ...last }].slice(-MAX_TOOLS)
  }

  function daysSinceRemoval(memory: DeviceTools, { found, time }: ToolSighting): number | null {
    const since = memory.tools.find((it) => it.id === found.id)?.since ?? null
    if (since === null || !isRemoteControl(found.category)) return null
    const last = memory.removals.findLast((it) => it.time < since && time - it.time <= limits.returnDays * DAY)
    return last ? (time - last.time) / DAY : null
  }

  /** Whether management installed it before anybody logged on. Not when a person started it. */
  function isProvisioned(memory: DeviceTools, { found, started, baseline, sinceFirstBoot }: ToolSighting): boolean {
    const early = sinceFirstBoot !== null && sinceFirstBoot * DAY <= limits.provisioningHours * HOUR
    if (started === 'management' && early && !baseline && !memory.loggedOn && !memory.provisioned.includes(found.id))
      memory.provisioned = [...memory.provisioned, found.id].slice(-MAX_TOOLS)
    return started !== 'person' && memory.provisioned.includes(found.id)
  }
})

/** Sightings of different kinds on one day are separate notes. */
function kindOf({ found, tenants, baseline, started }: ToolSighting): string {
  return [found.id, found.by, found.unattended === true, found.renamed, baseline, started, ...tenants].join('|')
}

/** In place of what is judged later. */
const UNJUDGED = { Approved: false, CommonHere: false, DaysSinceFirstBoot: null, DaysSinceStart: null }
/** The number of values in a sighting's key before its tenants. */
const BEFORE_TENANTS = 7

function observedIn(key: string, draft: Draft | null): Observed | null {
  if (draft?.category !== 'tool') return null
  const { Approved: _approved, CommonHere: _common, DaysSinceFirstBoot: _boot, DaysSinceStart: _start, ...rest } = draft
  return { draft: rest, tenants: (JSON.parse(key) as string[]).slice(BEFORE_TENANTS) }
}

/** Whether it is the first of its kind and day so far, which is then recorded. Drops days past the lateness bound. */
function addFirst(known: Map<string, number>, note: ToolSighting): boolean {
  const day = Math.floor(note.time / DAY)
  const key = `${day} ${kindOf(note)}`
  const first = known.get(key)
  if (first !== undefined && first <= note.time) return false
  if (first === undefined && known.size >= MAX_NOTES) known.delete(known.keys().next().value as string)
  known.set(key, note.time)
  if (first === undefined)
    for (const it of known.keys()) if (Number.parseInt(it, 10) < day - LATENESS_MS / DAY - 1) known.delete(it)
  return true
}

/** Whether it was there when the agent first looked, so that it is not known since when. */
function isBaseline({ event }: Seen): boolean {
  if (event?.category === 'process_creation') return event.StartedBeforeAgent
  return event?.category === 'software' && event.Action === 'present'
}

/** System accounts of Linux, macOS and Windows, and accounts of display managers. */
const SYSTEM_USERS = new Set(['root', 'system', 'nt authority\\system', 'localsystem'])
const GREETERS = new Set(['gdm', 'gdm-greeter', 'lightdm', 'sddm', '_windowserver', '_mbsetupuser'])

function isLogon({ event }: Seen): boolean {
  if (event?.category !== 'logon' || event.Action === 'logoff' || event.User === null) return false
  const user = event.User.toLowerCase()
  return !SYSTEM_USERS.has(user) && !GREETERS.has(user)
}

/** Fleet management agents, by the base name of their executable. General knowledge, not tested here. */
const MANAGEMENT =
  /^(jamf|jamfdaemon|intunemanagementextension|microsoft\.management\.services\.intunewindowsagent|omadmclient|ccmexec|intune-(agent|daemon)|mdmclient|mosyle.*|kandji-.*|iru-.*|addigy|managedsoftwareupdate|orbit|chef-client|puppet|salt-minion|landscape-client)(\.exe)?$/i
/** Package installers, which a person may have started: they count only where logons are collected. */
const INSTALLERS = /^(dpkg|apt|apt-get|rpm|dnf|yum|zypper|snapd|packagekitd|cloud-init|installer|msiexec)(\.exe)?$/i

function startedBy({ event, contract }: Seen): StartedBy {
  if (event?.category !== 'process_creation') return null
  if (event.User === null || !SYSTEM_USERS.has(event.User.toLowerCase())) return 'person'
  const parent = event.ParentImage?.split(/[\\/]/).at(-1) ?? ''
  if (isOurManagement(contract, parent)) return 'management'
  const logonsAreSeen = CATEGORIES.logon.on.includes(event.product)
  return MANAGEMENT.test(parent) || (logonsAreSeen && INSTALLERS.test(parent)) ? 'management' : 'system'
}

/** A program that the company approves as its own way to install others. */
function isOurManagement(contract: Contract | null, program: string): boolean {
  const plain = (it: string) => it.toLowerCase().replace(/\.exe$/, '')
  return contract?.approvedPrograms?.some((it) => plain(it.program) === plain(program)) ?? false
}

function daysSince(from: number | null | undefined, time: number): number | null {
  return from == null ? null : Math.max(0, time - from) / DAY
}
