import * as z from 'zod'
import { count, epochMs, hash, identifier, name, path, text } from './common.ts'
import { AGENT_CATEGORIES } from './event.ts'
import { ROOT_KINDS } from './events/files.ts'
import { FAULTS, type FaultCode } from './fault.ts'

/**
 * The protocol. Text frames are JSON; binary frames are one zstd-compressed JSON `batch`.
 *
 *   agent  hello ─────────────▶ server      the claimed identity, and a nonce
 *          ◀───────── challenge              a nonce, and the server's signature over both nonces
 *          proof ─────────────▶              the agent's signature over both nonces and the host name it connected to
 *          ◀─────────── welcome              policy, the last durable seq, credit
 *          batch ═════════════▶              events, in ascending seq
 *          ◀─────────────── ack              durable up to seq; rejected events; new credit
 *          ping ◀────────────▶ pong          either side, any time
 *          ◀──────────── policy              a new signed policy
 *          ◀─────────── refusal              code, where, what to do, when to retry; then the server closes
 */
export const LIMITS = {
  /** One WebSocket frame on the wire, compressed. */
  frameBytes: 1_048_576,
  /**
   * A control message (text frame) from an agent. The server's may be as large as a frame: an ack can list many
   * rejections.
   */
  controlBytes: 65_536,
  /** A batch, uncompressed. */
  batchBytes: 8_388_608,
  batchEvents: 1_000,
  /** How many unacknowledged events an agent may have in flight. */
  creditEvents: 4_000,
  rejectedPerAck: 1_000,
} as const

const base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9+/=_-]+$/)
const nonce = z.string().regex(/^[0-9a-f]{64}$/)
const signature = base64(128)
const faultCode = z.enum(Object.keys(FAULTS) as [FaultCode, ...FaultCode[]])

export const Hello = z.strictObject({
  type: z.literal('hello'),
  wire: z.int().min(1),
  device: identifier,
  version: name,
  epoch: z.int().min(0),
  nonce,
  fingerprint: hash.nullable(),
  /** The agent's clock, to measure its skew. Skew is never a reason to refuse. */
  time: epochMs,
})
export type Hello = z.infer<typeof Hello>

export const Challenge = z.strictObject({ type: z.literal('challenge'), nonce, signature, time: epochMs })
export const Proof = z.strictObject({ type: z.literal('proof'), host: text(253), signature })

/**
 * The policy for an agent. `text` is the JSON of a `Policy`, byte for byte as it was signed.
 */
export const SignedPolicy = z.strictObject({ text: text(60_000), signature })
export type SignedPolicy = z.infer<typeof SignedPolicy>

/** A release: three numbers. */
export const releaseVersion = z.string().regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)
export const ringName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/)

export const groupName = ringName

/**
 * What a policy may ask an agent to watch. A root gives counts and sizes, never names: 'autostart', whose names are
 * reported, is for the places that the agent knows itself. Places of the kernel are no folders of anybody; /dev/shm is
 * one of everybody.
 */
const policyRoot = z.strictObject({
  path: path
    .regex(/^(\/|~(\/|$)|[A-Za-z]:[\\/])/, 'must be absolute, or begin with ~/')
    .refine((it) => !it.split(/[\\/]/).includes('..'), 'must not contain ..')
    .refine(
      (it) => !/^\/+$|^\/+(proc|sys|dev(?!\/shm(\/|$)))(\/|$)|^[A-Za-z]:[\\/]*$/.test(it),
      'must be a folder of files',
    ),
  kind: z.enum(ROOT_KINDS).exclude(['autostart']),
})

/** Sleep and clock jumps are what is missing between two looks, by the length of the pause that the agent knows. */
const FIXED_PACE = ['power_state', 'clock_place', 'collection_gap', 'agent_state'] as const

export const Policy = z.strictObject({
  version: z.int().min(1),
  /** HMAC key for gateway MACs, SSIDs and serials: hex, the same on every laptop of a tenant. */
  salt: hash,
  /** Categories that are switched off. Sensitive ones are off unless `on` lists them. */
  off: z.array(name).max(64),
  on: z.array(name).max(64),
  /** Folders to watch in addition to the built-in ones; '~' is each home folder. */
  watchedRoots: z.array(policyRoot).max(64),
  spoolBytes: z.int().min(1_048_576).max(4_294_967_296),
  spoolDays: z.int().min(1).max(60),
  /**
   * The newest version that each ring of laptops may take, by the ring's name; 'default' for rings without one. Absent:
   * any version.
   */
  versions: z.record(ringName, releaseVersion).optional(),
  /** Removing the agent takes a token of the server's. Absent: it does not. */
  uninstallToken: z.literal(true).optional(),
  /** The group of laptops that it was made for. Absent: for those without one. */
  group: groupName.optional(),
  /** The ring of this group's laptops in staged roll-outs; it goes before the laptop's own setting. */
  ring: ringName.optional(),
  /** Percent of a ring's laptops that may take its version already, by the ring's name. Absent: all of them. */
  shares: z.record(ringName, z.int().min(0).max(100)).optional(),
  /** Versions that no laptop may take, because others had to go back from them. */
  halted: z.array(releaseVersion).max(16).optional(),
  /** How many times longer a category's collector pauses between two looks. Absent: once. */
  slower: z.partialRecord(z.enum(AGENT_CATEGORIES).exclude(FIXED_PACE), z.int().min(2).max(10)).optional(),
  /** Whom the laptop's user can ask: one line. */
  contact: text(256)
    .regex(/^[^\p{Cc}]+$/u)
    .optional(),
})
export type Policy = z.infer<typeof Policy>

