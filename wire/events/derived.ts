import * as z from 'zod'
import { address, count, country, envelope, hash, name } from '../common.ts'

export const NETWORK_CLASSES = [
  'residential',
  'mobile',
  'hosting',
  'vpn',
  'private_relay',
  'tor',
  'corporate',
  'unknown',
] as const
export type NetworkClass = (typeof NETWORK_CLASSES)[number]

/** What gave a tool away. `command`: what an everyday program was told to do; `package`: a browser extension's id as well. */
export const TOOL_MATCHES = [
  ...(['name', 'signer', 'service', 'domain', 'port', 'path'] as const),
  ...(['package', 'interface', 'command', 'address'] as const),
] as const

const latitude = z.number().min(-90).max(90).nullable()
const longitude = z.number().min(-180).max(180).nullable()
const km = z.number().min(0)

/**
 * An agent's session, placed on the map.
 *
 * Shape   one when a device's address, or what we know of it, changes, and once a day while it does not.
 *         `Approved`: the contract names this exit, and the approval has not lapsed.
 * Units   `AccuracyKm` radius; RTT in ms from WebSocket pings, null before the first answer.
 * Errors  null is 'no database knows'; a private or loopback address has no place and class 'unknown'.
 * Source  the databases installed when it was received; kept with the event, so a feed's update changes no history.
 */
export const Connection = z.strictObject({
  category: z.literal('connection'),
  ...envelope,
  PublicIp: address,
  Country: country.nullable(),
  Region: name.nullable(),
  City: name.nullable(),
  Latitude: latitude,
  Longitude: longitude,
  AccuracyKm: km.nullable(),
  Asn: count.nullable(),
  AsName: name.nullable(),
  NetworkClass: z.enum(NETWORK_CLASSES),
  RttMinMs: z.number().min(0).nullable(),
  RttJitterMs: z.number().min(0).nullable(),
  RttExpectedMs: z.number().min(0).nullable(),
  Approved: z.boolean(),
})

/**
 * The contract says one place and the laptop was seen in another.
 *
 * Shape   `Reason` contract: connections from elsewhere, on `Days` distinct UTC days of the last 14 · first_boot: the
 *         first connections were far from where it was shipped · never_converged: 14 days, and most never near the
 *         contract's place · reappeared_abroad: it was where it should be, and later in another country ·
 *         operator_address: the far end of a remote-control session, by the tool's own log.
 *         `TravelNotice` true excuses. `DaysInPlace` the days of the same window that agreed with the contract.
 * Units   km, great circle; null where either place has no position.
 */
export const PlaceMismatch = z.strictObject({
  category: z.literal('place_mismatch'),
  ...envelope,
  Reason: z.enum(['contract', 'first_boot', 'never_converged', 'reappeared_abroad', 'operator_address']),
  ContractCountry: country.nullable(),
  ContractRegion: name.nullable(),
  ObservedCountry: country.nullable(),
  ObservedRegion: name.nullable(),
  DistanceKm: km.nullable(),
  Days: count,
  DaysInPlace: count.nullable(),
  TravelNotice: z.boolean(),
  ShipToDistanceKm: km.nullable(),
})

/**
 * Two places of one worker too far apart for the time between (#51). Neither end proves no place (VPN, relay, Tor,
 * hosting, company exits), and nobody announced it.
 */
export const Travel = z.strictObject({
  category: z.literal('travel'),
  ...envelope,
  FromCountry: country.nullable(),
  FromRegion: name.nullable(),
  ToCountry: country.nullable(),
  ToRegion: name.nullable(),
  DistanceKm: km,
  Hours: z.number().min(0),
  SpeedKmh: z.number().min(0),
  TravelNotice: z.boolean(),
  BothTunnel: z.boolean(),
})

