/** Fills in what a line of a feed may omit. The same line always gives the same event. */
import * as z from 'zod'
import { FEED_CATEGORIES } from './events/feeds.ts'
import { sha256 } from './sha256.ts'

export interface FeedFacts {
  worker: string | null
  time: number
  /** Who sent it. */
  collector: string
  /** Null: derived from the content. */
  id: string | null
  country: string | null
}

/**
 * The event with its envelope, and null for every nullable field that is missing. Existing fields stay as they are;
 * required fields that are missing are left for the schema to reject.
 */
export function completeFeedEvent(event: Readonly<Record<string, unknown>>, facts: FeedFacts): Record<string, unknown> {
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
    // A line that a server wrote has an id.
    id: event.id ?? facts.id ?? contentId(event, facts),
    ...event,
  }
}

/**
 * An id that is the same for the same content, whoever sends it: a hash without the envelope and without nulls. No
 * valid field is an object, so objects are skipped; the schema rejects them.
 */
export function contentId(event: Readonly<Record<string, unknown>>, about: { worker: string | null; time: number }) {
  const content = Object.entries(event)
    .filter(([key, value]) => typeof value !== 'object' && value !== undefined && !ENVELOPE.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return hashId([about.worker, about.time, content])
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
