/** Events from other systems: HR, the identity provider, the code host, the sanctions check. */
import * as z from 'zod'
import { address, count, country, envelope, epochMs, hash, name, text, workerName } from '../common.ts'
import { LOGIN_RESULTS, REPO_ACTIONS } from '../feed-words.ts'

/**
 * A change in a worker's contract, without the new values.
 *
 * Shape   `ToThirdParty`: the new address is a forwarder's, a PO box or not the worker's own (#1). `Relation`: the
 *         other worker, such as the one who referred this one (#7).
 * Units   `EffectiveAt` epoch ms: when it takes effect, such as the last day for an `ending`.
 * Errors  null: the sender did not say.
 * Source  HR; the roster, if a new version differs from the previous one. The server itself emits `ending`, `ended`,
 *         `login_after_end` and `work_after_end` (#84).
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
  Relation: workerName.nullable(),
})

/**
 * A sign-in, or the use of a session, at the identity provider.
 *
 * Shape   `Worker`: the account, as the provider spells it; the feed line has the worker's id. `Result` in our
 *         words, whatever the provider calls it: `feed-words.ts` has the table, and `Word` the sender's word where that
 *         has none. `DeviceId`: the id, serial number or host name of a managed laptop, or the provider's id of another
 *         device; `Mobile`: a phone or tablet. `MfaDeviceHash` identifies the authenticator (#4) and `AccountHash` the account
 *         name (#11): hashes that are equal for the same value and cannot be reversed. `Ip`: where the session is,
 *         `MfaIp`: where the push was approved (#12).
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
  Result: z.enum(LOGIN_RESULTS),
  Word: name.nullish(),
})

/**
 * Something done in a repository, a package registry or their settings.
 *
 * Shape   `Action` in our words, whatever the code host calls it ('list': of repositories): `feed-words.ts` has the
 *         table, and `Word` the sender's word where that has none.
 *         `Destination`: host and namespace of a push, fork or transfer; `InsideOrganisation`: whether that belongs to
 *         the company (#71). `OutsideTeam`: the repository belongs to none of the worker's teams (#70).
 *         `AccountHash`: a hash of the account name (#11).
 * Units   `Bytes` transferred; `Count` of the items deleted, listed or created, if one line reports several (#86).
 * Errors  null: the sender did not say.
 * Source  the code host's audit log.
 */
export const RepoAudit = z.strictObject({
  category: z.literal('repo_audit'),
  ...envelope,
  Worker: name,
  Action: z.enum(REPO_ACTIONS),
  Repository: text(512).nullable(),
  Destination: text(512).nullable(),
  InsideOrganisation: z.boolean().nullable(),
  OutsideTeam: z.boolean().nullable(),
  Ip: address.nullable(),
  Country: country.nullable(),
  AccountHash: hash.nullable(),
  Count: count.nullable(),
  Bytes: count.nullable(),
  Word: name.nullish(),
})

/** A name in the roster that is similar to one on a sanctions list: a compliance check, never a detection. */
export const SanctionsMatch = z.strictObject({
  category: z.literal('sanctions_match'),
  ...envelope,
  List: name,
  ListDate: name,
  EntryId: name,
  Score: z.number(),
  Field: name,
})

/** Every event that a feed can send. */
export const FeedEvent = z.discriminatedUnion('category', [ContractEvent, IdpLogin, RepoAudit, SanctionsMatch])
export type FeedEvent = z.infer<typeof FeedEvent>
export type FeedCategory = FeedEvent['category']

export const FEED_CATEGORIES = {
  contract_event: ContractEvent,
  idp_login: IdpLogin,
  repo_audit: RepoAudit,
  sanctions_match: SanctionsMatch,
} as const satisfies Record<FeedCategory, z.ZodObject>
