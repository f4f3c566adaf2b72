/**
 * Remote-control tools, VPN clients and the like, as the catalogue recognised them (#13-#24, #30, #44).
 *
 * Shape   one `tool` per device, tool, way of recognition and UTC day: the first sighting that day. Another one the same
 *         day when it turns out unattended, renamed, approved or not, or appears anew where it was only present before.
 *         A removed package or application is a removal; services and autostarts go with every update. What runs on for
 *         an hour after its removal has not come back, and what is installed again by the same publisher within that
 *         hour was updated.
 * Memory  per device that has such a tool: the last day of each remote-control tool (64 at most), what was said today,
 *         and within the lateness bound one note per day and kind of sighting. Per new device one logon, for 16 days.
 */

import * as z from 'zod'
import { isRemoteControl } from '../../../rules/catalogue/categories.ts'
import { CATEGORIES } from '../../../wire/event.ts'
import type { CatalogueFacts } from '../../../wire/recording.ts'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { deriverKind, LATENESS_MS, type Seen } from '../deriver.ts'
import { inOrder, type Note } from '../kit/in-order.ts'
import { mapCodec, prefixed, Subjects } from '../kit/kept.ts'
import { isApprovedTool } from '../kit/tenant.ts'

const MAX_TOOLS = 64
const MAX_REMOVALS = 16
const MAX_SAID = 512
const MAX_NOTES = 1_000

const thresholds = z.strictObject({
  /** Days in which remote-control tools count together: 'within 7-30 days, not minutes' (threat model #15). */
  vendorDays: z.int().min(1).max(90).default(30),
  /** Days after a removal in which a remote-control tool that comes has come back (#30, P14). */
  returnDays: z.number().min(0).max(30).default(7),
  /** Minutes in which a removed tool that is installed again by the same publisher was updated (#30). Our judgement. */
  updateMinutes: z.number().min(0).max(1_440).default(60),
  /** Hours after the first boot in which a laptop may be set up with nobody logged on (N3). Our judgement. */
  provisioningHours: z.number().min(0).max(168).default(24),
})

type Found = NonNullable<CatalogueFacts['tools']>[number]
/** Who started it, where that was seen: the fleet's management, an account of the system, or somebody. */
type Started = 'management' | 'system' | 'person' | null

interface Sighting extends Note {
  what: 'sighting'
  found: Found
  approved: boolean
  baseline: boolean
  started: Started
  installed: boolean
  publisher: string | null
  sinceFirstBoot: number | null
  sinceStart: number | null
}
interface Removal extends Note {
  what: 'removal'
  tool: string
  publisher: string | null
}
interface Logon extends Note {
  what: 'logon'
}

interface Memory {
  /** The tool seen last at the end. `came` null: it was there when the agent first looked. */
  tools: { id: string; day: number; came: number | null; installed: number | null; maker: string | null }[]
  removals: { tool: string; time: number; publisher: string | null }[]
  loggedOn: boolean
  /** What the fleet's management brought before anybody had logged on. */
  provisioned: string[]
  day: number
  /** Kinds of sighting seen today, and what was said today. */
  kinds: string[]
  said: string[]
}

