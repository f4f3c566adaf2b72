/**
 * Correlations by their definition: all events are known and sorted, and every window is computed separately. Slow
 * on purpose; it shares no code with the engine but the loaded form.
 */
import { createHash } from 'node:crypto'
import type { LoadedCorrelation } from '../../rules/language/index.ts'

export interface Seen {
  id: string
  time: number
  fields: Record<string, unknown>
  /** Ids of the rules that match it. */
  rules: string[]
}

export interface Found {
  id: string
  rule: string
  group: Readonly<Record<string, string>>
  time: number
  from: number
  to: number
  events: readonly string[]
  values: Readonly<Record<string, number>>
}

interface Entry {
  time: number
  id: string
  rule: number
  value: number | string | null
}

/** `lower` before those that refer to it. `now` is where the log's clock ended. */
export function naiveFirings(
  correlations: readonly LoadedCorrelation[],
  events: readonly Seen[],
  now: number,
): Found[] {
  const found: Found[] = []
  const seen = [...events]
  for (const correlation of correlations) {
    const its = firingsOf(correlation, seen, now).map((it) => ({ ...it, events: singleEvents(it.events, found) }))
    found.push(...its)
    for (const { id, time, group } of its) seen.push({ id, time, fields: group, rules: [correlation.id] })
  }
  return found
}

/** Single events all; the first of each firing below, as many as there is room for among ten. */
function singleEvents(ids: readonly string[], below: readonly Found[]): string[] {
  const lower = new Map(below.map(({ id, events }) => [id, events]))
  const firings = ids.filter((id) => lower.has(id)).length
  const each = Math.max(1, Math.floor((10 - ids.length + firings) / Math.max(1, firings)))
  const single = ids.flatMap((id) => lower.get(id)?.slice(0, each) ?? [id])
  return [...new Set(single)].slice(0, 10)
}

function firingsOf(correlation: LoadedCorrelation, events: readonly Seen[], now: number): Found[] {
  const groups = new Map<string, { fields: Record<string, string>; entries: Entry[] }>()
  for (const event of events)
    for (const [rule, member] of correlation.members.entries()) {
      if (!event.rules.includes(member.id)) continue
      const texts = member.groupFields.map((field) => event.fields[field])
      const value = valueIn(correlation, member.valueFields, event)
      if (texts.some((text) => text === undefined || text === null) || value === undefined) continue
      const fields = Object.fromEntries(correlation.groupBy.map((name, n) => [name, String(texts[n])]))
      const key = JSON.stringify(fields)
      const group = groups.get(key) ?? { fields, entries: [] }
      groups.set(key, group)
      group.entries.push({ time: event.time, id: event.id, rule, value })
    }
  return [...groups.values()].flatMap(({ fields, entries }) => {
    entries.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.rule - b.rule))
    const windows = correlation.atEnd ? atEnds(correlation, entries, now) : atMatches(correlation, entries)
    return windows.map(({ window, to, anchor }) => ({
      id: firingIdOf(correlation, fields, anchor),
      rule: correlation.id,
      group: fields,
      time: to,
      from: to - correlation.spanMs,
      to,
      events: [...new Set(window.map(({ id }) => id))].slice(0, 10),
      values: valuesOf(correlation, window),
    }))
  })
}

/** As the engine documents it: ids of firings break ties for the correlations above. */
function firingIdOf({ id, version, groupBy }: LoadedCorrelation, group: Record<string, string>, anchor: Entry): string {
  const texts = groupBy.map((field) => group[field])
  const identity = [id, version, texts, anchor.time, anchor.id, anchor.rule]
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)
}

function valueIn({ type }: LoadedCorrelation, fields: readonly string[], { fields: own }: Seen) {
  if (!type.startsWith('value_')) return null
  const values = fields.map((field) => own[field])
  if (values.some((value) => value === undefined || value === null)) return undefined
  if (type === 'value_count') return JSON.stringify(values.map(String))
  const number = Number(values[0])
  return String(values[0]).trim() === '' || Number.isNaN(number) ? undefined : number
}

