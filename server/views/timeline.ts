/**
 * Findings, and the notable events of the last seven days, in words, newest first. Texts from laptops are hostile.
 *
 * Shape   what was the same several times on a day (UTC) is one entry.
 */
import type { Category } from '../../wire/event.ts'
import { DAY } from '../../wire/time.ts'
import type { Finding } from '../model/finding.ts'
import type { Stored } from '../store/stream.ts'
import { describe } from './describe.ts'
import type { Reader } from './reader.ts'
import type { TimelineEntry } from './schema.ts'

const DAYS = 7
const EVENTS_MAX = 200
/** One such event is informative by itself; the others are only in the activity chart. */
const NOTABLE: readonly Category[] = [
  'usb_device',
  'display',
  'volume_mounted',
  'file_burst',
  'listening_socket',
  'network_place',
  'logon',
  'remote_session',
  'repository',
  'archive_created',
  'agent_state',
]
/** An agent's hourly report of its resource use says nothing about a person. */
const HOURLY = 'summary'

export async function timeline(
  reader: Reader,
  devices: readonly string[],
  findings: readonly Finding[],
): Promise<TimelineEntry[]> {
  const events = (await notable(reader, devices)).flatMap(entryOf).slice(0, EVENTS_MAX)
  return [...onceADay([...findings.map(foundEntry), ...events])].sort((a, b) => b.time - a.time)
}

/** The latest stands for the others. */
function onceADay(entries: readonly TimelineEntry[]): Iterable<TimelineEntry> {
  const by = new Map<string, TimelineEntry>()
  for (const entry of entries) {
    const { category, text, device, time, count } = entry
    const key = JSON.stringify([Math.floor(time / DAY), category, device, text])
    const known = by.get(key)
    const latest = known && known.time > time ? known : entry
    by.set(key, { ...latest, count: (known?.count ?? 0) + count })
  }
  return by.values()
}

async function notable(reader: Reader, devices: readonly string[]): Promise<Stored[]> {
  if (devices.length === 0) return []
  // Each hour may have a summary: without summaries there must still be enough entries.
  const most = EVENTS_MAX + devices.length * 24 * DAYS
  return reader.history.events({ devices, categories: NOTABLE, from: reader.now() - DAYS * DAY }, most)
}

function entryOf({ record }: Stored): TimelineEntry[] {
  if (record.type !== 'event') return []
  const { device, event } = record
  if ('Action' in event && event.Action === HOURLY) return []
  return [{ time: event.time, device, category: event.category, text: describe(event), finding: null, count: 1 }]
}

function foundEntry({ time, device, says, id }: Finding): TimelineEntry {
  return { time, device, category: 'finding', text: says, finding: id, count: 1 }
}