/**
 * Round trips longer, for days, than the place that the address claims can explain (#46, #53).
 *
 * Shape   `Target` what it is measured by: 'server', the distance to it; 'peers near <city>', others who claim to be there.
 * Units   `MeasuredMs` the median of the least round trips of the last 14 days' days, `ExpectedMs` what the claimed place
 *         allows for at most, `ExcessMs` the difference; `Days` how many of the days exceed.
 */
export const RttExcess = z.strictObject({
  category: z.literal('rtt_excess'),
  ...envelope,
  ExcessMs: z.number(),
  MeasuredMs: z.number().min(0),
  ExpectedMs: z.number().min(0),
  Days: count,
  Target: name,
  NetworkClass: z.enum(NETWORK_CLASSES),
})

/**
 * One uplink, network, monitor, USB device, remote controller or MFA device with several workers (#4, #26, #42, #56).
 *
 * Shape   about one of those workers; the others have the same `KeyHash`, a hash over kind and value. `Workers` all of
 *         them that no declared household joins; `Days` distinct UTC days on which at least two had it.
 *         `Corroborated`: a second key says the same (an uplink with one gateway or BSSID behind it); false: the second
 *         keys differ; null: there is none. `Roams`: this worker's laptops were also seen without the key.
 * Units   `Rarity` 0 (everybody has it) to 1 (only these).
 */
export const SharedKey = z.strictObject({
  category: z.literal('shared_key'),
  ...envelope,
  KeyKind: z.enum(['uplink', 'gateway', 'bssid', 'edid', 'usb_serial', 'controller', 'mfa_device']),
  KeyHash: hash,
  Workers: count,
  Days: count,
  Rarity: z.number().min(0).max(1),
  Corroborated: z.boolean().nullable(),
  Roams: z.boolean().nullable(),
  NetworkClass: z.enum(NETWORK_CLASSES).nullable(),
})

/**
 * A remote-control tool, VPN client or the like, recognised by the catalogue.
 *
 * Shape   `Tool` the catalogue's name, `ToolId` its id; `Approved` by the contract at the event's time;
 *         `VendorsLast30d` distinct remote-control tools on this laptop, this one included; `Renamed` the binary's
 *         name is not one the catalogue knows, so something else gave it away. `Baseline`: it was there at a first look
 *         of the agent, so nobody knows when it came. `DaysSinceStart` of the contract; `DaysSinceRemoval` a remote-control
 *         tool was removed or stopped being there that long ago, and this one came; `ByProvisioning` a management agent
 *         started it before anybody had logged on.
 */
export const Tool = z.strictObject({
  category: z.literal('tool'),
  ...envelope,
  Tool: name,
  ToolId: name,
  ToolCategory: name,
  MatchedBy: z.enum(TOOL_MATCHES),
  Approved: z.boolean(),
  DaysSinceFirstBoot: z.number().min(0).nullable(),
  VendorsLast30d: count,
  Renamed: z.boolean(),
  Unattended: z.boolean().nullable(),
  Baseline: z.boolean(),
  DaysSinceStart: z.number().min(0).nullable(),
  DaysSinceRemoval: z.number().min(0).nullable(),
  ByProvisioning: z.boolean(),
})

/** Hardware that lets somebody else drive the laptop. `Approved`: a declared peripheral that has not lapsed. */
export const Hardware = z.strictObject({
  category: z.literal('hardware'),
  ...envelope,
  Device: name,
  DeviceId: name,
  DeviceKind: z.enum(['ip_kvm', 'capture', 'jiggler', 'gadget', 'sbc']),
  MatchedBy: z.enum(['usb_id', 'edid', 'shape', 'twin', 'cadence']),
  Approved: z.boolean(),
  DaysSinceFirstBoot: z.number().min(0).nullable(),
})