interface Window {
  window: Entry[]
  to: number
  anchor: Entry
}

/** Every match, in order: is it true here, and was it false at any look since it last fired? */
function atMatches(correlation: LoadedCorrelation, entries: readonly Entry[]): Window[] {
  const { spanMs } = correlation
  const windows: Window[] = []
  let lastFired = -1
  for (const [n, entry] of entries.entries()) {
    const window = entries.slice(0, n + 1).filter(({ time }) => time > entry.time - spanMs)
    if (!holds(correlation, window)) continue
    const last = entries[lastFired]
    if (last && entry.time < last.time + spanMs && !wasFalse(correlation, entries, lastFired, n)) continue
    windows.push({ window, to: entry.time, anchor: entry })
    lastFired = n
  }
  return windows
}

function wasFalse(correlation: LoadedCorrelation, entries: readonly Entry[], from: number, to: number): boolean {
  const { spanMs } = correlation
  for (let n = from; n < to; n++) {
    const known = entries.slice(0, n + 1)
    const next = entries[n + 1]!
    const looks = known.map(({ time }) => time + spanMs).filter((at) => at > entries[n]!.time && at < next.time)
    for (const at of [entries[n]!.time, ...looks])
      if (
        !holds(
          correlation,
          known.filter(({ time }) => time > at - spanMs),
        )
      )
        return true
  }
  return false
}

/** Windows one after the other, each from the first match that the one before does not hold. */
function atEnds(correlation: LoadedCorrelation, entries: readonly Entry[], now: number): Window[] {
  const windows: Window[] = []
  let left = [...entries]
  while (left.length > 0) {
    const [anchor] = left as [Entry]
    const end = anchor.time + correlation.spanMs - 1
    const window = left.filter(({ time }) => time <= end)
    left = left.filter(({ time }) => time > end)
    if (end < now && holds(correlation, window)) windows.push({ window, to: end, anchor })
  }
  return windows
}

function holds(correlation: LoadedCorrelation, window: readonly Entry[]): boolean {
  if (window.length === 0) return false
  const { type, anyOf, bounds } = correlation
  if (anyOf) {
    const seen = window.map(({ rule }) => rule)
    return anyOf.some(({ all, none }) => {
      const wanted = [...Array(31).keys()].filter((rule) => all & (1 << rule))
      if (seen.some((rule) => none & (1 << rule))) return false
      return type === 'temporal' ? wanted.every((rule) => seen.includes(rule)) : isSubsequence(wanted, seen)
    })
  }
  const values = valuesOf(correlation, window)
  const value = values[Object.keys(values).find((name) => name !== 'count') ?? 'count']!
  return bounds.every(({ by, than }) => {
    if (by === 'gt') return value > than
    if (by === 'gte') return value >= than
    if (by === 'lt') return value < than
    if (by === 'lte') return value <= than
    return by === 'eq' ? value === than : value !== than
  })
}

function isSubsequence(wanted: readonly number[], seen: readonly number[]): boolean {
  let next = 0
  for (const rule of seen) if (rule === wanted[next]) next++
  return next === wanted.length
}

function valuesOf({ type, percentile }: LoadedCorrelation, window: readonly Entry[]): Record<string, number> {
  const count = window.length
  if (type === 'event_count') return { count }
  if (type.startsWith('temporal')) return { count, rules: new Set(window.map(({ rule }) => rule)).size }
  if (type === 'value_count') return { count, values: new Set(window.map(({ value }) => value)).size }
  const numbers = window.map(({ value }) => value as number)
  const sum = numbers.reduce((a, b) => a + b, 0)
  if (type === 'value_sum') return { count, sum }
  if (type === 'value_avg') return { count, average: sum / count }
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = ((count - 1) * (type === 'value_median' ? 50 : percentile)) / 100
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!]
  return { count, [type === 'value_median' ? 'median' : 'percentile']: low + (high - low) * (at - Math.floor(at)) }
}
