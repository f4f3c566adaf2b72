/** Events with null for all fields that a test does not set, so that a table row shows one thing. */
import { Event } from '../../../wire/event.ts'

const envelope = {
  id: '01900000-0000-7000-8000-000000000000',
  seq: 1,
  time: 1_790_000_000_000,
  product: 'linux' as const,
  collector: 'test',
}
const BLANK: Record<string, object> = {
  process_creation: {
    ...{ Image: null, CommandLine: null, ParentImage: null, ParentCommandLine: null, User: null, ProcessId: 1 },
    ...{ ParentProcessId: 1, CurrentDirectory: null, OriginalFileName: null, Product: null, Company: null },
    ...{ Signer: null, StartedBeforeAgent: false },
  },
  software: { Action: 'present', Version: null, Publisher: null, Kind: 'package', Identifier: null, InstalledAt: null },
  autostart: { Kind: 'xdg', Name: 'x', Command: null, Scope: 'user' },
  listening_socket: { Image: null, Protocol: 'tcp', Address: '0.0.0.0', Port: 8080 },
  network_connection: {
    ...{ Image: null, Protocol: 'tcp', Initiated: true, SourceIp: '192.0.2.1', SourcePort: 50_000 },
    ...{ DestinationIp: '198.51.100.1', DestinationPort: 443, DestinationHostname: null },
  },
  egress: {
    ...{ Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null },
    ...{ BytesSent: 0, BytesReceived: 0, WindowSeconds: 60 },
  },
  network_place: {
    ...{ Interface: 'wlan0', GatewayHash: null, SsidHash: null, BssidHash: null, DnsServers: null },
    ...{ TunnelInterface: null, TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: null },
  },
  file_event: { TargetFilename: '/', Image: null, Size: null },
  remote_session: {
    ...{ Tool: 'x', Direction: 'incoming', PeerIp: null, PeerIdHash: null, StartedAt: 1_790_000_000_000 },
    ...{ EndedAt: null, Unattended: null },
  },
  usb_device: {
    ...{ Action: 'attached', VendorId: '1d6b', ProductId: '0104', Manufacturer: null, ProductName: null },
    ...{ SerialNumber: null, InterfaceClasses: [], HasKeyboard: false, HasAbsolutePointer: false },
    ...{ HasStorage: false, HasNetwork: false, ParentPort: null },
  },
  display: {
    ...{ Action: 'attached', MakerId: null, ProductCode: null, MonitorName: null, SerialText: null, WidthMm: null },
    ...{ HeightMm: null, Internal: false, EdidHash: null },
  },
}

/** An event that the contract of `wire/` lets through, so that no test rests on one that could not come. */
export function event(category: string, fields: object): Event {
  return Event.parse({ category, ...envelope, ...BLANK[category], ...fields })
}
