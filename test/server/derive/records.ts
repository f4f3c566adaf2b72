/** Records at random: a small fleet in which everything happens that any deriver looks at, in a believable order. */
import { below, chance, pick, type Random, stream } from '../../../server/simulate/random.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, Recorded } from '../../../wire/recording.ts'
import {
  AUSTIN,
  agentState,
  BERLIN,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  login,
  MINUTE,
  processStart,
  received,
  T0,
} from '../events.ts'

const WORKERS = ['w1', 'w2', 'w3']
const LAPTOPS = ['d1', 'd2', 'd3', 'd4']
const KEYS = ['a', 'b', 'c'].map((it) => it.repeat(64))
const OSLO: AddressFacts = {
  ...AUSTIN,
  country: 'NO',
  region: 'Oslo',
  city: 'Oslo',
  lat: 59.91,
  lon: 10.75,
  asn: 64_502,
}
const WACO: AddressFacts = { ...AUSTIN, city: 'Waco', lat: 31.55, lon: -97.15, edition: 'E1' }
const PLACES: readonly AddressFacts[] = [
  AUSTIN,
  AUSTIN,
  AUSTIN,
  { ...AUSTIN, edition: 'E1' },
  { ...BERLIN, edition: 'E2' },
  { ...BERLIN, asn: 64_500 },
  OSLO,
  WACO,
  { ...AUSTIN, class: 'vpn' },
  { ...AUSTIN, class: 'mobile' },
]

/** Mostly in order, some days late, over `days`; the first are contracts and holdings. */
export function randomRecords(seed: number, count: number, days = 24): Recorded[] {
  const random = stream('records', seed)
  const known: Recorded[] = [
    ...WORKERS.map((it) =>
      contract(it, { roles: [pick(random, ['developer', 'designer'])], timeZone: 'America/Chicago', start: T0 }),
    ),
    ...LAPTOPS.map((it, at) => holding(it, WORKERS[at % WORKERS.length]!, { firstBoot: T0 })),
  ]
  const arrivals = Array.from({ length: count }, () => {
    const time = T0 + below(random, days * 24) * HOUR + below(random, 60) * MINUTE
    const lateMs = chance(random, 0.2) ? below(random, 9 * 24) * HOUR : below(random, 10) * MINUTE
    return { record: recordAt(random, time, time + lateMs), at: time + lateMs }
  })
  return [...known, ...arrivals.sort((a, b) => a.at - b.at).map(({ record }) => record)]
}

function recordAt(random: Random, time: number, at: number): Recorded {
  const [device, worker] = [pick(random, LAPTOPS), pick(random, WORKERS)]
  const kind = below(random, 20)
  if (kind < 5) return sessionAt(random, device, at)
  if (kind === 5) return loginAt(random, worker, time, at)
  if (kind === 6) return auditAt(random, worker, time, at)
  if (kind === 7 && chance(random, 0.2)) return paperAt(random, device, worker, at)
  const [it, facts] = eventAt(random, time)
  return {
    ...received(device, it, at),
    ...(facts && { facts }),
    ...(chance(random, 0.02) && { conflict: true as const }),
    epoch: 7,
  }
}

function sessionAt(random: Random, device: string, time: number): Recorded {
  return {
    type: 'connection',
    device,
    time,
    remoteAddress: `203.0.${below(random, 3)}.${below(random, 6)}`,
    rttMinMs: 20 + below(random, 3) * 90,
    geo: pick(random, PLACES),
    fingerprint: pick(random, ['f1', 'f1', 'f1', 'f2']),
  }
}

function loginAt(random: Random, worker: string, time: number, receivedAt: number): Recorded {
  const fields = {
    Ip: '198.51.100.7',
    DeviceId: pick(random, [null, ...LAPTOPS]),
    MfaDeviceHash: pick(random, [null, KEYS[0]!]),
    Result: pick(random, ['success', 'failure'] as const),
  }
  const unmanaged = fields.DeviceId === null && { ManagedDevice: false, Mobile: false }
  return { ...login(worker, time, { ...fields, ...unmanaged }), receivedAt, geo: pick(random, PLACES) } as Recorded
}

function auditAt(random: Random, worker: string, time: number, receivedAt: number): Recorded {
  const unsaid = { Destination: null, InsideOrganisation: null, OutsideTeam: null, Country: null }
  const Ip = pick(random, [null, '198.51.100.7', '192.0.2.9'])
  const fields = {
    Worker: worker,
    Ip,
    Action: pick(random, ['clone', 'push'] as const),
    Repository: `r${below(random, 40)}`,
    ...unsaid,
  }
  const it = event('repo_audit', { ...fields, AccountHash: null, Count: pick(random, [null, 30]), Bytes: null }, time)
  return { type: 'feed', worker, time, receivedAt, geo: pick(random, PLACES), event: { ...it, seq: null } }
}

/** A new contract, a laptop handed over, or the server's own silence. */
function paperAt(random: Random, device: string, worker: string, at: number): Recorded {
  const what = below(random, 3)
  if (what === 0) return { type: 'clock', time: at, downSince: at - below(random, 5) * HOUR }
  if (what === 1) return { ...holding(device, worker, { from: at, firstBoot: T0 }), receivedAt: at }
  const fields = { end: pick(random, [null, at + 3 * DAY]), roles: [pick(random, ['developer', 'support'])] }
  return { ...contract(worker, { from: at, country: pick(random, ['US', 'DE']), ...fields }), receivedAt: at }
}

