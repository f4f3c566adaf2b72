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
 * Shape   reported when it begins, and again when more becomes known or it ends: (Tool, PeerIdHash, StartedAt) stay the
 *         same, so the latest report is the valid one. `PeerIdHash`: the controlling party, as an HMAC with the
 *         tenant's salt, equal on two laptops. `Unattended`: accepted by password or token, not by somebody at the
 *         laptop.
 * Units   epoch ms by the laptop's clock. EndedAt null: it is still open, or the log does not say.
 * Errors  null: the log does not say.
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
 * The time zone and clock of the laptop: at the first poll, and at each change.
 *
 * Shape   `KeyboardLayouts` is off by default, and null from an agent that does not collect it.
 * Units   minutes east of UTC, as of `time`; `ClockJumpMs`: by how much the wall clock was changed since the previous
 *         poll, positive for forward; null if it was not changed.
 * Errors  TimeZone null: none is configured.
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
 * Something that could not be observed. An empty result and a failed observation are different things.
 *
 * Shape   `About`: the category, path or device that was not observed; `Categories`: the categories that lack data
 *         because of it; `Count`: how many, null if unknown. An overflow about a category, a log or the spool counts
 *         the events or bytes lost since the previous such gap, so these counts add up; any other count is the current
 *         number. `Reason` denied: no permission · unparsed: read, but not understood · stopped: the collector ended ·
 *         overflow: more than the agent can keep or watch · unsupported: this system does not offer it.
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
 * The agent itself.
 *
 * Shape   `Action` 'summary' is sent hourly and has the agent's resource usage, which is null for the other actions.
 *         `Fingerprint`: SHA-256 over machine id, product and board, a hint at clones, never a key.
 *         `StopReason` of 'stopping': what the agent was stopped for; null: nobody said, a service manager or a
 *         shutdown. `StoppedSeconds` of 'started': for how long the agent had been stopped in good order in this same
 *         boot of the laptop, asleep or awake, with the `StopReason` of that stop; null: not in this boot.
 *         'cut_off': the server could not be reached for a while, although the laptop reached others, or its own hosts
 *         file says that the server is elsewhere; again when it is over. `CutOffSeconds`: for how long, awake.
 *         `CutOffBy`: what the attempts ended with. 'hosts_file': the file names the server; 'loopback': its name leads
 *         to the laptop itself; 'other_server': somebody answered who has not the server's key or certificate.
 *         'restored': this agent's folder is older than what it has already sent, as after a restored disk image.
 *         'config_changed': a file of the agent is not as the agent left it. `Changed`: which.
 *         `ProgramHash`: SHA-256 over the program's files, null where it runs from its sources; `PolicyHash`: over the
 *         text of the policy in force.
 *         `BlindSeconds`: by category, for how long it could not be seen since the last such word, although the policy
 *         wants it and the laptop was awake; of 'killed_last_time', the time until this start, at most.
 *         `ForksSeen` of `ForksTotal`: the program starts that were seen, of those the system counted; `StartsBy`: in
 *         which way. By 'poll' the system's number includes forks and threads, so the ratio is a lower bound.
 * Units   CPU ms and wire bytes since the previous summary; resident bytes and unacknowledged spool bytes now.
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
    'cut_off',
    'restored',
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
  StartsBy: z.enum(['tracefs', 'connector', 'poll']).nullable().optional(),
  StopReason: z.enum(['upgrade', 'uninstall']).nullable().optional(),
  StoppedSeconds: count.nullable().optional(),
  CutOffSeconds: count.nullable().optional(),
  CutOffBy: z
    .enum(['hosts_file', 'loopback', 'refused', 'timeout', 'unresolved', 'other_server', 'other'])
    .nullable()
    .optional(),
  Changed: z.enum(['program', 'policy', 'config']).nullable().optional(),
  ProgramHash: hash.nullable().optional(),
  PolicyHash: hash.nullable().optional(),
  BlindSeconds: z
    .record(name, count)
    .refine((categories) => Object.keys(categories).length <= 64, 'at most 64 categories')
    .nullable()
    .optional(),
})