export const tool = deriverKind('tool', thresholds, (limits, world) => {
  const devices = inOrder<Memory, Sighting | Removal | Logon>(
    {
      begin: () => ({ tools: [], removals: [], loggedOn: false, provisioned: [], day: 0, kinds: [], said: [] }),
      step(memory, note, say) {
        if (note.what === 'logon') memory.loggedOn = true
        else if (note.what === 'removal') remember(memory, note)
        else {
          const { time, found, approved, baseline, sinceFirstBoot, sinceStart } = note
          const day = Math.floor(time / DAY)
          if (memory.day !== day) Object.assign(memory, { day, kinds: [], said: [] })
          const kind = kindOf(note)
          if (memory.kinds.includes(kind) && !note.installed) return
          if (memory.kinds.length < MAX_SAID) memory.kinds.push(kind)
          if (isRemoteControl(found.category)) see(memory, note, day)
          const sinceRemoval = daysSinceRemoval(memory, note)
          const byProvisioning = isProvisioned(memory, note)
          const { id, by, renamed } = found
          const unattended = found.unattended === true
          const returned = sinceRemoval !== null
          const words = [id, by, unattended, renamed, baseline, approved, byProvisioning, returned].join('|')
          if (memory.said.includes(words) || memory.said.length >= MAX_SAID) return
          memory.said.push(words)
          say(time, words, {
            category: 'tool',
            Tool: found.name,
            ToolId: found.id,
            ToolCategory: found.category,
            MatchedBy: found.by,
            Approved: approved,
            DaysSinceFirstBoot: sinceFirstBoot,
            VendorsLast30d: memory.tools.filter((it) => it.day > day - limits.vendorDays).length,
            Renamed: found.renamed,
            Unattended: found.unattended,
            Baseline: baseline,
            DaysSinceStart: sinceStart,
            DaysSinceRemoval: sinceRemoval,
            ByProvisioning: byProvisioning,
          })
        }
      },
    },
    MAX_NOTES,
  )
  /**
   * By device, when each kind of sighting was first seen on each day: a tool with ten thousand connections a day costs
   * one note. What came before the day's first did is in the notes too, and `step` passes over it.
   */
  const firsts = new Subjects<Map<string, number>>(mapCodec())
  /** By device without a tool so far, when somebody first logged on in its first hours. */
  const logons = new Subjects<number>()

  return {
    take(seen, emit) {
      const { event, facts, device, conflict, time, contract, firstBoot } = seen
      if (!event || device === null || conflict || !(facts?.tools || event.category === 'logon')) return
      const put = (note: Sighting | Removal | Logon) =>
        devices.take(device, note, (at, key, draft) =>
          emit({ device, worker: world.holderAt(device, at), time: at }, key, draft),
        )
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
      const publisher = software?.Publisher?.trim().toLowerCase() ?? null
      for (const found of facts.tools) {
        // Ids sort a removal before what is installed in the same moment: the software collector tells both at once.
        const id = `${event.id} ${found.id} ${found.by}`
        if (software?.Action === 'removed') {
          const whole = software.Kind === 'package' || software.Kind === 'application'
          if (whole && isRemoteControl(found.category))
            put({ what: 'removal', time, id: `1 ${id}`, tool: found.id, publisher })
          continue
        }
        const note: Sighting = {
          what: 'sighting',
          time,
          id: `2 ${id}`,
          found,
          approved: isApprovedTool(contract, found, event),
          baseline: isBaseline(seen),
          started: startedBy(seen),
          installed: software?.Action === 'installed',
          publisher,
          sinceFirstBoot: since(firstBoot, time),
          sinceStart: since(contract?.start, time),
        }
        if (!note.installed && !isFirst(known, note)) continue
        if (!note.installed) firsts.touch(device)
        put(note)
      }
    },
    advance(now) {
      for (const [device, time] of logons) if (time < now - 2 * LATENESS_MS) logons.delete(device)
    },
    kept: { ...prefixed('devices', devices.kept), firsts, logons },
  }

  /** An update's two halves come in either order: the removal after what is new is none, the one before is forgotten. */
  function remember(memory: Memory, { tool: id, time, publisher }: Removal): void {
    const now = memory.tools.find((it) => it.id === id)
    if (now?.installed != null && time - now.installed <= limits.updateMinutes * MINUTE && now.maker === publisher)
      return
    const kept = memory.removals.filter((it) => it.tool !== id && time - it.time <= limits.returnDays * DAY)
    memory.removals = [...kept, { tool: id, time, publisher }].slice(-MAX_REMOVALS)
  }

  function see(memory: Memory, note: Sighting, day: number): void {
    const { found, time } = note
    const before = memory.tools.find((it) => it.id === found.id)
    const known = before !== undefined && before.day > day - limits.vendorDays
    const removal = memory.removals.find((it) => it.tool === found.id)
    const updating = removal !== undefined && time - removal.time <= limits.updateMinutes * MINUTE
    const sameMaker = removal?.publisher === note.publisher
    if (removal && updating && note.installed && sameMaker)
      memory.removals = memory.removals.filter((it) => it !== removal)
    let came = known ? before.came : note.baseline ? null : time
    const returned = removal && (!updating || (note.installed && !sameMaker))
    if (returned && (came === null || came <= removal.time)) came = time
    const others = memory.tools.filter((it) => it.id !== found.id && it.day > day - limits.vendorDays)
    const install = note.installed ? { installed: time, maker: note.publisher } : null
    const last = install ?? { installed: before?.installed ?? null, maker: before?.maker ?? null }
    memory.tools = [...others, { id: found.id, day, came, ...last }].slice(-MAX_TOOLS)
  }

  function daysSinceRemoval(memory: Memory, { found, time }: Sighting): number | null {
    const came = memory.tools.find((it) => it.id === found.id)?.came ?? null
    if (came === null || !isRemoteControl(found.category)) return null
    const last = memory.removals.findLast((it) => it.time < came && time - it.time <= limits.returnDays * DAY)
    return last ? (time - last.time) / DAY : null
  }

  /** What runs for somebody is theirs, whoever brought the tool. */
  function isProvisioned(memory: Memory, { found, started, baseline, sinceFirstBoot }: Sighting): boolean {
    const early = sinceFirstBoot !== null && sinceFirstBoot * DAY <= limits.provisioningHours * HOUR
    if (started === 'management' && early && !baseline && !memory.loggedOn && !memory.provisioned.includes(found.id))
      memory.provisioned = [...memory.provisioned, found.id].slice(-MAX_TOOLS)
    return started !== 'person' && memory.provisioned.includes(found.id)
  }
})

