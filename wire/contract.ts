import * as z from 'zod'
import { country, epochMs, identifier, name, text, usbId, workerName } from './common.ts'

/** When an entry begins and expires (exclusive; absent or null: never), who approved it, and the ticket for it. */
const approval = { from: epochMs.nullish(), to: epochMs.nullish(), approvedBy: name.nullish(), ticket: name.nullish() }
const place = {
  country: country.nullish(),
  region: name.nullish(),
  city: name.nullish(),
}
const position = {
  latitude: z.number().min(-90).max(90).nullish(),
  longitude: z.number().min(-180).max(180).nullish(),
}

/** `tenant` is our tenant's id at the tool's vendor: the same tool in another tenant is not approved. */
export const ApprovedTool = z.looseObject({ tool: name, tenant: name.nullish(), ...approval })
/**
 * An exit whose location says nothing about where the worker is: an address or address block, an AS number, or a
 * domain.
 */
export const ApprovedEgress = z.looseObject({
  address: text(64).nullish(),
  asn: z.int().min(0).max(4_294_967_295).nullish(),
  domain: text(253).nullish(),
  ...approval,
})
/** Announced travel. Without a country, it applies to every country. */
export const TravelNotice = z.looseObject({ ...place, ...approval, from: epochMs, to: epochMs })
/** Another worker who lives at the same address. The id alone means that it never expires. */
export const HouseholdMember = z.union([workerName, z.looseObject({ worker: workerName, ...approval })])
/**
 * Approved hardware that would otherwise be reported: an IP-KVM in a test rack, a mouse jiggler on a kiosk. The kind
 * 'approved device' is an input aid or whatever else the worker uses, without the reason.
 */
export const Peripheral = z.looseObject({
  kind: name,
  vendorId: usbId.nullish(),
  productId: usbId.nullish(),
  serial: name.nullish(),
  ...approval,
})

/** A program of ours that installs and starts others, such as a device manager; by its executable's name. */
export const ApprovedProgram = z.looseObject({ program: name, ...approval })
/** A code host of ours, or one namespace on it. */
export const ApprovedRepository = z.looseObject({ host: text(253), namespace: name.nullish(), ...approval })
/**
 * Another name of the worker in other systems: a handle at the code host, an older mail address. `source`: only in what
 * this feed sends, by its token's name or the beginning of it ('okta' for 'okta-eu'); absent: in every feed.
 */
export const Account = z.looseObject({ account: name.min(1), source: name.nullish(), ...approval })

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time such as 09:00')
/**
 * The hours in which the worker works: core hours, a shift, an on-call rota.
 *
 * Shape   `days`: 1 is Monday, 7 is Sunday, the days on which a period starts. A period whose end is not after its
 *         start ends on the next day.
 * Units   `start` and `end` HH:MM in the contract's time zone, including daylight saving time.
 */
export const DeclaredHours = z.looseObject({
  days: z.array(z.int().min(1).max(7)).min(1).max(7),
  start: clockTime,
  end: clockTime,
  ...approval,
})

const entries = <T extends z.ZodType>(entry: T, most = 256) => z.array(entry).max(most).nullish()

/**
 * What was agreed with one worker, valid from a given time.
 *
 * Shape   one version of the contract. The newest version whose `from` is not after an event's time applies to that
 *         event. Absent fields are unknown and shown as unknown. Each entry may have further keys. An expired entry
 *         approves nothing. `referredBy` is the worker who recommended this one. `accounts` are
 *         the worker's other names: feed lines under one are the worker's, also those from before it was declared.
 * Units   times epoch ms UTC; degrees WGS 84; `timeZone` an IANA name.
 * Source  the roster (CSV, JSON), the API, or a recording. Payment details are not collected.
 */
export const Contract = z.looseObject({
  worker: workerName,
  from: epochMs,
  name: name.nullish(),
  ...place,
  ...position,
  timeZone: name.nullish(),
  roles: entries(name, 64),
  start: epochMs.nullish(),
  end: epochMs.nullish(),
  shipTo: z.looseObject({ ...place, ...position }).nullish(),
  approvedTools: entries(ApprovedTool),
  approvedEgress: entries(ApprovedEgress),
  travelNotices: entries(TravelNotice),
  household: entries(HouseholdMember, 64),
  peripherals: entries(Peripheral, 64),
  declaredHours: entries(DeclaredHours, 64),
  approvedPrograms: entries(ApprovedProgram),
  approvedRepositories: entries(ApprovedRepository),
  referredBy: workerName.nullish(),
  accounts: entries(Account, 64),
  approvedBy: name.nullish(),
  ticket: name.nullish(),
})
export type Contract = z.infer<typeof Contract>

export const APPROVAL_KINDS = ['tool', 'exit', 'hardware', 'repository', 'management'] as const

/**
 * What the company says is its own: for everybody, for a role, or for one worker beside the contract.
 *
 * Shape   `kind` says which fields count: tool (`tool`, `tenant`) · exit (`address`, `asn` or `domain`) · hardware
 *         (`deviceKind`, USB ids, `serial`) · repository (`host`, `namespace`) · management (`program`). The same `id`
 *         again replaces the record; with `revokedAt` it ends the approval, and nothing replaces that. An approval that
 *         is revoked at its `from` was never in force. It lowers what is found and never hides it.
 * Units   times epoch ms UTC; `to` exclusive, absent or null: no end.
 */
export const Approval = z.object({
  id: identifier,
  level: z.enum(['company', 'role', 'contract']),
  role: name.nullish(),
  worker: workerName.nullish(),
  kind: z.enum(APPROVAL_KINDS),
  tool: name.nullish(),
  tenant: name.nullish(),
  address: text(64).nullish(),
  asn: z.int().min(0).max(4_294_967_295).nullish(),
  domain: text(253).nullish(),
  deviceKind: name.nullish(),
  vendorId: usbId.nullish(),
  productId: usbId.nullish(),
  serial: name.nullish(),
  host: text(253).nullish(),
  namespace: name.nullish(),
  program: name.nullish(),
  from: epochMs,
  to: epochMs.nullish(),
  approvedBy: name,
  reason: text(1_024),
  ticket: name.nullish(),
  revokedAt: epochMs.nullish(),
  revokedBy: name.nullish(),
})
export type Approval = z.infer<typeof Approval>

/**
 * A person's word on the learning period: until when what most of the fleet shares counts as context only.
 *
 * Shape   of several, the one that was said last counts; of two at one time, the earlier `until`.
 * Units   epoch ms UTC; `until` exclusive.
 */
export const Learning = z.object({
  until: epochMs,
  saidAt: epochMs,
  saidBy: name,
  reason: text(1_024).nullish(),
})
export type Learning = z.infer<typeof Learning>

/**
 * Who holds a laptop, and since when. `firstBoot` is the agent's first start on it, `to` when it was returned; both are
 * null when unknown.
 */
export const Device = z.looseObject({
  device: identifier,
  worker: workerName.nullable(),
  from: epochMs,
  to: epochMs.nullable().default(null),
  firstBoot: epochMs.nullish(),
  serial: name.nullish(),
  /** As identity providers name it. */
  hostName: name.nullish(),
})
export type Device = z.infer<typeof Device>
