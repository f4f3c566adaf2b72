/**
 * What the laptop's user is told: what is on and why, what was sent today, and whom to ask. Its words, in five languages,
 * are in `texts/`.
 */
import type { Product } from '../../wire/common.ts'
import { CATEGORIES, type Category, type CategoryOf } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'
import { NEVER_COLLECTED } from '../../wire/privacy.ts'
import type { Config } from '../config.ts'
import { categoriesOff, slownessOf } from '../policy.ts'
import type { Status } from '../status.ts'
import { type People, visibleTo } from './visible.ts'

/** Examples of each kind. */
const EXAMPLES = 3

export interface ShowReport {
  server: string
  device: string
  /** Null: none yet. `trouble`: why a newer one is not in use. */
  policy: { version: number; group: string | null; trouble: string | null } | null
  /** Whom to ask; null: the company has not said. */
  contact: string | null
  connection: {
    /** Null: the agent does not run. */
    since: number | null
    isRunning: boolean
    lastReceivedAt: number | null
    unsent: number
  }
  keptDays: number
  sentToday: { since: number; events: number } | null
  collected: Collected[]
  never: readonly string[]
  watchedFolders: { path: string; kind: string }[]
  /** Newest first. */
  lastSent: Record<string, unknown>[]
  /** How many of the last events are not shown: see `visibleTo`. */
  hidden: number
  isAskerKnown: boolean
}

export interface Collected {
  category: CategoryOf<'agent'>
  /** In English. */
  about: string
  on: boolean
  /** Off unless a company switches it on for a legal reason. */
  sensitive: boolean
  /** How many times less often than usual it is looked at. */
  slower: number
  sentToday: number
  /** Newest first. */
  examples: Record<string, unknown>[]
}

export interface ShowSources {
  config: Config
  policy: Policy | null
  /** Of the running agent, or as it was last; null: it has never run. */
  status: Omit<Status, 'at'> | null
  isRunning: boolean
  /** Newest first. */
  sent: Record<string, unknown>[]
  /** This operating system. Categories that its agent does not collect are omitted. */
  product: Product
  now: number
}

/** `people`: who asks, and who must not be seen by others. */
export function showReport(sources: ShowSources, { asker, people }: People): ShowReport {
  const { config, policy, status, isRunning, product, now } = sources
  const off = policy ? categoriesOff(policy) : []
  const here = (Object.keys(CATEGORIES) as CategoryOf<'agent'>[]).filter((it) => CATEGORIES[it].on.includes(product))
  const sent = sources.sent.filter(visibleTo(asker, people))
  const today = status?.sent && status.sent.day === dayOf(now) ? status.sent : null
  return {
    server: config.url,
    device: config.device,
    policy: policy && {
      version: policy.version,
      group: policy.group ?? null,
      trouble: status?.policyTrouble ?? null,
    },
    contact: policy?.contact ?? null,
    connection: {
      since: isRunning ? (status?.connectedAt ?? null) : null,
      isRunning,
      lastReceivedAt: status?.lastAckAt ?? null,
      unsent: status?.spool.unsent ?? 0,
    },
    keptDays: policy?.spoolDays ?? 14,
    sentToday: today && { since: today.since, events: Object.values(today.counts).reduce((sum, it) => sum + it, 0) },
    collected: here.map((category) => ({
      category,
      about: CATEGORIES[category].about,
      on: policy !== null && !off.includes(category),
      sensitive: CATEGORIES[category].sensitive,
      slower: policy ? slownessOf([category as Category], policy) : 1,
      sentToday: today?.counts[category] ?? 0,
      examples: sent.filter((it) => it.category === category).slice(0, EXAMPLES),
    })),
    never: NEVER_COLLECTED,
    watchedFolders: policy?.watchedRoots ?? [],
    lastSent: sent,
    hidden: sources.sent.length - sent.length,
    isAskerKnown: asker.name !== null,
  }
}

/** The day by the laptop's own calendar, as in 2026-11-30. */
export function dayOf(time: number): string {
  const date = new Date(time)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((it) => String(it).padStart(2, '0')).join('-')
}

/** Of the envelope, what only machines need; when it was is said beside it. */
const ENVELOPE = new Set(['id', 'seq', 'product', 'collector', 'category', 'time'])

/** The fields of an event that say something, by their real names, with their values as text. */
export function fieldsOf(event: Record<string, unknown>): [name: string, value: string][] {
  return Object.entries(event)
    .filter(([name, value]) => !ENVELOPE.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
}