/** What makes two sightings of one day two. */
function kindOf({ found, approved, baseline, started }: Sighting): string {
  return [found.id, found.by, found.unattended === true, found.renamed, baseline, approved, started].join('|')
}

/** Notes it when it is; what no late event can reach any more goes. */
function isFirst(known: Map<string, number>, note: Sighting): boolean {
  const day = Math.floor(note.time / DAY)
  const place = `${day} ${kindOf(note)}`
  const first = known.get(place)
  if (first !== undefined && first <= note.time) return false
  if (first === undefined && known.size >= MAX_NOTES) known.delete(known.keys().next().value as string)
  known.set(place, note.time)
  if (first === undefined)
    for (const it of known.keys()) if (Number.parseInt(it, 10) < day - LATENESS_MS / DAY - 1) known.delete(it)
  return true
}

/** True: it was there when the agent first looked, so when it came is not known. */
function isBaseline({ event }: Seen): boolean {
  if (event?.category === 'process_creation') return event.StartedBeforeAgent
  return event?.category === 'software' && event.Action === 'present'
}

/** Accounts of the system, as Linux, macOS and Windows call them, and those of display managers. */
const SYSTEM_USERS = new Set(['root', 'system', 'nt authority\\system', 'localsystem'])
const GREETERS = new Set(['gdm', 'gdm-greeter', 'lightdm', 'sddm', '_windowserver', '_mbsetupuser'])

function isLogon({ event }: Seen): boolean {
  if (event?.category !== 'logon' || event.Action === 'logoff' || event.User === null) return false
  const user = event.User.toLowerCase()
  return !SYSTEM_USERS.has(user) && !GREETERS.has(user)
}

/** Agents that manage a fleet, by the base name of their executable. General knowledge, none tested here. */
const MANAGEMENT =
  /^(jamf|jamfdaemon|intunemanagementextension|microsoft\.management\.services\.intunewindowsagent|omadmclient|ccmexec|intune-(agent|daemon)|mdmclient|mosyle.*|kandji-.*|iru-.*|addigy|managedsoftwareupdate|orbit|chef-client|puppet|salt-minion|landscape-client)(\.exe)?$/i
/** What installs packages for whoever asks: it tells only where it would be seen that somebody had logged on. */
const INSTALLERS = /^(dpkg|apt|apt-get|rpm|dnf|yum|zypper|snapd|packagekitd|cloud-init|installer|msiexec)(\.exe)?$/i

function startedBy({ event }: Seen): Started {
  if (event?.category !== 'process_creation') return null
  if (event.User === null || !SYSTEM_USERS.has(event.User.toLowerCase())) return 'person'
  const parent = event.ParentImage?.split(/[\\/]/).at(-1) ?? ''
  const logonsAreSeen = CATEGORIES.logon.on.includes(event.product)
  return MANAGEMENT.test(parent) || (logonsAreSeen && INSTALLERS.test(parent)) ? 'management' : 'system'
}

function since(from: number | null | undefined, time: number): number | null {
  return from == null ? null : Math.max(0, time - from) / DAY
}
