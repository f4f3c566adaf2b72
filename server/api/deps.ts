/** What the API is given, and what each request carries. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { AddressFacts, RecordedOf } from '../../wire/recording.ts'
import type { OpenSession, Random } from '../access/sign-in.ts'
import { remoteAddress } from '../ingest/address.ts'
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
  /** Prometheus text. */
  metricsText(): Promise<string>
  /** Whether the server takes work: what /readyz answers. */
  ready(): boolean
  /** True behind TLS: cookies are then marked Secure and bound to this host. */
  secureCookies: boolean
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
