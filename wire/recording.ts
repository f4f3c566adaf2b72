import * as z from 'zod'
import { address, count, country, epochMs, identifier, name, workerName } from './common.ts'
import { Approval, Contract, Device, Learning } from './contract.ts'
import { Event } from './event.ts'
import { HARDWARE_MATCHES, NETWORK_CLASSES, TOOL_MATCHES } from './events/derived.ts'
import { FeedEvent } from './events/feeds.ts'
import { completeFeedEvent } from './feed-line.ts'

/** What the installed databases said about an address when it was observed. Null: they do not know. */
export const AddressFacts = z.object({
  country: country.nullable(),
  region: name.nullable(),
  city: name.nullable(),
  lat: z.number().min(-90).max(90).nullable(),
  lon: z.number().min(-180).max(180).nullable(),
  asn: count.nullable(),
  class: z.enum(NETWORK_CLASSES),
  asName: name.nullish(),
  accuracyKm: z.number().min(0).nullish(),
  /** What determined the class: 'range:<list> <date>', 'asn', 'name'. */
  by: name.nullish(),
  /**
   * The database edition that gave the place, such as 'dbip-city 2026-06-05'. Another edition may give another place.
   */
  edition: name.nullish(),
  /** What the network's own operator says in a geofeed (RFC 8805). Absent: no imported geofeed has the address. */
  geofeed: z.object({ country: country.nullable(), region: name.nullable(), city: name.nullable() }).nullish(),
})
export type AddressFacts = z.infer<typeof AddressFacts>

/** What the catalogue recognised in an event at ingest. Stored, so that a new catalogue does not change history. */
export const CatalogueFacts = z.object({
  tools: z
    .array(
      z.object({
        id: name,
        name,
        category: name,
        by: z.enum(TOOL_MATCHES),
        renamed: z.boolean(),
        unattended: z.boolean().nullable(),
      }),
    )
    .max(16)
    .optional(),
  hardware: z
    .array(
      z.object({
        id: name,
        name,
        kind: z.enum(['ip_kvm', 'capture', 'jiggler', 'gadget', 'sbc']),
        by: z.enum(HARDWARE_MATCHES),
        /** What it is at once, in words: 'keyboard, disk and network card'. */
        signs: name.optional(),
      }),
    )
    .max(16)
    .optional(),
  /** Where the other end of a remote session is. */
  peer: AddressFacts.partial().optional(),
})
export type CatalogueFacts = z.infer<typeof CatalogueFacts>

/**
 * Recorded telemetry: one object per line, in order of arrival. `tellwire export` writes this format, `tellwire replay`
 * reads it, and the server's own log consists of it.
 *
 * Shape   `epoch`: the spool that `seq` belongs to (absent: 0). `facts`: what the catalogue recognised at ingest; if
 *         absent, the installed catalogue is used. `conflict` true: the number was used before for another event. A
 *         `clock` line says that the server was running at `time`, and had been down since `downSince`.
 */
export const RecordedEvent = z.object({
  type: z.literal('event'),
  device: identifier,
  receivedAt: epochMs,
  epoch: z.int().min(0).optional(),
  conflict: z.literal(true).optional(),
  event: Event,
  facts: CatalogueFacts.optional(),
})
export type RecordedEvent = z.infer<typeof RecordedEvent>

export const RecordedConnection = z.object({
  type: z.literal('connection'),
  device: identifier,
  time: epochMs,
  remoteAddress: address,
  rttMinMs: z.number().min(0).nullish(),
  rttJitterMs: z.number().min(0).nullish(),
  clockSkewMs: z.number().nullish(),
  fingerprint: name.nullish(),
  geo: AddressFacts.partial().optional(),
})
export type RecordedConnection = z.infer<typeof RecordedConnection>

export const RecordedClock = z.object({
  type: z.literal('clock'),
  time: epochMs,
  downSince: epochMs.nullish(),
})

/** From `from` until `to`, the server refused the laptop: it was revoked, and enrolled again. `to` null: not yet. */
export const RecordedRevocation = z.object({
  type: z.literal('revocation'),
  device: identifier,
  from: epochMs,
  to: epochMs.nullable(),
})
export type RecordedRevocation = z.infer<typeof RecordedRevocation>

/**
 * How many colleagues showed each kind of evidence, as counted at `time`. Recorded, so that a replay weighs evidence as
 * the server did.
 *
 * Shape   for each role (the first of the contract, in lower case; '' without one) the workers who were seen in the last
 *         30 days, and how many of them showed a kind: a rule's id, or its id and the values of its `rareBy` fields.
 */
export const RecordedRarity = z.object({
  type: z.literal('rarity'),
  time: epochMs,
  roles: z
    .array(z.object({ role: z.string().max(256), workers: count, shown: z.record(z.string().max(512), count) }))
    .max(256),
})
export type RecordedRarity = z.infer<typeof RecordedRarity>

const feedLine = {
  type: z.literal('feed'),
  worker: workerName.nullable(),
  time: epochMs,
  receivedAt: epochMs.optional(),
  geo: AddressFacts.partial().optional(),
  mfaGeo: AddressFacts.partial().optional(),
}

/**
 * An event from another system.
 *
 * Shape   if written by hand, the event may omit its envelope and every nullable field. `id` is then a hash over
 *         worker, time and content, so that a repeated line is one event, and `Worker` is the line's `worker`. `geo` is
 *         the location of the address in the event, `mfaGeo` that of `MfaIp`.
 */
export const RecordedFeed = z
  .object({ ...feedLine, event: z.record(z.string(), z.unknown()) })
  .transform((line, context) => {
    const { worker, time, geo } = line
    const facts = { worker, time, collector: 'feed', id: null, country: geo?.country ?? null }
    const event = FeedEvent.safeParse(completeFeedEvent(line.event, facts))
    if (event.success) return { ...line, event: event.data }
    for (const issue of event.error.issues)
      context.issues.push({ ...issue, input: line, path: ['event', ...issue.path] } as z.core.$ZodRawIssue)
    return z.NEVER
  })
export type RecordedFeed = z.infer<typeof RecordedFeed>

/**
 * `receivedAt` on contract, device, approval, learning and feed lines: when the server received it; absent in recordings written by hand.
 */
export const Recorded = z.discriminatedUnion('type', [
  Contract.extend({ type: z.literal('contract'), receivedAt: epochMs.optional() }),
  Device.extend({ type: z.literal('device'), receivedAt: epochMs.optional() }),
  Approval.extend({ type: z.literal('approval'), receivedAt: epochMs.optional() }),
  Learning.extend({ type: z.literal('learning'), receivedAt: epochMs.optional() }),
  RecordedConnection,
  RecordedEvent,
  RecordedFeed,
  RecordedRevocation,
  RecordedRarity,
  z.object({
    type: z.literal('label'),
    worker: workerName,
    truth: z.enum(['infiltrator', 'benign']),
    scenario: name,
    from: epochMs,
  }),
  RecordedClock,
])
export type Recorded = z.infer<typeof Recorded>
/** The lines of `Recorded` in their complete form, as a server writes them: parsing them changes nothing. */
export const RecordedComplete = z.discriminatedUnion('type', [
  RecordedConnection,
  RecordedEvent,
  z.object({ ...feedLine, event: FeedEvent }),
  RecordedRevocation,
  RecordedRarity,
  RecordedClock,
])

export type RecordedOf<T extends Recorded['type']> = Extract<Recorded, { type: T }>
