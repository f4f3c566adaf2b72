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
import { regroup } from '../ingest/groups.ts'
import { serverKeys } from '../ingest/identity.ts'
import { type AskedPolicies, type AskedPolicy, policyInForce } from '../ingest/policy.ts'
import { revoke } from '../ingest/revocation.ts'
import { haltedVersions } from '../ingest/roll-out.ts'
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
  inGroup(device: string, group: string | null): void
}

export interface GatewayRole {
  gateway: Gateway
  publish(records: readonly Recorded[]): Promise<Published>
  /** False when the request is not for the gateway. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  token(
    about: { worker: string | null; group: string | null; by: string },
    publicUrl: string,
  ): Promise<{ token: string; expiresAt: number }>
  /** Its sessions end at once. False: no such laptop. */
  revoke(device: string, why: string, by: string): Promise<boolean>
  /** Its session is sent the policy of its new group at once. False: no such laptop. */
  regroup(device: string, group: string | null, by: string): Promise<boolean>
  /** Sends connected laptops the policies that follow from `config` and halted roll-outs, if they have changed. */
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
    policies: await policyInForce(store.values, keys, asked(config, await haltedVersions(store.values)), now()),
    lookupAddress: sources.lookup,
    recognise: (event) => storedFacts(event, undefined, sources),
  })
  const enroll = enrollment({
    ...{ store, keys, now },
    policy: (group) => gateway.policyOf(group),
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
    token: (about, publicUrl) =>
      makeToken(about, { store, keys, publicUrl, hours: config.enrollTokenHours, now, randomBytes }),
    async revoke(device, why, by) {
      if (!(await revoke(store, device, { by, why, at: now() }))) return false
      await gateway.recheck(device)
      return true
    },
    async regroup(device, group, by) {
      if (!(await regroup(store, device, group, { by, at: now() }))) return false
      await gateway.recheck(device)
      return true
    },
    async applyPolicy(next) {
      const wanted = asked(next, await haltedVersions(store.values))
      const policies = await policyInForce(store.values, keys, wanted, now())
      if (policies.version !== gateway.policyVersion) await gateway.push(policies)
    },
  }
}

function asked({ collection, watchedRoots, agents }: Config, halted: readonly string[]): AskedPolicies {
  const { groups, ...company } = agents
  const roll: Partial<AskedPolicy> = {
    ...(company.versions && { versions: company.versions }),
    ...(hasKeys(company.shares) && { shares: company.shares }),
    ...(halted.length > 0 && { halted: [...halted] }),
  }
  const policy = (own: Config['agents']['groups'][string]): AskedPolicy => {
    const { ring, contact = company.contact, slower = company.slower } = own
    return {
      ...(own.collection ?? collection),
      watchedRoots: own.watchedRoots ?? watchedRoots,
      ...roll,
      ...((own.uninstallToken ?? company.uninstallToken) && { uninstallToken: true }),
      ...(ring !== undefined && { ring }),
      ...(contact !== null && { contact }),
      ...(hasKeys(slower) && { slower }),
    }
  }
  return {
    company: policy({}),
    groups: Object.fromEntries(Object.entries(groups).map(([name, own]) => [name, policy(own)])),
  }
}

function hasKeys(of: object): boolean {
  return Object.keys(of).length > 0
}
