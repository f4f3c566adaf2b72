/** The gateway role: sessions and enrollment of laptops. Everything else is published to the stream through it too. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { Addresses } from '../addresses/addresses.ts'
import { type Config, ourNames } from '../config.ts'
import { bucketPerKey } from '../ingest/bucket.ts'
import { enrollment, makeToken } from '../ingest/enrollment.ts'
import { ENROLL_PATH, enrollmentRoute } from '../ingest/enrollment-route.ts'
import { type FactSources, storedFacts } from '../ingest/facts.ts'
import { Gateway } from '../ingest/gateway.ts'
import { serverKeys } from '../ingest/identity.ts'
import { type AskedPolicy, policyInForce } from '../ingest/policy.ts'
import { revoke } from '../ingest/revocation.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { History } from '../store/history.ts'
import type { Store } from '../store/store.ts'
import type { Published, Stored, Stream } from '../store/stream.ts'

export interface GatewayRoleDeps {
  config: Config
  stream: Stream
  history: History
  store: Store
  addresses: Addresses
  metrics: Metrics
  log: Logger
  now(): number
  /** True while the disk is nearly full and telemetry is refused. */
  isFull(): boolean
  /** Called with stored records that are not events of laptops, in the stream's order. */
  delivered(stored: readonly Stored[]): void
  connection(device: string): void
}

export interface GatewayRole {
  gateway: Gateway
  publish(records: readonly Recorded[]): Promise<Published>
  /** False when the request is not for the gateway. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  token(worker: string | null, by: string, publicUrl: string): Promise<{ token: string; expiresAt: number }>
  /** Its sessions end at once. False: no such laptop. */
  revoke(device: string, why: string, by: string): Promise<boolean>
  /** Sends connected laptops the policy that follows from `config`, if it has changed. */
  applyPolicy(config: Config): Promise<void>
}

export async function gatewayRole(deps: GatewayRoleDeps): Promise<GatewayRole> {
  const { config, store, addresses, now, log } = deps
  const keys = await serverKeys(store.values, randomBytes)
  const catalogue = loadCatalogue()
  const sources: FactSources = {
    lookup: (address, at) => addresses.lookup(address, at),
    recognise: (event) => recognise(catalogue, event),
  }
  const { trustedProxies, limits } = config
  const gateway = new Gateway({
    ...deps,
    ...{ keys, trustedProxies, limits, hostNames: ourNames(config), random: Math.random },
    policy: await policyInForce(store.values, keys, asked(config), now()),
    lookupAddress: sources.lookup,
    recognise: (event) => storedFacts(event, undefined, sources),
  })
  const enroll = enrollment({
    ...{ store, keys, now },
    policy: () => gateway.policy,
    tries: bucketPerKey(now, limits.enrollmentsPerMinute / 60, limits.enrollmentsPerMinute),
  })
  const route = enrollmentRoute({
    ...{ enroll, trustedProxies },
    publish: gateway.publish,
    refused: deps.metrics.refusal,
    onError: (cause) => log.error({ err: cause }, 'unhandled error in an enrollment'),
  })

  return {
    gateway,
    publish: gateway.publish,
    handle(request, response) {
      if (request.url !== ENROLL_PATH) return false
      void route(request, response)
      return true
    },
    token: (worker, by, publicUrl) =>
      makeToken({ worker, by }, { store, keys, publicUrl, hours: config.enrollTokenHours, now, randomBytes }),
    async revoke(device, why, by) {
      if (!(await revoke(store, device, { by, why, at: now() }))) return false
      await gateway.revoked(device)
      return true
    },
    async applyPolicy(next) {
      const policy = await policyInForce(store.values, keys, asked(next), now())
      if (policy.version !== gateway.policy.version) await gateway.push(policy)
    },
  }
}

function asked({ collection, watchedRoots, agents }: Config): AskedPolicy {
  const { versions, uninstallToken } = agents
  return {
    ...collection,
    watchedRoots,
    ...(versions && { versions }),
    ...(uninstallToken && { uninstallToken }),
  }
}
