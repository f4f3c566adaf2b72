import * as z from 'zod'
import { country, epochMs, identifier, name, text, usbId } from './common.ts'

const until = { from: epochMs.nullish(), to: epochMs.nullish() }
const latitude = z.number().min(-90).max(90).nullish()
const longitude = z.number().min(-180).max(180).nullish()

/**
 * What was agreed with one worker, from one moment on.
 *
 * Shape   a version; the newest whose `from` is not after an event's time is the one that holds for it. What is absent
 *         is unknown and shown as unknown. `approvedBy`, `ticket` and further keys may stand beside each entry.
 * Units   times epoch ms UTC; `to` null or absent: does not lapse. Degrees WGS 84.
 * Source  the roster (CSV, JSON), the API, or a recording.
 */
export const Contract = z.looseObject({
  worker: identifier,
  from: epochMs,
  name: name.nullish(),
  country: country.nullish(),
  region: name.nullish(),
  city: name.nullish(),
  latitude,
  longitude,
  timeZone: name.nullish(),
  roles: z.array(name).max(64).nullish(),
  start: epochMs.nullish(),
  end: epochMs.nullish(),
  shipTo: z
    .looseObject({ country: country.nullish(), region: name.nullish(), city: name.nullish(), latitude, longitude })
    .nullish(),
  approvedTools: z
    .array(z.looseObject({ tool: name, tenant: name.nullish(), ...until }))
    .max(256)
    .nullish(),
  approvedEgress: z
    .array(
      z.looseObject({
        address: text(64).nullish(),
        asn: z.int().min(0).nullish(),
        domain: text(253).nullish(),
        ...until,
      }),
    )
    .max(256)
    .nullish(),
  travelNotices: z
    .array(
      z.looseObject({
        from: epochMs,
        to: epochMs,
        country: country.nullish(),
        region: name.nullish(),
        city: name.nullish(),
      }),
    )
    .max(256)
    .nullish(),
  household: z.array(identifier).max(64).nullish(),
  peripherals: z
    .array(
      z.looseObject({
        kind: name,
        vendorId: usbId.nullish(),
        productId: usbId.nullish(),
        serial: name.nullish(),
        ...until,
      }),
    )
    .max(64)
    .nullish(),
})
export type Contract = z.infer<typeof Contract>

/** Who holds a laptop, and since when. `firstBoot` the agent's first start on it, null when not known. */
export const Device = z.looseObject({
  device: identifier,
  worker: identifier.nullable(),
  from: epochMs,
  to: epochMs.nullable(),
  firstBoot: epochMs.nullish(),
  serial: name.nullish(),
})
export type Device = z.infer<typeof Device>