/** What is measured for volume. Each is summed over `WindowDays`. */
export const METRICS = [
  /** Distinct repositories cloned or downloaded. */
  'repositories',
  /** Bytes sent by the whole laptop. */
  'egress_bytes',
  /** Bytes sent to file shares, chats and paste sites, as far as destinations are seen. */
  'file_share_bytes',
  /** Files and bytes that went to removable volumes and to sync folders. */
  'removable_bytes',
  'removable_files',
  'sync_bytes',
  'sync_files',
  /** Bytes put into archives. */
  'archive_bytes',
  /** Bytes that left within two hours of an archive of that size. */
  'archive_then_upload_bytes',
  /** Clones, bytes sent and bytes set aside, each as a share of what peers do at most, added up: the slow drip. */
  'drip',
  /** Hours of incoming remote control: of one day, and of the days that make a working week. */
  'remote_session_hours',
  /** Hours of a steady stream out and little back, on days with a meeting program: a screen that is shown. */
  'screen_share_hours',
] as const

/**
 * Far more than this worker's own habit, or than the peers of the same role.
 *
 * Units   `Value` in the metric's unit over `WindowDays`; `Z` robust: (value - median) / (1.4826 x MAD); null where
 *         there is too little history. `PeerP99` over workers with the same role; null with too few peers.
 */
export const VolumeAnomaly = z.strictObject({
  category: z.literal('volume_anomaly'),
  ...envelope,
  Metric: z.enum(METRICS),
  Value: z.number(),
  OwnMedian: z.number().nullable(),
  OwnP99: z.number().nullable(),
  PeerP99: z.number().nullable(),
  Z: z.number().nullable(),
  WindowDays: count,
  DaysSinceStart: z.number().min(0).nullable(),
})

/**
 * When somebody is active, against the hours that were agreed.
 *
 * Shape   `OffHoursShare` of the active minutes outside the declared hours, or at night where none are declared; null
 *         without a time zone in the contract. `Days` active UTC days that were judged. `LongestIdleSeconds` of the
 *         last three days: an hour of which nothing was told is one of idleness.
 * Units   offsets in hours east of UTC. `BestUtcOffset` the one at which the activity would be a day from 9 to 18;
 *         null when it goes round the clock.
 */
export const Rhythm = z.strictObject({
  category: z.literal('rhythm'),
  ...envelope,
  OffHoursShare: z.number().min(0).max(1).nullable(),
  BestUtcOffset: z.number().nullable(),
  ContractUtcOffset: z.number().nullable(),
  ActiveHoursPerDay: z.number().min(0).max(24),
  LongestIdleSeconds: count,
  Days: count,
})

/**
 * A laptop that stopped talking.
 *
 * Shape   `ActiveElsewhere` the worker was seen in an identity or repository feed meanwhile; null when no such feed
 *         is connected. `Evidence` what the feed showed: a login from this very laptop, work in repositories, or the
 *         account on something else. `RepeatsAtHour` the UTC hour at which it fell silent on several days. `Announced` the agent said it was stopping, or that the laptop went to sleep.
 */
export const Silence = z.strictObject({
  category: z.literal('silence'),
  ...envelope,
  HoursSilent: z.number().min(0),
  ActiveElsewhere: z.boolean().nullable(),
  Evidence: z.enum(['this_laptop', 'repository', 'account']).nullable(),
  Announced: z.boolean(),
  RepeatsAtHour: z.int().min(0).max(23).nullable(),
})

/**
 * One identity in two places.
 *
 * Shape   two_fingerprints, sequence_replay: of a laptop's agent (#98) · two_places: a login from one place while the
 *         worker's own laptop is in another (#50); `ManagedDevice` false: the login came from no managed laptop (#52).
 *         The countries and `Days` (distinct days of the last 7) are null on the other reasons.
 */
export const IdentityConflict = z.strictObject({
  category: z.literal('identity_conflict'),
  ...envelope,
  Reason: z.enum(['two_fingerprints', 'sequence_replay', 'two_places']),
  LaptopCountry: country.nullable(),
  LoginCountry: country.nullable(),
  ManagedDevice: z.boolean().nullable(),
  Days: count.nullable(),
})
