import * as z from 'zod'
import { address, count, country, envelope, hash, name } from '../common.ts'

/**
 * What kind of network an address belongs to. `sase`: the exits of a security service (Zscaler, Netskope, Cloudflare) that
 * carries its customers' traffic; `satellite`: a provider whose exits may be in another country than its dishes.
 */
export const NETWORK_CLASSES = [
  'residential',
  'mobile',
  'hosting',
  'vpn',
  'private_relay',
  'tor',
  'corporate',
  'sase',
  'satellite',
  'unknown',
] as const
export type NetworkClass = (typeof NETWORK_CLASSES)[number]

/**
 * How a tool was recognised. `command`: the arguments of a general-purpose program; `package`: also a browser
 * extension's id.
 */
export const TOOL_MATCHES = [
  ...(['name', 'signer', 'service', 'domain', 'port', 'path'] as const),
  ...(['package', 'interface', 'command', 'address'] as const),
] as const

const latitude = z.number().min(-90).max(90).nullable()
const longitude = z.number().min(-180).max(180).nullable()
const km = z.number().min(0)

/**
 * An agent's session, located by its address.
 *
 * Shape   one when a device's address, or what the databases say about it, changes, and once a day otherwise.
 *         `Approved`: the contract lists this exit, and the approval has not expired.
 * Units   `AccuracyKm` radius; RTT in ms from WebSocket pings, null before the first pong.
 * Errors  null: no database knows. A private or loopback address has no location, and class 'unknown'.
 * Source  the databases that were installed when the session was received. The result is stored with the event, so that
 *         a database update does not change history.
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
 * The laptop was seen somewhere other than the contract says.
 *
 * Shape   `Reason` contract: connections from elsewhere on `Days` distinct UTC days of the last 14 · first_boot: the
 *         first connections were far from the shipping address · never_converged: after 14 days, most of them were
 *         never near the contract's place · reappeared_abroad: it was in the right place, and later in another country
 *         · operator_address: the remote end of a remote-control session, from the tool's own log. `TravelNotice` true:
 *         the mismatch is announced travel. `DaysInPlace`: the days of the same window that agree with the contract.
 *         Of clock, round trip, network, geofeed and delivery, `WitnessesFor` say that the laptop is elsewhere, and
 *         `WitnessesAgainst` that it is where the contract says; the rest say nothing. databases_disagree: the address
 *         is elsewhere by a database, and those witnesses are against it.
 * Units   km, great circle, the least where a place is a region; null: not comparable.
 */
export const PlaceMismatch = z.strictObject({
  category: z.literal('place_mismatch'),
  ...envelope,
  Reason: z.enum([
    ...(['contract', 'first_boot', 'never_converged', 'reappeared_abroad', 'operator_address'] as const),
    'databases_disagree',
  ]),
  ContractCountry: country.nullable(),
  ContractRegion: name.nullable(),
  ObservedCountry: country.nullable(),
  ObservedRegion: name.nullable(),
  DistanceKm: km.nullable(),
  Days: count,
  DaysInPlace: count.nullable(),
  TravelNotice: z.boolean(),
  ShipToDistanceKm: km.nullable(),
  WitnessesFor: count.nullish(),
  WitnessesAgainst: count.nullish(),
})

/**
 * Two places of one worker too far apart for the time between them (#51). Addresses that do not show where somebody is
 * (VPN, relay, Tor, hosting, security service and company exits) and announced travel are excluded.
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
 * Round trips that for days were longer than the location of the address explains (#46, #53).
 *
 * Shape   `Target` is the reference: 'server', the distance to it; 'peers near <city>', workers located in the same
 *         city. `FitsContract`: a laptop at the contract's place would answer as late, because its traffic takes the way
 *         from there to the claimed place; null: one of them is not known.
 * Units   `MeasuredMs` is the median of the daily minimum round trips of the last 14 days, `ExpectedMs` the maximum for
 *         the claimed place, `ExcessMs` the difference; `Days` the number of days that exceed it.
 */
export const RttExcess = z.strictObject({
  category: z.literal('rtt_excess'),
  ...envelope,
  ExcessMs: z.number(),
  MeasuredMs: z.number().min(0),
  ExpectedMs: z.number().min(0),
  Days: count,
  Target: name,
  FitsContract: z.boolean().nullable(),
  NetworkClass: z.enum(NETWORK_CLASSES),
})

/**
 * A laptop's own round trips became longer and stayed so (#46, #53).
 *
 * Shape   one per change, on the third measured day after it. `NewNetwork`: neither its router nor its access point had
 *         been seen before; null: not known. `TravelNotice` true: on an announced journey.
 * Units   ms, the medians of the days' shortest round trips before and after; `ChangeMs` the difference.
 */
