/**
 * What changed in a list of software since it was reported last.
 *
 * Shape   'present' for all in a baseline (see reported.ts), then 'installed' (also for another version) and 'removed'.
 *         Keys begin with their source, so that the software of one that could not be read is kept.
 * Errors  a gap for the number of items beyond `MAX_ITEMS`, and when the state cannot be saved.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { baselineIsDue, type Reported, saveReported } from './reported.ts'

export const MAX_ITEMS = 20_000

export type Item = Pick<
  ObservationOf<'software'>,
  'Name' | 'Version' | 'Publisher' | 'Kind' | 'Identifier' | 'InstalledAt'
>
type Stamp = { time: number; collector: string }

/** `unreadable`: beginnings of keys. The state is saved by the stamp's collector. */
export async function* softwareChanges(
  host: Host,
  reported: Reported<Item>,
  { found, unreadable }: { found: ReadonlyMap<string, Item>; unreadable: readonly string[] },
  stamp: Stamp,
): AsyncIterable<ObservationOf<'software' | 'collection_gap'>> {
  const now = capped(found, reported.items)
  if (now.size < found.size) yield gap(stamp, 'list of software', 'overflow', null, found.size - now.size)
  // Software in an unreadable source is not removed.
  for (const [key, item] of reported.items)
    if (!now.has(key) && unreadable.some((it) => key.startsWith(it))) now.set(key, item)
  const baseline = baselineIsDue(reported, stamp.time)
  const events = [...differences(reported, now, baseline, stamp)]
  yield* events
  // Save only after the last event was emitted: after a crash before that, it is reported twice instead of never.
  if (events.length === 0 && !baseline) return
  reported.items = now
  if (baseline) reported.baselineAt = stamp.time
  try {
    await saveReported(host, stamp.collector, reported)
  } catch (cause) {
    yield gap(stamp, 'saved state of software', gapReason(cause), cause)
  }
}

/** Limits the list, reported items first: otherwise a full list would make them look removed. */
function capped(found: ReadonlyMap<string, Item>, reported: ReadonlyMap<string, Item>): Map<string, Item> {
  if (found.size <= MAX_ITEMS) return new Map(found)
  const known = [...found].filter(([key]) => reported.has(key))
  const fresh = [...found].filter(([key]) => !reported.has(key))
  return new Map([...known, ...fresh].slice(0, MAX_ITEMS))
}

function* differences(reported: Reported<Item>, now: ReadonlyMap<string, Item>, baseline: boolean, stamp: Stamp) {
  for (const [key, item] of now) {
    const before = reported.items.get(key)
    if (!baseline && before !== undefined && before.Version === item.Version) continue
    // Changes while the agent was stopped are 'installed' in a baseline, too.
    const isChanged = reported.baselineAt !== null && before?.Version !== item.Version
    yield event(stamp, item, isChanged ? 'installed' : 'present')
  }
  for (const [key, item] of reported.items) if (!now.has(key)) yield event(stamp, item, 'removed')
}

function event(stamp: Stamp, item: Item, Action: 'present' | 'installed' | 'removed') {
  return { category: 'software' as const, ...stamp, Action, ...item }
}
