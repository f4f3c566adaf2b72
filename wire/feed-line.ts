/** What a line of a feed may leave away, filled in: the same line gives the same event, wherever it is read. */
import * as z from 'zod'
import { FEED_CATEGORIES, type FeedCategory } from './events/feeds.ts'
import { sha256 } from './sha256.ts'

export interface FeedFacts {
  worker: string | null
  time: number
  /** Who brought it. */
  collector: string
  /** What the sender calls it, or null: then its content names it. */
  id: string | null
  country: string | null
}

/**
 * The event with its envelope, and every field that may be null written out. What is there stays; what cannot be
 * filled is left for the schema to refuse.
 */
export function wholeFeedEvent(event: Readonly<Record<string, unknown>>, facts: FeedFacts): Record<string, unknown> {
  const { worker, time, collector, id, country } = facts
  return {
    ...nullsOf(event.category),
    // Where the session is, by its address: the categories that ask for it have the field.
    ...('Country' in nullsOf(event.category) ? { Country: country } : {}),
    ...('Worker' in shapeOf(event.category) && worker !== null ? { Worker: worker } : {}),
    seq: null,
    product: 'tellwire',
    collector,
    time,
    id: id ?? contentId(event, facts),
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

function shapeOf(category: unknown): Readonly<Record<string, z.ZodType>> {
  return typeof category === 'string' && Object.hasOwn(FEED_CATEGORIES, category)
    ? FEED_CATEGORIES[category as FeedCategory].shape
    : {}
}

function nullsOf(category: unknown): Record<string, null> {
  const nullable = Object.entries(shapeOf(category)).filter(([, schema]) => schema instanceof z.ZodNullable)
  return Object.fromEntries(nullable.map(([field]) => [field, null]))
}
