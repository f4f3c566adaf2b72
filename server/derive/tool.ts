/**
 * Remote-control tools, VPN clients and the like, as the catalogue recognised them (#13-#21, #44).
 *
 * Shape   one `tool` per device, tool, way of recognition and UTC day: the first sighting that day; a second when it
 *         turns out unattended, or appears anew where it was only present before.
 * Memory  per device, the days each remote-control tool was seen, 31 at most, 64 tools at most.
 * Reset   days fall out after VENDOR_WINDOW_DAYS.
 */
import * as z from 'zod'
import { deriverKind, type Seen } from './deriver.ts'
import { holds } from './world.ts'

const DAY = 86_400_000
/** 'Two or more vendors within 7-30 days (not minutes)', threat model #15. */
const VENDOR_WINDOW_DAYS = 30
const MAX_TOOLS = 64
/** Categories of the catalogue whose tools let somebody else drive the laptop. */
const REMOTE_CONTROL = new Set(['rmm-agent', 'remote-desktop', 'remote-support', 'vnc', 'malware-rat'])

interface Memory {
  /** Day numbers by tool id, the tool seen last at the end. */
  days: [id: string, days: number[]][]
  /** What was said today: `id|by|unattended`. */
  day: number
  said: string[]
}

export const tool = deriverKind('tool', z.strictObject({}), () => {
  let devices = new Map<string, Memory>()
  return {
    take(seen, emit) {
      if (!seen.facts?.tools || seen.device === null || seen.conflict || gone(seen)) return
      const day = Math.floor(seen.time / DAY)
      const memory = devices.get(seen.device) ?? { days: [], day, said: [] }
      devices.set(seen.device, memory)
      if (memory.day !== day) Object.assign(memory, { day, said: [] })
      for (const found of seen.facts.tools) {
        if (REMOTE_CONTROL.has(found.category)) memory.days = noted(memory.days, found.id, day)
        const words = `${found.id}|${found.by}|${found.unattended === true}|${baseline(seen)}`
        if (memory.said.includes(words)) continue
        memory.said.push(words)
        emit(seen, words, {
          category: 'tool',
          Tool: found.name,
          ToolId: found.id,
          ToolCategory: found.category,
          MatchedBy: found.by,
          Approved: approved(seen, found),
          DaysSinceFirstBoot: seen.firstBoot === null ? null : Math.max(0, seen.time - seen.firstBoot) / DAY,
          VendorsLast30d: vendors(memory.days, day),
          Renamed: found.renamed,
          Unattended: found.unattended,
          Baseline: baseline(seen),
          DaysSinceStart: null,
          DaysSinceRemoval: null,
          ByProvisioning: false,
        })
      }
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, Memory][])
    },
  }
})

/** True: it was there when the agent first looked, so when it came is not known. */
function baseline({ event }: Seen): boolean {
  if (event?.category === 'process_creation') return event.StartedBeforeAgent
  return event?.category === 'software' && event.Action === 'present'
}

/** The removal of a tool is not a sighting of it. */
function gone({ event }: Seen): boolean {
  return event?.category === 'software' && event.Action === 'removed'
}

function noted(days: Memory['days'], id: string, day: number): Memory['days'] {
  const seen = days.find(([it]) => it === id)?.[1] ?? []
  const others = days
    .filter(([it]) => it !== id)
    .map(([it, list]): Memory['days'][number] => [it, list.filter((on) => on > day - VENDOR_WINDOW_DAYS)])
    .filter(([, list]) => list.length > 0)
  const own = [...new Set([...seen.filter((on) => on > day - VENDOR_WINDOW_DAYS), day])]
  return [...others, [id, own] as Memory['days'][number]].slice(-MAX_TOOLS)
}

function vendors(days: Memory['days'], day: number): number {
  return days.filter(([, list]) => list.some((it) => it <= day && it > day - VENDOR_WINDOW_DAYS)).length
}

function approved({ contract, time }: Seen, found: { id: string; name: string }): boolean {
  const names = [found.id.toLowerCase(), found.name.toLowerCase()]
  return contract?.approvedTools?.some((it) => names.includes(it.tool.toLowerCase()) && holds(it, time)) ?? false
}
