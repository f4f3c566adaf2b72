import * as z from 'zod'

/** Text that a laptop sent: limited in length, and untrusted until it is rendered as text. */
export const text = (max: number) => z.string().max(max)

/** A file path. PATH_MAX on Linux is 4,096 bytes; the agent truncates long paths on Windows to that. */
export const path = text(4_096)
/** A short name: a user, an interface, a product. */
export const name = text(256)
/** Epoch milliseconds UTC, in the years 2000 to 2100, so that a wrong clock cannot overflow a time window. */
export const epochMs = z
  .int()
  .min(946_684_800_000, 'This is before the year 2000; times are milliseconds since 1970')
  .max(4_102_444_800_000)
export const count = z.int().min(0)
export const bytes = z.int().min(0)
export const port = z.int().min(0).max(65_535)
/** Both families in one expression: with a union, each IPv6 address cost 1 µs, because the IPv4 branch failed first. */
const plainAddress = z
  .string()
  .max(45)
  .regex(new RegExp(`${z.regexes.ipv4.source}|${z.regexes.ipv6.source}`), 'it is not an IP address')
/** An IPv4 or IPv6 address without zone or brackets. The second branch also accepts '::ffff:192.0.2.1'. */
export const address = z.union([plainAddress, z.ipv6()])
/** Lower-case hex, 8 to 128 digits: a SHA-256 or HMAC, possibly truncated. */
export const hash = z.string().regex(/^[0-9a-f]{8,128}$/)
/** Four hex digits; comparisons ignore case. */
export const usbId = z.string().regex(/^[0-9a-fA-F]{4}$/)
/** ISO 3166-1 alpha-2. */
export const country = z.string().regex(/^[A-Z]{2}$/, 'write a code such as US')
/** The id of a device or worker: letters, digits, `._@-`, at most 128. */
export const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/)
/**
 * The id of a worker, in lower case: systems spell one account in several ways. `foldName` gives the same form of a name
 * that comes from elsewhere.
 */
export const workerName = identifier.toLowerCase()
export function foldName(text: string): string {
  return text.toLowerCase()
}
/** A UUID of any version. Events from agents have version 7; events that the server derived have version 8 (a hash). */
export const uuid = z.uuid()

export const PRODUCTS = ['windows', 'linux', 'macos', 'tellwire'] as const
export type Product = (typeof PRODUCTS)[number]
/** An operating system that the agent runs on. */
export type AgentProduct = Exclude<Product, 'tellwire'>

/**
 * The fields of every event.
 *
 * Shape   `id` stays the same on every retry; `seq` has no gaps per (device, epoch), and is null on events that no
 *         spool numbered (derived events, external feeds); `product` is 'tellwire' on events that the server derived.
 * Units   `time` epoch ms UTC by the clock of the observer.
 * Source  `collector` is the observer: a collector on the laptop, a deriver or a feed.
 */
export const envelope = {
  id: uuid,
  seq: z.int().min(1).nullable(),
  time: epochMs,
  product: z.enum(PRODUCTS),
  collector: text(64),
}
