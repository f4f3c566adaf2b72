/** What the API is given, and what each request carries. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { AddressFacts, RecordedOf } from '../../wire/recording.ts'
import type { OpenSession, Random } from '../access/sign-in.ts'
import { remoteAddress, within } from '../ingest/address.ts'
import type { CaseView } from '../model/case.ts'
import type { Contracts } from '../roster/contracts.ts'
import type { Store } from '../store/store.ts'
import type { Queue } from '../views/queue.ts'
import type { Reader } from '../views/reader.ts'
import type { ConsoleFile } from './files.ts'
import type { NewVerdict } from './schema.ts'

/** What a feed's events need. */
export interface Feeds {
  lookup(address: string, at: number): AddressFacts
  /** Durable when it resolves; answers how many were stored before. */
  append(lines: readonly RecordedOf<'feed'>[]): Promise<number>
}

/** Metrics name no worker, but they tell how large the fleet is. */
export interface MetricsAccess {
  /** Prometheus text. */
  text(): Promise<string>
  /** What a scraper has to send as a bearer token; null: none is configured. */
  token: string | null
  /** True when nothing on this machine passes requests on: a scraper on loopback then needs no token. */
  isOpenToLoopback: boolean
}

export interface Deps {
  reader: Reader
  queue: Queue
  /** `cases/decide.ts`. Null: no such worker. */
  decide(worker: string, verdict: NewVerdict, by: string): Promise<CaseView | null>
  /** A one-time token with which one laptop enrolls; the secret is in it and nowhere else. */
  enrollmentToken(worker: string | null, by: string): Promise<{ token: string; expiresAt: number }>
  contracts: Contracts
  feeds: Feeds
  store: Pick<Store, 'users' | 'audit' | 'values'>
  now(): number
  random: Random
  metrics: MetricsAccess
  /** Why the server takes no work, in words that name no place; null when it does. What /readyz answers. */
  notReady(): string | null
  /** True when the configuration says that people reach us over TLS. A trusted proxy may say so for a request too. */
  isPublicOverTls: boolean
  /** Host names besides 'localhost' and IP addresses under which people reach us; others are refused. */
  hosts: readonly string[]
  /** Proxies whose X-Forwarded-For we believe, so that one guesser does not use up the tries of everybody. */
  trustedProxies?: readonly string[]
  /** The built console, by path. */
  files: ReadonlyMap<string, ConsoleFile>
  /** Called with an error that is no `Fault`; the client learns only that there was one. */
  onError(cause: unknown): void
}

export interface Env {
  /** Absent when a test calls the app without a socket. */
  Bindings: Partial<HttpBindings>
  Variables: { session: OpenSession }
}

export type Ctx = Context<Env>

/** Who asks: the peer, or whom a trusted proxy names. */
export function clientAddress(c: Ctx, trustedProxies: readonly string[] = []): string {
  return remoteAddress(c.env?.incoming?.socket?.remoteAddress, c.req.header('X-Forwarded-For'), trustedProxies)
}

/** Whether the browser sees TLS: by the configuration, or because a trusted proxy says so. */
export function isOverTls(
  c: Ctx,
  { isPublicOverTls, trustedProxies = [] }: Pick<Deps, 'isPublicOverTls' | 'trustedProxies'>,
): boolean {
  if (isPublicOverTls) return true
  const peer = remoteAddress(c.env?.incoming?.socket?.remoteAddress, undefined, [])
  if (!within(peer, trustedProxies)) return false
  return c.req.header('X-Forwarded-Proto')?.split(',').at(-1)?.trim().toLowerCase() === 'https'
}
