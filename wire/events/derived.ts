import * as z from 'zod'
import { address, count, country, envelope, name } from '../common.ts'

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

/** The contract says one place and the connections another, for `Days` distinct days. `TravelNotice` true excuses. */
export const PlaceMismatch = z.strictObject({
  category: z.literal('place_mismatch'),
  ...envelope,
  ContractCountry: country.nullable(),
  ContractRegion: name.nullable(),
  ObservedCountry: country.nullable(),
  ObservedRegion: name.nullable(),
  DistanceKm: km.nullable(),
  Days: count,
  TravelNotice: z.boolean(),
  ShipToDistanceKm: km.nullable(),
})

export const Travel = z.strictObject({
  category: z.literal('travel'),
  ...envelope,
  FromCountry: country.nullable(),
  ToCountry: country.nullable(),
  DistanceKm: km,
  Hours: z.number().min(0),
  SpeedKmh: z.number().min(0),
  BothTunnel: z.boolean(),
})

export const RttExcess = z.strictObject({
  category: z.literal('rtt_excess'),
  ...envelope,
  ExcessMs: z.number(),
  Days: count,
  Target: name,
})

export const SharedKey = z.strictObject({
  category: z.literal('shared_key'),
  ...envelope,
  KeyKind: z.enum(['uplink', 'gateway', 'bssid', 'edid', 'usb_serial', 'controller', 'mfa_device']),
  Workers: count,
  Days: count,
  Rarity: z.number(),
})

/**
 * A remote-control tool, VPN client or the like, recognised by the catalogue.
 *
 * Shape   `Tool` the catalogue's name, `ToolId` its id; `Approved` by the contract at the event's time;
 *         `VendorsLast30d` distinct remote-control tools on this laptop, this one included; `Renamed` the binary's
 *         name is not one the catalogue knows, so something else gave it away. `Baseline`: it was there at a first look
 *         of the agent, so nobody knows when it came.
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
})

export const VolumeAnomaly = z.strictObject({
  category: z.literal('volume_anomaly'),
  ...envelope,
  Metric: name,
  Value: z.number(),
  OwnMedian: z.number().nullable(),
  OwnP99: z.number().nullable(),
  PeerP99: z.number().nullable(),
  Z: z.number().nullable(),
  WindowDays: count,
})

export const Rhythm = z.strictObject({
  category: z.literal('rhythm'),
  ...envelope,
  OffHoursShare: z.number().min(0).max(1),
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
 *         is connected. `Announced` the agent said it was stopping, or that the laptop went to sleep.
 */
export const Silence = z.strictObject({
  category: z.literal('silence'),
  ...envelope,
  HoursSilent: z.number().min(0),
  ActiveElsewhere: z.boolean().nullable(),
  Announced: z.boolean(),
  RepeatsAtHour: z.int().min(0).max(23).nullable(),
})

export const IdentityConflict = z.strictObject({
  category: z.literal('identity_conflict'),
  ...envelope,
  Reason: z.enum(['two_fingerprints', 'sequence_replay', 'two_places']),
})
