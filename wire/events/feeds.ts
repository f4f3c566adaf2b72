/** What other systems tell: HR, the identity provider, the code host, the sanctions check. */
import * as z from 'zod'
import { address, count, country, envelope, epochMs, hash, identifier, name, text } from '../common.ts'

/**
 * A change in somebody's contract, without what it was changed to.
 *
 * Shape   `ToThirdParty` the new address is a forwarder's, a PO box or not the worker's own (#1). `Relation` the worker
 *         at the other end: who referred them (#7).
 * Units   `EffectiveAt` epoch ms: when it takes effect, such as the last day of an `ending`.
 * Errors  null: the sender did not say.
 * Source  HR; the roster, where a new version differs from the one before. That the end is near, that it has come, and
 *         that somebody logged in or worked after it (#84), the server says itself.
 */
export const ContractEvent = z.strictObject({
  category: z.literal('contract_event'),
  ...envelope,
  Action: z.enum([
    'address_changed',
    'ship_to_changed',
    'ending',
    'ended',
    'login_after_end',
    'work_after_end',
    'payout_changed',
    'referral',
  ]),
  EffectiveAt: epochMs.nullable(),
  ToThirdParty: z.boolean().nullable(),
  Relation: identifier.nullable(),
})

/**
 * A sign-in, or the use of a session, at the identity provider.
 *
 * Shape   `Worker` the account, as the provider spells it; the line beside it has the worker's id. `Result` 'success',
 *         'failure' or 'denied'. `DeviceId` our id when it came from a managed laptop, which `ManagedDevice` says as
 *         well; `Mobile` a phone or tablet. `MfaDeviceHash` names the authenticator (#4) and `AccountHash` the handle
 *         (#11), each equal wherever it is the same one and readable nowhere.
 *         `Ip` where the session is, `MfaIp` where the push was approved (#12).
 * Errors  null: the sender did not say. `Country` and `MfaCountry` are then looked up from the addresses at ingest.
 * Source  the identity provider's log.
 */
export const IdpLogin = z.strictObject({
  category: z.literal('idp_login'),
  ...envelope,
  Worker: name,
  Ip: address.nullable(),
  Country: country.nullable(),
  DeviceId: name.nullable(),
  ManagedDevice: z.boolean().nullable(),
  Mobile: z.boolean().nullable(),
  MfaDeviceHash: hash.nullable(),
  MfaIp: address.nullable(),
  MfaCountry: country.nullable(),
  AccountHash: hash.nullable(),
  App: name.nullable(),
  Result: name,
})

/**
 * Something done in a repository, a package registry or their settings.
 *
 * Shape   `Action` the sender's word; our rules know 'clone', 'fetch', 'download', 'push', 'force_push', 'fork',
 *         'transfer', 'made_public', 'delete', 'branch_delete', 'list' (of repositories), 'token_created',
 *         'key_added', 'app_authorised', 'role_granted', 'publisher_added', 'signer_added'.
 *         `Destination` where it went: host and namespace, for a push, fork or transfer; `InsideOrganisation` whether
 *         that is ours (#71). `OutsideTeam` the repository is not one of the worker's own teams' (#70).
 *         `AccountHash` the handle it was done under (#11).
 * Units   `Bytes` moved; `Count` of what was deleted, listed or created, where one line stands for many (#86).
 * Errors  null: the sender did not say.
 * Source  the code host's audit log.
 */
export const RepoAudit = z.strictObject({
  category: z.literal('repo_audit'),
  ...envelope,
  Worker: name,
  Action: name,
  Repository: text(512).nullable(),
  Destination: text(512).nullable(),
  InsideOrganisation: z.boolean().nullable(),
  OutsideTeam: z.boolean().nullable(),
  Ip: address.nullable(),
  Country: country.nullable(),
  AccountHash: hash.nullable(),
  Count: count.nullable(),
  Bytes: count.nullable(),
})

/** A name of the roster near one on a sanctions list: a compliance check, never a detection. */
export const SanctionsMatch = z.strictObject({
  category: z.literal('sanctions_match'),
  ...envelope,
  List: name,
  ListDate: name,
  EntryId: name,
  Score: z.number(),
  Field: name,
})

/** Everything that comes over a feed. */
export const FeedEvent = z.discriminatedUnion('category', [ContractEvent, IdpLogin, RepoAudit, SanctionsMatch])
export type FeedEvent = z.infer<typeof FeedEvent>
export type FeedCategory = FeedEvent['category']

export const FEED_CATEGORIES = {
  contract_event: ContractEvent,
  idp_login: IdpLogin,
  repo_audit: RepoAudit,
  sanctions_match: SanctionsMatch,
} as const satisfies Record<FeedCategory, z.ZodObject>
