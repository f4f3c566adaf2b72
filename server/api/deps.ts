/** What the API is given, and what each request carries. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { AddressFacts, RecordedOf } from '../../wire/recording.ts'
import type { OpenSession, Random } from '../access/sign-in.ts'
import type { ConsoleFile } from '../console/build.ts'
import { remoteAddress } from '../ingest/address.ts'
import type { Contracts } from '../roster/contracts.ts'
import type { State } from '../store/state.ts'
import type { Desk } from '../views/reader.ts'

/** What a feed's events need. */
export interface Feeds {
  lookup(address: string, at: number): AddressFacts
  /** Durable when it resolves; answers how many were stored before. */
  append(lines: readonly RecordedOf<'feed'>[]): Promise<number>
}

export interface Deps {
  desk: Desk
  contracts: Contracts
  feeds: Feeds
  state: State
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
  /** Called with what nobody foresaw; the client learns only that it happened. */
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
