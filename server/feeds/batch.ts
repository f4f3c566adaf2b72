/**
 * Validates what a feed sent, event by event: gives lines for the log, and says why each other event was refused.
 *
 * Shape   a JSON array, or one object per line, of `{"worker","time","event":{"category", …}}`; `id` may be added
 *         by the sender, in any format. The same `id` of the same feed is the same event; without an `id`,
 *         the same content is the same event. Fields that may be null may be omitted.
 * Units   `time` epoch ms UTC, at most a day ahead of our clock.
 * Errors  a bad event does not affect the others. It is reported with its index (for lines, counted from 0 with the
 *         blank ones), the path in it and what to do. Fault 'events.invalid' for a body that is neither an array
 *         nor lines, or holds too many events.
 */
import { setImmediate } from 'node:timers/promises'
import * as z from 'zod'
import { epochMs, workerName } from '../../wire/common.ts'
import { FEED_CATEGORIES, FeedEvent } from '../../wire/events/feeds.ts'
import { Fault, type FaultDetails } from '../../wire/fault.ts'
import { completeFeedEvent, hashId } from '../../wire/feed-line.ts'
import { mismatch } from '../../wire/mismatch.ts'
import type { AddressFacts, RecordedOf } from '../../wire/recording.ts'
import { type FeedToken, SENT_CATEGORIES, type SentCategory } from './tokens.ts'
import { type UnknownWord, UnknownWords } from './unknown-words.ts'

export const FEED_EVENTS_MAX = 1_000
const AHEAD_MS = 86_400_000
const ENVELOPE: readonly string[] = ['id', 'seq', 'time', 'product', 'collector']

const SentEvent = z.strictObject({
  id: z.string().min(1).max(256).nullish(),
  worker: workerName,
  time: epochMs,
  event: z.looseObject({ category: z.string().max(64) }),
})

/** For the API's description: which fields each category takes, and which may be omitted. */
export const DescribedEvent = SentEvent.extend({ event: z.union(SENT_CATEGORIES.map(described)) })

function described(category: SentCategory): z.ZodType {
  const fields = Object.entries<z.ZodType>(FEED_CATEGORIES[category].shape).filter(([key]) => !ENVELOPE.includes(key))
  const optional = (key: string, schema: z.ZodType) => key === 'Worker' || schema instanceof z.ZodNullable
  // The sender's own words are mapped: `wire/feed-words.ts`.
  const sent = (key: string, schema: z.ZodType) => (key === 'Result' || key === 'Action' ? z.string().max(256) : schema)
  return z.strictObject(
    Object.fromEntries(
      fields
        .filter(([key]) => key !== 'Word')
        .map(([key, schema]) => [key, optional(key, schema) ? schema.optional() : sent(key, schema)]),
    ),
  )
}

export const RefusedEvent = z.object({ index: z.int(), path: z.string(), todo: z.string() })
export type RefusedEvent = z.infer<typeof RefusedEvent>

export interface FeedBatch {
  lines: RecordedOf<'feed'>[]
  refused: RefusedEvent[]
  /** Results and actions whose events are stored as 'unknown'. */
  unknownWords: UnknownWord[]
}

export interface FeedBatchDeps {
  feed: Pick<FeedToken, 'name' | 'categories'>
  /** What is known about an address now; stored with the line. */
  lookup(address: string, at: number): AddressFacts
  now: number
}

/** The values that were sent; an `Error` replaces a line that is not JSON. */
export function sentValues(text: string): unknown[] {
  const values = text.trimStart().startsWith('[') ? whole(text) : lines(text)
  if (values.length > FEED_EVENTS_MAX) throw invalid({ todo: `Send at most ${FEED_EVENTS_MAX} events at once.` })
  return values
}

/** Events validated before other work gets its turn: about 5 ms. */
const SLICE = 200

