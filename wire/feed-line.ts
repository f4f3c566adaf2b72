/** Fills in what a line of a feed may omit. The same line always gives the same event. */
import * as z from 'zod'
import { FEED_CATEGORIES } from './events/feeds.ts'
import { contractAction, loginResult, repoAction } from './feed-words.ts'
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
 * The event with its envelope, our words for those of the sender, and null for every nullable field that is missing.
 * Other fields stay as they are; required fields that are missing are left for the schema to reject.
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
    // Of what was sent, so that a word that the table learns later does not make another event.
    id: event.id ?? facts.id ?? contentId(event, facts),
    ...event,
    ...ourWords(event),
  }
}

/**
 * Result and action in our words. A word that the table does not know becomes 'unknown', and stands in `Word` as it was
 * sent.
 */
function ourWords({ category, Result, Action }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (category === 'idp_login' && (typeof Result === 'string' || isErrorCode(Result))) {
    const ours = loginResult(Result)
    return { Result: ours, ...named(ours, String(Result)) }
  }
  if (typeof Action !== 'string') return {}
  if (category === 'repo_audit') {
    const ours = repoAction(Action)
    return { Action: ours, ...named(ours, Action) }
  }
  // HR's words are few, and an event of an unknown one would say nothing: the schema rejects it, and names it.
  return category === 'contract_event' ? { Action: contractAction(Action) ?? Action } : {}
}

/** A number is an error code of Microsoft Entra, as its Graph API sends it: 0, or at least five digits. */
function isErrorCode(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && (value === 0 || value >= 10_000)
}

function named(ours: string, sent: string): { Word?: string } {
  return ours === 'unknown' && sent !== ours ? { Word: sent.slice(0, WORD_MAX) } : {}
}

const WORD_MAX = 256

/** A word that no table knows, and where it stood. */
export interface UnknownWord {
  /** 'idp_login.Result' or 'repo_audit.Action'. */
  field: string
  word: string
}

export function unknownWordIn(event: { category: string; Word?: string | null | undefined }): UnknownWord | null {
  if (event.Word == null) return null
  return { field: event.category === 'idp_login' ? 'idp_login.Result' : `${event.category}.Action`, word: event.Word }
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
