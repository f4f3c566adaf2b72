/** What a line of a feed may leave away, filled in: the same line gives the same event, wherever it is read. */
import * as z from 'zod'
import { FEED_CATEGORIES } from './events/feeds.ts'
import { sha256 } from './sha256.ts'

export interface FeedFacts {
  worker: string | null
  time: number
  /** Who brought it. */
  collector: string
  /** Null: its content names it. */
  id: string | null
  country: string | null
}

/**
 * The event with its envelope, and every field that may be null written out. What is there stays; what cannot be
 * filled is left for the schema to refuse.
 */
export function wholeFeedEvent(event: Readonly<Record<string, unknown>>, facts: FeedFacts): Record<string, unknown> {
  const { worker, time, collector, country } = facts
  const form = FORMS.get(event.category)
  return {
    ...form?.nulls,
    ...(form?.hasCountry && { Country: country }),
    ...(form?.hasWorker && worker !== null && { Worker: worker }),
    seq: null,
    product: 'tellwire',
    collector,
    time,
    // A line that was written by a server has its id.
    id: event.id ?? facts.id ?? contentId(event, facts),
    ...event,
  }
}

/**
 * The same for whoever brings the same thing: nothing of the envelope, and nothing that says nothing. No field is an
 * object; one that is, however deep, is left for the schema to refuse.
 */
export function contentId(event: Readonly<Record<string, unknown>>, about: { worker: string | null; time: number }) {
  const said = Object.entries(event)
    .filter(([key, value]) => typeof value !== 'object' && value !== undefined && !ENVELOPE.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return hashId([about.worker, about.time, said])
}

/** A UUID of version 8 (RFC 9562: custom) from a hash. */
export function hashId(parts: readonly unknown[]): string {
  const hex = sha256(JSON.stringify(parts))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const ENVELOPE: ReadonlySet<string> = new Set(['id', 'seq', 'time', 'product', 'collector'])

interface Form {
  nulls: Readonly<Record<string, null>>
  hasCountry: boolean
  hasWorker: boolean
}

const FORMS: ReadonlyMap<unknown, Form> = new Map(
  Object.entries(FEED_CATEGORIES).map(([category, { shape }]) => {
    const nullable = Object.entries(shape).filter(([, schema]) => schema instanceof z.ZodNullable)
    const nulls = Object.fromEntries(nullable.map(([field]) => [field, null]))
    return [category, { nulls, hasCountry: 'Country' in shape, hasWorker: 'Worker' in shape }]
  }),
)