export const Welcome = z.strictObject({
  type: z.literal('welcome'),
  policy: SignedPolicy,
  /** The highest seq of this epoch that is durable on the server; 0 for none. */
  acked: count,
  credit: count,
  time: epochMs,
})
export const Ack = z.strictObject({
  type: z.literal('ack'),
  epoch: z.int().min(0),
  seq: count,
  rejected: z
    .array(z.strictObject({ seq: z.int().min(1).nullable(), code: faultCode, where: text(512) }))
    .max(LIMITS.rejectedPerAck),
  credit: count,
})
export type Ack = z.infer<typeof Ack>
export const Ping = z.strictObject({ type: z.literal('ping'), n: count })
export const Pong = z.strictObject({ type: z.literal('pong'), n: count })
export const PolicyPush = z.strictObject({ type: z.literal('policy'), policy: SignedPolicy })
export const Refusal = z.strictObject({
  type: z.literal('refusal'),
  code: faultCode,
  where: text(512).nullable(),
  todo: text(1_024).nullable(),
  retryAfterMs: count.nullable(),
})
export type Refusal = z.infer<typeof Refusal>

/** The envelope of a batch. Each event is validated separately, so that an invalid one does not affect the others. */
export const Batch = z.strictObject({
  type: z.literal('batch'),
  epoch: z.int().min(0),
  events: z.array(z.unknown()).min(1).max(LIMITS.batchEvents),
})
export type Batch = z.infer<typeof Batch>

export const FromAgent = z.discriminatedUnion('type', [Hello, Proof, Ping, Pong])
export type FromAgent = z.infer<typeof FromAgent>
export const FromServer = z.discriminatedUnion('type', [Challenge, Welcome, Ack, Ping, Pong, PolicyPush, Refusal])
export type FromServer = z.infer<typeof FromServer>

/** POST /agent/v1/enroll. Keys are raw Ed25519 public keys, 32 bytes, base64url. */
export const EnrollRequest = z.strictObject({
  wire: z.int().min(1),
  secret: base64(128),
  publicKey: base64(64),
  nonce,
  fingerprint: hash.nullable(),
  platform: z.enum(['windows', 'linux', 'macos']),
  version: name,
  /** When the agent first ran on this laptop, by the laptop's clock. */
  firstBoot: epochMs,
  /** The laptop's signature over `signedText.enrollRequest`, which proves that it holds the private key. */
  signature,
})
export type EnrollRequest = z.infer<typeof EnrollRequest>
export const EnrollReply = z.strictObject({
  device: identifier,
  serverKey: base64(64),
  policy: SignedPolicy,
  /** The server's signature over `signedText.enroll`. */
  signature,
})
export type EnrollReply = z.infer<typeof EnrollReply>

/** The content of a one-time token, base64url JSON after 'tw1.': the server's address, its key, and the secret. */
export const Token = z.strictObject({ url: text(512), serverKey: base64(64), secret: base64(128) })
export type Token = z.infer<typeof Token>

/** The content of a token for removing an agent, base64url JSON after 'twu1.'. `until`: epoch ms. */
export const UninstallToken = z.strictObject({ device: identifier, until: epochMs, signature })
export type UninstallToken = z.infer<typeof UninstallToken>

/** The exact texts that are signed. Each begins with its purpose, so that a signature is valid for one purpose only. */
export const signedText = {
  challenge: (helloNonce: string, nonce: string) => `tellwire challenge 1\n${helloNonce}\n${nonce}`,
  proof: (helloNonce: string, nonce: string, host: string, device: string, epoch: number) =>
    `tellwire proof 1\n${helloNonce}\n${nonce}\n${host.toLowerCase()}\n${device}\n${epoch}`,
  enrollRequest: (nonce: string, secret: string, publicKey: string) =>
    `tellwire enroll request 1\n${nonce}\n${secret}\n${publicKey}`,
  enroll: (nonce: string, publicKey: string, device: string) => `tellwire enroll 1\n${nonce}\n${publicKey}\n${device}`,
  policy: (text: string) => `tellwire policy 1\n${text}`,
  uninstall: (device: string, until: number) => `tellwire uninstall 1\n${device}\n${until}`,
  /** By the key of whoever built the package, and not by a server's. `sha256`: lower-case hex. */
  package: (fileName: string, sha256: string) => `tellwire package 1\n${fileName}\n${sha256}`,
}
