import * as z from 'zod'
import { country, epochMs, identifier, name, text, usbId } from './common.ts'

/** When an entry begins and lapses (exclusive; absent or null: it does not), who approved it, and where that is on file. */
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

/** `tenant` the id of ours at the tool's maker: the same tool in another's tenant is not the approved one. */
export const ApprovedTool = z.looseObject({ tool: name, tenant: name.nullish(), ...approval })
/** An exit that proves no other place: an address or block of them, an AS number, or a domain. */
export const ApprovedEgress = z.looseObject({
  address: text(64).nullish(),
  asn: z.int().min(0).max(4_294_967_295).nullish(),
  domain: text(253).nullish(),
  ...approval,
})
/** Announced travel. A country that is absent is anywhere. */
export const TravelNotice = z.looseObject({ ...place, ...approval, from: epochMs, to: epochMs })
/** Somebody who lives at the same address; the id alone says so without an end. */
export const HouseholdMember = z.union([identifier, z.looseObject({ worker: identifier, ...approval })])
/** Hardware that would otherwise give somebody away: an IP-KVM in a test rack, a jiggler on a kiosk. */
export const Peripheral = z.looseObject({
  kind: name,
  vendorId: usbId.nullish(),
  productId: usbId.nullish(),
  serial: name.nullish(),
  ...approval,
})

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time such as 09:00')
/**
 * Hours in which somebody said they work: core hours, a shift, an on-call rota.
 *
 * Shape   `days` 1 Monday to 7 Sunday, the days on which a stretch starts; one that ends at or before its start ends on
 *         the next day.
 * Units   `start` and `end` HH:MM in the contract's time zone, daylight saving included.
 */
export const DeclaredHours = z.looseObject({
  days: z.array(z.int().min(1).max(7)).min(1).max(7),
  start: clockTime,
  end: clockTime,
  ...approval,
})

const entries = <T extends z.ZodType>(entry: T, most = 256) => z.array(entry).max(most).nullish()

/**
 * What was agreed with one worker, from one moment on.
 *
 * Shape   a version; the newest whose `from` is not after an event's time is the one that holds for it. What is absent
 *         is unknown and shown as unknown. Further keys may stand beside each entry. An entry that has lapsed excuses
 *         nothing. `referredBy` the worker who recommended them.
 * Units   times epoch ms UTC; degrees WGS 84; `timeZone` an IANA name.
 * Source  the roster (CSV, JSON), the API, or a recording. How and where somebody is paid is not collected.
 */
export const Contract = z.looseObject({
  worker: identifier,
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
  referredBy: identifier.nullish(),
  approvedBy: name.nullish(),
  ticket: name.nullish(),
})
export type Contract = z.infer<typeof Contract>

/**
 * Who holds a laptop, and since when. `firstBoot` the agent's first start on it; `to` when they gave it back. Both null
 * when not known.
 */
export const Device = z.looseObject({
  device: identifier,
  worker: identifier.nullable(),
  from: epochMs,
  to: epochMs.nullable().default(null),
  firstBoot: epochMs.nullish(),
  serial: name.nullish(),
})
export type Device = z.infer<typeof Device>