export async function validateEvents(values: readonly unknown[], deps: FeedBatchDeps): Promise<FeedBatch> {
  const batch: FeedBatch = { lines: [], refused: [], unknownWords: [] }
  for (const [index, value] of values.entries()) {
    if (index % SLICE === 0 && index > 0) await setImmediate()
    if (value === BLANK) continue
    const found = validated(value, deps)
    if ('path' in found) batch.refused.push({ index, ...found })
    else batch.lines.push(found)
  }
  const words = new UnknownWords()
  for (const { event } of batch.lines) words.add(event)
  batch.unknownWords = words.list()
  return batch
}

type Refusal = Omit<RefusedEvent, 'index'>

function validated(value: unknown, { feed, lookup, now }: FeedBatchDeps): RecordedOf<'feed'> | Refusal {
  if (value instanceof Error) return { path: '', todo: `It is not JSON: ${value.message.slice(0, 200)}.` }
  const sent = SentEvent.safeParse(value)
  if (!sent.success) return refusalOf(sent.error, value)
  const { id, worker, time, event } = sent.data
  if (time > now + AHEAD_MS) return { path: 'time', todo: 'It is in the future: send epoch milliseconds, UTC.' }
  if (!(feed.categories as readonly string[]).includes(event.category))
    return { path: 'event.category', todo: `This token may send: ${feed.categories.join(', ')}.` }
  const envelope = ENVELOPE.find((key) => Object.hasOwn(event, key))
  if (envelope) return { path: `event.${envelope}`, todo: 'Omit it: id and time belong beside the event, not in it.' }
  const complete = completeFeedEvent(event, {
    worker,
    time,
    collector: `feed:${feed.name}`,
    // Two feeds may use the same id for different events.
    id: id == null ? null : hashId([feed.name, id]),
    country: null,
  })
  const parsed = FeedEvent.safeParse(complete)
  if (!parsed.success) return refusalOf(parsed.error, complete, 'event.')
  return { type: 'feed', worker, time, receivedAt: now, ...located(parsed.data, lookup, now) }
}

/** The event with the facts about its addresses. A country that the sender gave is kept. */
function located(
  event: FeedEvent,
  lookup: FeedBatchDeps['lookup'],
  now: number,
): Pick<RecordedOf<'feed'>, 'event' | 'geo' | 'mfaGeo'> {
  if (event.category !== 'idp_login' && event.category !== 'repo_audit') return { event }
  const geo = event.Ip === null ? null : lookup(event.Ip, now)
  const placed = { ...event, Country: event.Country ?? geo?.country ?? null }
  const mfaGeo = placed.category === 'idp_login' && placed.MfaIp !== null ? lookup(placed.MfaIp, now) : null
  if (placed.category === 'idp_login') placed.MfaCountry ??= mfaGeo?.country ?? null
  return { event: placed, ...(geo && { geo }), ...(mfaGeo && { mfaGeo }) }
}

function refusalOf({ issues }: z.ZodError, value: unknown, within = ''): Refusal {
  const { path, why } = mismatch(issues, value, within)
  return { path, todo: why }
}

/** A blank line: no event, but counted in the index. */
const BLANK = Symbol('blank')

function lines(text: string): unknown[] {
  const rows = text.split('\n', FEED_EVENTS_MAX + 2)
  if (rows.at(-1)?.trim() === '') rows.pop()
  const values = rows.map((row) => (row.trim() === '' ? BLANK : json(row)))
  if (values.every((it) => it === BLANK || it instanceof Error))
    throw invalid({ todo: 'Send a JSON array of events, or one event per line.' })
  return values
}

function whole(text: string): unknown[] {
  const value = json(text)
  if (Array.isArray(value)) return value
  const why = value instanceof Error ? `It is not JSON: ${value.message.slice(0, 200)}.` : null
  throw invalid({ why, todo: 'Send a JSON array.' })
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    return cause instanceof Error ? cause : new Error('unreadable')
  }
}

function invalid(details: Pick<FaultDetails, 'why' | 'todo'>): Fault {
  return new Fault('events.invalid', { where: 'body', ...details })
}
