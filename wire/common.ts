import * as z from 'zod'

/** Text a laptop sent: bounded, and hostile until rendered as text. */
export const text = (max: number) => z.string().max(max)

/** A file path. Linux's PATH_MAX is 4,096 bytes; Windows' long paths are cut to that by the agent. */
export const path = text(4_096)
/** A short name: a user, an interface, a product. */
export const name = text(256)
/** Epoch milliseconds UTC. Bounded to the years 2000-2100, so that a broken clock cannot overflow a window. */
export const epochMs = z.int().min(946_684_800_000).max(4_102_444_800_000)
export const count = z.int().min(0)
export const bytes = z.int().min(0)
export const port = z.int().min(0).max(65_535)
/** Both families in one expression: as a union, each IPv6 address cost 1 µs, because the IPv4 branch failed first. */
const plainAddress = z
  .string()
  .max(45)
  .regex(new RegExp(`${z.regexes.ipv4.source}|${z.regexes.ipv6.source}`))
/** An IPv4 or IPv6 address, no zone, no brackets. The second branch knows '::ffff:192.0.2.1' too. */
export const address = z.union([plainAddress, z.ipv6()])
/** Lower-case hex, 8 to 128 digits: SHA-256, HMAC or a cut of one. */
export const hash = z.string().regex(/^[0-9a-f]{8,128}$/)
/** Four hex digits, compared without regard to case. */
export const usbId = z.string().regex(/^[0-9a-fA-F]{4}$/)
/** ISO 3166-1 alpha-2. */
export const country = z.string().regex(/^[A-Z]{2}$/)
/** The id of a device or worker: letters, digits, `._@-`, at most 128. */
export const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/)
/** UUID of any version; events carry version 7 when an agent made them, version 8 (a hash) when the server derived them. */
export const uuid = z.uuid()

export const PRODUCTS = ['windows', 'linux', 'macos', 'tellwire'] as const
export type Product = (typeof PRODUCTS)[number]
/** A system that agents run on. */
export type AgentProduct = Exclude<Product, 'tellwire'>

/**
 * What every event carries.
 *
 * Shape   `id` stays the same on every retry; `seq` is gapless per (device, epoch) and null on what no spool numbered
 *         (derived events, external feeds); `product` is 'tellwire' on what the server derived.
 * Units   `time` epoch ms UTC by the clock of whoever saw it.
 * Source  `collector` names who saw it: a collector on the laptop, a deriver or a feed.
 */
export const envelope = {
  id: uuid,
  seq: z.int().min(1).nullable(),
  time: epochMs,
  product: z.enum(PRODUCTS),
  collector: text(64),
}
