/**
 * Who may send feed events: a name, the categories it is trusted with, and a secret.
 *
 * Shape   the secret is shown once and never stored: the store has its SHA-256. Tokens are read at every request, so a
 *         removed token is refused at once.
 * Errors  Fault 'api.invalid' for a name that is taken or not allowed; 'api.notfound' for a name that does not exist.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { FeedCategory } from '../../wire/events/feeds.ts'
import { Fault, type FaultDetails } from '../../wire/fault.ts'
import type { Store } from '../store/store.ts'

/** Where events are sent. */
export const FEED_PATH = '/feed/v1/events'

/** What may be sent over HTTP. Sanctions matches are missing here: the server makes them from an imported list. */
export const SENT_CATEGORIES = ['contract_event', 'idp_login', 'repo_audit'] as const satisfies readonly FeedCategory[]
export type SentCategory = (typeof SENT_CATEGORIES)[number]

export interface FeedToken {
  name: string
  categories: readonly SentCategory[]
  hash: string
  createdAt: number
}

type Tokens = Pick<Store, 'values' | 'audit'>

/** With 'feed:' before it, this is the collector name of the feed's events. */
const FeedName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,47}$/)
const KEY = 'feedTokens'
const MAX_TOKENS = 100

export async function feedTokens({ values }: Pick<Store, 'values'>): Promise<FeedToken[]> {
  return parsed(await values.get(KEY))
}

/** Resolves with the secret. */
export async function addFeedToken(
  store: Tokens,
  { name, categories }: Pick<FeedToken, 'name' | 'categories'>,
  now: number,
  random: (bytes: number) => Uint8Array,
): Promise<string> {
  const refuse = (details: Pick<FaultDetails, 'why' | 'todo'>) =>
    new Fault('api.invalid', { where: 'name', ...details })
  if (!FeedName.safeParse(name).success)
    throw refuse({ todo: 'Use 1 to 48 lower-case letters, digits and ._-, beginning with a letter or digit.' })
  const secret = `twf1.${Buffer.from(random(32)).toString('base64url')}`
  await edit(store, (tokens) => {
    if (tokens.some((it) => it.name === name))
      throw refuse({
        why: `There is already a token '${name}'.`,
        todo: 'Choose another name, or remove that token first.',
      })
    if (tokens.length >= MAX_TOKENS)
      throw refuse({
        why: `There are ${MAX_TOKENS} tokens, the maximum.`,
        todo: 'Remove those that are no longer used.',
      })
    return [...tokens, { name, categories, hash: hashOf(secret), createdAt: now }]
  })
  await store.audit.add({ at: now, user: null, action: 'feed.token.added', about: name, detail: categories.join(', ') })
  return secret
}

export async function removeFeedToken(store: Tokens, name: string, now: number): Promise<void> {
  await edit(store, (tokens) => {
    if (tokens.some((it) => it.name === name)) return tokens.filter((it) => it.name !== name)
    const why = `There is no token '${name}'.`
    throw new Fault('api.notfound', { where: 'name', why, todo: 'See `tellwire feeds token list`.' })
  })
  await store.audit.add({ at: now, user: null, action: 'feed.token.removed', about: name, detail: null })
}

/** Found by hash, so that the duration of the comparison reveals nothing about a secret. */
export async function feedOf(store: Pick<Store, 'values'>, secret: string): Promise<FeedToken | null> {
  const hash = hashOf(secret)
  return (await feedTokens(store)).find((it) => it.hash === hash) ?? null
}

/** Retried when another process wrote in the meantime. */
async function edit({ values }: Tokens, change: (tokens: FeedToken[]) => FeedToken[]): Promise<void> {
  for (;;) {
    const before = await values.get(KEY)
    if (await values.compareAndSet(KEY, before, JSON.stringify(change(parsed(before))))) return
  }
}

function parsed(text: string | null): FeedToken[] {
  return JSON.parse(text ?? '[]') as FeedToken[]
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