const ANYDESK: CatalogueFacts = {
  tools: [{ id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop', by: 'name', renamed: false, unattended: null }],
}
const MEETING: CatalogueFacts = {
  tools: [{ id: 'zoom', name: 'Zoom', category: 'meeting', by: 'name', renamed: false, unattended: null }],
}
const KVM: CatalogueFacts = { hardware: [{ id: 'pikvm', name: 'PiKVM', kind: 'ip_kvm', by: 'usb_id' }] }

function eventAt(random: Random, time: number): [it: EventOf<Category>, facts?: CatalogueFacts | undefined] {
  switch (below(random, 16)) {
    case 0:
      return [processStart('/opt/anydesk', time, { User: pick(random, ['root', 'dev']) }), ANYDESK]
    case 1:
      return [processStart('/opt/zoom', time), MEETING]
    case 2:
      return [softwareAt(random, time), ANYDESK]
    case 3:
      return [egressAt(random, time)]
    case 4:
      return [egressAt(random, time), chance(random, 0.3) ? MEETING : undefined]
    case 5:
      return [burstAt(random, time)]
    case 6:
      return [presenceAt(random, time)]
    case 7:
      return [usbAt(random, time), chance(random, 0.2) ? KVM : undefined]
    case 8:
      return [displayAt(random, time)]
    case 9:
      return [networkAt(random, time)]
    case 10:
      return [remoteAt(random, time)]
    case 11:
      return [agentState(pick(random, ['started', 'stopping', 'summary']), time)]
    case 12:
      return [gapAt(random, time)]
    case 13:
      return [event('logon', { User: 'dev', LogonType: 'local', SourceIp: null, Action: 'logon' }, time)]
    case 14:
      return [archiveAt(random, time)]
    default:
      return [cloneAt(random, time)]
  }
}

function softwareAt(random: Random, time: number) {
  const Action = pick(random, ['present', 'installed', 'removed'] as const)
  const fields = { Name: 'anydesk', Version: null, Publisher: 'AnyDesk', Kind: 'package' as const }
  return event('software', { Action, ...fields, Identifier: null, InstalledAt: null }, time)
}

function egressAt(random: Random, time: number) {
  const BytesSent = pick(random, [0, 3e6, 150e6, 30e9])
  const nowhere = { Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null }
  return event('egress', { ...nowhere, BytesSent, BytesReceived: 1e6, WindowSeconds: 3_600 }, time)
}

/** On every fourth morning, so that some come within an hour of each other. */
function burstAt(random: Random, at: number) {
  const time = at - ((at - T0) % (4 * DAY)) + below(random, 60) * MINUTE
  const RootKind = pick(random, ['removable', 'sync'] as const)
  const counts = { Files: below(random, 3_000), Bytes: below(random, 20) * 1e8, Archives: 0, SourceFiles: 1 }
  return event('file_burst', { Root: `/${RootKind}`, RootKind, ...counts, WindowSeconds: 60 }, time)
}

function archiveAt(random: Random, time: number) {
  const fields = { RootKind: null, Bytes: below(random, 8) * 1e9, Parts: 1, Encrypted: null, Image: null }
  return event('archive_created', fields, time)
}

function presenceAt(random: Random, time: number) {
  const fields = { ActiveMinutes: below(random, 61), LongestIdleSeconds: below(random, 3_600), WindowSeconds: 3_600 }
  return event('presence', fields, time)
}

function usbAt(random: Random, time: number) {
  const Action = pick(random, ['present', 'attached', 'removed'] as const)
  const shape = { HasKeyboard: true, HasAbsolutePointer: chance(random, 0.5), HasStorage: false, HasNetwork: false }
  const names = { Manufacturer: null, ProductName: null, SerialNumber: pick(random, ['SN0001', 'SN0002', null]) }
  const ids = { VendorId: '1d6b', ProductId: '0104', InterfaceClasses: ['03'], ParentPort: null }
  return event('usb_device', { Action, ...ids, ...names, ...shape }, time)
}

function displayAt(random: Random, time: number) {
  const Action = pick(random, ['present', 'attached', 'removed'] as const)
  const fields = { MakerId: 'DEL', ProductCode: '0x4142', MonitorName: 'DELL', WidthMm: 600, HeightMm: 340 }
  const SerialText = pick(random, ['SN12345', 'SN54321'])
  return event('display', { Action, ...fields, SerialText, Internal: false, EdidHash: null }, time)
}

function networkAt(random: Random, time: number) {
  const tunnel = { TunnelInterface: null, TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: false }
  const hashes = { GatewayHash: pick(random, [...KEYS, null]), SsidHash: null, BssidHash: pick(random, KEYS) }
  return event('network_place', { Interface: 'eth0', ...hashes, DnsServers: null, ...tunnel }, time)
}

function remoteAt(random: Random, time: number) {
  const StartedAt = time - below(random, 12) * HOUR
  const peer = { PeerIp: null, PeerIdHash: pick(random, KEYS) }
  const end = { StartedAt, EndedAt: chance(random, 0.5) ? time : null, Unattended: null }
  return event('remote_session', { Tool: 'AnyDesk', Direction: 'incoming', ...peer, ...end }, time)
}

function gapAt(random: Random, time: number) {
  const Reason = pick(random, ['denied', 'overflow'] as const)
  return event('collection_gap', { Categories: ['usb_device'], About: '/x', Reason, Count: 3, Detail: null }, time)
}

function cloneAt(random: Random, time: number) {
  const Host = pick(random, ['git.example', 'git.example', 'github.com'])
  const fields = { Host, Namespace: `n${below(random, 30)}`, Bytes: null, InsideOrganisation: null }
  return event('repository', { Action: pick(random, ['clone', 'clone', 'clone', 'mirror'] as const), ...fields }, time)
}