export const RttChange = z.strictObject({
  category: z.literal('rtt_change'),
  ...envelope,
  BeforeMs: z.number().min(0),
  AfterMs: z.number().min(0),
  ChangeMs: z.number().min(0),
  DaysBefore: count,
  DaysAfter: count,
  NewNetwork: z.boolean().nullable(),
  TravelNotice: z.boolean(),
})

/**
 * One uplink, network, monitor, USB device, remote controller or MFA device shared by several workers (#4, #26, #42,
 * #56).
 *
 * Shape   one event per worker; the others have the same `KeyHash`, a hash over kind and value. `Workers` counts all of
 *         them, except those in one declared household; `Days` are distinct UTC days on which at least two had the key.
 *         `Corroborated` true: a second key confirms it (the gateway or BSSID behind the uplink); false: the second
 *         keys differ, or each has an authenticator of their own too; null: there is none. `Roams`: this worker's laptops were also seen without the key.
 * Units   `Rarity` 0 (everybody has it) to 1 (only these workers).
 */
export const SharedKey = z.strictObject({
  category: z.literal('shared_key'),
  ...envelope,
  KeyKind: z.enum(['uplink', 'gateway', 'bssid', 'edid', 'usb_serial', 'controller', 'mfa_device', 'login_address']),
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
 *         `CommonHere`: in the learning period, and a third of the workers have the same tool with the same tenant;
 *         `VendorsLast30d` distinct remote-control tools on this laptop, including this one; `Renamed`: the catalogue
 *         does not know the binary's name and recognised it by something else. `Baseline`: it was present at the
 *         agent's first inventory, so its installation time is unknown. `DaysSinceStart` of the contract;
 *         `DaysSinceRemoval` since another remote-control tool was removed or disappeared; `ByProvisioning`: a
 *         management agent started it before anybody had logged on.
 */
export const Tool = z.strictObject({
  category: z.literal('tool'),
  ...envelope,
  Tool: name,
  ToolId: name,
  ToolCategory: name,
  MatchedBy: z.enum(TOOL_MATCHES),
  Approved: z.boolean(),
  CommonHere: z.boolean().default(false),
  DaysSinceFirstBoot: z.number().min(0).nullable(),
  VendorsLast30d: count,
  Renamed: z.boolean(),
  Unattended: z.boolean().nullable(),
  Baseline: z.boolean(),
  DaysSinceStart: z.number().min(0).nullable(),
  DaysSinceRemoval: z.number().min(0).nullable(),
  ByProvisioning: z.boolean(),
})

/**
 * How hardware was recognised: ids and names · SCSI INQUIRY strings of its disks · EDID · shape (a keyboard that is also
 * a disk, network card or camera) · claim (not the product that it claims to be, in one respect) · twin (a display that
 * came with it) · clone (an EDID that another connector has too) · volume (a KVM's virtual disk) · cadence of a mouse
 * jiggler.
 */
export const HARDWARE_MATCHES = [
  'usb_id',
  'inquiry',
  'edid',
  'shape',
  'claim',
  'twin',
  'clone',
  'volume',
  'cadence',
] as const

/**
 * Hardware that lets somebody else control the laptop. `Approved`: a declared peripheral that has not expired. `Signs`
 * in words, what the device is at once; null where its name says enough.
 */
export const Hardware = z.strictObject({
  category: z.literal('hardware'),
  ...envelope,
  Device: name,
  DeviceId: name,
  DeviceKind: z.enum(['ip_kvm', 'capture', 'jiggler', 'gadget', 'sbc']),
  MatchedBy: z.enum(HARDWARE_MATCHES),
  Signs: name.nullable(),
  Approved: z.boolean(),
  DaysSinceFirstBoot: z.number().min(0).nullable(),
})

/**
 * Somebody drove a laptop through a remote-control tool, by the tool's own log (#25, #27, P26).
 *
 * Shape   one per laptop, tool, operator and UTC day. `OperatorHash`: a hash over the operator's id, or address. `Abroad`:
 *         in another country than the contract, or the laptop where there is none; null: unknown. `Helps`: for less than
 *         an hour a day, and on few days. `Laptops`: those the same operator was on lately, 10 at most.
 *         `OffHoursShare`: of the time, outside the declared hours or at night; null without a time zone. `CommonHere`:
 *         in the learning period, and a third of the workers have the tool.
 * Units   `Hours`, `Days` and `OffHoursShare` of the last 14 days, including this one.
 */
export const RemoteOperator = z.strictObject({
  category: z.literal('remote_operator'),
  ...envelope,
  Tool: name,
  ToolId: name,
  Approved: z.boolean(),
  OperatorHash: hash,
  OperatorCountry: country.nullable(),
  OperatorRegion: name.nullable(),
  NetworkClass: z.enum(NETWORK_CLASSES).nullable(),
  ContractCountry: country.nullable(),
  Abroad: z.boolean().nullable(),
  TravelNotice: z.boolean(),
  HoursToday: z.number().min(0),
  Hours: z.number().min(0),
  Days: count,
  OffHoursShare: z.number().min(0).max(1).nullable(),
  Helps: z.boolean(),
  Laptops: count,
  CommonHere: z.boolean(),
})

/**
 * Code was sent to a host and namespace that is not known to be the company's (#71).
 *
 * Shape   one per worker, UTC day, act, destination, and who saw it: the laptop's git, or the code host. `Inside`
 *         false: not the company's; null: it is not known what is the company's. Well-known public projects and the
 *         company's own places are omitted.
 * Units   `Count`: acts on that day; `CountInWindow` and `Days`: acts, and days with one, of the last 14.
 */
export const CodeDestination = z.strictObject({
  category: z.literal('code_destination'),
  ...envelope,
  Action: z.enum(['push', 'mirror', 'remote_added', 'fork', 'transfer']),
  Host: name,
  Namespace: name.nullable(),
  Inside: z.boolean().nullable(),
  Count: count,
  CountInWindow: count,
  Days: count,
  SeenBy: z.enum(['laptop', 'code_host']).nullish(),
})

/** The volume metrics. Each is summed over `WindowDays`. */
export const METRICS = [
  /** Distinct repositories cloned or downloaded. */
  'repositories',
  /** Bytes sent by the whole laptop. */
  'egress_bytes',
  /** Bytes sent to file shares, chats and paste sites, where the destination is known. */
  'file_share_bytes',
  /** Files and bytes written to removable volumes and to sync folders. */
  'removable_bytes',
  'removable_files',
  'sync_bytes',
  'sync_files',
  /** Bytes in new archives. */
  'archive_bytes',
  /** Bytes sent within two hours after an archive of that size was created. */
  'archive_then_upload_bytes',
  /** Slow exfiltration: clones, bytes sent and bytes staged, each as a share of the peers' maximum, added up. */
  'drip',
  /** Hours of incoming remote control: of one day, of a working week, and of three weeks. */
  'remote_session_hours',
  /** Days of three weeks with incoming remote control, however short. */
  'remote_session_days',
  /** Hours of screen sharing: a steady outgoing stream with little coming back, on days with a meeting program. */
  'screen_share_hours',
] as const

/**
 * Far more than this worker's own history, or than peers with the same role.
 *
 * Units   `Value` in the metric's unit over `WindowDays`; `Z` is the robust z-score (value - median) / (1.4826 x MAD),
 *         null with too little history. `PeerP99` over workers with the same role, null with too few peers.
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

/** What is counted for each worker and UTC day, and added up over days. */
export const SLOW_METRICS = [
  /** Distinct repositories cloned or downloaded; and those of teams that are not the worker's. */
  'repositories',
  'other_teams',
  /** Bytes to sync folders, to file shares and to removable volumes. */
  'sync_bytes',
  'share_bytes',
  'removable_bytes',
  /** Archives with a password or in parts. */
  'locked_archives',
  /** Pushes to repositories outside the company, and mirrors of whole repositories. */
  'outside_pushes',
  /** Hours of incoming remote control: by tools that the contract does not approve, and by those that it does. */
  'remote_hours',
  'approved_remote_hours',
  /** Milliseconds of the day's shortest round trip above what the claimed place explains. */
  'round_trip_ms',
  /** Hours with a login from a device that is not ours, and new, while the worker's laptops were absent. */
  'unseen_device_hours',
] as const

/**
 * Days that are each too ordinary for a rule, and that add up to what ordinary days do not.
 *
 * Shape   one per worker, metric and UTC day, when the day is over, for days that add to a sum above the threshold.
 *         `Role`: of the colleagues whose days it was compared with; null: those without a role.
 * Units   `DayScore` -log10 of the share of colleagues' days at least as high, less 1 (the highest tenth of days
 *         counts); `Sum` the scores of the days so far, never below 0; `Decibans` what that is worth as evidence.
 *         `Days` that added to the sum; `Value` of this day and `Total` of those days, in the metric's unit;
 *         `PeerDays`: the number of colleagues' days.
 */
export const SlowEvidence = z.strictObject({
  category: z.literal('slow_evidence'),
  ...envelope,
  Metric: z.enum(SLOW_METRICS),
  Role: name.nullable(),
  DayScore: z.number(),
  Sum: z.number().min(0),
  Decibans: count,
  Days: count,
  Value: z.number(),
  Total: z.number(),
  PeerDays: count,
})

/**
 * When the worker is active, compared with the agreed hours.
 *
 * Shape   `OffHoursShare`: the share of active minutes outside the declared hours, or at night if none are declared;
 *         null without a time zone in the contract. `Days`: active UTC days in the calculation. `LongestIdleSeconds` of
 *         the last three days; an hour without any report counts as idle.
 * Units   offsets in hours east of UTC. `BestUtcOffset`: the offset at which the activity would be a day from 9 to 18;
 *         null for activity around the clock.
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
 * A laptop that stopped reporting.
 *
 * Shape   `ActiveElsewhere`: an identity or repository feed showed the worker meanwhile; null if no such feed is
 *         connected. `Evidence`: what the feed showed: a login from this laptop, work in repositories, or the account
 *         on another device. `RepeatsAtHour`: the UTC hour at which it stopped on several days. `Announced`: the agent
 *         reported that it was stopping, or that the laptop went to sleep. `SameBoot` true: the laptop ran on, awake, and
 *         the agent was paused; false: it slept; null: not known, or it was switched off.
 */
export const Silence = z.strictObject({
  category: z.literal('silence'),
  ...envelope,
  HoursSilent: z.number().min(0),
  ActiveElsewhere: z.boolean().nullable(),
  Evidence: z.enum(['this_laptop', 'repository', 'account']).nullable(),
  Announced: z.boolean(),
  RepeatsAtHour: z.int().min(0).max(23).nullable(),
  SameBoot: z.boolean().nullable().default(null),
})

/**
 * A login, or an act at the code host, that does not fit its worker: where it came from, through what, or on which device (#6, #12, #50, #52).
 *
 * Shape   `Reason` country: from another country than the contract's · exit: through an unapproved VPN, data centre or
 *         Tor exit · unknown_device: on a device that is neither ours nor a phone, while the worker's laptop was off all
 *         day · own_device: on the worker's own laptop, from a country where that laptop was not · approval: the second
 *         factor was approved elsewhere, and `LoginCountry` and `NetworkClass` are the approval's. `LaptopCountry`:
 *         where a laptop of the worker was then. `ManagedDevice` false: not a managed laptop, or an id that the roster
 *         does not have. `TravelNotice` true: an announced journey explains it. `SeenBy` code_host: the provider saw
 *         none of it in that time.
 * Units   `Days`: distinct days of the last 14 with this reason, of an exit with this class of exit; `HomeDays`: days of
 *         the last 30 on which a login or a laptop proves the contract's country. `DaysSinceLaptop`: days since a laptop
 *         of the worker was heard; null: there is none, or it was not heard for a month.
 * Errors  null: not known.
 */
export const LoginPlace = z.strictObject({
  category: z.literal('login_place'),
  ...envelope,
  Reason: z.enum(['country', 'exit', 'unknown_device', 'own_device', 'approval']),
  ContractCountry: country.nullable(),
  LoginCountry: country.nullable(),
  LaptopCountry: country.nullable(),
  NetworkClass: z.enum(NETWORK_CLASSES),
  ManagedDevice: z.boolean().nullable(),
  Days: count,
  HomeDays: count,
  DaysSinceLaptop: count.nullable(),
  TravelNotice: z.boolean(),
  SeenBy: z.enum(['identity_provider', 'code_host']).nullish(),
})

/**
 * One identity in two places, or seen by one sensor only.
 *
 * Shape   two_fingerprints, sequence_replay: the identity of a laptop's agent (#98) · two_machines_at_once,
 *         two_boots_at_once: the same, and both ran at one time · fingerprint_changed: once, and it stayed so ·
 *         virtual_after_hardware, virtual_though_listed: the agent calls its machine virtual (#99) · two_places: a login from one
 *         place while the worker's own laptop is in another (#50); `ManagedDevice` false: the login did not come from a
 *         managed laptop (#52) · code_host_only: the code host saw a clone or push, and the worker's laptop, which was on
 *         and watches its repositories, did not · two_lines: a login on a computer that is not managed, behind another
 *         line, while somebody was at the worker's laptop (#52, P9).
 * Units   `Days`: distinct days of the last 7 of two_places, of the last 14 of code_host_only and two_lines; null for the others, as
 *         are the countries for all but two_places.
 */
export const IdentityConflict = z.strictObject({
  category: z.literal('identity_conflict'),
  ...envelope,
  Reason: z.enum([
    ...(['two_fingerprints', 'sequence_replay', 'two_places', 'two_machines_at_once', 'two_boots_at_once'] as const),
    ...([
      'fingerprint_changed',
      'virtual_after_hardware',
      'virtual_though_listed',
      'code_host_only',
      'two_lines',
    ] as const),
  ]),
  LaptopCountry: country.nullable(),
  LoginCountry: country.nullable(),
  ManagedDevice: z.boolean().nullable(),
  Days: count.nullable(),
})
