import * as z from 'zod'
import { address, bytes, envelope, hash, name, path, port, text } from '../common.ts'

const Protocol = z.enum(['tcp', 'udp'])

/**
 * A connection that did not exist at the previous poll.
 *
 * Shape   one per (Protocol, local, remote); `Initiated` true: the laptop opened it. Loopback is not reported.
 * Errors  Image null: no permission to read the owning process.
 * Source  Linux /proc/net/{tcp,tcp6,udp,udp6}.
 */
export const NetworkConnection = z.strictObject({
  category: z.literal('network_connection'),
  ...envelope,
  Image: path.nullable(),
  Protocol,
  Initiated: z.boolean(),
  SourceIp: address,
  SourcePort: port,
  DestinationIp: address,
  DestinationPort: port,
  DestinationHostname: text(253).nullable(),
})

/** A socket that started to accept connections. '0.0.0.0' and '::' mean every interface. */
export const ListeningSocket = z.strictObject({
  category: z.literal('listening_socket'),
  ...envelope,
  Image: path.nullable(),
  Protocol,
  Address: address,
  Port: port,
})

/**
 * Bytes sent and received in a time window.
 *
 * Shape   with an Image or DestinationIp: of that process or peer, each byte in one event at most; with both null: the
 *         sum of all physical interfaces, which contains the others.
 * Units   bytes over `WindowSeconds`; of a process or peer without the heads of packets.
 * Source  Linux /proc/net/dev, sock_diag.
 */
export const Egress = z.strictObject({
  category: z.literal('egress'),
  ...envelope,
  Image: path.nullable(),
  DestinationIp: address.nullable(),
  DestinationPort: port.nullable(),
  DestinationHostname: text(253).nullable(),
  BytesSent: bytes,
  BytesReceived: bytes,
  WindowSeconds: z.int().min(1),
})

/**
 * The network that the laptop is in: one event at each change, with everything that is known.
 *
 * Shape   hashes are HMAC-SHA-256 with the tenant's salt: equal on two laptops, and they cannot be reversed.
 *         `TunnelKind` is the driver's or the interface pattern's name ('wireguard', 'tun').
 *         `PathMtu`: the largest packet that reached the server, in bytes, as the system has learnt it.
 * Errors  null: could not be read. `DnsServers` []: read, and none is configured.
 * Source  Linux /proc/net/{route,ipv6_route,arp}, /sys/class/net, /etc/resolv.conf, nl80211, IP_MTU.
 */
export const NetworkPlace = z.strictObject({
  category: z.literal('network_place'),
  ...envelope,
  Interface: name.nullable(),
  GatewayHash: hash.nullable(),
  SsidHash: hash.nullable(),
  BssidHash: hash.nullable(),
  DnsServers: z.array(address).max(16).nullable(),
  TunnelInterface: name.nullable(),
  TunnelKind: name.nullable(),
  TunnelMtu: z.int().min(0).max(1_000_000).nullable(),
  DefaultRouteOnTunnel: z.boolean().nullable(),
  PathMtu: z.int().min(0).max(1_000_000).nullish(),
})
