/** What the API needs, and what each request carries. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { AddressFacts, RecordedOf } from '../../wire/recording.ts'
import type { OpenSession, Random } from '../access/sign-in.ts'
import { remoteAddress, within } from '../ingest/address.ts'
import type { CaseView } from '../model/case.ts'
import type { Effect } from '../model/effect.ts'
import type { Approvals } from '../roster/approvals.ts'
import type { Contracts } from '../roster/contracts.ts'
import type { Store } from '../store/store.ts'
import type { Queue } from '../views/queue.ts'
import type { Reader } from '../views/reader.ts'
import type { ConsoleFile } from './files.ts'
import type { NewVerdict } from './schema.ts'

/** What the feed endpoint needs. */
export interface Feeds {
  lookup(address: string, at: number): AddressFacts
  /** Durable when it resolves; resolves with the number of events that were already stored. */
  append(lines: readonly RecordedOf<'feed'>[]): Promise<number>
}

/** Metrics name no worker, but reveal the size of the fleet. */
export interface MetricsAccess {
  /** Prometheus text. */
  text(): Promise<string>
  /** The bearer token of a scraper; null: none is configured. */
  token: string | null
  /** True without a proxy on this machine: a scraper on loopback then needs no token. */
  isOpenToLoopback: boolean
}

export interface Deps {
  reader: Reader
  queue: Queue
  /** `cases/decide.ts`. Null: no such worker. */
  decide(worker: string, verdict: NewVerdict, by: string): Promise<CaseView | null>
  /** The evidence about the worker, as `evidence/make.ts` makes it. Errors  Fault 'api.notfound', 'server.busy'. */
  evidence(worker: string, by: string): Promise<{ text: string; worker: string }>
  /** A one-time token with which one laptop enrolls. The secret is in it and nowhere else. */
  enrollmentToken(about: {
    worker: string | null
    group: string | null
    by: string
  }): Promise<{ token: string; expiresAt: number }>
  /** The names of the groups of laptops in the configuration: the API chooses among them, and changes none. */
  groups(): string[]
  /** The laptop gets the policy of this group. False: no such laptop. */
  regroup(device: string, group: string | null, by: string): Promise<boolean>
  /** Refuses the laptop's agent from now on. False: no such laptop. */
  revoke(device: string, why: string, by: string): Promise<boolean>
  contracts: Contracts
  approvals: Approvals
  /** What the approvals would change. Errors  Fault 'server.busy'. */
  effect(approvals: readonly RecordedOf<'approval'>[]): Promise<Effect>
  feeds: Feeds
  store: Pick<Store, 'users' | 'audit' | 'values'>
  now(): number
  random: Random
  metrics: MetricsAccess
  /**
   * Why the server accepts no work, without internal names or paths; null when it accepts work. The answer of /readyz.
   */
  notReady(): string | null
  /** True: the data are a simulation, and the console says so. */
  simulated?: boolean
  /** True when the configured public address uses TLS. A trusted proxy may also report TLS for a single request. */
  isPublicOverTls: boolean
  /** Host names of the server, besides 'localhost' and IP addresses; requests for other names are refused. */
  hosts: readonly string[]
  /** Proxies whose X-Forwarded-For we trust, so that one attacker does not use up everybody's attempts. */
  trustedProxies?: readonly string[]
  /** The built console, by path. */
  files: ReadonlyMap<string, ConsoleFile>
  /** Called with an error that is not a `Fault`; the client gets only 'api.failed'. */
  onError(cause: unknown): void
}

export interface Env {
  /** Absent when a test calls the app without a socket. */
  Bindings: Partial<HttpBindings>
  Variables: { session: OpenSession }
}

export type Ctx = Context<Env>

/** The address of the client: the peer, or the address that a trusted proxy names. */
export function clientAddress(c: Ctx, trustedProxies: readonly string[] = []): string {
  return remoteAddress(c.env?.incoming?.socket?.remoteAddress, c.req.header('X-Forwarded-For'), trustedProxies)
}

/** Whether the browser uses TLS: by the configuration, or by the header of a trusted proxy. */
export function isOverTls(
  c: Ctx,
  { isPublicOverTls, trustedProxies = [] }: Pick<Deps, 'isPublicOverTls' | 'trustedProxies'>,
): boolean {
  if (isPublicOverTls) return true
  const peer = remoteAddress(c.env?.incoming?.socket?.remoteAddress, undefined, [])
  if (!within(peer, trustedProxies)) return false
  return c.req.header('X-Forwarded-Proto')?.split(',').at(-1)?.trim().toLowerCase() === 'https'
}
