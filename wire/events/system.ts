import * as z from 'zod'
import { address, bytes, count, envelope, epochMs, hash, name, text } from '../common.ts'

export const Software = z.strictObject({
  category: z.literal('software'),
  ...envelope,
  Action: z.enum(['present', 'installed', 'removed']),
  Name: name,
  Version: name.nullable(),
  Publisher: name.nullable(),
  Kind: z.enum(['package', 'application', 'service', 'login_item', 'browser_extension']),
  Identifier: text(512).nullable(),
  InstalledAt: epochMs.nullable(),
})

export const Autostart = z.strictObject({
  category: z.literal('autostart'),
  ...envelope,
  Kind: name,
  Name: name,
  Command: text(8_192).nullable(),
  Scope: z.enum(['system', 'user']),
})

/**
 * One session of a remote-control tool, from the tool's own log.
 *
 * Shape   told when it began, again when more became known or it ended: (Tool, PeerIdHash, StartedAt) stay the same, so
 *         the last word counts. `PeerIdHash` is HMAC under the tenant's salt of who controls: equal on two laptops.
 *         `Unattended`: a password or token let them in, nobody at the laptop did.
 * Units   epoch ms by the laptop's clock. EndedAt null: it goes on, or the log does not say.
 * Errors  null is 'the log does not say'.
 */
export const RemoteSession = z.strictObject({
  category: z.literal('remote_session'),
  ...envelope,
  Tool: name,
  Direction: z.enum(['incoming', 'outgoing']),
  PeerIp: address.nullable(),
  PeerIdHash: hash.nullable(),
  StartedAt: epochMs,
  EndedAt: epochMs.nullable(),
  Unattended: z.boolean().nullable(),
})

/**
 * What the laptop's clock says of where it is: on change, and at the first look.
 *
 * Shape   `KeyboardLayouts` is off by default, and null from an agent that does not collect it.
 * Units   minutes east of UTC, as of `time`; `ClockJumpMs` how far the wall clock was set, forward positive, since the
 *         last look; null when it was not.
 * Errors  TimeZone null: the system names none.
 */
export const ClockPlace = z.strictObject({
  category: z.literal('clock_place'),
  ...envelope,
  TimeZone: name.nullable(),
  UtcOffsetMinutes: z.int().min(-900).max(900).nullable(),
  KeyboardLayouts: z.array(name).max(32).nullable(),
  ClockJumpMs: z.int().nullable(),
})

export const Logon = z.strictObject({
  category: z.literal('logon'),
  ...envelope,
  User: name.nullable(),
  LogonType: name,
  SourceIp: address.nullable(),
  Action: z.enum(['present', 'logon', 'logoff']),
})

export const PowerState = z.strictObject({
  category: z.literal('power_state'),
  ...envelope,
  LidClosed: z.boolean().nullable(),
  OnBattery: z.boolean().nullable(),
  UptimeSeconds: count.nullable(),
  ResumedAfterSeconds: count.nullable(),
})

export const Presence = z.strictObject({
  category: z.literal('presence'),
  ...envelope,
  ActiveMinutes: z.int().min(0).max(60),
  LongestIdleSeconds: count,
  WindowSeconds: z.int().min(1),
})

/**
 * Something that could not be seen. Blind is not empty.
 *
 * Shape   `About` names the category, path or device that was not seen; `Categories` those that are the poorer for it;
 *         `Count` how many, null when unknown. An overflow about a category, a log or the spool counts events or bytes
 *         lost since the last such gap, so its counts add up; any other count says how it is now.
 *         denied: no right · unparsed: read, not understood · stopped: the collector ended · overflow: more than we
 *         could keep or watch · unsupported: this system does not offer it.
 */
export const CollectionGap = z.strictObject({
  category: z.literal('collection_gap'),
  ...envelope,
  Categories: z.array(name).max(64),
  About: text(512),
  Reason: z.enum(['denied', 'unparsed', 'stopped', 'overflow', 'unsupported']),
  Count: count.nullable(),
  Detail: text(1_024).nullable(),
})

/**
 * The agent on itself.
 *
 * Shape   `Action` 'summary' comes hourly and carries what the agent costs; on the other actions those are null.
 *         `Fingerprint` SHA-256 over machine id, product and board: a hint at clones, never a key.
 *         `ForksSeen` of `ForksTotal`: how many process starts the polls saw of those the kernel counted (threads
 *         included, so the ratio is a lower bound).
 * Units   CPU ms and bytes since the last summary; resident bytes now, and spool bytes that wait to be acknowledged now.
 */
export const AgentState = z.strictObject({
  category: z.literal('agent_state'),
  ...envelope,
  Action: z.enum([
    'started',
    'stopping',
    'resumed',
    'policy_applied',
    'upgraded',
    'config_changed',
    'killed_last_time',
    'summary',
  ]),
  Version: name,
  Fingerprint: hash.nullable(),
  Virtual: z.boolean().nullable(),
  BootId: name.nullable(),
  CpuMs: count.nullable(),
  ResidentBytes: bytes.nullable(),
  SpoolBytes: bytes.nullable(),
  WireBytes: bytes.nullable(),
  ForksSeen: count.nullable(),
  ForksTotal: count.nullable(),
})
