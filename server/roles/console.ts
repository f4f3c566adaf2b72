/** The console role: the API for people and feeds, the console's page, and the queue behind it. */
import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Fault } from '../../wire/fault.ts'
import type { Recorded, RecordedOf } from '../../wire/recording.ts'
import type { Addresses } from '../addresses/addresses.ts'
import { api } from '../api/app.ts'
import { decide } from '../cases/decide.ts'
import { type Config, ourNames } from '../config.ts'
import { buildConsole } from '../console/build.ts'
import type { Logger } from '../log.ts'
import type { Verdict } from '../model/case.ts'
import type { Effect } from '../model/effect.ts'
import { namedFile } from '../named-file.ts'
import type { Approvals } from '../roster/approvals.ts'
import type { Contracts } from '../roster/contracts.ts'
import type { Store } from '../store/store.ts'
import type { Published } from '../store/stream.ts'
import { Queue } from '../views/queue.ts'
import type { Reader } from '../views/reader.ts'

const METRICS_TOKEN_MIN = 16

export interface ConsoleRoleDeps {
  config: Config
  store: Store
  reader: Reader
  contracts: Contracts
  approvals: Approvals
  addresses: Addresses
  /** Durable when it resolves; refused while the disk is nearly full. */
  publishTelemetry(records: readonly Recorded[]): Promise<Published>
  /** What approvals would change. */
  effect(approvals: readonly RecordedOf<'approval'>[]): Promise<Effect>
  token(about: {
    worker: string | null
    group: string | null
    by: string
  }): Promise<{ token: string; expiresAt: number }>
  /** The names of the groups of laptops in the configuration. */
  groups(): string[]
  /** False: no such laptop. */
  regroup(device: string, group: string | null, by: string): Promise<boolean>
  /** False: no such laptop. */
  revoke(device: string, why: string, by: string): Promise<boolean>
  /** The evidence about a worker. */
  evidence(worker: string, by: string): Promise<{ text: string; worker: string }>
  decided(verdict: Verdict): void
  metricsText(): Promise<string>
  notReady(): string | null
  simulated: boolean
  log: Logger
  now(): number
}

export interface ConsoleRole {
  queue: Queue
  listener: RequestListener
}

export async function consoleRole(deps: ConsoleRoleDeps): Promise<ConsoleRole> {
  const { config, store, reader, contracts, approvals, addresses, log, now } = deps
  const queue = await Queue.open(reader)
  const { files } = await buildConsole()
  const app = api({
    ...{ reader, queue, contracts, approvals, store, now, random: randomBytes, files },
    decide: (worker, verdict, by) =>
      decide({ store, isWorker, now, decided }, reader.directory.named(worker), verdict, by),
    enrollmentToken: deps.token,
    effect: deps.effect,
    evidence: deps.evidence,
    groups: deps.groups,
    regroup: changed(deps.regroup),
    revoke: changed(deps.revoke),
    feeds: {
      lookup: (address, at) => addresses.lookup(address, at),
      append: async (lines) => (await deps.publishTelemetry(lines)).duplicates.length,
    },
    metrics: {
      text: deps.metricsText,
      token: config.metricsTokenFile === null ? null : metricsToken(config.metricsTokenFile),
      isOpenToLoopback: config.publicUrl === null && config.trustedProxies.length === 0,
    },
    notReady: deps.notReady,
    simulated: deps.simulated,
    isPublicOverTls: config.tls !== null || config.publicUrl?.startsWith('https:') === true,
    hosts: ourNames(config),
    trustedProxies: config.trustedProxies,
    onError: (cause) => log.error({ err: cause }, 'unhandled error in a request'),
  })
  // Node discards a body that nobody read. The library's own way closes the connection after half a second, and with it
  // the answer to a later request on the same connection.
  return { queue, listener: getRequestListener(app.fetch, { autoCleanupIncoming: false }) }

  function isWorker(worker: string): boolean {
    return queue.row(worker) !== null
  }

  /** The queue reads the laptop again. */
  function changed<A extends [device: string, ...unknown[]]>(act: (...args: A) => Promise<boolean>) {
    return async (...args: A) => {
      const isKnown = await act(...args)
      if (isKnown) await queue.changed(args[0])
      return isKnown
    }
  }

  function decided(verdict: Verdict): Promise<void> {
    deps.decided(verdict)
    return queue.decided(verdict)
  }
}

/** Errors  as `namedFile`; Fault 'config.invalid' for a token that is too short. */
function metricsToken(file: string): string {
  const text = namedFile(file, 'metricsTokenFile').toString('utf8').trim()
  if (text.length >= METRICS_TOKEN_MIN) return text
  throw new Fault('config.invalid', {
    where: `metricsTokenFile ${file}`,
    todo: `Write a token of at least ${METRICS_TOKEN_MIN} characters into it.`,
  })
}
